"""Rules on running a product: that it is pinned, watched, paid for, and set up as one that people depend on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from policies.apps import APP, parts
from policies.containers import containers_of
from policies.graph import RELEASE_JSON, Host, Resource
from policies.network import COMMAND, DROPLET, UPTIME_CHECK
from policies.rule import Context, Violation, rule

_COMMANDS = (COMMAND, "command:local:Command")
_OF_THE_RELEASE = re.compile(r"\$\{[A-Z0-9_]+_IMAGE:?\?[^}]*\}")
"""What a release fills in, and nothing where it does not: the digests that it is asked for."""
_DEBUG_FLAG = re.compile(r"(?:.*_)?DEBUG(?:_.*)?")
_ENV_LINE = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)
LONG_ENOUGH = 300
"""Seconds that a release may wait for streams: most end within, and whoever still reads comes back to the new one."""
_TRUE = frozenset({"1", "true", "yes", "on"})


@rule("unpinned-release", "error", "What runs is named by a commit or a digest, never by something that can move.")
def unpinned_release(context: Context) -> Iterator[Violation]:
    if context.settings is not None:
        product = context.settings.product
        if any(service.runtime for service in product.services.values()) and not product.release.commit:
            yield Violation("slipway:product.release", "names no commit", "commit: with all 40 digits of it")
        for name, service in product.services.items():
            if service.image and service.image not in product.release.images:
                what = f"has no digest for {service.image}, the image of {name}"
                yield Violation("slipway:product.release.images", what, f"{service.image}: …@sha256:…")
    for app in context.graph.of(APP):
        for component in parts(app, "services", "workers", "jobs"):
            image = component.get("image")
            if isinstance(image, Mapping) and not image.get("digest"):
                yield Violation(app.name, f"{component.get('name')} runs an image by tag", "image.digest", app.urn)
    for command in context.graph.of(*_COMMANDS):
        for name, image in _released(command).items():
            if "@sha256:" not in str(image):
                what = f"releases {image}, which can move"
                yield Violation(command.name, what, f"{name}: the image by its digest", command.urn)
    for host in context.graph.hosts:
        pulled = {image: path for path, image in _pulled(host)}  # what is dumped with is most often what runs
        for image, path in pulled.items():
            if "@sha256:" not in image and not _OF_THE_RELEASE.fullmatch(image):
                what = f"pulls {image}: a tag, resolved when a host first pulls it"
                right = "the image by its digest: `image` of a backing service"
                yield Violation(path, what, right, host.command.urn, "warning")


@rule("cut-streams", "warning", "A release lets streams that are open end by themselves, for some minutes.")
def cut_streams(context: Context) -> Iterator[Violation]:
    if context.settings is None:
        return
    product = context.settings.product
    for route in product.routes:
        service = product.services.get(route.service)
        enough = min(route.timeout, LONG_ENOUGH)
        if route.streaming and service is not None and service.stop_after < enough:
            what = f"a stream may last {route.timeout} s, and a release ends it after {service.stop_after} s"
            yield Violation(f"slipway:product.services.{route.service}.stop_after", what, f"{enough}s or more")


@rule("unwatched", "warning", "Every machine reports its load, and carries the tags that group it.")
def unwatched(context: Context) -> Iterator[Violation]:
    for droplet in context.graph.of(DROPLET):
        if not droplet.inputs.get("monitoring"):
            yield Violation(droplet.name, "reports no load", "monitoring=True", droplet.urn)
        if not droplet.inputs.get("tags"):
            yield Violation(droplet.name, "has no tags", "the product's and the environment's", droplet.urn)
        if not droplet.inputs.get("sshKeys"):
            what = "names no SSH key, so that the cloud mails a root password"
            yield Violation(droplet.name, what, "ssh_keys", droplet.urn)


@rule("no-outside-check", "warning", "Somebody looks at the product from outside, and somebody hears what they see.")
def no_outside_check(context: Context) -> Iterator[Violation]:
    settings = context.settings
    if settings is None or not context.is_production:
        return
    watched = {urlsplit(str(check.inputs.get("target"))).hostname for check in context.graph.of(UPTIME_CHECK)}
    for name in settings.product.routed_names:
        if name not in watched:
            what = f"nothing looks at https://{name}/ from outside"
            where = "slipway:product.domain" if name == settings.product.domain else "slipway:product.routes"
            yield Violation(where, what, "an uptime check")
    if not settings.alerts.email:
        yield Violation("slipway:alerts.email", "names nobody: trouble goes unheard", "an e-mail address that is read")


@rule("names-elsewhere", "note", "The product's names lead to the stack that serves it.")
def names_elsewhere(context: Context) -> Iterator[Violation]:
    if context.settings is not None and not context.settings.dns.records:
        what = "is false: the product's names lead to another stack, or nowhere"
        yield Violation("slipway:dns.records", what, "true, or left out, once this one is to serve")


@rule("undeclared-migration", "note", "Somebody has looked whether the release before runs on a migrated database.")
def undeclared_migration(context: Context) -> Iterator[Violation]:
    jobs = context.settings.product.jobs if context.settings is not None else {}
    for name, job in jobs.items():
        if job.when is not None and job.backward_compatible is None:
            where = f"slipway:product.jobs.{name}.backward_compatible"
            what = "is missing: that the release before runs on the database after the job is assumed, not said"
            yield Violation(where, what, "true, once somebody looks through the changes of every release")


@rule("debug", "error", "Debugging is off where people use the product.")
def debug(context: Context) -> Iterator[Violation]:
    if context.is_production:
        for where, name, value, urn in _variables(context):
            if _DEBUG_FLAG.fullmatch(name) and value.strip("\"'").lower() in _TRUE:
                yield Violation(where, f"{name} is {value}", f'{name}: "False"', urn)
            if name == "NODE_ENV" and value.strip("\"'").lower() == "development":
                yield Violation(where, f"{name} is {value}", f"{name}: production", urn)


@rule("any-host", "error", "The product answers to its own names only.")
def any_host(context: Context) -> Iterator[Violation]:
    for where, name, value, urn in _variables(context):
        if name == "ALLOWED_HOSTS" and "*" in value:
            yield Violation(
                where, f"ALLOWED_HOSTS is {value}: any name in a request is believed", "{from: domain}", urn
            )


@rule("untrusted-certificate", "warning", "People's browsers trust the certificate.")
def untrusted_certificate(context: Context) -> Iterator[Violation]:
    settings = context.settings
    if settings is not None and context.is_production and settings.certificates.authority.endswith("staging"):
        what = f"{settings.certificates.authority} issues certificates that no browser trusts"
        yield Violation("slipway:certificates.authority", what, "lets-encrypt")


@rule("budget", "error", "A month costs no more than the stack's budget.")
def budget(context: Context) -> Iterator[Violation]:
    settings = context.settings
    if settings is None or settings.budget is None or context.monthly is None:
        return
    if context.monthly > settings.budget.monthly:
        over = context.monthly - settings.budget.monthly
        what = f"a month costs {context.monthly:.2f} USD, {over:.2f} over {settings.budget.monthly:.2f}"
        yield Violation("slipway:budget.monthly", what, "smaller sizes, or a larger budget")


def _released(command: Resource) -> Mapping[str, Any]:
    """The images that a release is asked for, of one host or of a fleet."""
    if not command.name.endswith("-release"):
        return {}
    asked = command.standard_input
    request = asked.get("request", asked)
    images = request.get("images") if isinstance(request, Mapping) else None
    return images if isinstance(images, Mapping) else {}


def _pulled(host: Host) -> Iterator[tuple[str, str]]:
    """(file, image) of what dumps a host's databases and what runs on it."""
    for file in host.files:
        if file.get("path") == RELEASE_JSON:
            for dump in _dumps(str(file.get("content"))):
                yield str(file["path"]), str(dump.get("image"))
    for container in containers_of(host):
        yield container.path, str(container.says.get("image"))


