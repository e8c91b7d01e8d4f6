"""Something that is done while something else takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Meanwhile:
    """`action`, done in the background once it is started, and at the latest when it has to be finished."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begin. Starting again does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

    def finish(self) -> None:
        """Return when it is done; raise what it raised. Done here and now if it was never started."""
        if self._thread is None:
            self.action()
            return
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self.action()
        except BaseException as failure:
            self._failure = failure
