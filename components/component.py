"""What all components share: their type token and how a child is named."""

from __future__ import annotations

from typing import Any

import pulumi


class Component(pulumi.ComponentResource):
    """A component resource of type `slipway:<module>:<Class>`, after the module and class that define it."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        kind = type(self)
        super().__init__(f"slipway:{kind.__module__.rpartition('.')[2]}:{kind.__name__}", name, None, opts)
        self.name = name

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a resource that belongs to this component."""
        return pulumi.ResourceOptions(parent=self, **options)
