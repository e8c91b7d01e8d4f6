"""The keys by which the program and a host come to trust each other."""

from __future__ import annotations

import pulumi
import pulumi_tls as tls

from components.component import Component


class Keys(Component):
    """The key that the program logs in with, and the host key that a machine has on its very first connection.

    User data can be read by every process on a droplet, so the first host key is of value only until the first
    connection: the host then makes one of its own, and every later connection checks that one.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        deploy = tls.PrivateKey(f"{name}-deploy", algorithm="ED25519", opts=self.child())
        first_host = tls.PrivateKey(f"{name}-first-host", algorithm="ED25519", opts=self.child())
        self.deploy_private = pulumi.Output.secret(deploy.private_key_openssh)
        self.deploy_public = deploy.public_key_openssh.apply(str.strip)
        self.first_host_private = pulumi.Output.secret(first_host.private_key_openssh)
        self.first_host_public = first_host.public_key_openssh.apply(str.strip)
        self.register_outputs({"deploy_public": self.deploy_public})