def _dumps(text: str) -> list[Mapping[str, Any]]:
    try:
        told = json.loads(text)
    except ValueError:
        return []
    dumps = told.get("dumps") if isinstance(told, Mapping) else None
    return [dump for dump in dumps if isinstance(dump, Mapping)] if isinstance(dumps, list) else []


def _texts_of_hosts(context: Context) -> Iterator[tuple[str, str, str]]:
    """(path, content, URN) of every file that lands on a host."""
    for resource in context.graph:
        for file in (resource.manifest or {}).get("files", []):
            yield file["path"], file["content"], resource.urn


def _variables(context: Context) -> Iterator[tuple[str, str, str, str | None]]:
    """(where, name, value, URN) of the variables in plain: of the stack file, else of what lands on hosts."""
    if context.settings is not None:
        product = context.settings.product
        for name, value in product.environment.items():
            if isinstance(value, str):
                yield f"slipway:product.environment.{name}", name, value, None
        for service, own in product.services.items():
            for name, value in own.environment.items():
                if isinstance(value, str):
                    yield f"slipway:product.services.{service}.environment.{name}", name, value, None
        return
    for path, text, urn in _texts_of_hosts(context):
        if path.endswith(".env"):
            for found in _ENV_LINE.finditer(text):
                yield path, found["name"], found["value"], urn


RULES = (
    unpinned_release,
    cut_streams,
    unwatched,
    no_outside_check,
    names_elsewhere,
    undeclared_migration,
    debug,
    any_host,
    untrusted_certificate,
    budget,
)
