"""The system as a Mermaid flow chart: the way a request takes, and what the services need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from plan.many import MOST, in_words
from policies.graph import RELEASE_JSON, Graph, Resource
from settings.kinds import AppPlatform
from settings.placement import data_hosts
from settings.product import Product
from settings.stack import Settings
from settings.variables import Wired

_DO = "digitalocean:index/"
_SHAPES = {"postgres": ("[(", ")]"), "mongodb": ("[(", ")]"), "redis": ("[(", ")]"), "object-storage": ("[(", ")]"),
           "rabbitmq": ("[[", "]]")}  # fmt: skip


def picture(settings: Settings, graph: Graph) -> str:
    """The chart's text, for a Mermaid code block."""
    lines = _app_lines if isinstance(settings.architecture, AppPlatform) else _lines
    return "\n".join(["flowchart TB", *(f"  {line}" for line in lines(settings, graph))]) + "\n"


def _lines(settings: Settings, graph: Graph) -> Iterator[str]:
    product, parts = settings.product, _Droplets(settings.product, graph)
    yield from _entrance(settings, graph, parts)
    yield f'subgraph host["{_text(_machines(parts.web))}"]'
    yield '  nginx["nginx, UFW"]'
    release = f"commit {product.release.commit[:8]}" if product.release.commit else "containers"
    yield f'  subgraph services["{_text(release)}"]'
    for name, service in product.services_of("web", "worker", "scheduler", "static").items():
        label = name if name == service.role else f"{name}<br/>{service.role}"
        yield f'    {_id("service", name)}["{label}"]'
    yield "  end"
    beside = [] if parts.data else [name for name, backing in product.backing.items() if backing.provider == "host"]
    for name in beside:
        yield f"  {_store(settings, name, product.backing[name].engine, '')}"
    for route in product.routes:
        label = f"{route.host or ''}{route.path}"
        yield f'  nginx -- "{_text(label)}" --> {_id("service", route.service)}'
    yield "end"
    for number, (droplet, names) in enumerate(parts.data):
        yield from _data_host(settings, number, droplet, names)
    for name, backing in product.backing.items():
        if backing.provider != "host":
            yield _store(settings, name, backing.engine, backing.provider)
    for name in product.backing:
        arrow = "-->" if name in beside else "--->"  # a longer one ends below what is on the host
        yield f"services {arrow} {_id('backing', name)}"
    yield from _watching(settings, graph)


def _app_lines(settings: Settings, graph: Graph) -> Iterator[str]:
    """A product that the cloud's own platform runs: what the platform does by itself is one box."""
    product, (app,) = settings.product, graph.of(f"{_DO}app:App")
    spec = app.inputs["spec"]
    yield from _names(settings)
    yield "dns --> way"
    title = f"app {spec['name']} in {spec['region']}"
    yield f'subgraph app["{_text(title)}"]'
    yield '  way["App Platform, TLS"]'
    yield '  subgraph services["containers"]'
    for part in (*spec.get("services", []), *spec.get("workers", [])):
        scaled = part.get("autoscaling")
        count = f"{scaled['minInstanceCount']} to {scaled['maxInstanceCount']}" if scaled else part["instanceCount"]
        label = f"{_text(part['name'])}<br/>{count} × {_text(part['instanceSizeSlug'])}"
        yield f'    {_id("service", part["name"])}["{label}"]'
    for job in spec.get("jobs", []):
        when = "before" if job["kind"] == "PRE_DEPLOY" else "after"
        yield f'    {_id("job", job["name"])}["{_text(job["name"])}<br/>{when} each deployment"]'
    yield "  end"
    for route in product.routes:
        label = f"{route.host or ''}{route.path}"
        yield f'  way -- "{_text(label)}" --> {_id("service", route.service)}'
    yield "end"
    for name, backing in product.backing.items():
        yield _store(settings, name, backing.engine, backing.provider)
        yield f"services ---> {_id('backing', name)}"
    if product.logs is not None:
        yield f'logs(["logs at {_text(product.logs.provider)}"])'
        yield "services -.-> logs"
    yield from _watching(settings, graph)


def _names(settings: Settings) -> Iterator[str]:
    yield 'people(["people"])'
    provider = settings.dns.provider
    yield f'dns["names at {provider}"]' if provider != "print" else 'dns["names elsewhere"]'
    yield f'people -- "{_text(settings.product.domain)}" --> dns'


