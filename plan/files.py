"""The files that will land on each host, out of what the commands on it are handed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from plan import placeholders
from policies.graph import Graph


@dataclass(frozen=True)
class HostFile:
    """A file on a host, with placeholders where the real one has secrets; `size` is in bytes, of the content here."""

    host: str
    path: str
    mode: str
    owner: str
    group: str
    size: int
    content: str


@dataclass(frozen=True)
class Scripts:
    """The scripts that every host gets: how many, and how large together in bytes."""

    count: int
    size: int


def files_of(graph: Graph) -> tuple[HostFile, ...]:
    """Every file of every host, by host and path."""
    found: list[HostFile] = []
    for resource in graph:
        manifest = resource.manifest
        if manifest is None:
            continue
        host = str(manifest.get("hostname") or resource.name.removesuffix("-apply"))
        for file in manifest.get("files", []):
            content = placeholders.readable(file["content"])
            size = len(content.encode())
            found.append(HostFile(host, file["path"], file["mode"], file["owner"], file["group"], size, content))
    return tuple(sorted(found, key=lambda file: (file.host, file.path)))


def scripts_of(graph: Graph) -> Scripts:
    """The scripts that come with the manifests. They are the same for all hosts."""
    for resource in graph:
        if resource.manifest is not None:
            bundle = json.loads(resource.inputs["stdin"])
            scripts = bundle.get("scripts")
            if isinstance(scripts, Mapping):
                return Scripts(len(scripts), sum(len(text.encode()) for text in scripts.values()))
    return Scripts(0, 0)
