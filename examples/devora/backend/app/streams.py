"""Streams: an event each second, and a socket that says again what it hears."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from fastapi import WebSocket
from fastapi.sse import ServerSentEvent

from .metrics import STREAMS
from .release import describe


async def events(last: str, ending: Callable[[], bool]) -> AsyncIterator[ServerSentEvent]:
    """One a second, counted on from the `last` that a visitor has seen, until the process is to stop.

    A visitor whose stream ends comes back after half a second, to whichever release answers then.
    """
    number = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else 0
    with STREAMS.labels("events").track_inprogress():
        while not ending():
            number += 1
            yield ServerSentEvent(data={"number": number, "at": time.time(), **describe()}, id=str(number), retry=500)
            await asyncio.sleep(1)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    with STREAMS.labels("socket").track_inprogress():
        while (message := await socket.receive())["type"] == "websocket.receive":
            await socket.send(message | {"type": "websocket.send"})
