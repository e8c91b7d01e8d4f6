"""`make compose STACK=… ENVIRONMENT=…`: a product's compose file, for a laptop and CI, or as its hosts get it (DV2)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hostfiles import compose, compose_development
from settings import stackfile
from settings.kinds import WITHOUT_HOSTS
from settings.parse import parse
from settings.problems import SettingsError
from settings.stack import Settings

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ("development", "production")


def text(settings: Settings, environment: str) -> str:
    """The file. ValueError, with the reason, where the product has none."""
    for name, service in settings.product.services.items():
        if service.image is None:
            raise ValueError(f"{settings.stack} has no compose file: services.{name} runs from source, no image")
    if environment == "production":
        if settings.architecture.kind in WITHOUT_HOSTS:
            raise ValueError(
                f"{settings.stack} has no hosts to get a compose file: ENVIRONMENT=development is a laptop's"
            )
        return compose.text(compose.release(settings.product))
    return compose.text(compose_development.development(settings), compose_development.HEADER)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--environment", choices=ENVIRONMENTS, default=ENVIRONMENTS[0])
    arguments = parser.parse_args()
    try:
        file = stackfile.read(ROOT / f"Pulumi.{arguments.stack}.yaml")
        settings = parse(file.stack, file.values, file.secrets, others=file.others, require_secrets=False)
        print(text(settings, arguments.environment), end="")
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
