"""What ends a release from outside its steps: a signal, a host that has gone, a lock that is another's now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scripts.fleet.protocol import FleetError


class Alarm:
    """Rung at any time, heard where it may be: what is `heard` ends with the error that it was rung with.

    Outside of that it waits; once a release is committed nothing hears it any more.
    """

    def __init__(self) -> None:
        self.error: FleetError | None = None
        self._task: asyncio.Task[object] | None = None

    def ring(self, error: FleetError) -> None:
        """Have `error` raised where the alarm is heard. The first one counts."""
        if self.error is None:
            self.error = error
            if self._task is not None:
                self._task.cancel()

    @property
    def listened_to(self) -> bool:
        """Whether it would end something now."""
        return self._task is not None

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """What is inside is ended by the alarm, at whatever it waits for."""
        if self.error is not None:
            raise self.error
        task = self._task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if self.error is None or task is None:
                raise
            task.uncancel()
            raise self.error from None
        finally:
            self._task = None
