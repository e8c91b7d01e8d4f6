"""What follows from which droplets there are: firewalls and balancers by tag, and who may reach a database."""

from __future__ import annotations

from rehearsal.provider.digitalocean.balancing import apply_balancers
from rehearsal.provider.digitalocean.firewall import apply_firewalls
from rehearsal.provider.digitalocean.trust import apply_trust
from rehearsal.provider.resource import Context


def follow(context: Context) -> None:
    """Brings all of it up to date; only where it changed."""
    apply_firewalls(context)
    apply_balancers(context)
    apply_trust(context)
