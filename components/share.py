"""A share that several hosts mount at once (NFS)."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component


@dataclass(frozen=True)
class ShareArgs:
    """`size` is in GiB: it can grow in place, and never shrink. Another region or network replaces the share."""

    region: str
    network_id: pulumi.Input[str]
    size: int


class Share(Component):
    """DigitalOcean's Network File Storage, protected. It has an address in the network alone: nobody else gets there.

    The tier is the one for web applications. The provider's own default is the dearer one, and nothing leads back.
    """

    def __init__(self, name: str, args: ShareArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        share = digitalocean.Nfs(
            f"{name}-share",
            name=name,
            region=args.region,
            vpc_id=args.network_id,
            size=args.size,
            performance_tier="standard",
            opts=self.child(protect=True),
        )
        self.source = pulumi.Output.concat(share.host, ":", share.mount_path)
        """What a host mounts."""
        self.register_outputs({"source": self.source})
