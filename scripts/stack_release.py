"""The release that a stack file names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from scripts.pulumi_cli import pulumi

RELEASE_KEY = "slipway:product.release"


@dataclass(frozen=True)
class Release:
    """What a stack file names: a commit of the source, or a digest for each image and the tag people know it by."""

    commit: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.commit:
            return self.commit[:8]
        known = {name: self.versions.get(name) or _short(image) for name, image in self.images.items()}
        return ", ".join(f"{name} {version}" for name, version in sorted(known.items())) or "nothing"

    def is_(self, other: Release) -> bool:
        """Whether this runs the same, whatever its tags are."""
        return (self.commit, dict(self.images)) == (other.commit, dict(other.images))


def written(stack: str) -> Release:
    """The release that the stack file names."""
    text = pulumi("config", "get", "--path", RELEASE_KEY, "--stack", stack, capture=True)
    data = json.loads(text)
    return Release(str(data.get("commit") or ""), data.get("images") or {}, data.get("versions") or {})


def write(stack: str, release: Release) -> None:
    """Have the stack file name this release. Its comments stay, and what it says already is left alone."""
    before = written(stack)
    if release.commit and release.commit != before.commit:
        _set(stack, "commit", release.commit)
    for name, image in release.images.items():
        if image != before.images.get(name):
            _set(stack, f"images.{name}", image)
        version = release.versions.get(name)
        if version is not None and version != before.versions.get(name):
            _set(stack, f"versions.{name}", version)
        elif version is None and name in before.versions:
            pulumi("config", "rm", "--path", f"{RELEASE_KEY}.versions.{name}", "--stack", stack)


def _set(stack: str, path: str, value: str) -> None:
    """Set a text: without a type a tag such as 12 would become a number."""
    pulumi("config", "set", "--path", f"{RELEASE_KEY}.{path}", value, "--type", "string", "--stack", stack)


def _short(image: str) -> str:
    return image.partition("@sha256:")[2][:12]
