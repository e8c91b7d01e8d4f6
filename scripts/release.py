"""`make release STACK=… COMMIT=…`: put the commit into the stack file and bring the stack up."""

from __future__ import annotations

import argparse
import re

from scripts.stack import OperatorError, command_line, pulumi, serving_commit, write_commit, written_commit


def release(stack: str, commit: str) -> None:
    """Release `commit` on `stack`. Where `pulumi up` fails, the stack file names what the host says it serves."""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise OperatorError(
            f"COMMIT={commit!r} is not a whole commit: 40 hexadecimal digits, as `git rev-parse HEAD` has"
        )
    before = written_commit(stack)
    write_commit(stack, commit)
    try:
        pulumi("up", "--yes", "--skip-preview", "--stack", stack)
    except (OperatorError, KeyboardInterrupt):
        raise OperatorError(_what_serves(stack, commit, before)) from None


def _what_serves(stack: str, commit: str, before: str) -> str:
    """Ask the host: an update can fail after its release succeeded, and a lost connection says nothing about it."""
    try:
        serving = serving_commit(stack)
    except (OperatorError, KeyError, ValueError):
        return (
            f"the update failed, and the host did not say what it serves: the stack file names {commit[:8]} now, "
            f"{before[:8]} before; see `sudo slipway status` on the host"
        )
    if serving == commit:
        return f"{commit[:8]} was released, but the update failed after it: run `pulumi up -s {stack}` again"
    write_commit(stack, serving)
    return f"{commit[:8]} was not released: {stack} still runs {serving[:8]}, and its stack file says so again"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--commit", required=True)
    arguments = parser.parse_args()
    return command_line(lambda: release(arguments.stack, arguments.commit))


if __name__ == "__main__":
    raise SystemExit(main())
