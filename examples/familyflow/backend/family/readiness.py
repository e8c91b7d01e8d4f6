"""Tells through Redis that this release's worker consumes, or that its beat sends. `ready.py` reads it.

A key lives only as long as somebody renews it, so a process that died does not look ready for more than a few seconds.
"""

import logging
from typing import Any

import redis
from celery.signals import after_task_publish, beat_init, heartbeat_sent, worker_init, worker_ready
from django.conf import settings

from config import release

log = logging.getLogger(__name__)
SECONDS = 15


class _Sign:
    """The key of one role. Never in the way of the work: an unreachable Redis is only logged."""

    def __init__(self, role: str) -> None:
        self._key = f"familyflow:ready:{role}:{release.describe()['release']}"
        self._redis: redis.Redis | None = None

    def _client(self) -> redis.Redis:
        if self._redis is None:
            self._redis = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
        return self._redis

    def show(self, **_: Any) -> None:
        try:
            self._client().set(self._key, "1", ex=SECONDS)
        except redis.RedisError as error:
            log.warning("cannot say that I am ready: %s", type(error).__name__)

    def hide(self, **_: Any) -> None:
        try:
            self._client().delete(self._key)
        except redis.RedisError as error:
            log.warning("cannot say that I am not ready yet: %s", type(error).__name__)


def _beat_starts(**_: Any) -> None:
    """The first heartbeat goes out at once: a beat that can send it is ready."""
    from .tasks import heartbeat

    sign = _Sign("beat")
    sign.hide()
    after_task_publish.connect(sign.show, sender=heartbeat.name, weak=False)
    heartbeat.apply_async(expires=15)


def connect() -> None:
    worker = _Sign("worker")
    worker_init.connect(worker.hide, weak=False)
    worker_ready.connect(worker.show, weak=False)
    heartbeat_sent.connect(worker.show, weak=False)
    beat_init.connect(_beat_starts, weak=False)
