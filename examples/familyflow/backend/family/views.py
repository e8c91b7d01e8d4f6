"""The API. Everything is JSON; nothing needs a login, since a sample product has nobody to log in."""

import logging
import threading
import time
import uuid

from celery.result import AsyncResult
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from redis import RedisError

from config.release import describe

from . import bodies, checks, queue, storage, tasks
from .errors import error
from .models import Heartbeat, Note

log = logging.getLogger(__name__)
_slow_places = threading.BoundedSemaphore(2)  # of four threads: slow answers may not take them all


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    answers = checks.backing_services.look()
    healthy = set(answers.values()) == {"ok"}
    body = {"healthy": healthy, **describe(), "checks": answers}
    return JsonResponse(body, status=200 if healthy else 503, headers={"Cache-Control": "no-store"})


@require_safe
def release(request: HttpRequest) -> HttpResponse:
    return JsonResponse(describe(), headers={"Cache-Control": "no-store"})


@require_safe
def heartbeat(request: HttpRequest) -> HttpResponse:
    row = Heartbeat.objects.filter(pk=1).first()
    if row is None:
        return JsonResponse({"count": 0, "beat_at": None, "age_seconds": None})
    age = (timezone.now() - row.beat_at).total_seconds()
    return JsonResponse({"count": row.count, "beat_at": row.beat_at.isoformat(), "age_seconds": round(max(age, 0.0), 3)})


@require_http_methods(["GET", "HEAD", "POST"])
def notes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            number, text = bodies.note(request)
        except bodies.Unreadable as wrong:
            return error(400, str(wrong))
        return JsonResponse({"number": number, "writes": Note.write(number, text)})
    rows = list(Note.objects.values("number", "text", "writes")[:10])
    totals = Note.objects.aggregate(count=Count("number"), writes=Sum("writes", default=0))
    return JsonResponse({**totals, "notes": rows})


@require_POST
def queue_task(request: HttpRequest) -> HttpResponse:
    try:
        kind, arguments = bodies.task(request)
    except bodies.Unreadable as wrong:
        return error(400, str(wrong))
    try:
        task_id = queue.put({"summary": tasks.summary, "slow": tasks.slow}[kind], arguments)
    except queue.Silent as silent:
        log.warning("cannot queue a task: %s", silent)
        return error(503, "the queue does not answer; try again")
    return JsonResponse({"id": str(task_id)}, status=202)


@require_GET
def task(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    found: AsyncResult = AsyncResult(str(task_id))
    try:
        state, result = found.state, found.result
    except RedisError:
        return error(503, "the results do not answer; try again")
    return JsonResponse({"id": str(task_id), "state": state, "result": result if state == "SUCCESS" else None})


@require_GET
def slow(request: HttpRequest) -> HttpResponse:
    """Answers after `seconds`: shows that a release waits for the requests that it has begun."""
    try:
        seconds = bodies.seconds(request.GET.get("seconds", "1"))
    except bodies.Unreadable as wrong:
        return error(400, str(wrong))
    if not _slow_places.acquire(blocking=False):
        return error(429, "two slow answers are on their way already")
    try:
        time.sleep(seconds)
    finally:
        _slow_places.release()
    return JsonResponse({"slept": seconds, **describe()})


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """An address that takes one picture by PUT, straight into the bucket: the API never holds the file."""
    target = storage.upload_address()
    if target is None:
        return error(404, "no object storage is configured")
    return JsonResponse(target, status=201, headers={"Cache-Control": "no-store"})
