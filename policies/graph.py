"""A stack's resources as the rules see them, be they from the plan's monitor or, in a policy pack, from the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

UNKNOWN = "\u2039known after the deployment\u203a"
"""Stands where a value is that only the cloud can give."""


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

    @cached_property
    def manifest(self) -> Mapping[str, Any] | None:
        """What an `-apply` command hands to its host: the host's manifest. None for everything else."""
        if self.type != "command:remote:Command" or not self.name.endswith("-apply"):
            return None
        try:
            document = json.loads(self.inputs.get("stdin", ""))
        except (TypeError, ValueError):
            return None
        manifest = document.get("input") if isinstance(document, Mapping) else None
        return manifest if isinstance(manifest, Mapping) else None


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

    def depends(self, resource: Resource, on: Resource) -> bool:
        """Whether `resource` names `on` directly, in a property or in its options."""
        return on.urn in resource.dependencies or any(
            on.urn in urns for urns in resource.property_dependencies.values()
        )
