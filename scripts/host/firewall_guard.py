"""Changing the firewall with a way back: `firewall-confirm` keeps the new rules, `firewall-revert` the old ones."""

from __future__ import annotations

import sys

from . import firewall, firewall_kernel
from .actions import private
from .context import STATE, Host
from .deadman import DeadMan
from .files import write
from .kept import kept_manifest
from .manifest import Firewall
from .run import HostError

REVERT_AFTER = 120
"""Seconds after an apply in which a new connection has to confirm the new rules."""

CONFIRMED = STATE + "/firewall-confirmed"
"""The rules that a new connection has been made under."""

_PATHS = (firewall.RULES[4], firewall.RULES[6], firewall.DEFAULTS, firewall.ENABLED)


def _guard(host: Host) -> DeadMan:
    return DeadMan(host, "firewall", "firewall rules", _PATHS, REVERT_AFTER)


def refuse_lockout(host: Host, wanted: Firewall | None) -> None:
    """HostError before anything is touched if the wanted rules would shut out whoever is applying them."""
    if wanted is not None and firewall.differs(host, wanted):
        firewall.refuse_lockout(wanted, firewall.session_address())


def apply(host: Host, wanted: Firewall | None) -> bool:
    """Bring the firewall to what is wanted. True if a new connection has to confirm it, else it puts itself back.

    Rules that were confirmed before are known to let us in: what has drifted from them is set right without a way back.
    """
    if wanted is None or not firewall.differs(host, wanted):
        return False
    known = _confirmed(host) == _text(wanted)
    if not known:
        _guard(host).arm()
    firewall.change(host, wanted)
    return not known


def wait_for_confirmation(host: Host) -> None:
    """Say that the new rules wait to be confirmed, and let the time for it begin now."""
    _guard(host).count_again()
    host.note(f"firewall: put back in {REVERT_AFTER} s unless `slipway firewall-confirm` runs over a new connection")


def confirm(arguments: list[str]) -> int:
    """`slipway firewall-confirm`: keep the rules. Fails if they had been put back; they are applied again then."""
    host = Host(out=sys.stdout)
    with host.lock():
        wanted = kept_manifest(host).firewall
        if wanted is None:
            return 0
        if firewall.differs(host, wanted):
            firewall.refuse_lockout(wanted, firewall.session_address())
            if apply(host, wanted):
                wait_for_confirmation(host)
                raise HostError(
                    "nobody confirmed the rules in time, so they had put themselves back; they are applied again: "
                    f"run this again over a new connection within {REVERT_AFTER} s"
                )
        guard = _guard(host)
        if guard.armed():
            guard.disarm()
        if write(host, private(CONFIRMED, _text(wanted))):
            host.note("firewall: confirmed")
    return 0


def _text(wanted: Firewall) -> str:
    return "".join(f"{port} {source}\n" for port, source in sorted(firewall.rules(wanted)))


def _confirmed(host: Host) -> str:
    try:
        with open(host.at(CONFIRMED), encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        return ""


def revert(arguments: list[str]) -> int:
    """`slipway firewall-revert`: bring the rules back that were before a change that nobody confirmed."""
    host = Host(out=sys.stdout)

    def follow() -> None:
        if "\nENABLED=yes" in "\n" + _read(host):
            firewall_kernel.reload(host)
        else:
            host.run(["ufw", "disable"], timeout=120)

    if _guard(host).revert(follow):
        host.note("firewall: not confirmed; the rules that were before are back")
    return 0


def _read(host: Host) -> str:
    with open(host.at(firewall.ENABLED), encoding="utf-8") as opened:
        return opened.read()
