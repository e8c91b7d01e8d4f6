"""Network File Storage: checked as the provider checks it, and had by nobody. What it would be is not made up here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.resource import Context, Failure, RefusedError, Resource, known
from rehearsal.provider.values import Properties

_LEAST = 50
_TIERS = ("standard", "high")


class Share(Resource):
    """`digitalocean:index/nfs:Nfs`; an NFS server needs a kernel of its own, and local hosts share this machine's."""

    token = "digitalocean:index/nfs:Nfs"  # noqa: S105
    required = ("region", "size", "vpcId")
    optional = ("name", "performanceTier", "tags")
    computed = ("host", "mountPath", "status", "vpcIds")
    defaults: ClassVar[Mapping[str, Any]] = {"performanceTier": "high"}
    named = "name"
    unordered = frozenset({"tags", "vpcIds"})

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures: list[Failure] = []
        size, tier = known(inputs, "size"), known(inputs, "performanceTier")
        if size is not None and size < _LEAST:
            failures.append(Failure("size", f"expected size to be at least ({_LEAST}), got {size}"))
        if tier is not None and tier not in _TIERS:
            message = f'expected performance_tier to be one of ["standard" "high"], got {tier}'
            failures.append(Failure("performanceTier", message))
        return failures

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        raise RefusedError("the local cloud has no shares: leave `share` out of slipway:architecture to rehearse")
