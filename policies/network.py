"""Rules on what can be reached from where."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from policies.graph import Graph, Resource, texts
from policies.rule import Context, Severity, Violation, rule

FIREWALL = "digitalocean:index/firewall:Firewall"
DROPLET = "digitalocean:index/droplet:Droplet"
DATABASE = "digitalocean:index/databaseCluster:DatabaseCluster"
DATABASE_FIREWALL = "digitalocean:index/databaseFirewall:DatabaseFirewall"
LOAD_BALANCER = "digitalocean:index/loadBalancer:LoadBalancer"
UPTIME_CHECK = "digitalocean:index/uptimeCheck:UptimeCheck"
COMMAND = "command:remote:Command"
PUBLIC_PORTS = frozenset({80, 443})
NARROWEST_PUBLIC = {4: 7, 6: 15}
"""A range with a mask as short as this, by IP version, is nobody's own: half the internet is still the internet."""


@rule("public-ssh", "error", "SSH is reachable from the admin ranges only.")
def public_ssh(context: Context) -> Iterator[Violation]:
    on_purpose = context.settings is not None and context.settings.access.ssh_from_anywhere
    severity: Severity | None = "warning" if on_purpose else None
    right = "name your own ranges in slipway:access.admin_cidrs"
    for firewall in context.graph.of(FIREWALL):
        sources = {
            source
            for inbound in firewall.blocks("inboundRules")
            if inbound.get("protocol") == "tcp" and _covers(inbound.get("portRange"), 22)
            for source in _everybody(texts(inbound, "sourceAddresses"))
        }
        if sources:
            what = f"lets {' and '.join(sorted(sources))} try SSH"
            yield Violation(firewall.name, what, right, firewall.urn, severity)
    for command, manifest in _manifests(context):
        sources = _everybody((manifest.get("firewall") or {}).get("ssh_from") or [])
        if sources:
            what = f"UFW on {manifest.get('hostname')} lets {' and '.join(sorted(sources))} try SSH"
            yield Violation(command.name, what, right, command.urn, severity)


@rule("public-port", "warning", "Nothing but HTTP and HTTPS is open to the internet.")
def public_port(context: Context) -> Iterator[Violation]:
    right = "open 80 and 443 alone, and let services listen on loopback or in the private network"
    for firewall in context.graph.of(FIREWALL):
        for ports in open_ports(firewall):
            if ports not in {"tcp 80", "tcp 443", "udp 443"}:  # the last is HTTP/3
                yield Violation(firewall.name, f"opens {ports} to the internet", right, firewall.urn)
    for command, manifest in _manifests(context):
        extra = sorted(set((manifest.get("firewall") or {}).get("tcp") or []) - PUBLIC_PORTS)
        if extra:
            what = f"UFW on {manifest.get('hostname')} opens {', '.join(map(str, extra))} to the internet"
            yield Violation(command.name, what, right, command.urn)


@rule("no-firewall", "error", "Every machine is behind the cloud's firewall, and every host has one of its own.")
def no_firewall(context: Context) -> Iterator[Violation]:
    for droplet in context.graph.of(DROPLET):
        if not shields(context.graph, droplet):
            right = "give it a tag that a firewall chooses its machines by"
            yield Violation(droplet.name, "no cloud firewall is in front of it", right, droplet.urn)
    for command, manifest in _manifests(context):
        if not manifest.get("firewall"):
            what = f"{manifest.get('hostname')} has no firewall of its own"
            yield Violation(command.name, what, "a manifest with `firewall`", command.urn)


@rule("no-egress", "warning", "A firewall says what may go out; without a rule nothing does.")
def no_egress(context: Context) -> Iterator[Violation]:
    for firewall in context.graph.of(FIREWALL):
        if not firewall.inputs.get("outboundRules"):
            what = "has no outbound rule, so nothing goes out: no update, no certificate"
            yield Violation(firewall.name, what, 'rules for tcp and udp with port_range="all"', firewall.urn)


@rule("plain-http", "error", "Whatever people or checks reach from outside, they reach over HTTPS.")
def plain_http(context: Context) -> Iterator[Violation]:
    for balancer in context.graph.of(LOAD_BALANCER):
        plain = [forward for forward in balancer.blocks("forwardingRules") if forward.get("entryProtocol") == "http"]
        if plain and not balancer.inputs.get("redirectHttpToHttps"):
            yield Violation(balancer.name, "serves plain HTTP", "redirect_http_to_https=True", balancer.urn)
    for check in context.graph.of(UPTIME_CHECK):
        target = str(check.inputs.get("target") or "")
        if target.startswith("http://") or check.inputs.get("type") == "http":
            yield Violation(check.name, f"looks at {target} over plain HTTP", "a target with https://", check.urn)
    ending_tls = {
        host.droplet.urn for host in context.graph.hosts if host.droplet and (host.manifest or {}).get("certificate")
    }
    for host in context.graph.hosts:
        manifest = host.manifest or {}
        serves = 80 in ((manifest.get("firewall") or {}).get("tcp") or [])
        if serves and not manifest.get("certificate") and not _is_behind_tls(context, host.droplet, ending_tls):
            what = f"{manifest.get('hostname')} serves HTTP and has no certificate"
            right = "a manifest with `certificate`, or a firewall that lets in the balancer alone"
            yield Violation(host.command.name, what, right, host.command.urn)


