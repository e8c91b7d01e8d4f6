"""Queues tasks for the API, over connections of its own on which every wait has an end."""

import uuid

import kombu
from celery import Task
from django.conf import settings
from kombu.exceptions import OperationalError
from kombu.pools import producers

TIMEOUT = 2.0  # seconds for one step; RabbitMQ short of memory or disk takes connections but confirms nothing on them
EXPIRES = 300  # seconds after which nobody waits for the result any more

_connection = kombu.Connection(
    settings.CELERY_BROKER_URL,
    connect_timeout=TIMEOUT,
    transport_options={
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        "read_timeout": TIMEOUT,
        "write_timeout": TIMEOUT,
    },
)


class Silent(Exception):
    """The broker does not answer, or does not take the task."""


def put(task: Task, arguments: list[float]) -> uuid.UUID:
    """The id of a task that the broker has confirmed. Raises Silent after a few seconds without that.

    One retry, on a new connection: the old one may be from before a restart of the broker. The id is chosen first, so
    a task that was taken twice is one task still.
    """
    task_id = uuid.uuid4()
    try:
        with producers[_connection].acquire(block=True, timeout=TIMEOUT) as producer:
            task.apply_async(
                arguments,
                task_id=str(task_id),
                producer=producer,
                expires=EXPIRES,
                confirm_timeout=TIMEOUT,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0.1},
            )
    except (OperationalError, OSError) as error:
        raise Silent(type(error).__name__) from error
    return task_id
