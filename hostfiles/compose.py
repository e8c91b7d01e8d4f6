"""compose.yaml: the product's containers, in one model for a release on a host and for a laptop (requirement DV2).

A release's file names no image, no port and no variable: what differs between two releases, and every secret, is in
files beside it. Containers have no rights (no capability, no way to gain one), a root that can't be written unless the
service says so, and limits. A restart policy that outlives a boot is the host's to give, to the slot that serves.
"""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from hostfiles.text import HEADER
from settings.product import Product, Service

Model = dict[str, Any]

MOST_PROCESSES = 1024
"""Of one container: far more than a server's threads, far less than what a host can bear."""
KILLED_FIRST = 500
"""Of 1000 that the kernel adds to the share of memory that a process has, when all is short and one has to go (proc(5),
oom_score_adj): before any database, whose data a restart has to bring in order again, and before what runs the host."""
_CHECK_SECONDS = 5


def release(product: Product) -> Model:
    """The compose file of a release. Its project directory is the release's, which has `.env` and `env/`."""
    services = {name: _released(product, name, service) for name, service in product.services.items()}
    model: Model = {"services": services, "networks": {"default": {"name": product.name, "external": True}}}
    names = sorted({volume for service in product.services.values() for volume in service.volumes})
    if names:
        model["volumes"] = {name: {"name": volume(product.name, name), "external": True} for name in names}
    return model


def volume(product: str, name: str) -> str:
    """What Docker calls a volume of the product's."""
    return f"{product}-{name}"


def variable(service: str) -> str:
    """How the service is called in the names of variables."""
    return service.upper().replace("-", "_")


def text(model: Model, header: str = HEADER) -> str:
    """The file's text."""
    return f"# {header}\n" + yaml.dump(model, Dumper=_Dumper, sort_keys=False, width=1_000_000, allow_unicode=True)


def literal(value: str) -> str:
    """A text in which Compose fills nothing in."""
    return value.replace("$", "$$")


def words(command: str) -> list[str]:
    """A command as Compose wants it: no shell reads it."""
    return [literal(word) for word in shlex.split(command)]


def limits(memory: int | None, cpu: float | None = None, processes: int = MOST_PROCESSES) -> Model:
    """What each container of a service may take: MiB, CPUs, processes."""
    found: Model = {"pids": processes}
    if cpu is not None:
        found["cpus"] = f"{cpu:g}"
    if memory is not None:
        found["memory"] = f"{memory}M"
    return {"resources": {"limits": found}}


def container(product: Product, service: Service) -> Model:
    """What a service's containers are, wherever they run: all but image, variables, ports and when they start again."""
    made: Model = {}
    if service.command is not None:
        made["command"] = words(service.command)
    if service.user is not None:
        made["user"] = service.user
    made |= {
        "init": True,
        "read_only": service.read_only,
        **({"tmpfs": ["/tmp"]} if service.read_only else {}),  # noqa: S108  (the container's own)
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges=true"],
        "stop_grace_period": f"{service.stop_after}s",
    }
    if service.volumes:
        made["volumes"] = [f"{name}:{path}" for name, path in service.volumes.items()]
    check = _check(product, service)
    if check is not None:
        made["healthcheck"] = {
            "test": check,
            "interval": "10s",
            "timeout": f"{_CHECK_SECONDS}s",
            "retries": 3,
            "start_period": f"{service.start_within}s",
            "start_interval": "1s",
        }
    made["deploy"] = {"replicas": service.replicas, **limits(service.memory, service.cpu)}
    return made


def _released(product: Product, name: str, service: Service) -> Model:
    made: Model = {
        "image": f"${{{variable(name)}_IMAGE:?}}",
        "env_file": [f"./env/{name}.env"],
        # by which a process can say which release it is of, as under PM2, and where it runs
        "environment": {name: f"${{{name}:?}}" for name in ("SLIPWAY_RELEASE", "SLIPWAY_SLOT", "SLIPWAY_HOST")},
        "restart": "on-failure",
        "oom_score_adj": KILLED_FIRST,
        **container(product, service),
    }
    if service.role == "web":
        made["ports"] = [f"127.0.0.1:${{{variable(name)}_PORTS:?}}:{service.port}"]
    return made


def _check(product: Product, service: Service) -> list[str] | None:
    if service.role == "web":
        return ["CMD-SHELL", _ask(product.domain, service.port or 0, service.health or "/")]
    if service.ready is not None:
        return ["CMD", *words(service.ready)]
    return None


def _ask(host: str, port: int, path: str) -> str:
    """Asks a service inside its container for `path`, as a visitor of `host`, with the first program that is there."""
    url = f"http://127.0.0.1:{port}{path}"
    headers = f'headers={{"Host": "{host}"}}'
    python = f'import urllib.request as r; r.urlopen(r.Request("{url}", {headers}), timeout={_CHECK_SECONDS - 1})'
    options = f'{{host: "127.0.0.1", port: {port}, path: "{path}", headers: {{host: "{host}"}}}}'
    node = f'require("http").get({options}, r => process.exit(r.statusCode < 400 ? 0 : 1))'
    ways = {
        "curl": f"curl -fsS -m {_CHECK_SECONDS - 1} -o /dev/null -H 'Host: {host}' {url}",
        "wget": f"wget -q -T {_CHECK_SECONDS - 1} -O /dev/null --header 'Host: {host}' {url}",
        "python3": f"python3 -c '{python}'",
    }
    found = "".join(f"command -v {program} >/dev/null && exec {command}; " for program, command in ways.items())
    return f"{found}exec node -e '{node}'"


class _Dumper(yaml.SafeDumper):
    """Writes each list and mapping out where it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented below their key."""
        super().increase_indent(flow, False)
