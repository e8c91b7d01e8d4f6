"""What is in force: the rules in the kernel, which say more than UFW's files do, and their way into it."""

from __future__ import annotations

import re

from .context import Host

Rule = tuple[str, str]
"""A TCP port and the range it may be reached from, as UFW writes it."""

_TABLES = {4: ("iptables", "ufw", "0.0.0.0/0"), 6: ("ip6tables", "ufw6", "::/0")}
_PARTS = ("before-logging", "before", "after", "after-logging", "reject", "track")
_CHAINS = ("INPUT", "OUTPUT", "FORWARD")
_ALL_CODES = tuple(range(256))


def in_force(host: Host, rules: set[Rule]) -> bool:
    """Whether the kernel denies what comes in except by these rules. Two programs, a few milliseconds."""
    return all(_in_force(host, version, rules) for version in _TABLES)


def _in_force(host: Host, version: int, rules: set[Rule]) -> bool:
    program, prefix, anywhere = _TABLES[version]
    result = host.run([program, "-S"], accept=_ALL_CODES)
    if result.code:
        return version == 6  # a kernel without IPv6 lets nothing in over it
    lines = result.stdout.splitlines()
    present: set[Rule] = set()
    form = re.compile(rf"-A {prefix}-user-input (?:-s (\S+) )?-p tcp -m tcp --dport (\d+) -j ACCEPT")
    for line in lines:
        if line.startswith(f"-A {prefix}-user-input "):
            found = form.fullmatch(line)
            if found is None:
                return False
            present.add((found[2], (found[1] or anywhere).removesuffix({4: "/32", 6: "/128"}[version])))
    wanted = {(port, source) for port, source in rules if (":" in source) == (version == 6)}
    ways = ["-P INPUT DROP", *_jumps(prefix, "INPUT"), f"-A {prefix}-before-input -j {prefix}-user-input"]
    return present == wanted and set(ways) <= set(lines)


def _jumps(prefix: str, chain: str) -> list[str]:
    return [f"-A {chain} -j {prefix}-{part}-{chain.lower()}" for part in _PARTS]


def reload(host: Host) -> None:
    """Have UFW load its files again, and make sure that what comes in gets to its rules."""
    host.run(["ufw", "reload"], timeout=120)
    link(host)


def link(host: Host) -> None:
    """Put the jumps to UFW's chains back where they are missing.

    UFW makes them only together with its chains. If somebody has emptied INPUT and left the chains, `ufw reload` sets
    the policy to drop and nothing else: nobody gets in any more.
    """
    for program, prefix, _ in _TABLES.values():
        result = host.run([program, "-S"], accept=_ALL_CODES)
        if result.code or f"-N {prefix}-before-input" not in result.stdout:
            continue
        lines = result.stdout.splitlines()
        for chain in _CHAINS:
            jumps = _jumps(prefix, chain)
            if all(jump in lines for jump in jumps):
                continue
            for jump in jumps:  # all anew: their order counts
                if jump in lines:
                    host.run([program, "-D", *jump.split()[1:]])
                host.run([program, *jump.split()])
