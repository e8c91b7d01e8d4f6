"""`make recover STACK=…`: finish or undo a release that was interrupted, on all hosts of the stack."""

from __future__ import annotations

from scripts.arguments import Parser, yes
from scripts.on_hosts import on_fleet, on_host
from scripts.pulumi_cli import command_line
from scripts.stack import brought, existing, is_fleet, on_hosts_only


def recover(stack: str, take_over: bool = False) -> None:
    """Have the hosts come to one release, and the stack file name it. `take_over` ends one that still goes on."""
    ended = f"the platform ends a deployment, or returns from it, by itself; `pulumi up -s {stack}` goes on from there"
    on_hosts_only(stack, ended)

    def act() -> str:
        if is_fleet(stack):
            return on_fleet(stack, "recover", take_over=take_over)
        return on_host(stack, "recover", *(["--take-over"] if take_over else []))

    now = brought(stack, act)
    print(f"{stack} runs {now}, and its stack file says so")


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--take-over", type=yes, default=False, help="1: end a release that is under way")
    given = parser.parse_args()
    return command_line(lambda: recover(existing(given.stack), given.take_over))


if __name__ == "__main__":
    raise SystemExit(main())
