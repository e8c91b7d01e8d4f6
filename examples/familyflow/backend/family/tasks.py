"""What runs in the worker. Every task may run twice, since one whose worker dies goes back to the queue."""

import logging
import time

from celery import shared_task
from django.core.cache import cache
from django.db.models import Sum

from config import release

from .models import Heartbeat, Note

LONGEST_SLEEP = 25.0
log = logging.getLogger(__name__)


@shared_task
def heartbeat() -> None:
    Heartbeat.beat()


@shared_task
def summary() -> dict[str, object]:
    """How many notes hang on the door, how many words they have, and which release counted them."""
    writes = Note.objects.aggregate(total=Sum("writes"))["total"] or 0
    key = f"words:{writes}"
    words = cache.get(key)
    if words is None:
        words = sum(len(text.split()) for text in Note.objects.values_list("text", flat=True))
        cache.set(key, words, timeout=30)
    return {"notes": Note.objects.count(), "words": words, "writes": writes, **release.describe()}


@shared_task
def slow(seconds: float) -> dict[str, object]:
    """Sleeps up to 25 seconds: shows that a worker that is told to stop ends what it has begun."""
    seconds = min(max(seconds, 0.0), LONGEST_SLEEP)
    log.info("slow task: begins, %.1f s", seconds)
    time.sleep(seconds)
    log.info("slow task: done")
    return {"slept": seconds, **release.describe()}
