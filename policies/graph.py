"""A stack's resources as the rules see them, be they from the plan's monitor or, in a policy pack, from the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

UNKNOWN = "\u2039known after the deployment\u203a"
"""Stands where a value is that only the cloud can give."""
RELEASE_JSON = "/etc/slipway/release.json"
"""What a host of the product has: how to release it."""


@dataclass(frozen=True)
class Resource:
    """One resource as the program declared it.

    `inputs` are plain; `secret_paths` names those marked as secrets, such as `stdin` or `connection.privateKey`, and is
    None where nobody can tell (the engine hands a policy pack plain values).
    """

    urn: str
    type: str
    name: str
    custom: bool = True
    parent: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret_paths: frozenset[str] | None = frozenset()
    unknown_paths: frozenset[str] = frozenset()
    protect: bool = False
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    delete_before_replace: bool = False
    retain_on_delete: bool = False
    provider: str | None = None
    version: str | None = None

    @property
    def kind(self) -> str:
        """The last part of the type: `Droplet` of `digitalocean:index/droplet:Droplet`."""
        return self.type.rpartition(":")[2]

    @property
    def package(self) -> str:
        """The first part of the type: who provides the resource."""
        return self.type.partition(":")[0]

    def blocks(self, key: str) -> list[Mapping[str, Any]]:
        """The blocks of a repeated input such as `inboundRules`; none where it is left out or not known yet."""
        value = self.inputs.get(key)
        return [block for block in value if isinstance(block, Mapping)] if isinstance(value, list) else []

    def texts(self, key: str) -> list[str]:
        """The texts of a list such as `tags`; none where it is left out or not known yet."""
        return texts(self.inputs, key)

    def is_secret(self, path: str) -> bool:
        """Whether the input at `path`, or what contains it or is contained in it, is marked as a secret."""
        return any(
            path == secret
            or path.startswith((f"{secret}.", f"{secret}["))
            or secret.startswith((f"{path}.", f"{path}["))
            for secret in self.secret_paths or ()
        )

    @property
    def is_apply(self) -> bool:
        """Whether this is the command that tells a host what to be."""
        return self.type == "command:remote:Command" and self.name.endswith("-apply")

    @cached_property
    def manifest(self) -> Mapping[str, Any] | None:
        """What an `-apply` command hands to its host: the host's manifest. None for everything else."""
        manifest = self.standard_input.get("input") if self.is_apply else None
        return manifest if isinstance(manifest, Mapping) else None

    @cached_property
    def standard_input(self) -> Mapping[str, Any]:
        """The JSON that a command is handed; empty where it is none, or not known yet."""
        try:
            document = json.loads(self.inputs.get("stdin", ""))
        except (TypeError, ValueError):
            return {}
        return document if isinstance(document, Mapping) else {}


@dataclass(frozen=True)
class Host:
    """What is told to be a host: the command that tells it, its manifest, and its droplet, where they are known."""

    command: Resource
    manifest: Mapping[str, Any] | None
    droplet: Resource | None

    @property
    def files(self) -> list[Mapping[str, Any]]:
        """The files that land on it."""
        found = (self.manifest or {}).get("files")
        return list(found) if isinstance(found, list) else []


def texts(block: Mapping[str, Any], key: str) -> list[str]:
    """The texts of the list `key` of a block; none where it is left out or not known yet."""
    value = block.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class Graph:
    """All resources of a stack, in the order of their registration."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._children: dict[str | None, list[Resource]] = {}
        for resource in self.resources:
            self._children.setdefault(resource.parent, []).append(resource)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    def get(self, urn: str) -> Resource | None:
        """The resource with this URN."""
        return self._by_urn.get(urn)

    def children(self, urn: str | None) -> list[Resource]:
        """The resources whose parent this is; of None, those without a parent."""
        return self._children.get(urn, [])

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types."""
        return [resource for resource in self.resources if resource.type in types]

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        """Every host, with the droplet whose replacement sets it up anew."""
        return tuple(
            Host(resource, resource.manifest, self._triggering(resource)) for resource in self if resource.is_apply
        )

    def _triggering(self, command: Resource) -> Resource | None:
        named = (self.get(urn) for urn in command.property_dependencies.get("triggers", ()))
        droplets = [resource for resource in named if resource is not None and resource.kind == "Droplet"]
        return droplets[0] if len(droplets) == 1 else None

    def depends(self, resource: Resource, on: Resource) -> bool:
        """Whether `resource` names `on` directly, in a property or in its options."""
        return on.urn in resource.dependencies or any(
            on.urn in urns for urns in resource.property_dependencies.values()
        )