class _Droplets:
    """The droplets by what they are for. Hosts of the product are all alike: what is in them is drawn once."""

    def __init__(self, product: Product, graph: Graph) -> None:
        told = {host.droplet.urn: host for host in graph.hosts if host.droplet is not None}
        self.web: list[Resource] = []
        self.balancers: list[Resource] = []
        data: list[Resource] = []
        for droplet in graph.of(f"{_DO}droplet:Droplet"):
            host = told.get(droplet.urn)
            if host is None or any(file.get("path") == RELEASE_JSON for file in host.files):
                self.web.append(droplet)
            else:
                (self.balancers if (host.manifest or {}).get("certificate") else data).append(droplet)
        self.data = list(zip(data, data_hosts(product), strict=False))


def _data_host(settings: Settings, number: int, droplet: Resource, names: Sequence[str]) -> Iterator[str]:
    """A host of backing services. The first has them all; what others have of them are copies."""
    yield f'subgraph data_{number + 1}["{_text(_machines([droplet]))}"]'
    for name in names:
        engine = settings.product.backing[name].engine
        if number == 0:
            yield f"  {_store(settings, name, engine, '')}"
        else:
            left, right = _SHAPES.get(engine, ("[", "]"))
            yield f'  {_id(f"member_{number + 1}", name)}{left}"{_text(f"{name}, member {number + 1}")}"{right}'
    yield "end"
    if number:
        for name in names:
            yield f"{_id('backing', name)} -. replicates .-> {_id(f'member_{number + 1}', name)}"


def _entrance(settings: Settings, graph: Graph, droplets: _Droplets) -> Iterator[str]:
    yield 'people(["people"])'
    steps = [
        ("dns", f'["names at {settings.dns.provider}"]' if settings.dns.provider != "print" else '["names elsewhere"]')
    ]
    if graph.of(f"{_DO}reservedIp:ReservedIp"):
        steps.append(("address", '["reserved address"]'))
    if graph.of(f"{_DO}loadBalancer:LoadBalancer"):
        steps.append(("balancer", '["load balancer, TLS"]'))
    elif droplets.balancers:
        steps.append(("balancer", f'["HAProxy, TLS<br/>{_text(_machines(droplets.balancers))}"]'))
    if graph.of(f"{_DO}firewall:Firewall"):
        steps.append(("firewall", '{{"cloud firewall"}}'))
    for name, shape in steps:
        yield f"{name}{shape}"
    way = [name for name, _ in steps] + ["nginx"]
    yield f'people -- "{_text(settings.product.domain)}" --> dns'
    yield " --> ".join(way)
    if "firewall" in way:
        ranges = ", ".join(settings.access.admin_cidrs)
        yield 'admins(["admins"])'
        yield f'admins -- "SSH from {_text(ranges)}" --> firewall'


def _machines(droplets: list[Resource]) -> str:
    if not droplets:
        return "hosts"
    sizes = sorted({f"{droplet.inputs.get('size')} in {droplet.inputs.get('region')}" for droplet in droplets})
    names = [str(droplet.inputs.get("name", "")) for droplet in droplets]
    number = f"droplets {in_words(names)}" if 1 < len(names) <= MOST else in_words(names, "droplets")
    return f"{number if len(names) > 1 else f'droplet {names[0]}'}, {', '.join(sizes)}"


def _store(settings: Settings, name: str, engine: str, where: str) -> str:
    left, right = _SHAPES.get(engine, ("[", "]"))
    text = "<br/>".join(_text(part) for part in (name, f"{where} {engine}".strip(), _variable(settings, name)) if part)
    return f'{_id("backing", name)}{left}"{text}"{right}'


def _variable(settings: Settings, backing: str) -> str:
    """The variable by which services know a backing service."""
    product = settings.product
    said = [product.environment, *(service.environment for service in product.services.values())]
    wired = [(name, value) for variables in said for name, value in variables.items() if isinstance(value, Wired)]
    names = [name for name, value in wired if value.source == backing and value.field in ("url", "bucket")]
    return names[0] if names else ""


def _watching(settings: Settings, graph: Graph) -> Iterator[str]:
    if graph.of(f"{_DO}uptimeCheck:UptimeCheck"):
        yield 'uptime(["uptime check"])'
        yield "uptime -.-> dns"
        if settings.alerts.email:
            yield 'operators(["' + _text(", ".join(settings.alerts.email)) + '"])'
            yield "uptime -. alert .-> operators"


def _id(kind: str, name: str) -> str:
    """A node's id. Names of a product may be words that Mermaid keeps for itself, such as `end`."""
    return f"{kind}_{re.sub(r'[^A-Za-z0-9]', '_', name)}"


def _text(text: str) -> str:
    """`text` inside a quoted label."""
    return (
        text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;").replace("#", "#35;")
    )
