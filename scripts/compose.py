"""`make compose STACK=… ENVIRONMENT=…`: a product's compose file, for a laptop and CI, or as its hosts get it (DV2)."""

from __future__ import annotations

from hostfiles import compose, compose_development
from scripts.arguments import Parser, one_of
from scripts.printing import printed
from settings.kinds import WITHOUT_HOSTS
from settings.stack import Settings

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
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--environment", type=one_of(*ENVIRONMENTS), default=ENVIRONMENTS[0])
    arguments = parser.parse_args()
    return printed(arguments.stack, lambda settings: text(settings, arguments.environment))


if __name__ == "__main__":
    raise SystemExit(main())
