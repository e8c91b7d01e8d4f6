"""Which digest a tag leads to now, by the registry's own word: asked once, so that a tag that moves changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from scripts.pulumi_cli import OperatorError

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""An index before a single image: hosts of another processor take their own from it."""
OTHER_NAMES = {"docker.io": "registry-1.docker.io"}
SECONDS = 20
MOST = 8 << 20
"""Bytes of a manifest."""
_PART = re.compile(r'(\w+)="([^"]*)"')


def resolve(repository: str, tag: str) -> str:
    """`repository` as ghcr.io/example/backend, with the digest that `tag` has now. OperatorError if there is none.

    REGISTRY_TOKEN (and REGISTRY_USER) in the environment are for private repositories.
    """
    server, _, path = repository.partition("/")
    url = f"https://{OTHER_NAMES.get(server, server)}/v2/{path}/manifests/{quote(tag, safe='')}"
    try:
        manifest, said = _manifest(url, path)
    except urllib.error.HTTPError as error:
        error.close()
        raise OperatorError(f"{repository}:{tag}: {_reason(error)}") from None
    except (OSError, HTTPException, ValueError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise OperatorError(f"{repository}:{tag}: {server} does not answer: {why}") from None
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    if said not in (None, digest):
        raise OperatorError(f"{repository}:{tag}: {server} sent a manifest that is not {said}, which it said it is")
    return f"{repository}@{digest}"


def _manifest(url: str, path: str) -> tuple[bytes, str | None]:
    try:
        return _get(url, None)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        error.close()
        return _get(url, _authorization(error.headers.get("WWW-Authenticate", ""), path))


def _get(url: str, authorization: str | None) -> tuple[bytes, str | None]:
    request = urllib.request.Request(url, headers={"Accept": ", ".join(MANIFESTS)})  # noqa: S310  (https, see resolve)
    if authorization is not None:
        request.add_unredirected_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return answer.read(MOST), answer.headers.get("Docker-Content-Digest")


def _authorization(challenge: str, path: str) -> str:
    """What the registry asks for. ValueError if it asks in a way that is not known, or where a token is not safe."""
    scheme, _, rest = challenge.partition(" ")
    asked = dict(_PART.findall(rest))
    if scheme.lower() == "basic":
        return _basic() or ""
    if scheme.lower() != "bearer" or urlsplit(asked.get("realm", "")).scheme != "https":
        raise ValueError(f"it asks for {scheme or 'no'} authentication at {asked.get('realm') or 'no address'}")
    query = {"service": asked.get("service", ""), "scope": f"repository:{path}:pull"}
    request = urllib.request.Request(f"{asked['realm']}?{urlencode(query)}")  # noqa: S310  (https, see above)
    basic = _basic()
    if basic is not None:
        request.add_unredirected_header("Authorization", basic)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        data: dict[str, Any] = json.loads(answer.read(MOST))
    return f"Bearer {data.get('token') or data['access_token']}"


def _basic() -> str | None:
    token = os.environ.get("REGISTRY_TOKEN")
    if not token:
        return None
    pair = f"{os.environ.get('REGISTRY_USER') or 'token'}:{token}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _reason(error: urllib.error.HTTPError) -> str:
    if error.code == 404:
        return "there is no such tag"
    if error.code in (401, 403):
        given = (
            "REGISTRY_TOKEN may not read it" if os.environ.get("REGISTRY_TOKEN") else "set REGISTRY_TOKEN to read it"
        )
        return f"the registry wants a login: {given}"
    return f"the registry answered {error.code}"
