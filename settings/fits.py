"""What a kind can't carry of a product: said at load, by key, and never passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from settings import fits_app, fits_compose, fits_pm2
from settings.context import Context
from settings.kinds import AppPlatform, DropletCompose, DropletPm2, FleetCompose
from settings.problems import Problem
from settings.product import Product


def run(context: Context, product: Product, architecture: BaseModel) -> Iterator[Problem]:
    """What this stack's kind can't carry of its product."""
    if isinstance(architecture, DropletPm2):
        yield from fits_pm2.run(context, product)
    elif isinstance(architecture, DropletCompose):
        yield from fits_compose.droplet(context, product, architecture)
    elif isinstance(architecture, FleetCompose):
        yield from fits_compose.fleet(context, product, architecture)
    elif isinstance(architecture, AppPlatform):
        yield from fits_app.run(context, product, architecture)
