"""Do the backing services answer? Each check ends within a few seconds, whatever the other side does."""

import logging
import threading
import time
from collections.abc import Callable

import kombu
import redis
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
TIMEOUT = 2.0
FRESH = 1.0  # seconds for which a good answer is repeated, so that a busy health endpoint does not become the load


def database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


class _Redis:
    def __init__(self) -> None:
        # One retry: a connection from before a restart of Redis fails once and says nothing about Redis now.
        self._client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
        )

    def __call__(self) -> None:
        self._client.ping()


class _Rabbitmq:
    """Keeps one connection and opens a channel on it: a round trip without a new login each time."""

    def __init__(self) -> None:
        self._connection: kombu.Connection | None = None

    def __call__(self) -> None:
        try:
            self._round_trip()
        except Exception:
            self._forget()
            self._round_trip()

    def _round_trip(self) -> None:
        if self._connection is None:
            self._connection = kombu.Connection(
                settings.CELERY_BROKER_URL,
                connect_timeout=TIMEOUT,
                transport_options={"read_timeout": TIMEOUT, "write_timeout": TIMEOUT},
            )
            self._connection.connect()
        self._connection.channel().close()

    def _forget(self) -> None:
        broken, self._connection = self._connection, None
        if broken is not None:
            try:
                broken.collect(socket_timeout=0.1)
            except Exception as error:  # it is broken: how exactly it fails to close is of no interest
                log.debug("closing a broken connection: %s", type(error).__name__)


class Health:
    """All checks with one answer per service: "ok", or the kind of failure without any detail that could be secret."""

    def __init__(self, checks: dict[str, Callable[[], None]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._answers: dict[str, str] = {}
        self._answered_at = float("-inf")

    def look(self) -> dict[str, str]:
        """Whoever comes while the services are being asked waits for that one answer; only a good one is kept longer."""
        came_at = time.monotonic()
        with self._lock:
            fresh_until = self._answered_at + (FRESH if set(self._answers.values()) == {"ok"} else 0.0)
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


backing_services = Health({"database": database, "redis": _Redis(), "rabbitmq": _Rabbitmq()})
