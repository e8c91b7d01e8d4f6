"""`make rollback STACK=…`: return to the release that served before, which the host still has as it was built."""

from __future__ import annotations

import argparse

from scripts.stack import command_line, on_host, serving_commit, write_commit


def rollback(stack: str) -> None:
    """Return on the host, by its ledger: nothing is built, nothing migrated. Then the stack file names what serves."""
    on_host(stack, "rollback")
    serving = serving_commit(stack)
    write_commit(stack, serving)
    print(f"{stack} runs {serving} again, and its stack file says so: keep it")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args().stack
    return command_line(lambda: rollback(stack))


if __name__ == "__main__":
    raise SystemExit(main())
