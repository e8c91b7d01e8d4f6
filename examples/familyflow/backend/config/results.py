"""Where Celery keeps results."""

from typing import Any

from celery.backends.redis import RedisBackend


class PolledRedis(RedisBackend):
    """Redis, asked when somebody wants a result.

    Celery's own also subscribes to the result of every task that it queues. The process that queues ours never waits
    for one, so its subscriptions would only pile up, and without Redis nothing could be queued at all.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        return None
