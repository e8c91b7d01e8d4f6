"""Logs on standard output: a line for each request, and in every line the id of the request that it belongs to."""

import logging
import re
import sys
import time
import uuid
from contextvars import ContextVar
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9-]{1,64}")  # anything else could be a line of its own
_id: ContextVar[str] = ContextVar("request", default="-")


def start_logging() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_marked)
    line = "%(asctime)s %(levelname)s %(name)s [%(request)s]: %(message)s"
    logging.basicConfig(handlers=[handler], level=logging.INFO, format=line, datefmt="%Y-%m-%dT%H:%M:%S%z")


def _marked(record: logging.LogRecord) -> bool:
    record.request = _id.get()
    return True


class Logged:
    """Gives each request its id, the one that it came with if it has one, and says in the log what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request, began, status = given if GIVEN.fullmatch(given) else uuid.uuid4().hex, time.monotonic(), "unanswered"
        _id.set(request)  # for this task, which is this request's own

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        try:
            await self._app(scope, receive, marked)
        finally:
            # The query is left out: what visitors put there may be secret.
            took = (time.monotonic() - began) * 1000
            log.info("%s %s %s %.0f ms", scope["method"], quote(scope["path"]), status, took)
