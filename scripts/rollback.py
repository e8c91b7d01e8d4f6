"""`make rollback STACK=…`: return to the release that served before, which the hosts still have as it was made."""

from __future__ import annotations

from scripts.arguments import Parser
from scripts.on_hosts import on_fleet, on_host
from scripts.pulumi_cli import command_line
from scripts.stack import brought, existing, is_fleet, on_hosts_only


def rollback(stack: str) -> None:
    """Return on the hosts, by their ledgers: nothing is built, nothing migrated; the stack file names what serves."""
    again = f"`make release STACK={stack} IMAGES='<image>=<the digest before>'` deploys it again, its jobs included"
    on_hosts_only(stack, f"nobody keeps the release before as it was made; {again}")
    now = brought(stack, lambda: on_fleet(stack, "rollback") if is_fleet(stack) else on_host(stack, "rollback"))
    print(f"{stack} runs {now} again, and its stack file says so: keep it")


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args().stack
    return command_line(lambda: rollback(existing(stack)))


if __name__ == "__main__":
    raise SystemExit(main())
