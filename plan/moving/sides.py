"""What is to be known of the two sides of a move: their names, certificates, addresses, and how one is shut."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from plan.build import Plan
from plan.many import family
from plan.moving.tools import on_old
from settings.product import Product

Certificate = Literal["clouds", "copied", "late"]
"""The new side's: the cloud's balancer has it before; the old side's host has one to copy; or it comes after all."""
_SITE = re.compile(r"include \S+/slots/serving/site\[\.\]conf;")


def moving_names(before: Plan, after: Plan) -> list[str]:
    """The names that both sides answer to: their records move."""
    new = after.settings.product.domains
    return [name for name in before.settings.product.domains if name in new]


def certificate(before: Plan, after: Plan) -> Certificate:
    """How the new side gets its certificate."""
    wanted = _own(after)
    if wanted is None:
        return "clouds"
    old = _own(before)
    return "copied" if old is not None and old["domains"][:1] == wanted["domains"][:1] else "late"


def urls(product: Product, services: Sequence[str]) -> list[str]:
    """One address for each of the services that a route leads to: its health path, if a visitor gets to it there."""
    found: dict[str, str] = {}
    for route in product.routes:
        name = product.name_of(route)
        if route.service in services:
            path = product.health_seen(name, route.service) or route.path
            found.setdefault(route.service, f"https://{name}{path}")
    return list(found.values())


def shutting(plan: Plan) -> list[str]:
    """Two functions of the shell. After `shut` nobody writes: nginx refuses what may change something, and what works
    by itself has stopped; `reopen` undoes it.
    """
    shut, opened = ([read_only(plan, on)] for on in (True, False))
    workers = working_alone(plan)
    if workers and in_containers(plan):
        labels = " ".join(f"--filter label=com.docker.compose.service={name}" for name in workers)
        stop = f"sudo docker ps --quiet {labels} | sudo tee /root/stopped | xargs -r sudo docker stop"
        shut.append(_on_each(plan, stop))
        opened.append(_on_each(plan, "sudo cat /root/stopped | xargs -r sudo docker start"))
    functions = {"shut": shut, "reopen": opened}
    return [f"{name}() {{ {' && '.join(commands)}; }}" for name, commands in functions.items()]


def read_only(plan: Plan, on: bool) -> str:
    """The command that lets nobody write on a side, or everybody again."""
    return f"make read-only STACK={plan.settings.stack} ON={int(on)}"


def streaming(plan: Plan) -> list[str]:
    """The services that visitors may have a WebSocket to."""
    return sorted({route.service for route in plan.settings.product.routes if route.streaming})


def working_alone(plan: Plan) -> list[str]:
    """The services that nobody asks for anything."""
    return list(plan.settings.product.services_of("worker", "scheduler"))


def in_containers(plan: Plan) -> bool:
    """Whether the product's services are containers on hosts."""
    return any(file.path == "/etc/docker/daemon.json" for file in plan.files)


def _on_each(plan: Plan, command: str) -> str:
    """A command on every host of the old side that serves the product."""
    serving = [file.host for file in plan.files if file.path == "/etc/nginx/nginx.conf" and _SITE.search(file.content)]
    if len(serving) < 2:
        return on_old(command)
    pattern = f"^({'|'.join(sorted({family(name).replace('#', '[0-9]+') for name in serving}))})$"
    chosen = f"jq -r 'to_entries[] | select(.key | test(\"{pattern}\")) | .value'"
    hosts = f"pulumi stack output hosts -s {plan.settings.stack} --json | {chosen}"
    return f"for OLD in $({hosts}); do {on_old(command)} || return 1; done"


def _own(plan: Plan) -> Mapping[str, Any] | None:
    """The certificate that a host of the side gets for itself."""
    for host in plan.graph.hosts:
        wanted = (host.manifest or {}).get("certificate")
        if isinstance(wanted, Mapping):
            return wanted
    return None
