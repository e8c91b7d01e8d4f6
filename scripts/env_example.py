"""`make env-example STACK=…`: the .env.example of a product, names and comments only (requirement FF7)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hostfiles.environment import dotenv_example
from settings import stackfile
from settings.parse import parse
from settings.problems import SettingsError

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    try:
        file = stackfile.read(ROOT / f"Pulumi.{parser.parse_args().stack}.yaml")
        settings = parse(file.stack, file.values, file.secrets, others=file.others, require_secrets=False)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    print(dotenv_example(settings), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
