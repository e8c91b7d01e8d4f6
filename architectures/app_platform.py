"""DigitalOcean's App Platform: the product's containers, and no host of ours.

internet ─► names ─► the platform's way in (TLS) ─► services: instances that the platform starts, checks and replaces
                                                     ├─► workers; jobs before and after each deployment
                                                     └─► VPC ─► managed databases, which trust this network
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from architectures import foundation, machines, wiring
from architectures.revision import ENCRYPTED, OUTPUT, revise
from components.app import App, AppArgs, LogsTo, Part, Role, Way
from components.dns import Names, NamesArgs, Zone
from components.monitoring import Monitoring, MonitoringArgs
from hostfiles import environment
from settings.kinds import AppPlatform, of_kind
from settings.product import Product, Service
from settings.stack import Settings

_ROLES: Mapping[str, Role] = {"web": "service", "worker": "worker"}
_JOBS: Mapping[str | None, Role] = {"before-switch": "before", "after-switch": "after"}


async def build(settings: Settings) -> Mapping[str, Any]:
    """Declare the stack and return its outputs."""
    name, product, dns = settings.name, settings.product, settings.dns
    architecture = of_kind(settings.architecture, AppPlatform)
    base = foundation.lay(settings)
    zone = Zone(f"{name}-zone", dns)
    made = list(parts(settings))
    filled = wiring.render(wiring.gather(settings, base.facts), lambda values: _filled(settings, made, values))
    revision = await revise(name, filled)
    kept_by_platform = dns.provider == "digitalocean" and dns.records
    app = App(
        name,
        AppArgs(
            region=architecture.region,
            network_id=base.network.id,
            parts=made,
            ways=list(ways(product)),
            domains=product.domains if dns.records else (),
            alerts=settings.alerts,
            # what is as it was goes out as the platform answered it: there is nothing to deploy then
            filled=filled if revision.kept is None else pulumi.Output.secret(revision.kept),
            unchanged=revision.kept is not None,
            has_credentials=product.registry is not None,
            zone=zone.zone if kept_by_platform else None,
            logs=LogsTo(product.logs.provider, product.logs.endpoint) if product.logs else None,
        ),
        # the first deployment migrates: by then its databases let it in
        opts=pulumi.ResourceOptions(depends_on=[zone, *base.databases.values()]),
    )
    after: list[pulumi.Resource] = [app]
    names = None
    if dns.provider != "digitalocean":
        names = Names(f"{name}-names", NamesArgs(product.domains, app.address, dns, zone, "CNAME"))
        after.append(names)
    monitoring = Monitoring(
        f"{name}-monitoring",
        MonitoringArgs(machines.watched(settings), (), settings.alerts),
        opts=pulumi.ResourceOptions(depends_on=after),
    )
    base.group.add([app.app_urn, *base.urns, *zone.urns])
    return {
        "url": f"https://{product.domain}/",
        "health": machines.health_url(settings),
        "address": app.address,
        "app": app.id,
        "release": machines.release(settings),
        OUTPUT: revision.after(app.id),
        ENCRYPTED: app.encrypted,
        "dns_records": names.records if names is not None and dns.provider == "print" else None,
        "monthly_cost": foundation.monthly_cost(settings, base.monthly + app.monthly + monitoring.monthly),
    }


def parts(settings: Settings) -> Iterator[Part]:
    """The components of the app: every service, and every job around a deployment, with its service's image."""
    product = settings.product
    for name, service in product.services.items():
        scale = service.autoscale
        yield _part(
            settings,
            name,
            name,
            _ROLES[service.role],
            instances=service.replicas,
            most=scale.most if scale else None,
            busy=scale.cpu if scale else Part.busy,
            command=service.command,
            port=service.port,
            health=service.health,
        )
    for name, job in product.jobs.items():
        yield _part(settings, name, job.service, _JOBS[job.when], command=job.command)


def _part(settings: Settings, name: str, service: str, role: Role, **more: Any) -> Part:
    """A component that runs the image of `service` with its variables."""
    product = settings.product
    of: Service = product.services[service]
    plain = environment.plain_variables(settings, service)
    return Part(
        name=name,
        role=role,
        image=product.release.images[of.image or service],
        size=of_kind(settings.architecture, AppPlatform).size_of(service),
        start_within=of.start_within,
        stop_after=of.stop_after,
        plain=plain,
        secret=tuple(sorted(environment.variable_names(settings, service) - set(plain))),
        **more,
    )


def ways(product: Product) -> Iterator[Way]:
    """Which component a request goes to. Names are told apart only where a route asks for one."""
    named = any(route.host is not None for route in product.routes)
    for route in product.routes:
        hosts = [route.host] if route.host else product.own_names if named else [None]
        yield from (Way(route.path, route.service, host) for host in hosts)


def _filled(settings: Settings, made: list[Part], values: wiring.Values) -> dict[str, Any]:
    """Everything that is not read back from the platform: what it keeps encrypted, by component, for each keeps its
    own; and who hears of alerts."""
    product = settings.product
    variables: dict[str, dict[str, str]] = {}
    for part in made:
        service = product.jobs[part.name].service if part.name in product.jobs else part.name
        known = environment.service_variables(settings, service, values.secrets, values.generated, values.facts)
        variables[part.name] = {name: known[name] for name in part.secret}
    filled: dict[str, Any] = {"variables": variables, "told": list(settings.alerts.email)}
    if registry := product.registry:
        login = f"{registry.user}:{values.secrets[registry.token.secret]}"
        filled["credentials"] = {part.name: login for part in made}
    if (logs := product.logs) and logs.token:
        filled["log_token"] = {part.name: values.secrets[logs.token.secret] for part in made}
    return filled
