"""The files that will land on each host, out of what the commands on it are handed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plan import placeholders
from plan.many import in_words, natural
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


def shared(files: Sequence[HostFile]) -> dict[tuple[str, ...], list[HostFile]]:
    """The files by the hosts that have them, each once: first those of the most hosts."""
    hosts: dict[HostFile, list[str]] = {}
    for file in files:
        hosts.setdefault(dataclasses.replace(file, host=""), []).append(file.host)
    groups: dict[tuple[str, ...], list[HostFile]] = {}
    for file, having in hosts.items():
        names = tuple(sorted(having, key=natural))
        groups.setdefault(names, []).append(dataclasses.replace(file, host=names[0]))
    return dict(sorted(groups.items(), key=lambda group: (-len(group[0]), natural(group[0][0]))))


def on_hosts(groups: Mapping[tuple[str, ...], Sequence[HostFile]]) -> str:
    """How many files there are, and on which hosts, in words."""
    number = sum(map(len, groups.values()))
    if len(groups) > 1:
        return f"{number} on {len({host for names in groups for host in names})} hosts"
    (names,) = groups
    return f"{number} on {in_words(names, 'hosts')}{' (the same)' if len(names) > 1 else ''}"


def scripts_of(graph: Graph) -> Scripts:
    """The scripts that come with the manifests. They are the same for all hosts."""
    for resource in graph:
        if resource.manifest is not None:
            bundle = json.loads(resource.inputs["stdin"])
            scripts = bundle.get("scripts")
            if isinstance(scripts, Mapping):
                return Scripts(len(scripts), sum(len(text.encode()) for text in scripts.values()))
    return Scripts(0, 0)
