"""Load balancers: HAProxy on the local cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.digitalocean import balancer_rules as rules
from rehearsal.provider.digitalocean import dns
from rehearsal.provider.digitalocean.balancing import CHECK, IDLE_SECONDS, health_check, targets
from rehearsal.provider.digitalocean.catalog import REGIONS
from rehearsal.provider.digitalocean.droplet import BAD_TAG, TAG
from rehearsal.provider.digitalocean.following import follow
from rehearsal.provider.digitalocean.network import default_vpc
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches
from rehearsal.provider.store import Record
from rehearsal.provider.values import Properties

_SIZES = {"lb-small": 1, "lb-medium": 3, "lb-large": 6}


class LoadBalancer(Recorded):
    """`digitalocean:index/loadBalancer:LoadBalancer`; regional ones for HTTP and TCP, that the world reaches."""

    token = "digitalocean:index/loadBalancer:LoadBalancer"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = (
        "algorithm",
        "disableLetsEncryptDnsRecords",
        "domains",
        "dropletIds",
        "dropletTag",
        "enableBackendKeepalive",
        "enableProxyProtocol",
        "firewall",
        "forwardingRules",
        "glbSettings",
        "healthcheck",
        "httpIdleTimeoutSeconds",
        "ip",
        "name",
        "network",
        "networkStack",
        "projectId",
        "redirectHttpToHttps",
        "region",
        "size",
        "sizeUnit",
        "stickySessions",
        "subnetUuid",
        "targetLoadBalancerIds",
        "tlsCipherPolicy",
        "type",
        "vpcUuid",
    )
    computed = (
        "dropletIds",
        "healthcheck",
        "httpIdleTimeoutSeconds",
        "ip",
        "loadBalancerUrn",
        "sizeUnit",
        "status",
        "stickySessions",
        "type",
        "vpcUuid",
    )
    volatile = ("dropletIds", "healthcheck", "sizeUnit", "stickySessions")
    defaults: ClassVar[Mapping[str, Any]] = {
        "algorithm": "round_robin",
        "disableLetsEncryptDnsRecords": False,
        "enableBackendKeepalive": False,
        "enableProxyProtocol": False,
        "healthcheck": CHECK,
        "redirectHttpToHttps": False,
        "stickySessions": {"type": "none"},
    }
    named = "name"
    unordered = frozenset({"domains", "dropletIds", "forwardingRules", "targetLoadBalancerIds"})
    table = "load_balancers"
    described_as = "load balancer"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = []
        if "region" not in inputs and "type" not in inputs:
            failures.append(Failure("region", "missing 'region' value"))
        if "dropletIds" in inputs and "dropletTag" in inputs:
            failures.append(Failure("dropletIds", '"droplet_ids": conflicts with droplet_tag'))
        if "size" in inputs and known(inputs, "size") not in (None, *_SIZES):
            failures.append(rules.one_of("size", _SIZES, inputs["size"]))
        failures += rules.outside("sizeUnit", inputs, 1, 200)
        tag = known(inputs, "dropletTag")
        if tag is not None and not matches(TAG, tag):
            failures.append(Failure("dropletTag", BAD_TAG))
        return [*failures, *rules.failures(inputs)]

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        if "vpcUuid" not in inputs and inputs.get("region") in REGIONS:
            inputs = {**inputs, "vpcUuid": default_vpc(context, inputs["region"])}
        identifier, added = super().create(context, inputs)
        context.log(f"making the load balancer {inputs['name']}")
        try:
            addresses = context.cloud.add_balancer(identifier, inputs["name"], inputs["vpcUuid"])
        except Exception as error:
            with context.store.transaction() as account:
                account[self.table].pop(identifier, None)
            raise RefusedError(f"the local cloud could not make {inputs['name']}: {error}") from error
        with context.store.transaction() as account:
            account[self.table][identifier].update(ip=addresses.public, privateAddress=addresses.private)
        self.apply(context)
        return identifier, {**added, **self._shown(context, identifier)}

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        rules.refuse(context.store.read(), rows, inputs)

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {
            "loadBalancerUrn": f"do:loadbalancer:{identifier}",
            "status": "active",
            "type": inputs.get("type", "REGIONAL"),
            "vpcUuid": inputs["vpcUuid"],
            "httpIdleTimeoutSeconds": inputs.get("httpIdleTimeoutSeconds", IDLE_SECONDS),
        }

    def _shown(self, context: Context, identifier: str) -> Properties:
        account = context.store.read()
        row = account[self.table][identifier]
        return {
            **{key: value for key, value in row.items() if key != "privateAddress"},
            "dropletIds": [int(item) for item in targets(account, row)],
            "healthcheck": health_check(row),
            "sizeUnit": row.get("sizeUnit") or _SIZES.get(row.get("size", ""), 1),
            "stickySessions": row.get("stickySessions", {"type": "none"}),
        }

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        if identifier not in context.store.read()[self.table]:
            return None
        if not context.cloud.serves(identifier):
            self._forget(context, identifier)
            return None
        return self._shown(context, identifier)

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        before = context.store.read()[self.table].get(identifier, {})
        super().update(context, identifier, state, {**inputs, "vpcUuid": before.get("vpcUuid")})
        with context.store.transaction() as account:
            account[self.table][identifier]["privateAddress"] = before["privateAddress"]
        self.apply(context)
        return self._shown(context, identifier)

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        context.cloud.remove_server(identifier)
        self._forget(context, identifier)

    def _forget(self, context: Context, identifier: str) -> None:
        with context.store.transaction() as account:
            account[self.table].pop(identifier, None)
            account["balanced"].pop(identifier, None)
        self.apply(context)

    def apply(self, context: Context) -> None:
        follow(context)
        dns.publish(context)
