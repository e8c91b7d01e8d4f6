"""A machine and what outlives it: its address and its volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from components.growing import only_grows
from settings import droplets, prices


class LoginKey(Component):
    """The deploying user's key as the cloud knows it: one for all droplets, since the cloud takes no key twice."""

    def __init__(self, name: str, public_key: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        key = digitalocean.SshKey(f"{name}-key", name=f"{name}-deploy", public_key=public_key, opts=self.child())
        self.fingerprint: pulumi.Output[str] = key.fingerprint
        self.register_outputs({"fingerprint": self.fingerprint})


@dataclass(frozen=True)
class DropletArgs:
    """`volume` is in GiB. `user_data` and `login_key` are for the first log-in; changed ones replace no machine."""

    region: str
    size: str
    image: str
    network_id: pulumi.Input[str]
    user_data: pulumi.Input[str]
    login_key: pulumi.Input[str]
    tags: Sequence[pulumi.Input[str]]
    backups: Literal["off", "weekly", "daily"] = "weekly"
    volume: int | None = None
    reserved_address: bool = True


class Droplet(Component):
    """A droplet with monitoring and backups, and, where asked for, an address and a volume that are protected."""

    def __init__(self, name: str, args: DropletArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        droplet = digitalocean.Droplet(
            f"{name}-droplet",
            name=name,
            region=args.region,
            size=args.size,
            image=args.image,
            vpc_uuid=args.network_id,
            ssh_keys=[args.login_key],  # with none, the cloud would mail a root password
            user_data=args.user_data,
            monitoring=True,
            backups=args.backups != "off",
            backup_policy=_backup_policy(args.backups),
            graceful_shutdown=True,
            resize_disk=False,  # growing the disk can't be undone; CPU and memory can
            tags=list(args.tags),
            # each of these would replace the machine for what matters at its first boot alone: a new image is taken
            # when the machine is replaced by name (docs/operations.md)
            opts=self.child(ignore_changes=["image", "userData", "sshKeys"]),
        )
        self.monthly = _monthly(args)
        self.id = droplet.id
        self.droplet_urn = droplet.droplet_urn
        self.private_address = droplet.ipv4_address_private
        self.own_address = droplet.ipv4_address
        """The public one that goes with the machine, where `address` may be one that stays."""
        self.address = self._reserved_address(name, args, droplet) if args.reserved_address else droplet.ipv4_address
        self.attachment = self._volume(name, args, args.volume, droplet) if args.volume is not None else None
        """The id of the volume's attachment."""
        self.register_outputs({"address": self.address})

    def _reserved_address(self, name: str, args: DropletArgs, droplet: digitalocean.Droplet) -> pulumi.Output[str]:
        reserved = digitalocean.ReservedIp(
            f"{name}-address", region=args.region, opts=self.child(protect=True, ignore_changes=["dropletId"])
        )
        assignment = digitalocean.ReservedIpAssignment(
            f"{name}-address-assignment",
            ip_address=reserved.ip_address,
            droplet_id=droplet.id.apply(int),
            opts=self.child(delete_before_replace=True),
        )
        address: pulumi.Output[str] = assignment.ip_address
        return address

    def _volume(self, name: str, args: DropletArgs, gib: int, droplet: digitalocean.Droplet) -> pulumi.Output[str]:
        volume = digitalocean.Volume(
            f"{name}-volume",
            name=name,
            region=args.region,
            size=gib,
            initial_filesystem_type="ext4",
            opts=self.child(protect=True, hooks=only_grows(f"{name}-volume")),
        )
        attachment = digitalocean.VolumeAttachment(
            f"{name}-volume-attachment",
            volume_id=volume.id,
            droplet_id=droplet.id.apply(int),
            opts=self.child(delete_before_replace=True),
        )
        attached: pulumi.Output[str] = attachment.id
        return attached


def _monthly(args: DropletArgs) -> float:
    """USD. An address that is assigned costs nothing."""
    price = droplets.SIZES[args.size].price
    return price * (1 + prices.BACKUPS.get(args.backups, 0)) + (args.volume or 0) * prices.VOLUME_GIB


def _backup_policy(plan: str) -> digitalocean.DropletBackupPolicyArgs | None:
    if plan == "off":
        return None
    return digitalocean.DropletBackupPolicyArgs(plan=plan, hour=4, weekday="SUN" if plan == "weekly" else None)
