"""What runs in the worker. Every task may run twice, since one whose worker dies goes back to the queue."""

import logging
import time

from celery import shared_task
from django.core.cache import cache
from django.db import OperationalError
from django.db.models import Count, Sum

from config import release

from .models import Heartbeat, Note

LONGEST_SLEEP = 25.0
log = logging.getLogger(__name__)


@shared_task
def heartbeat() -> None:
    Heartbeat.beat()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def summary() -> dict[str, object]:
    """How many notes hang on the door, how many words they have, and which release counted them."""
    totals = Note.objects.aggregate(notes=Count("number"), writes=Sum("writes", default=0))
    key = f"words:{totals['writes']}"
    words = cache.get(key)
    if words is None:
        words = sum(len(text.split()) for text in Note.objects.values_list("text", flat=True))
        cache.set(key, words, timeout=30)
    return {**totals, "words": words, **release.describe()}


@shared_task
def slow(seconds: float) -> dict[str, object]:
    """Sleeps up to 25 seconds: shows that a worker that is told to stop ends what it has begun."""
    seconds = min(max(seconds, 0.0), LONGEST_SLEEP)
    log.info("slow task: begins, %.1f s", seconds)
    time.sleep(seconds)
    log.info("slow task: done")
    return {"slept": seconds, **release.describe()}
