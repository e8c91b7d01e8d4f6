"""`make locustfile STACK=…`: a Locust file that asks for what a product's routes lead to (requirement VU10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from scripts.arguments import Parser
from scripts.printing import printed
from settings.product import Product
from settings.stack import Settings

_HEAD = '''"""Load for {product}, from the routes of the stack {stack}. Yours to edit.

`make locustfile STACK={stack}` prints it anew.

    pip install locust
    locust --locustfile locustfile.py --headless --users 50 --spawn-rate 5 --run-time 5m

Add what your product is asked most, and a log-in if it wants one: https://docs.locust.io/en/stable/writing-a-locustfile.html
The command exits with 1 if a request failed, or if more than one answer in twenty took longer than P95.
"""

from locust import FastHttpUser, between, events, task

P95 = 1000  # milliseconds


@events.quitting.add_listener
def _too_slow(environment, **_):
    slow = environment.stats.total.get_response_time_percentile(0.95) or 0
    if slow > P95:
        print(f"95 in 100 answers took up to {{slow}} ms, should be {{P95}} at most")
        environment.process_exit_code = 1


class Visitor(FastHttpUser):
    """Asks, waits a little, asks for something else."""

    host = "https://{domain}"
    insecure = False  # a certificate that is not right is a failure
    network_timeout = 30.0
    connection_timeout = 10.0
    wait_time = between(1, 3)

    def _look(self, url, name):
        """There may be nothing at a route's own path, only below it: 404 and the like are answers."""
        with self.client.get(url, name=name, catch_response=True) as answer:
            if 0 < answer.status_code < 500:
                answer.success()
'''
_TASK = """
    @task
    def {name}(self):
        {call}
"""


class Request(NamedTuple):
    """A GET of a path under a name; `certain` where the product promises that it answers well."""

    service: str
    host: str
    path: str
    certain: bool

    @property
    def label(self) -> str:
        """What Locust shows it as."""
        return f"{self.host}{self.path}"


def requests(product: Product) -> Iterator[Request]:
    """Each service's health, where a visitor gets to it, and each route's own path."""
    seen: set[tuple[str, str]] = set()
    for host in product.routed_names:
        for request in (*_healths(product, host), *_own(product, host)):
            if (host, request.path) not in seen:
                seen.add((host, request.path))
                yield request


def _healths(product: Product, host: str) -> Iterator[Request]:
    for name in product.services:
        if path := product.health_seen(host, name):
            yield Request(name, host, path, certain=True)


def _own(product: Product, host: str) -> Iterator[Request]:
    for route in product.routes_of(host):
        yield Request(route.service, host, route.path, product.services[route.service].role == "static")


def text(settings: Settings) -> str:
    """The file. ValueError, with the reason, where there is nothing to ask for."""
    product = settings.product
    if not product.routes:
        raise ValueError(f"{settings.stack} has no routes: no visitor gets to any of its services")
    parts = [_HEAD.format(product=product.name, stack=settings.stack, domain=product.domain)]
    for number, request in enumerate(requests(product), 1):
        url = request.path if request.host == product.domain else f"https://{request.host}{request.path}"
        ask = "self.client.get" if request.certain else "self._look"
        call = f'{ask}("{url}", name="{request.label}")'
        name = f"{re.sub(r'[^a-z0-9]', '_', request.service)}_{number}"
        parts.append(_TASK.format(name=name, call=call))
    return "".join(parts)


def main() -> int:
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--stack", required=True)
    return printed(parser.parse_args().stack, text)


if __name__ == "__main__":
    raise SystemExit(main())
