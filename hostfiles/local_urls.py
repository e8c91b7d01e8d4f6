"""The product's own URLs on a laptop: where a browser there finds what a name of the product leads to on the internet.

No balancer and no nginx run there, so each web service is a URL of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hostfiles import compose
from settings.product import Product, leading

_HTTP_PORT = 80
_URL = r"(?P<scheme>https|wss)://(?P<name>{names})(?::443)?(?![\w.:-])(?P<path>/[\w.~/-]*)?"


def local(product: Product, service: str, text: str, ports: Mapping[str, int]) -> str:
    """A text of `service`'s as Compose reads it, with local URLs in place of the product's.

    `ports` are those of the web services on the laptop. `.env` may say others, and the URLs follow it.
    """
    names = "|".join(re.escape(name) for name in product.domains)
    made, end = [], 0
    for found in re.finditer(_URL.format(names=names), text):
        made.append(compose.literal(text[end : found.start()]))
        made.append(_local(product, service, found, ports) or compose.literal(found[0]))
        end = found.end()
    return "".join([*made, compose.literal(text[end:])])


def _local(product: Product, service: str, found: re.Match[str], ports: Mapping[str, int]) -> str | None:
    """The URL of the service that one of the product's leads to; None where nothing here is meant."""
    leads = _leads(product, service, found["name"], found["path"] or "/")
    if leads is None or leads not in ports:
        return None
    # an alias is the same site by another name, and so is a laptop's other one: another origin to a browser
    host = "127.0.0.1" if found["name"] in product.aliases else "localhost"
    scheme = {"https": "http", "wss": "ws"}[found["scheme"]]
    return f"{scheme}://{host}{_port(leads, ports[leads])}{found['path'] or ''}"


def _leads(product: Product, service: str, name: str, path: str) -> str | None:
    """The web service that is meant by a URL. A service that is told its own name means the one beside it there, such
    as a page that asks for /api/ below it: only nginx makes one site of the two."""
    routes = product.routes_of(product.domain if name in product.aliases else name)
    led = leading(routes, path)
    beside = [route.service for route in routes if route.service != service]
    if led is None or (led.service == service and path == "/" and beside):
        return beside[0] if beside else None
    return led.service


def _port(service: str, port: int) -> str:
    """A browser leaves out the port 80 of an origin, and a server that compares origins wants the very same text."""
    variable = f"{compose.variable(service)}_PORT"
    return f"${{{variable}:+:${{{variable}:-}}}}" if port == _HTTP_PORT else f":${{{variable}:-{port}}}"
