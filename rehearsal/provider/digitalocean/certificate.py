"""Certificates for load balancers: from the authority that everybody trusts, or brought along."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from rehearsal.model import CloudError
from rehearsal.provider.digitalocean.balancing import certificates_of
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError
from rehearsal.provider.store import Record
from rehearsal.provider.values import Properties

_ERROR = "Error creating Certificate: 422 "


class Certificate(Recorded):
    """`digitalocean:index/certificate:Certificate`: its id is its name; the key and the chain are kept as hashes."""

    token = "digitalocean:index/certificate:Certificate"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = (
        "certificateChain",
        "domains",
        "leafCertificate",
        "name",
        "privateKey",
        "type",
    )
    computed = ("notAfter", "sha1Fingerprint", "state", "uuid")
    defaults: ClassVar[Mapping[str, Any]] = {"type": "custom"}
    secret_inputs = ("privateKey",)
    secret_outputs = ("privateKey",)
    hashed = frozenset({"privateKey", "leafCertificate", "certificateChain"})
    named = "name"
    unordered = frozenset({"domains"})
    table = "certificates"
    described_as = "certificate"

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        kind, given = inputs["type"], [key for key in self.hashed if key in inputs]
        if kind not in ("custom", "lets_encrypt"):
            return [Failure("type", f'expected type to be one of ["custom" "lets_encrypt"], got {kind}')]
        if kind == "lets_encrypt":
            if "domains" not in inputs:
                return [Failure("domains", "`domains` is required for when type is `lets_encrypt`")]
            return [Failure(key, f'"{key}": conflicts with domains') for key in given]
        missing = [key for key in ("privateKey", "leafCertificate") if key not in inputs]
        return [Failure(key, f"`{key}` is required for when type is `custom`") for key in missing]

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if inputs["name"] in rows:
            raise RefusedError(_ERROR + "certificate name must be unique")
        zones = context.store.read()["domains"]
        for name in inputs.get("domains", ()):
            if not any(name == zone or name.endswith(f".{zone}") for zone in zones):
                raise RefusedError(f"{_ERROR}domain {name} is not managed by DigitalOcean DNS on your account")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        name = str(inputs["name"])
        identifier, added = super().create(context, inputs)
        try:
            if inputs["type"] == "lets_encrypt":
                context.cloud.certify(name, inputs["domains"])
            else:
                chain = inputs["leafCertificate"] + inputs.get("certificateChain", "")
                context.cloud.keep_certificate(name, chain, inputs["privateKey"])
        except CloudError as error:
            with context.store.transaction() as account:
                account[self.table].pop(identifier, None)
            raise RefusedError(f"{_ERROR}{error}") from error
        return identifier, added

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        """The real provider tries for 15 minutes before it gives up on one that a balancer uses."""
        if any(identifier in certificates_of(row) for row in context.store.read()["load_balancers"].values()):
            raise RefusedError(
                "Error deleting Certificate: 403 Make sure the certificate is not in use before deleting it"
            )
        super().delete(context, identifier, state)
        context.cloud.forget_certificate(identifier)

    def kept(self, inputs: Properties) -> Properties:
        return {
            key: _hash(value) if key in self.hashed else value for key, value in inputs.items() if key != "privateKey"
        }

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        hashes = {key: _hash(inputs[key]) for key in self.hashed if key in inputs}
        until = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
        print_ = hashlib.sha1(identifier.encode()).hexdigest()  # noqa: S324 - shaped like a fingerprint
        return {
            **hashes,
            "notAfter": until,
            "sha1Fingerprint": print_,
            "state": "verified",
            "uuid": secrets.token_hex(16),
        }


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - what the real provider keeps
