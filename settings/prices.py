"""What things cost, as a dated table: USD a month, without tax and traffic. Droplet sizes are in `settings.droplets`.

Sources, read 2026-11: digitalocean.com/pricing, docs.digitalocean.com/products/<product>/details/pricing,
cloudflare.com/plans. Only the prices of sizes can be asked of an API (`GET /v2/sizes`,
`GET /v2/apps/tiers/instance_sizes`), and that takes an account.
"""

from __future__ import annotations

from settings import droplets

AS_OF = droplets.AS_OF
SOURCE = "DigitalOcean's and Cloudflare's public price lists"

BACKUPS = {"weekly": 0.20, "daily": 0.30}
"""Share of the droplet's own price."""
VOLUME_GIB = 0.10
IDLE_RESERVED_ADDRESS = 5.0
"""An address that no droplet has; one that is assigned costs nothing."""
SPACES = 5.0
"""For all buckets of an account together: 250 GiB stored, 1 TiB out."""
UPTIME_CHECK = 1.0
"""Each check; its alerts cost nothing."""
KUBERNETES_HA = 40.0
LOAD_BALANCER_NODE = 12.0
LOAD_BALANCERS = {"REGIONAL_NETWORK": 15.0, "GLOBAL": 15.0}

DATABASES: dict[str, dict[str, float]] = {
    "pg": {"db-s-1vcpu-1gb": 15.15, "db-s-1vcpu-2gb": 30.45, "db-s-2vcpu-4gb": 60.90},
    "valkey": {"db-s-1vcpu-1gb": 15.0, "db-s-1vcpu-2gb": 30.0, "db-s-2vcpu-4gb": 60.0},
    "mongodb": {"db-s-1vcpu-1gb": 15.0},
}
"""Each node, by engine and size."""
UNPRICED_DATABASES = {"mongodb": ("db-s-1vcpu-2gb", "db-s-2vcpu-4gb")}
"""Sizes that can be had and whose price nobody here has read, so that no cost has them. MongoDB of these comes as one
node or as three (DigitalOcean's API description, the `layouts` of `GET /v2/databases/options`)."""

APP_INSTANCES: dict[str, float] = {
    "apps-s-1vcpu-0.5gb": 5,
    "apps-s-1vcpu-1gb-fixed": 10,
    "apps-s-1vcpu-1gb": 12,
    "apps-s-1vcpu-2gb": 25,
    "apps-s-2vcpu-4gb": 50,
    "apps-d-1vcpu-0.5gb": 29,
    "apps-d-1vcpu-1gb": 34,
    "apps-d-1vcpu-2gb": 39,
    "apps-d-1vcpu-4gb": 49,
    "apps-d-2vcpu-4gb": 78,
    "apps-d-2vcpu-8gb": 98,
    "apps-d-4vcpu-8gb": 156,
}
"""Each instance of an app's component."""

FREE_PACKAGES = frozenset({"random", "tls", "command", "pulumi"})
"""Providers whose resources are no cloud's."""
_FREE_AT_DIGITALOCEAN = (
    "Certificate",
    "DatabaseConnectionPool",
    "DatabaseDb",
    "DatabaseFirewall",
    "DatabaseUser",
    "DnsRecord",
    "Domain",
    "Firewall",
    "MonitorAlert",
    "Project",
    "ProjectResources",
    "ReservedIpAssignment",
    "SpacesBucketCorsConfiguration",
    "SpacesBucketPolicy",
    "SpacesKey",
    "SshKey",
    "Tag",
    "UptimeAlert",
    "VolumeAttachment",
    "Vpc",
)
_FREE_AT_CLOUDFLARE = (
    "DnsRecord",
    "OriginCaCertificate",
    "ZeroTrustTunnelCloudflared",
    "ZeroTrustTunnelCloudflaredConfig",
)
FREE = frozenset(
    f"{package}:index/{name[0].lower()}{name[1:]}:{name}"
    for package, names in (("digitalocean", _FREE_AT_DIGITALOCEAN), ("cloudflare", _FREE_AT_CLOUDFLARE))
    for name in names
)
"""Types that cost nothing by themselves."""
