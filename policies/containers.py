"""Rules on containers: what the compose files on hosts let them do, and let others reach."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from policies.graph import Host
from policies.network import LOAD_BALANCER, open_ports, shields
from policies.rule import Context, Violation, rule

Service = Mapping[str, Any]

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_LOOPBACK = tuple(ipaddress.ip_network(cidr) for cidr in ("127.0.0.0/8", "::1/128"))
_PRIVATE = tuple(ipaddress.ip_network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""RFC 1918 and 4193. Python's own `is_private` counts 0.0.0.0 and the addresses of documentation, too."""
_DOCKER = re.compile(r"(?:/var)?/run/docker\.sock\b")


@dataclass(frozen=True)
class Container:
    """A service of a compose file that lands on a host, and what the file says of it."""

    host: Host
    path: str
    name: str
    says: Service

    def published(self) -> Iterator[tuple[str, str]]:
        """(address, port in the container) of each port that others may reach; no address is every address."""
        ports = self.says.get("ports")
        for entry in ports if isinstance(ports, list) else ():
            if isinstance(entry, Mapping):
                yield str(entry.get("host_ip") or ""), str(entry.get("target"))
                continue
            outside, _, port = _VARIABLE.sub("variable", str(entry)).rpartition(":")
            yield outside.rpartition(":")[0].strip("[]"), port

    @property
    def keeps_data(self) -> bool:
        """Whether it writes something that is there for longer than it runs: a volume with a name, a host's path."""
        volumes = self.says.get("volumes")
        return any(_is_kept(entry) for entry in volumes) if isinstance(volumes, list) else False


def containers(context: Context) -> Iterator[Container]:
    """Every service of every compose file, host by host."""
    for host in context.graph.hosts:
        yield from containers_of(host)


def containers_of(host: Host) -> Iterator[Container]:
    """The services of a host's compose files."""
    for file in host.files:
        path = str(file.get("path"))
        if path.endswith((".yml", ".yaml")):
            for name, says in _services(str(file.get("content"))).items():
                yield Container(host, path, name, says)


@rule("published-port", "error", "A container's port is published on loopback or on a private address, if at all.")
def published_port(context: Context) -> Iterator[Violation]:
    for container in containers(context):
        for address, port in container.published():
            if not _is_within(address, (*_LOOPBACK, *_PRIVATE)):
                where = address or "every address of its host"
                what = f"{container.name} publishes {port} on {where}, past the host's own firewall"
                right = f"127.0.0.1:…:{port}, or the private address"
                yield Violation(container.path, what, right, container.host.command.urn)
        if container.says.get("network_mode") == "host":
            what = f"{container.name} has its host's network, and each port that it opens"
            yield Violation(container.path, what, "a network of the product's", container.host.command.urn)


@rule("root-container", "warning", "What runs in a container is not root, and can't become its host's.")
def root_container(context: Context) -> Iterator[Violation]:
    for container in containers(context):
        path, urn = container.path, container.host.command.urn
        if str(container.says.get("user", "")).partition(":")[0] in {"0", "root"}:
            yield Violation(path, f"{container.name} runs as root", "user: a number such as 10001:10001", urn)
        if container.says.get("privileged") is True:
            what = f"{container.name} is privileged: its root is the host's"
            yield Violation(path, what, "the capabilities that it needs, by cap_add", urn, "error")
        if _DOCKER.search(str(container.says.get("volumes") or "")):
            what = f"{container.name} holds Docker's socket: who has it is root on the host"
            yield Violation(path, what, "no socket", urn, "error")


@rule("open-data-host", "error", "A host that keeps data for others is reached by them alone.")
def open_data_host(context: Context) -> Iterator[Violation]:
    for host in context.graph.hosts:
        ports = {port for container in containers_of(host) for port in _for_others(container)}
        if ports:
            for what, urn in _ways_in(context, host):
                right = f"{', '.join(sorted(ports))} alone, for machines by their tag"
                yield Violation(str((host.manifest or {}).get("hostname")), f"keeps data, and {what}", right, urn)


def _ways_in(context: Context, host: Host) -> Iterator[tuple[str, str]]:
    """How anybody comes in, and the URN of what lets them."""
    ufw = (host.manifest or {}).get("firewall") or {}
    if ufw.get("tcp"):
        yield f"its UFW opens {', '.join(map(str, ufw['tcp']))} to the internet", host.command.urn
    if host.droplet is None:
        return
    for firewall in shields(context.graph, host.droplet):
        for ports in open_ports(firewall):
            yield f"{firewall.name} opens {ports} to the internet", firewall.urn
    for balancer in context.graph.of(LOAD_BALANCER):
        if host.droplet.urn in balancer.property_dependencies.get("dropletIds", ()):
            yield f"{balancer.name} sends visitors to it", balancer.urn


def _for_others(container: Container) -> Iterator[str]:
    """Ports of one that keeps data, on an address that other machines reach."""
    if container.keeps_data:
        for address, port in container.published():
            if not _is_within(address, _LOOPBACK):
                yield port


def _is_kept(volume: Any) -> bool:
    if isinstance(volume, Mapping):
        return bool(volume.get("source")) and not volume.get("read_only")
    source, *rest = str(volume).split(":")
    return bool(source and rest) and "ro" not in rest[-1].split(",")


def _is_within(address: str, networks: tuple[Any, ...]) -> bool:
    """Whether an address is in one of the networks. What a variable fills in is somebody's decision elsewhere."""
    if "variable" in address:
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # none, or a name
        return address == "localhost"
    return any(parsed in network for network in networks)


@functools.lru_cache(maxsize=256)
def _services(text: str) -> dict[str, Service]:
    """The services of a compose file; none where it is something else. Hosts of a fleet have the same."""
    try:
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - the safe one, in C where that is there
    except yaml.YAMLError:
        return {}
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping):
        return {}
    return {str(name): says for name, says in services.items() if isinstance(says, Mapping)}


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

RULES = (published_port, root_container, open_data_host)
