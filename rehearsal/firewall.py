"""The cloud's firewall, as nft reads it: a table that the host's own rules know nothing of.

It looks at packets before the host translates addresses, so that a port that a container engine on the host publishes
is filtered too, as it would be in a cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from rehearsal.model import CloudError, InboundRule, OutboundRule

# The host's interfaces towards the world: public and private. Others are the host's own (bridges of containers).
_OUTSIDE = '{ "eth0", "eth1" }'
_CLOUD = "cloud"
SEVERED = "severed"


def removal(table: str = _CLOUD) -> str:
    """Takes the firewall (or another of the cloud's tables) away, or does nothing."""
    return f"table inet {table}\ndelete table inet {table}\n"


def severed() -> str:
    """Lets nothing in and nothing out, not even on connections that there are: a cable that was pulled."""
    return f"""{removal(SEVERED)}table inet {SEVERED} {{
  chain inbound {{ type filter hook prerouting priority raw; iifname {_OUTSIDE} drop; }}
  chain outbound {{ type filter hook postrouting priority 300; oifname {_OUTSIDE} drop; }}
}}
"""


def ruleset(inbound: Sequence[InboundRule], outbound: Sequence[OutboundRule] | None) -> str:
    """Replaces the firewall at once. CloudError for a rule that a cloud would refuse."""
    lines = [
        f"{removal()}table inet {_CLOUD} {{",
        "  chain inbound {",
        "    type filter hook prerouting priority mangle; policy drop;",
        f"    iifname != {_OUTSIDE} accept",
        "    ct state established,related accept",
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
        *(f"    {line}" for rule in inbound for line in _rule(rule, rule.sources, "saddr")),
        "  }",
    ]
    if outbound is not None:
        lines += [
            "  chain outbound {",
            "    type filter hook postrouting priority 200; policy drop;",
            f"    oifname != {_OUTSIDE} accept",
            "    ct state established,related accept",
            "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
            *(f"    {line}" for rule in outbound for line in _rule(rule, rule.destinations, "daddr")),
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def _rule(rule: InboundRule | OutboundRule, addresses: Sequence[str], side: str) -> list[str]:
    protocol, ports = rule.protocol, rule.ports
    if protocol not in ("tcp", "udp", "icmp"):
        raise CloudError(f"firewall: protocol {protocol!r} is none of tcp, udp, icmp")
    if not addresses:
        raise CloudError(f"firewall: a rule for {protocol} {ports} names no addresses")
    networks = [_network(address) for address in addresses]
    # Collapsed, since nft takes no overlapping ranges in one set.
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    lines = []
    for family, found in (("ip", [str(network) for network in four]), ("ip6", [str(network) for network in six])):
        if found:
            everyone = f"meta nfproto {'ipv4' if family == 'ip' else 'ipv6'}"
            who = everyone if found[0].endswith("/0") else f"{family} {side} {{ {', '.join(found)} }}"
            lines.append(f"{who} {_match(protocol, ports, family)} accept")
    return lines


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise CloudError(f"firewall: {text!r} is no CIDR: {error}") from error


def _match(protocol: str, ports: str, family: str) -> str:
    if protocol == "icmp":
        return "meta l4proto icmp" if family == "ip" else "meta l4proto icmpv6"
    if ports in ("all", "0", ""):
        return f"meta l4proto {protocol}"
    first, dash, last = ports.partition("-")
    numbers = [first, last] if dash else [first]
    possible = all(number.isdecimal() and 1 <= int(number) <= 65535 for number in numbers)
    if not possible or (dash and int(first) > int(last)):
        raise CloudError(f"firewall: ports {ports!r} are neither a port, a range, nor all")
    return f"{protocol} dport {ports}"
