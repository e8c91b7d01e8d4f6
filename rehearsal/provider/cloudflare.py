"""The stand-in for pulumi-cloudflare 6: records that the resolver answers with; settings and rules, recorded.

The API's error codes and texts are from memory: no source for them was read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.digitalocean.dns import publish
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches, now
from rehearsal.provider.store import Record
from rehearsal.provider.values import UNKNOWN, Properties

_PROXIABLE = ("A", "AAAA", "CNAME")
_KINDS = ("root", "zone", "managed", "custom")
_ZONE = r"[0-9a-f]{32}"
_BAD_ZONE = (
    '400 Bad Request {"errors":[{"code":7003,"message":"Could not route to /client/v4/zones/%s, '
    'perhaps your object identifier is invalid?"}]}'
)


def _refuse_zone(inputs: Properties) -> None:
    zone = inputs.get("zoneId")
    if zone is not None and not matches(_ZONE, zone):
        raise RefusedError(_BAD_ZONE % zone)


class DnsRecord(Recorded):
    """`cloudflare:index/dnsRecord:DnsRecord`; on the local cloud a proxied name leads straight to the origin."""

    token = "cloudflare:index/dnsRecord:DnsRecord"  # noqa: S105
    required = ("name", "ttl", "type", "zoneId")
    optional = (
        "comment",
        "content",
        "data",
        "includeShadowMetadata",
        "priority",
        "privateRouting",
        "proxied",
        "settings",
        "tags",
    )
    computed = (
        "commentModifiedOn",
        "createdOn",
        "meta",
        "modifiedOn",
        "proxiable",
        "proxied",
        "settings",
        "tags",
        "tagsModifiedOn",
    )
    defaults: ClassVar[Mapping[str, Any]] = {"proxied": False}
    unordered = frozenset({"tags"})
    table = "cloudflare_records"
    described_as = "record"

    def new_id(self, inputs: Properties) -> str:
        return secrets.token_hex(16)

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        ttl, failures = known(inputs, "ttl"), []
        if ttl is not None and ttl != 1 and not 30 <= ttl <= 86400:
            failures.append(Failure("ttl", f"Attribute ttl value must be between 30 and 86400, or 1, got: {ttl}"))
        if "content" not in inputs and "data" not in inputs:
            failures.append(Failure("content", "one of `content,data` must be specified"))
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_zone(inputs)
        if inputs["proxied"] and inputs["type"] not in _PROXIABLE:
            raise RefusedError(
                '400 Bad Request {"errors":[{"code":9004,"message":"This record type cannot be proxied."}]}'
            )
        if inputs["proxied"] and inputs["ttl"] != 1:
            raise RefusedError(
                '400 Bad Request {"errors":[{"code":9041,"message":"This DNS record cannot be proxied with a TTL."}]}'
            )
        wanted = (inputs["zoneId"], inputs["name"], inputs["type"], inputs.get("content"))
        if any((row["zoneId"], row["name"], row["type"], row.get("content")) == wanted for row in rows.values()):
            raise RefusedError(
                '400 Bad Request {"errors":[{"code":81058,"message":"An identical record already exists."}]}'
            )

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        moment = now()
        return {
            "createdOn": moment,
            "modifiedOn": moment,
            "commentModifiedOn": moment,
            "tagsModifiedOn": moment,
            "meta": "{}",
            "proxiable": inputs["type"] in _PROXIABLE,
            "settings": inputs.get("settings", {}),
            "tags": inputs.get("tags", []),
        }

    def apply(self, context: Context) -> None:
        publish(context)


class ZoneSetting(Recorded):
    """`cloudflare:index/zoneSetting:ZoneSetting`: its id is the setting's; deleting it leaves the zone as it is."""

    token = "cloudflare:index/zoneSetting:ZoneSetting"  # noqa: S105
    required = ("settingId", "value", "zoneId")
    optional = ("enabled",)
    computed = ("editable", "modifiedOn", "timeRemaining")
    table = "cloudflare_settings"

    def new_id(self, inputs: Properties) -> str:
        return f"{inputs['zoneId']}/{inputs['settingId']}"

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_zone(inputs)

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"editable": True, "modifiedOn": now(), "timeRemaining": 0}


class Ruleset(Recorded):
    """`cloudflare:index/ruleset:Ruleset`: one of a phase in a zone."""

    token = "cloudflare:index/ruleset:Ruleset"  # noqa: S105
    required = ("kind", "name", "phase")
    optional = ("accountId", "description", "rules", "zoneId")
    computed = ("description", "lastUpdated", "rules", "version")
    table = "cloudflare_rulesets"

    def new_id(self, inputs: Properties) -> str:
        return secrets.token_hex(16)

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        kind = inputs["kind"]
        if kind is not UNKNOWN and kind not in _KINDS:
            return [Failure("kind", f"Attribute kind value must be one of: {list(_KINDS)}, got: {kind}")]
        return []

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_zone(inputs)
        if any((row.get("zoneId"), row["phase"]) == (inputs.get("zoneId"), inputs["phase"]) for row in rows.values()):
            raise RefusedError(
                "400 Bad Request a similar ruleset exists: a zone has one entry point ruleset for each phase"
            )

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        described = {"description": inputs.get("description", ""), "rules": inputs.get("rules", [])}
        return {**described, "lastUpdated": now(), "version": "1"}


RESOURCES = (DnsRecord(), ZoneSetting(), Ruleset())
