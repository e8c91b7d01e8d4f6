"""Do the backing services answer? Each check ends within a few seconds, whatever the other side does."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
FRESH = 1.0  # seconds for which a good answer is repeated, so that a busy health endpoint does not become the load


class Health:
    """All checks with one answer per service: "ok", or the kind of failure without any detail that could be secret."""

    def __init__(self, checks: dict[str, Callable[[], None]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._answers: dict[str, str] = {}
        self._answered_at = float("-inf")

    def look(self) -> dict[str, str]:
        """Whoever comes while the services are asked waits for that one answer; only a good one is kept longer."""
        came_at = time.monotonic()
        with self._lock:
            fresh_until = self._answered_at + (FRESH if healthy(self._answers) else 0.0)
            if came_at >= fresh_until:
                self._answers = {name: self._ask(name, check) for name, check in self._checks.items()}
                self._answered_at = time.monotonic()
            return dict(self._answers)

    @staticmethod
    def _ask(name: str, check: Callable[[], None]) -> str:
        try:
            check()
        except Exception as error:
            log.warning("%s does not answer: %s", name, type(error).__name__)
            return type(error).__name__
        return "ok"


def healthy(answers: dict[str, str]) -> bool:
    return set(answers.values()) == {"ok"}
