"""What Prometheus reads."""

import time
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from starlette.types import ASGIApp, Message, Receive, Scope, Send

disable_created_metrics()  # a second series for each of them, which nothing reads
REQUESTS = Counter("devora_requests_total", "Answers by route and status", ["method", "route", "status"])
SECONDS = Histogram("devora_request_seconds", "Time until the first byte of an answer", ["method", "route"])
MONGODB = Histogram("devora_mongodb_seconds", "Time of an operation in MongoDB", ["operation"])
STREAMS = Gauge("devora_streams", "Open streams", ["kind"])
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class Measured:
    """Counts and times every answer, by the pattern of its route: what visitors make up must not become a series."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                method, route = _named(scope)
                REQUESTS.labels(method, route, str(message["status"])).inc()
                SECONDS.labels(method, route).observe(time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, watched)


def _named(scope: Scope) -> tuple[str, str]:
    route: Any = scope.get("route")
    method = scope["method"] if scope["method"] in METHODS else "other"
    return method, getattr(route, "path", "none")
