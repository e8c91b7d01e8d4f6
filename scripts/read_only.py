"""`make read-only STACK=… ON=1|0`: every host that serves the stack refuses what may change something, or takes it."""

from __future__ import annotations

from scripts.arguments import Parser
from scripts.on_hosts import on_fleet, on_host
from scripts.pulumi_cli import OperatorError, command_line
from scripts.stack import existing, is_fleet, on_hosts_only

SWITCHES = {"1": "on", "0": "off"}


def read_only(stack: str, on: str) -> None:
    """Switch all hosts, `on` being 1 or 0. OperatorError if one of them did not; those that did stay switched."""
    if on not in SWITCHES:
        raise OperatorError(f"ON is {on!r}, should be 1 (who only reads is served) or 0 (everybody is)")
    on_hosts_only(stack, "the platform has no such switch; its own is `maintenance`, which turns everybody away")
    act = on_fleet if is_fleet(stack) else on_host
    act(stack, "read-only", SWITCHES[on])


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--on", default="", help="1 or 0")
    given = parser.parse_args()
    return command_line(lambda: read_only(existing(given.stack), given.on))


if __name__ == "__main__":
    raise SystemExit(main())
