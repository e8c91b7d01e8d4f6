"""What all components share: their type token and how a child is named."""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi


class Component(pulumi.ComponentResource):
    """A component resource of type `slipway:<module>:<Class>`, after the module and class that define it.

    The type is a part of the URN of everything below it. A class that moves or is renamed says its old one in `TOKEN`,
    else the engine would make all of that anew, and stop at what is protected.
    """

    TOKEN: ClassVar[str] = ""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.token(), name, None, opts)
        self.name = name

    @classmethod
    def token(cls) -> str:
        """The type token."""
        return cls.TOKEN or f"slipway:{cls.__module__.rpartition('.')[2]}:{cls.__name__}"

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a resource that belongs to this component."""
        return pulumi.ResourceOptions(parent=self, **options)
