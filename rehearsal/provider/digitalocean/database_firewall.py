"""The trusted sources of a database."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.digitalocean.trust import TABLE, apply_trust
from rehearsal.provider.resource import Context, Failure, RefusedError, Resource, known
from rehearsal.provider.store import Account
from rehearsal.provider.values import UNKNOWN, Properties

_MOST_RULES = 100


class DatabaseFirewall(Resource):
    """`digitalocean:index/databaseFirewall:DatabaseFirewall`: the one list of a cluster, or of a replica by its UUID.

    Two of them on one cluster write the same list; deleting one empties it, and an empty list lets everybody in.
    """

    token = "digitalocean:index/databaseFirewall:DatabaseFirewall"  # noqa: S105
    required = ("clusterId", "rules")
    optional: ClassVar[tuple[str, ...]] = ()
    unordered = frozenset({"rules"})

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        kinds = ("ip_addr", "droplet", "k8s", "tag", "app")
        listed = " ".join(f'"{kind}"' for kind in kinds)
        return [
            Failure("rules", f"expected type to be one of [{listed}], got {rule.get('type')}")
            for rule in known(inputs, "rules") or ()
            if rule is not UNKNOWN and rule.get("type") is not UNKNOWN and rule.get("type") not in kinds
        ]

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        self._write(context, inputs["clusterId"], inputs["rules"], "Error creating DatabaseFirewall")
        return f"{inputs['clusterId']}-{secrets.token_hex(13)}", {}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        self._write(context, inputs["clusterId"], inputs["rules"], "Error updating DatabaseFirewall")
        return {}

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        account, database = context.store.read(), state["clusterId"]
        if not exists(account, database):
            return None
        return {"clusterId": database, "rules": account[TABLE].get(database, {}).get("rules", [])}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        if exists(context.store.read(), state["clusterId"]):
            self._write(context, state["clusterId"], [], "Error deleting DatabaseFirewall")

    def _write(self, context: Context, database: str, rules: list[Any], error: str) -> None:
        with context.store.transaction() as account:
            if not exists(account, database):
                raise RefusedError(f"{error}: 404 cluster not found")
            if len(rules) > _MOST_RULES:
                raise RefusedError(f"{error}: 422 a database takes at most {_MOST_RULES} trusted sources")
            for rule in rules:
                _refuse_rule(account, rule, error)
            account[TABLE][database] = {"rules": [{key: rule[key] for key in ("type", "value")} for rule in rules]}
        apply_trust(context)


def exists(account: Account, database: str) -> bool:
    """Whether there is a cluster, or a replica by its UUID."""
    replicas = (row["uuid"] for row in account["database_replicas"].values())
    return database in account["database_clusters"] or database in replicas


def _refuse_rule(account: Account, rule: Mapping[str, Any], error: str) -> None:
    kind, value = rule["type"], str(rule["value"])
    if kind == "app" and value not in account["apps"]:
        raise RefusedError(f"{error}: 422 failed to find app {value}")
    if kind == "k8s":
        raise RefusedError(f"the rehearsal has no {kind} for a database to trust yet")
    if kind == "droplet" and value not in account["droplets"]:
        raise RefusedError(f"{error}: 422 failed to find droplet {value}")
    if kind == "tag" and value not in account["tags"]:
        raise RefusedError(f"{error}: 422 tag {value} does not exist")
    if kind == "ip_addr":
        try:
            ipaddress.IPv4Network(value, strict=False)
        except ValueError:
            raise RefusedError(f"{error}: 422 {value} is no IPv4 address or range") from None
