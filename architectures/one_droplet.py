"""What the kinds with one droplet share: everything around it. What runs on it is the kind's own.

internet ─► names ─► reserved address ─► cloud firewall ─► droplet
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from architectures import foundation, machines, wiring
from components.dns import Names, NamesArgs, Zone
from components.droplet import Droplet, DropletArgs, LoginKey
from components.firewall import Firewall, FirewallArgs
from components.host_setup import HostSetup, HostSetupArgs
from components.keys import Keys
from components.monitoring import Monitoring, MonitoringArgs
from settings.kinds import DropletCompose, DropletPm2
from settings.stack import Settings

Text = Callable[[wiring.Values], str]


def build(
    settings: Settings, architecture: DropletPm2 | DropletCompose, manifest: Text, release: Text
) -> Mapping[str, Any]:
    """Declare the stack and return its outputs. `manifest` and `release` make what the host's commands are given."""
    name = settings.name
    base = foundation.lay(settings)
    firewall = Firewall(f"{name}-firewall", FirewallArgs(base.group.hosts(), settings.access.admin_cidrs))
    keys = Keys(f"{name}-keys")
    droplet = Droplet(
        name,
        DropletArgs(
            region=architecture.region,
            size=architecture.size,
            image=architecture.image,
            network_id=base.network.id,
            user_data=machines.user_data(keys),
            login_key=LoginKey(name, keys.deploy_public).fingerprint,
            tags=[*base.group.tags, base.group.hosts()],
            backups=architecture.backups,
            volume=architecture.volume,
            reserved_address=architecture.reserved_address,
        ),
        opts=pulumi.ResourceOptions(depends_on=[firewall]),  # never on the internet without it
    )
    zone = Zone(f"{name}-zone", settings.dns)
    names = Names(f"{name}-names", NamesArgs(settings.product.domains, droplet.address, settings.dns, zone))
    values = wiring.gather(settings, base.facts)
    host = HostSetup(
        f"{name}-host",
        HostSetupArgs(
            machine=droplet.id,
            address=droplet.address,
            keys=keys,
            manifest=wiring.render(values, manifest),
            release=wiring.render(values, release),
        ),
        # the certificate's authority looks the names up; what is attached to the droplet is mounted
        opts=pulumi.ResourceOptions(depends_on=[names, droplet]),
    )
    machines.unmount_first(droplet, host, keys)
    monitoring = Monitoring(
        f"{name}-monitoring", MonitoringArgs(machines.watched(settings), [base.group.hosts()], settings.alerts)
    )
    base.group.add([droplet.droplet_urn, *base.urns, *zone.urns])
    monthly = base.monthly + droplet.monthly + monitoring.monthly
    return {
        "url": f"https://{settings.product.domain}/",
        "health": machines.health_url(settings),
        "address": droplet.address,
        "login": machines.login(droplet.address),
        "known_hosts": machines.known_host(droplet.address, host.host_key),
        "release": machines.release(settings),
        "dns_records": names.records if settings.dns.provider == "print" else None,
        "monthly_cost": foundation.monthly_cost(settings, monthly),
    }
