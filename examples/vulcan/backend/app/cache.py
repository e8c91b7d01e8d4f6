"""Redis, or Valkey: what was read, until somebody writes. Without it everything is read anew, only slower."""

import json
import logging
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .release import VERSION

log = logging.getLogger(__name__)
TIMEOUT = 1.0
KEPT = 30  # seconds
WRITES = "vulcan:writes"


class Cache:
    def __init__(self, url: str) -> None:
        # One retry: a connection from before a restart of Redis fails once and says nothing about Redis now.
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
        )

    def check(self) -> None:
        self._client.ping()

    def forget(self) -> None:
        """Somebody has written: whoever reads from now on gets a new answer."""
        try:
            self._client.incr(WRITES)
        except redis.RedisError as error:
            log.warning("Redis does not answer: %s", type(error).__name__)

    def read(self, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was made since the last write by this version, else what `make` makes now.

        The writes are counted before `make` looks: what it may have seen too early is kept under a number that nobody
        asks for any more.
        """
        try:
            writes = self._client.get(WRITES) or b"0"
            key = f"vulcan:notes:{VERSION}:{int(writes)}"
            if (found := self._client.get(key)) is not None:
                return dict(json.loads(found))
            made = make()
            self._client.set(key, json.dumps(made), ex=KEPT)
        except redis.RedisError as error:
            log.warning("Redis does not answer: %s", type(error).__name__)
            return make()
        return made
