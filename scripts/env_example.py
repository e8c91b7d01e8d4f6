"""`make env-example STACK=…`: the .env.example of a product, names and comments only (requirement FF7)."""

from __future__ import annotations

from hostfiles.environment import dotenv_example
from scripts.arguments import Parser
from scripts.printing import printed


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    return printed(parser.parse_args().stack, dotenv_example)


if __name__ == "__main__":
    raise SystemExit(main())
