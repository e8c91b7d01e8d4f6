"""`make release STACK=… COMMIT=…`: put the commit into the stack file and bring the stack up."""

from __future__ import annotations

import argparse
import re
import sys

from scripts.stack import OperatorError, pulumi

COMMIT_KEY = "slipway:product.release.commit"


def release(stack: str, commit: str) -> None:
    """Release `commit` on `stack`. Where that fails, the stack file says again what it said before, as the hosts do."""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise OperatorError(
            f"COMMIT={commit!r} is not a whole commit: 40 hexadecimal digits as `git rev-parse HEAD` prints"
        )
    before = pulumi("config", "get", "--path", COMMIT_KEY, "--stack", stack, capture=True).strip()
    pulumi("config", "set", "--path", COMMIT_KEY, commit, "--stack", stack)
    try:
        pulumi("up", "--yes", "--skip-preview", "--stack", stack)
    except OperatorError:
        pulumi("config", "set", "--path", COMMIT_KEY, before, "--stack", stack)
        raise OperatorError(
            f"{commit[:8]} was not released; {stack} still runs {before[:8]}, and its stack file says so again"
        ) from None


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--commit", required=True)
    arguments = parser.parse_args()
    try:
        release(arguments.stack, arguments.commit)
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
