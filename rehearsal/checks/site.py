"""Checks 1, 2 and 8: the site as a visitor sees it, its tasks, and its certificate's renewal."""

from __future__ import annotations

import re
import time

from rehearsal import locust
from rehearsal.checks.check import Result, eventually
from rehearsal.checks.scene import Scene
from rehearsal.model import Host
from rehearsal.visitor import Visitor
from scripts import locustfile
from settings.kinds import FleetCompose

USERS_STAY = 10
"""Seconds; Locust itself takes two to begin."""
_HEADERS = {
    "strict-transport-security": r"max-age=\d{8,}",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY|SAMEORIGIN",
    "referrer-policy": ".+",
}


def answers_over_https(scene: Scene, result: Result) -> None:
    """Check 1."""
    visitor = scene.visitor
    health = scene.health()
    result.expect(
        f"https://{scene.health_name}{scene.health_path} answers 200, its certificate is the test authority's",
        health.status == 200,
        health.body,
    )
    page = visitor.https("/")
    result.expect(
        "the page answers 200", page.status == 200 and b"<html" in page.body.lower(), (page.status, page.body[:200])
    )
    plain = visitor.http("/some/path?x=1")
    location = plain.headers.get("location", "")
    result.expect(
        "http:// redirects to https:// and keeps the path",
        plain.status in (301, 307, 308) and location == f"https://{visitor.name}/some/path?x=1",
        (plain.status, location),
    )
    for header, pattern in _HEADERS.items():
        for path, answer in (("/", page), (scene.health_path, health)):
            value = answer.headers.get(header, "")
            result.expect(f"{header} on {path}", bool(re.fullmatch(f".*(?:{pattern}).*", value)), value or "none")
    if not isinstance(scene.settings.architecture, FleetCompose):  # there the balancer ends TLS
        result.expect("HTTP/2 is spoken", visitor.protocol() == "h2", visitor.protocol())
    result.expect(
        "the server does not tell its version",
        not re.search(r"\d", page.headers.get("server", "")),
        page.headers.get("server"),
    )
    if scene.settings.product.services_of("static"):
        _static_files(visitor, page.body.decode(), result)
    stranger = Visitor("stranger.example.net", visitor.address, visitor.authority)
    try:
        answered = stranger.https("/").status
    except OSError:
        answered = 0
    result.expect("a name that is not the product's gets no answer", answered == 0, answered)


def _static_files(visitor: Visitor, page: str, result: Result) -> None:
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    result.expect("the page names hashed files", bool(assets), page[:300])
    for path in assets[:3]:
        answer = visitor.https(path, headers={"Accept-Encoding": "gzip"})
        cache = answer.headers.get("cache-control", "")
        result.expect(
            f"{path} is cached for long",
            answer.status == 200 and "immutable" in cache and "max-age=31536000" in cache,
            (answer.status, cache),
        )
    fresh = visitor.https("/").headers.get("cache-control", "")
    result.expect("the page itself is asked for anew", "no-cache" in fresh, fresh or "no cache-control")
    missing = visitor.https("/assets/there-is-no-such-file.js")
    result.expect("a hashed file that does not exist is a 404, not the page", missing.status == 404, missing.status)


def users_are_answered(scene: Scene, result: Result) -> None:
    """The file for Locust that the routes make asks for what is there (requirement VU10)."""
    with locust.users(scene.settings, scene.visitor, scene.directory) as seen:
        time.sleep(USERS_STAY)
    asked = {request.label for request in locustfile.requests(scene.settings.product)}
    result.expect("Locust's users ask for each route", set(seen.sent) == asked, (seen.sent, asked))
    seen.expect_no_failures(result)


def tasks_come_back(scene: Scene, result: Result) -> None:
    """Check 2."""
    visitor = scene.visitor
    queued = visitor.https("/api/tasks/", "POST", {"kind": "summary"})
    task = queued.json()["id"] if queued.status == 202 else ""
    result.expect("a task is queued", bool(task), (queued.status, queued.body))

    def finished() -> bool:
        return bool(visitor.https(f"/api/tasks/{task}/").json().get("state") == "SUCCESS")

    result.expect(
        "the worker brings its result back",
        bool(task) and eventually(finished, 30),
        visitor.https(f"/api/tasks/{task}/").body,
    )
    before = visitor.https("/api/heartbeat/").json()["count"]
    result.expect(
        "the scheduler's heartbeat advances",
        eventually(lambda: bool(visitor.https("/api/heartbeat/").json()["count"] > before), 30),
        before,
    )
    once = scene.root("pgrep", "-f", "--count", r"celery.* -A config beat").stdout.strip()
    result.expect("there is one scheduler", once == "1", once)


def certificate_renews(scene: Scene, result: Result, host: Host | None = None) -> None:
    """Check 8, on the host that ends TLS; the first where none is named."""
    before, _ = scene.visitor.certificate()
    with scene.load(least=5000) as load:
        renewed = scene.root("slipway", "certificate", "--force", host=host)
        result.expect("a forced renewal succeeds", renewed.returncode == 0, renewed.stdout + renewed.stderr)
        changed = eventually(lambda: scene.visitor.certificate()[0] != before, 30)
    result.expect("the certificate that is served is a new one", changed)
    load.expect_no_failures(result, "renewal: ")
    timer = scene.root("systemctl", "is-active", "slipway-certificate.timer", host=host).stdout.strip()
    result.expect("renewal is scheduled", timer == "active", timer)
