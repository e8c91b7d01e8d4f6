"""What DigitalOcean's App Platform says of an app: which images it serves, and whether they are well."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from scripts.pulumi_cli import OperatorError, outputs
from scripts.stack_release import Release

API = "https://api.digitalocean.com"
SECONDS = 20
PATIENCE, PAUSE = 60.0, 2.0
"""Seconds for the way in to know the new instances, asked this far apart."""
_REGISTRIES = {"GHCR": "ghcr.io", "DOCKER_HUB": "docker.io"}
_HERE = ("localhost", "127.0.0.1", "::1")


def serving(stack: str, known: Sequence[Release]) -> Release:
    """The release that the stack's app serves, by the platform's word. OperatorError if it is none of ours.

    Of the releases that are `known`, the first says which images there are. What people call an image the platform does
    not know: they do.
    """
    said = outputs(stack)
    if "app" not in said:
        raise OperatorError(f"the stack {stack} has no output 'app': run `pulumi up -s {stack}` first")
    by_repository = {image.partition("@")[0]: image for image in active_images(str(said["app"]))}
    images: dict[str, str] = {}
    for name, image in known[0].images.items():
        repository = image.partition("@")[0]
        if repository not in by_repository:
            raise OperatorError(f"the app does not run {repository}")
        images[name] = by_repository[repository]
    tags = {(name, one.images.get(name)): tag for one in known for name, tag in one.versions.items()}
    versions = {name: tags[name, image] for name, image in images.items() if (name, image) in tags}
    return Release(images=images, versions=versions)


def active_images(app: str) -> frozenset[str]:
    """The images of the deployment that serves, each by its digest. OperatorError where nobody says so."""
    answer = _get(f"/v2/apps/{quote(app, safe='')}")
    deployment = (answer.get("app") or {}).get("active_deployment")
    if not deployment:
        raise OperatorError(f"the app {app} has no deployment that serves")
    return frozenset(_images(deployment.get("spec") or {}))


def _images(spec: Mapping[str, Any]) -> Iterator[str]:
    for key in ("services", "workers"):
        for part in spec.get(key) or ():
            image = part.get("image") or {}
            server = _REGISTRIES.get(str(image.get("registry_type")))
            if server is not None and image.get("digest"):
                yield f"{server}/{image.get('registry')}/{image.get('repository')}@{image['digest']}"


def wait_until_well(url: str, patience: float = PATIENCE) -> None:
    """Ask `url` until it answers with 200. OperatorError with its last answer where it does not for so long."""
    end = time.monotonic() + patience
    while True:
        said = _status(url)
        if said == "200":
            return
        if time.monotonic() > end:
            raise OperatorError(f"{url} answers {said}, should answer 200")
        time.sleep(PAUSE)


def _status(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  (of the stack's own outputs)
            return str(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return str(error.code)
    except (OSError, HTTPException) as error:
        return f"nothing ({error.reason if isinstance(error, urllib.error.URLError) else error})"


def _get(path: str) -> dict[str, Any]:
    """The API's answer. Its token goes nowhere but to HTTPS, or to this machine."""
    base, token = os.environ.get("DIGITALOCEAN_API_URL") or API, os.environ.get("DIGITALOCEAN_TOKEN")
    parts = urlsplit(base)
    if not token:
        raise OperatorError("DIGITALOCEAN_TOKEN is not set: the platform tells nobody else what it serves")
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise OperatorError("DIGITALOCEAN_API_URL is no https URL")
    request = urllib.request.Request(f"{base.rstrip('/')}{path}")  # noqa: S310  (see above)
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found: dict[str, Any] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        raise OperatorError(f"the platform answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise OperatorError(f"the platform does not answer: {error}") from None
    return found
