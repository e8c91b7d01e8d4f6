"""Who may reach a database: everybody, or the trusted sources of its firewall."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from rehearsal.provider.digitalocean.firewall import droplet_addresses
from rehearsal.provider.resource import Context
from rehearsal.provider.store import Account

TABLE = "database_trust"
"""The rules by cluster or replica, as the API has them: one list each, which the last one who writes it replaces."""


def apply_trust(context: Context) -> None:
    """Has every database let in whom it trusts now; only where that changed."""
    with context.store.exclusive("trust"):
        account = context.store.read()
        for database in (*account["database_clusters"], *_replicas(account)):
            rules = account[TABLE].get(database, {}).get("rules", [])
            wanted = sorted({address for rule in rules for address in _sources(account, rule)}) if rules else None
            if account["trusted"].get(database, {"sources": None})["sources"] == wanted:
                continue
            if not context.cloud.serves(database):
                continue
            context.cloud.trust(database, wanted)
            with context.store.transaction() as latest:
                latest["trusted"][database] = {"sources": wanted}


def _replicas(account: Account) -> Iterable[str]:
    return (row["uuid"] for row in account["database_replicas"].values())


def _sources(account: Account, rule: Mapping[str, Any]) -> Iterable[str]:
    kind, value = rule["type"], str(rule["value"])
    if kind == "ip_addr":
        yield str(ipaddress.ip_network(value, strict=False))
    elif kind == "app":
        yield from (f"{address}/32" for address in account["apps"].get(value, {}).get("addresses", ()))
    elif kind == "droplet":
        yield from droplet_addresses(account, {value}, ())
    else:
        yield from droplet_addresses(account, (), {value})
