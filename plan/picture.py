"""The system as a Mermaid flow chart: the way a request takes, and what the services need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.graph import Graph, Resource
from settings.stack import Settings
from settings.variables import Wired

_DO = "digitalocean:index/"
_SHAPES = {"postgres": ("[(", ")]"), "mongodb": ("[(", ")]"), "redis": ("[(", ")]"), "object-storage": ("[(", ")]"),
           "rabbitmq": ("[[", "]]")}  # fmt: skip


def picture(settings: Settings, graph: Graph) -> str:
    """The chart's text, for a Mermaid code block."""
    return "\n".join(["flowchart TB", *(f"  {line}" for line in _lines(settings, graph))]) + "\n"


def _lines(settings: Settings, graph: Graph) -> Iterator[str]:
    product = settings.product
    yield from _entrance(settings, graph)
    droplets = graph.of(f"{_DO}droplet:Droplet")
    yield f'subgraph host["{_text(_machines(droplets))}"]'
    yield '  nginx["nginx, UFW"]'
    release = f"commit {product.release.commit[:8]}" if product.release.commit else "services"
    yield f'  subgraph services["{_text(release)}"]'
    for name, service in product.services_of("web", "worker", "scheduler", "static").items():
        label = name if name == service.role else f"{name}<br/>{service.role}"
        yield f'    {_id("service", name)}["{label}"]'
    yield "  end"
    for name, backing in product.backing.items():
        if backing.provider == "host":
            yield f"  {_store(settings, name, backing.engine, '')}"
    for route in product.routes:
        label = f"{route.host or ''}{route.path}"
        yield f'  nginx -- "{_text(label)}" --> {_id("service", route.service)}'
    yield "end"
    for name, backing in product.backing.items():
        if backing.provider != "host":
            yield _store(settings, name, backing.engine, backing.provider)
    for name, backing in product.backing.items():
        arrow = "-->" if backing.provider == "host" else "--->"  # a longer one ends below what is on the host
        yield f"services {arrow} {_id('backing', name)}"
    yield from _watching(settings, graph)


def _entrance(settings: Settings, graph: Graph) -> Iterator[str]:
    yield 'people(["people"])'
    steps = [
        ("dns", f'["names at {settings.dns.provider}"]' if settings.dns.provider != "print" else '["names elsewhere"]')
    ]
    if graph.of(f"{_DO}reservedIp:ReservedIp"):
        steps.append(("address", '["reserved address"]'))
    if graph.of(f"{_DO}loadBalancer:LoadBalancer"):
        steps.append(("balancer", '["load balancer"]'))
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
    number = f"{len(droplets)} droplets" if len(droplets) > 1 else f"droplet {droplets[0].inputs.get('name', '')}"
    return f"{number}, {', '.join(sizes)}"


def _store(settings: Settings, name: str, engine: str, where: str) -> str:
    left, right = _SHAPES.get(engine, ("[", "]"))
    text = "<br/>".join(_text(part) for part in (name, f"{where} {engine}".strip(), _variable(settings, name)) if part)
    return f'{_id("backing", name)}{left}"{text}"{right}'


def _variable(settings: Settings, backing: str) -> str:
    """The variable by which services know a backing service."""
    wired = {name: value for name, value in settings.product.environment.items() if isinstance(value, Wired)}
    names = [name for name, value in wired.items() if value.source == backing and value.field in ("url", "bucket")]
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
