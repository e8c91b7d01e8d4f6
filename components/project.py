"""How the cloud's own console groups what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component


@dataclass(frozen=True)
class GroupArgs:
    """`tags` are what every machine carries: key and value become one tag `key:value`."""

    product: str
    environment: str
    tags: Mapping[str, str]


class Group(Component):
    """A project, the tags of all machines, and tags of this stack's machines alone."""

    def __init__(self, name: str, args: GroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._project = digitalocean.Project(
            f"{name}-project",
            name=name,
            description=f"{args.product}, {args.environment}: managed by slipway",
            purpose="Web Application",
            environment=_environment(args.environment),
            opts=self.child(),
        )
        self.tags = [
            digitalocean.Tag(f"{name}-tag-{key}", name=f"{key}:{value}", opts=self.child()).name
            for key, value in args.tags.items()
        ]
        self.register_outputs({"project": self._project.id})

    @cached_property
    def host_tag(self) -> pulumi.Output[str]:
        """The tag of this stack's machines, made where there are any."""
        return self.part("host")

    def part(self, purpose: str) -> pulumi.Output[str]:
        """A tag for those of this stack's machines that have one purpose, such as web."""
        made = digitalocean.Tag(f"{self.name}-tag-{purpose}", name=f"{self.name}-{purpose}", opts=self.child())
        tag: pulumi.Output[str] = made.name
        return tag

    def add(self, urns: Sequence[pulumi.Input[str]]) -> None:
        """Put these resources, named by the cloud's own URNs, into the project."""
        digitalocean.ProjectResources(
            f"{self.name}-project-resources", project=self._project.id, resources=list(urns), opts=self.child()
        )


def _environment(stack: str) -> str:
    """The cloud knows three environments; a stack that is neither staging nor development is production."""
    purpose = stack.rpartition("-")[2]
    return {"staging": "Staging", "development": "Development", "dev": "Development"}.get(purpose, "Production")
