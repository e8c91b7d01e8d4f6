"""One droplet, no Docker: nginx, the product's processes under PM2, Redis and RabbitMQ beside them.

internet ─► names ─► reserved address ─► cloud firewall ─► droplet: UFW ─► nginx ─► PM2: web, worker, scheduler
                                                             │                     static files
                                                             └─► Redis, RabbitMQ (loopback) · external database · bucket
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from architectures import foundation, wiring
from components.dns import Names, NamesArgs
from components.droplet import Droplet, DropletArgs, LoginKey
from components.firewall import Firewall, FirewallArgs
from components.host_setup import HostSetup, HostSetupArgs
from components.keys import Keys
from components.monitoring import Monitoring, MonitoringArgs
from hostfiles import bundle, cloud_init, droplet_pm2
from hostfiles.environment import resolve
from settings import prices
from settings.kinds import DropletPm2, of_kind
from settings.stack import Settings


def build(settings: Settings) -> Mapping[str, Any]:
    """Declare the stack and return its outputs."""
    name, product, architecture = settings.name, settings.product, of_kind(settings.architecture, DropletPm2)
    base = foundation.lay(settings)
    firewall = Firewall(f"{name}-firewall", FirewallArgs(base.group.host_tag, settings.access.admin_cidrs))
    keys = Keys(f"{name}-keys")
    droplet = Droplet(
        name,
        DropletArgs(
            region=architecture.region,
            size=architecture.size,
            image=architecture.image,
            network_id=base.network.id,
            user_data=_user_data(keys),
            login_key=LoginKey(name, keys.deploy_public).fingerprint,
            tags=[*base.group.tags, base.group.host_tag],
            backups=architecture.backups,
            volume=architecture.volume,
            reserved_address=architecture.reserved_address,
        ),
        opts=pulumi.ResourceOptions(depends_on=[firewall]),  # never on the internet without it
    )
    names = Names(f"{name}-names", NamesArgs(product.domains, droplet.address, settings.dns))
    values = wiring.gather(settings, base.facts)
    host = HostSetup(
        f"{name}-host",
        HostSetupArgs(
            machine=droplet.id,
            address=droplet.address,
            keys=keys,
            manifest=wiring.render(values, lambda plain: _manifest(settings, plain)),
            firewall=json.dumps({"ssh_from": settings.access.admin_cidrs}),
            release=wiring.render(values, lambda plain: _release(settings, plain)),
        ),
        # the certificate's authority looks the names up; what is attached to the droplet is mounted
        opts=pulumi.ResourceOptions(depends_on=[names, droplet]),
    )
    monitoring = Monitoring(
        f"{name}-monitoring", MonitoringArgs(_health_url(settings), base.group.host_tag, settings.alerts)
    )
    zone = [names.zone_urn] if names.zone_urn is not None else []
    base.group.add([droplet.droplet_urn, *base.urns, *zone])
    monthly = base.monthly + droplet.monthly + monitoring.monthly
    cost = f"{monthly:.2f} USD, by the prices of {prices.AS_OF}"
    return {**_outputs(settings, droplet, host, names), "monthly_cost": cost}


def _user_data(keys: Keys) -> pulumi.Output[str]:
    parts = pulumi.Output.all(keys.deploy_public, keys.first_host_private, keys.first_host_public)
    return pulumi.Output.secret(parts.apply(lambda made: cloud_init.user_data(made[0], made[1], made[2])))


def _variables(settings: Settings, plain: wiring.Values) -> dict[str, str]:
    facts = {**plain.facts, **droplet_pm2.backing_facts(settings, plain.passwords)}
    return resolve(settings, plain.secrets, plain.generated, facts)


def _manifest(settings: Settings, plain: wiring.Values) -> str:
    source = settings.product.source
    token = plain.secrets[source.token.secret] if source and source.token else None
    manifest = droplet_pm2.manifest(settings, _variables(settings, plain), plain.passwords, token)
    return bundle.bundle(manifest.as_dict())


def _release(settings: Settings, plain: wiring.Values) -> str:
    request = droplet_pm2.release_request(settings, _variables(settings, plain), owner=f"pulumi up -s {settings.stack}")
    return json.dumps(request, sort_keys=True)


def _health_url(settings: Settings) -> str:
    """What has to answer from outside: the first web service's health path, under the name that is routed to it."""
    product = settings.product
    for name, service in product.services_of("web").items():
        hosts = [route.host for route in product.routes if route.service == name]
        if hosts and service.health:
            return f"https://{hosts[0] or product.domain}{service.health}"
    return f"https://{product.domain}/"


def _outputs(settings: Settings, droplet: Droplet, host: HostSetup, names: Names) -> Mapping[str, Any]:
    return {
        "url": f"https://{settings.product.domain}/",
        "health": _health_url(settings),
        "address": droplet.address,
        "login": pulumi.Output.concat("ssh ops@", droplet.address),
        "known_hosts": pulumi.Output.concat(droplet.address, " ", host.host_key),
        "release": settings.product.release.commit,
        "dns_records": names.records if settings.dns.provider == "print" else None,
    }
