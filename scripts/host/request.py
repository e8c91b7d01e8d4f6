"""What a release is asked for on standard input: a commit of the product's source, or images of its services."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .checkout import COMMIT
from .run import HostError

DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
"""An image that is named by what it holds: a tag may lead elsewhere tomorrow."""


@dataclass(frozen=True)
class Request:
    """A release that is asked for.

    Of images `commit` is their fingerprint. `services` names each service's image, `versions` the tag that each image
    had, for people.
    """

    commit: str
    revision: str
    owner: str
    take_over: bool = False
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def read_request(text: str) -> Request:
    """The request in `text`; HostError says what is wrong with it."""
    if not text.strip():
        raise HostError("what to release is told on standard input, which is empty: `make release STACK=…` does that")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise HostError(f"the request on standard input is not a release request: {error}") from None
    return request_of(data)


def request_of(data: Any) -> Request:
    """The request that JSON said; HostError says what is wrong with it."""
    try:
        if not isinstance(data, Mapping):
            raise TypeError(f"a {type(data).__name__}, no object")
        if "images" in data:
            return _of_images(data)
        request = Request(data["commit"], data["revision"], data["owner"], bool(data.get("take_over", False)))
    except KeyError as missing:
        raise HostError(f"the request on standard input is not a release request: no {missing.args[0]}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise HostError(f"the request on standard input is not a release request: {error}") from None
    if not COMMIT.fullmatch(str(request.commit)):
        raise HostError(f"{request.commit!r} is not a commit: 40 hexadecimal digits")
    return request


def fingerprint(images: Mapping[str, str]) -> str:
    """What stands for these images where a commit stands for a source: it changes with any of them."""
    lines = "".join(f"{name}={image}\n" for name, image in sorted(images.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:40]


def _of_images(data: Mapping[str, Any]) -> Request:
    images, services = _texts(data["images"]), _texts(data["services"])
    for name, image in images.items():
        if not DIGEST.fullmatch(image):
            raise HostError(f"images.{name}: {image!r} does not end with a digest, @sha256: and 64 hexadecimal digits")
    for service, name in services.items():
        if name not in images:
            raise HostError(f"services.{service}: there is no image {name!r} among images")
    return Request(
        commit=fingerprint(images),
        revision=str(data["revision"]),
        owner=str(data["owner"]),
        take_over=bool(data.get("take_over", False)),
        images=images,
        services=services,
        versions=_texts(data.get("versions", {})),
    )


def _texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in table.items()}