@rule("open-database", "error", "A managed database takes connections from its own product only.")
def open_database(context: Context) -> Iterator[Violation]:
    firewalls = context.graph.of(DATABASE_FIREWALL)
    for cluster in context.graph.of(DATABASE):
        if not any(context.graph.depends(firewall, cluster) for firewall in firewalls):
            right = "a DatabaseFirewall with the hosts' tag"
            yield Violation(cluster.name, "no firewall names who may connect", right, cluster.urn)
    for firewall in firewalls:
        if firewall.inputs.get("rules") == []:
            right = "rules by tag, app or the private range"
            yield Violation(firewall.name, "names nobody, and lets everybody connect", right, firewall.urn)
        for entry in firewall.blocks("rules"):
            if entry.get("type") == "ip_addr" and _everybody([str(entry.get("value"))]):
                right = "rules by tag, app or the private range"
                yield Violation(firewall.name, f"lets {entry['value']} connect", right, firewall.urn)


@rule("unchecked-host-key", "error", "Every connection to a host checks its key.")
def unchecked_host_key(context: Context) -> Iterator[Violation]:
    for command in context.graph.of(COMMAND):
        connection = command.inputs.get("connection")
        if isinstance(connection, Mapping) and not connection.get("hostKey"):
            right = "connection.host_key: without it anybody in between can answer"
            yield Violation(command.name, "logs in to whichever host answers", right, command.urn)


def shields(graph: Graph, droplet: Resource) -> list[Resource]:
    """The cloud's firewalls in front of a droplet. They add up: what one of them lets in comes in."""
    tags = set(droplet.texts("tags"))
    return [
        firewall
        for firewall in graph.of(FIREWALL)
        if tags.intersection(firewall.texts("tags")) or graph.depends(firewall, droplet)
    ]


def open_ports(firewall: Resource) -> Iterator[str]:
    """What a firewall lets everybody reach but SSH, which has a rule of its own: protocol and ports."""
    for inbound in firewall.blocks("inboundRules"):
        protocol, ports = inbound.get("protocol"), inbound.get("portRange")
        if protocol != "icmp" and ports != "22" and _everybody(texts(inbound, "sourceAddresses")):
            yield f"{protocol} {ports}"


def _is_behind_tls(context: Context, droplet: Resource | None, ending_tls: Collection[str]) -> bool:
    """Whether nobody reaches a droplet's port 80 but balancers, and droplets that end TLS themselves.

    That a balancer ends TLS, and sends HTTP to HTTPS, is a matter of its own.
    """
    before = shields(context.graph, droplet) if droplet is not None else []
    inward = [
        inbound
        for firewall in before
        for inbound in firewall.blocks("inboundRules")
        if inbound.get("protocol") == "tcp" and _covers(inbound.get("portRange"), 80)
    ]
    return bool(inward) and all(_is_from_tls(context, inbound, ending_tls) for inbound in inward)


def _is_from_tls(context: Context, inbound: Mapping[str, Any], ending_tls: Collection[str]) -> bool:
    if any(inbound.get(key) for key in ("sourceAddresses", "sourceDropletIds", "sourceKubernetesIds")):
        return False
    tags = set(texts(inbound, "sourceTags"))
    tagged = [droplet for droplet in context.graph.of(DROPLET) if tags.intersection(droplet.texts("tags"))]
    if tags:
        return bool(tagged) and all(droplet.urn in ending_tls for droplet in tagged)
    return bool(inbound.get("sourceLoadBalancerUids"))


def _everybody(sources: Iterable[str]) -> set[str]:
    """Those of the ranges that are too large to be somebody's own."""
    found: set[str] = set()
    for source in sources:
        try:
            network = ipaddress.ip_network(source, strict=False)
        except ValueError:  # not known yet
            continue
        if network.prefixlen <= NARROWEST_PUBLIC[network.version]:
            found.add(source)
    return found


def _covers(port_range: Any, port: int) -> bool:
    if port_range in ("all", "0", None):
        return True
    first, _, last = str(port_range).partition("-")
    return first.isdigit() and int(first) <= port <= int(last or first)


def _manifests(context: Context) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    for resource in context.graph:
        if resource.manifest is not None:
            yield resource, resource.manifest


RULES = (public_ssh, public_port, no_firewall, no_egress, plain_http, open_database, unchecked_host_key)
