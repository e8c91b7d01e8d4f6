"""Changing the firewall with a way back: `firewall-confirm` keeps the new rules, `firewall-revert` the old ones."""

from __future__ import annotations

import sys

from . import firewall, firewall_kernel
from .context import Host
from .deadman import DeadMan
from .manifest import Firewall
from .run import HostError

REVERT_AFTER = 120
"""Seconds after an apply in which a new connection has to confirm the new rules."""

_PATHS = (firewall.RULES[4], firewall.RULES[6], firewall.DEFAULTS, firewall.ENABLED)


def _guard(host: Host) -> DeadMan:
    return DeadMan(host, "firewall", "firewall rules", _PATHS, REVERT_AFTER)


def refuse_lockout(host: Host, wanted: Firewall | None) -> None:
    """HostError before anything is touched if the wanted rules would shut out whoever is applying them."""
    if wanted is not None and firewall.differs(host, wanted):
        firewall.refuse_lockout(wanted, firewall.session_address())


def apply(host: Host, wanted: Firewall | None) -> bool:
    """Bring the firewall to what is wanted, with a way back. True if it changed and waits to be confirmed."""
    if wanted is None or not firewall.differs(host, wanted):
        return False
    guard = _guard(host)
    guard.arm()
    firewall.change(host, wanted)
    return True


def wait_for_confirmation(host: Host) -> None:
    """Say that the new rules wait to be confirmed, and let the time for it begin now."""
    _guard(host).count_again()
    host.note(f"firewall: put back in {REVERT_AFTER} s unless `slipway firewall-confirm` runs over a new connection")


def confirm(arguments: list[str]) -> int:
    """`slipway firewall-confirm`: keep the rules. Fails if they have been put back, or are not as they should be."""
    from .apply import kept_manifest

    host = Host(out=sys.stdout)
    with host.lock():
        guard = _guard(host)
        if guard.armed():
            guard.disarm()
            host.note("firewall: confirmed")
    wanted = kept_manifest(host).firewall
    if wanted is not None and firewall.differs(host, wanted):
        raise HostError(
            "the firewall is not the one of the last manifest: it was not confirmed in time and put itself back, "
            "or was changed by hand; run `slipway apply --again`, then confirm over a new connection"
        )
    return 0


def revert(arguments: list[str]) -> int:
    """`slipway firewall-revert`: bring the rules back that were before a change that nobody confirmed."""
    host = Host(out=sys.stdout)
    guard = _guard(host)
    if not guard.armed():
        return 0
    guard.put_back()
    if "\nENABLED=yes" in "\n" + _read(host):
        firewall_kernel.reload(host)
    else:
        host.run(["ufw", "disable"], timeout=120)
    guard.disarm()
    host.note("firewall: not confirmed; the rules that were before are back")
    return 0


def _read(host: Host) -> str:
    with open(host.at(firewall.ENABLED), encoding="utf-8") as opened:
        return opened.read()
