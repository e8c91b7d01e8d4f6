"""One stack file, whole: the product, its architecture, who may reach it, its names, who hears of trouble."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from settings.kinds import Architecture
from settings.product import Product
from settings.values import Cidr, DomainName, Email, Many, Model, Name, SshPublicKey, ZoneId


class Access(Model):
    """Who may log in: from where, and with which keys."""

    admin_cidrs: Many[Cidr] = Field(min_length=1)
    ssh_keys: Many[SshPublicKey] = Field(min_length=1)
    ssh_from_anywhere: bool = False

    @property
    def open_ranges(self) -> tuple[str, ...]:
        """The admin ranges that are in truth the whole internet."""
        return tuple(cidr for cidr in self.admin_cidrs if ipaddress.ip_network(cidr).prefixlen == 0)


NOBODY = Access.model_construct(admin_cidrs=(), ssh_keys=(), ssh_from_anywhere=False)
"""Who may log in where there is nothing to log in to."""


class Dns(Model):
    """Where the product's names are kept; `print` lists the records for somebody to enter."""

    provider: Literal["digitalocean", "cloudflare", "print"]
    zone: DomainName | None = None
    create_zone: bool = Field(default=False, description="digitalocean: make the zone too, protected")
    zone_id: ZoneId | None = Field(default=None, description="cloudflare: the zone's id, from its overview page")
    ttl: int = Field(default=300, ge=30, le=86400, description="seconds, from 30 to 86400")
    records: bool = Field(default=True, description="false: none yet, the names lead to the stack that is moved from")


class Alerts(Model):
    """Who hears of trouble, and from which share of CPU, memory and disk (percent, over five minutes)."""

    email: Many[Email] = ()
    cpu: int = Field(default=90, ge=1, le=100)
    memory: int = Field(default=90, ge=1, le=100)
    disk: int = Field(default=85, ge=1, le=100)
    down_for: Literal["2m", "3m", "5m", "10m", "15m"] = "2m"


class Certificates(Model):
    """Which authority issues certificates. `staging` has untrusted ones, with generous limits."""

    authority: Literal["lets-encrypt", "lets-encrypt-staging"] = "lets-encrypt"

    @property
    def directory(self) -> str:
        """The authority's ACME directory (source: letsencrypt.org/docs/acme-protocol-updates, staging-environment)."""
        host = "acme-staging-v02" if self.authority == "lets-encrypt-staging" else "acme-v02"
        return f"https://{host}.api.letsencrypt.org/directory"


class Budget(Model):
    """The plan fails where a month costs more than this (USD)."""

    monthly: float = Field(gt=0)


def prefix(product: str, stack: str) -> str:
    """What the names of a stack's resources start with: the product, and the stack where that says more."""
    return stack if stack == product or stack.startswith(f"{product}-") else f"{product}-{stack}"


class Settings(Model):
    """What `settings.load` makes of a stack's configuration. `secrets` are the names of those that are set."""

    stack: Name
    product: Product
    architecture: Architecture
    access: Access = NOBODY
    dns: Dns
    alerts: Alerts = Alerts()
    certificates: Certificates = Certificates()
    budget: Budget | None = None
    secrets: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The prefix of every resource's name."""
        return prefix(self.product.name, self.stack)

    @property
    def tags(self) -> Mapping[str, str]:
        """How resources are grouped (requirement ALL2)."""
        return {"product": self.product.name, "environment": self.stack, "managed-by": "slipway"}


BLOCKS: tuple[str, ...] = ("product", "architecture", "access", "dns", "alerts", "certificates", "budget")
REQUIRED_BLOCKS: tuple[str, ...] = ("product", "architecture", "access", "dns")
"""`access` only where there are hosts (`settings.kinds.WITHOUT_HOSTS`)."""
