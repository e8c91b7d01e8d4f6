"""What all kinds with droplets share: the first boot, what is asked from outside, how to log in."""

from __future__ import annotations

import pulumi

from components.droplet import Droplet
from components.fleet_release import Member
from components.host_setup import HostSetup
from components.keys import Keys
from components.unmounting import Unmounting
from hostfiles import cloud_init
from settings.product import Product
from settings.stack import Settings


def user_data(keys: Keys) -> pulumi.Output[str]:
    """The same for every machine: what is a machine's own comes with its manifest."""
    parts = pulumi.Output.all(keys.deploy_public, keys.first_host_private, keys.first_host_public)
    return pulumi.Output.secret(parts.apply(lambda made: cloud_init.user_data(made[0], made[1], made[2])))


def unmount_first(machine: Droplet, setup: HostSetup, keys: Keys) -> None:
    """A machine's volume, where it has one, is unmounted before it is detached."""
    if machine.attachment is not None:
        host = Member(machine.name, machine.own_address, setup.host_key)
        # the host has the command once it is set up
        after = pulumi.ResourceOptions(depends_on=[setup])
        Unmounting(f"{machine.name}-unmounting", host, machine.attachment, keys, opts=after)


def health_url(settings: Settings) -> str:
    """What has to answer from outside: the first web service's health path, under the name that is routed to it."""
    product = settings.product
    for name in product.services_of("web"):
        for host in product.routed_names:
            if path := product.health_seen(host, name):
                return f"https://{host}{path}"
    return f"https://{product.domain}/"


def watched(settings: Settings) -> tuple[str, ...]:
    """What is asked from outside of each name that has routes: a health path that they lead to, else their first."""
    return tuple(f"https://{name}{_asked(settings.product, name)}" for name in settings.product.routed_names)


def _asked(product: Product, name: str) -> str:
    paths = (product.health_seen(name, service) for service in product.services_of("web"))
    return next((path for path in paths if path), None) or min(
        (route.path for route in product.routes_of(name)), key=len
    )


def login(address: pulumi.Output[str]) -> pulumi.Output[str]:
    """How a person logs in to a machine."""
    return pulumi.Output.concat("ssh ops@", address)


def known_host(address: pulumi.Output[str], host_key: pulumi.Output[str]) -> pulumi.Output[str]:
    """A machine's line for `known_hosts`."""
    return pulumi.Output.concat(address, " ", host_key)


def release(settings: Settings) -> str | dict[str, str]:
    """What should run: a commit, or a digest for each image."""
    wanted = settings.product.release
    return wanted.commit or dict(wanted.images)
