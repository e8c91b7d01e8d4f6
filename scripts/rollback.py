"""`make rollback STACK=…`: release again what the host's ledger says ran before."""

from __future__ import annotations

import argparse
import json
import sys

from scripts.release import release
from scripts.stack import OperatorError, on_host


def previous_commit(stack: str) -> str:
    """The commit of the last release before the one that serves. The host still has it built: that takes seconds."""
    entries = [json.loads(line) for line in on_host(stack, "ledger", "--json").splitlines() if line]
    released = [entry["commit"] for entry in entries if entry.get("outcome") == "released"]
    serving = released[-1] if released else None
    before = [commit for commit in released if commit != serving]
    if not before:
        raise OperatorError(f"the ledger of {stack} knows no release before the one that serves")
    return str(before[-1])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args().stack
    try:
        commit = previous_commit(stack)
        print(f"returning {stack} to {commit}")
        release(stack, commit)
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
