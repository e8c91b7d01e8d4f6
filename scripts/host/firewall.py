"""UFW: who may reach this host. A change that would lock us out is refused, or puts itself back after a while."""

from __future__ import annotations

import ipaddress
import os
import re

from . import firewall_kernel
from .context import Host
from .files import write
from .firewall_kernel import Rule
from .manifest import File, Firewall
from .run import HostError

RULES = {4: "/etc/ufw/user.rules", 6: "/etc/ufw/user6.rules"}
DEFAULTS = "/etc/default/ufw"
ENABLED = "/etc/ufw/ufw.conf"
_ANY = {4: "0.0.0.0/0", 6: "::/0"}
_SETTINGS = {"DEFAULT_INPUT_POLICY": "DROP", "DEFAULT_OUTPUT_POLICY": "ACCEPT", "DEFAULT_FORWARD_POLICY": "DROP"}
_TUPLE = re.compile(r"^### tuple ### (.*?)(?: comment=\S*)?$", re.MULTILINE)


def differs(host: Host, wanted: Firewall) -> bool:
    """Whether the rules on the disk or in the kernel are not the wanted ones."""
    present, unknown = present_rules(host)
    if unknown or present != rules(wanted) or not _enabled(host) or not _defaults(host):
        return True
    return not firewall_kernel.in_force(host, present)  # what is on the disk may not be what is loaded


def rules(wanted: Firewall) -> set[Rule]:
    """The rules that `wanted` asks for, in UFW's own writing (networks without host bits, one address without /32)."""
    found: set[Rule] = set()
    for text in wanted.ssh_from:
        network = _network(text)
        alone = network.prefixlen == network.max_prefixlen
        found.add(("22", str(network.network_address) if alone else str(network)))
    for port in wanted.tcp:
        found |= {(str(port), _ANY[4]), (str(port), _ANY[6])}
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise HostError(f"manifest.firewall.ssh_from: {text} is not a range of addresses") from None


def present_rules(host: Host) -> tuple[set[Rule], list[str]]:
    """The rules on the disk that are of our form, and the others as UFW writes them."""
    ours: set[Rule] = set()
    others: list[str] = []
    for version, path in RULES.items():
        for line in _TUPLE.findall(_text(host, path)):
            words = line.split()
            plain = len(words) == 7 and words[:2] == ["allow", "tcp"] and words[4] == "any" and words[6] == "in"
            if plain and words[3] == _ANY[version]:
                ours.add((words[2], words[5]))
            else:
                others.append(line)
    return ours, others


def _enabled(host: Host) -> bool:
    return "\nENABLED=yes" in "\n" + _text(host, ENABLED)


def _defaults(host: Host) -> bool:
    text = "\n" + _text(host, DEFAULTS)
    return "\nIPV6=yes" in text and all(f'\n{key}="{value}"' in text for key, value in _SETTINGS.items())


def _text(host: Host, path: str) -> str:
    try:
        with open(host.at(path), encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        return ""


def refuse_lockout(wanted: Firewall, address: str | None) -> None:
    """HostError if `address`, where this session comes from, could not open another one under the wanted rules."""
    if address is None:
        return
    client = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped:
        client = client.ipv4_mapped
    networks = [_network(text) for text in wanted.ssh_from]
    if not client.is_loopback and not any(client in network for network in networks):
        ranges = ", ".join(wanted.ssh_from) or "nowhere"
        raise HostError(
            f"the firewall would lock out {client}, where this session comes from: SSH is allowed from {ranges}; "
            "add its range to the admin ranges"
        )


def session_address(pid: int | None = None) -> str | None:
    """The address of the SSH client that this process belongs to; None on a console or in a service.

    sudo drops SSH_CONNECTION, so the processes above are asked, up to the one that still has it.
    """
    pid = os.getpid() if pid is None else pid
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as opened:
                variables = opened.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as opened:
                parent = int(opened.read().rpartition(")")[2].split()[1])
        except OSError:
            return None
        for variable in variables:
            if variable.startswith(b"SSH_CONNECTION="):
                return variable.partition(b"=")[2].split(b" ")[0].decode()
        pid = parent
    return None


def change(host: Host, wanted: Firewall) -> None:
    """Bring UFW to the wanted rules: first what has to come in, then the rest is shut. Connections stay open."""
    present, others = present_rules(host)
    aim = rules(wanted)
    for port, source in sorted(aim - present):
        _ufw(host, ["allow", *_rule(port, source)])
        host.changed(f"firewall allows {port} from {source}")
    for port, source in sorted(present - aim):
        _ufw(host, ["delete", "allow", *_rule(port, source)])
        host.changed(f"firewall no longer allows {port} from {source}")
    if others:
        _drop_others(host, others)
    if not _defaults(host):
        _set_defaults(host)
        host.changed("firewall denies what is not allowed")
    if not _enabled(host):
        host.run(["ufw", "--force", "enable"], timeout=120)
        firewall_kernel.link(host)
        host.changed("firewall enabled")
    elif differs(host, wanted):
        firewall_kernel.reload(host)
        host.changed("firewall loaded again")
    if differs(host, wanted):
        raise HostError("the firewall is not what was asked for after it was changed: see `ufw status verbose`")


def _rule(port: str, source: str) -> list[str]:
    return ["proto", "tcp", "from", source, "to", _ANY[6 if ":" in source else 4], "port", port]


def _ufw(host: Host, arguments: list[str]) -> None:
    host.run(["ufw", *arguments], timeout=120)


def _drop_others(host: Host, others: list[str]) -> None:
    """Take rules of another form out of UFW's files, whatever their form is: a block each, parted by empty lines."""
    for path in RULES.values():
        text = _text(host, path)
        kept = [block for block in text.split("\n\n") if not any(line in others for line in _TUPLE.findall(block))]
        write(host, File(path, "\n\n".join(kept), 0o640, "root", "root", (), ()))
    for line in others:
        host.changed(f"firewall rule removed: {line}")
    if _enabled(host):
        firewall_kernel.reload(host)


def _set_defaults(host: Host) -> None:
    host.run(["sed", "-i", "-e", "s/^IPV6=.*/IPV6=yes/", host.at(DEFAULTS)])
    for direction, policy in (("incoming", "deny"), ("outgoing", "allow"), ("routed", "deny")):
        _ufw(host, ["default", policy, direction])
