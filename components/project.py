"""How the cloud's own console groups what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """A project, the tags of all machines, which outlive the stack, and tags of this stack's machines alone."""

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
            # the account's: another stack has some of them too, and to delete one takes it from whatever carries it
            digitalocean.Tag(f"{name}-tag-{key}", name=f"{key}:{value}", opts=self.child(retain_on_delete=True)).name
            for key, value in args.tags.items()
        ]
        self._parts: dict[str, pulumi.Output[str]] = {}
        self.register_outputs({"project": self._project.id})

    def hosts(self) -> pulumi.Output[str]:
        """The tag of this stack's machines."""
        return self.part("host")

    def part(self, purpose: str) -> pulumi.Output[str]:
        """The tag of those of this stack's machines that have one purpose, such as web: made when first asked for."""
        if purpose not in self._parts:
            made = digitalocean.Tag(f"{self.name}-tag-{purpose}", name=f"{self.name}-{purpose}", opts=self.child())
            self._parts[purpose] = made.name
        return self._parts[purpose]

    def add(self, urns: Sequence[pulumi.Input[str]]) -> None:
        """Put these resources, named by the cloud's own URNs, into the project."""
        digitalocean.ProjectResources(
            f"{self.name}-project-resources", project=self._project.id, resources=list(urns), opts=self.child()
        )


def _environment(stack: str) -> str:
    """The cloud knows three environments; a stack that is neither staging nor development is production."""
    purpose = stack.rpartition("-")[2]
    return {"staging": "Staging", "development": "Development", "dev": "Development"}.get(purpose, "Production")
