"""The stand-in for pulumi-digitalocean 4.84: its resources on the local cloud, and what is refused.

The texts of refusals are of three kinds. From the provider's source (terraform-provider-digitalocean of 2026-08-06):
most of what `check` finds, and "can only be expanded". Quoted from public reports of the API: invalid size (docker
machine#288), size not available in this region (axiom#305), region not available (api-v2#41), invalid key identifiers
(typhoon#106), SSH key in use (packer-plugin-digitalocean#113), VPC with members (pulumi-digitalocean#753). All others
are ours: they refuse what the API's documentation or facts forbid, and the API says it otherwise. Without a source
that was read: the limits of 50 firewall rules, 30 s TTL, 16 TiB a volume and 64 KiB of user data, and which names
have to be unique. "operation is not supported for this cluster type" is quoted from terraformer#1905, that a
certificate is in use from the provider's source; the limits of balancers and databases are the documentation's.
"""

from __future__ import annotations

from rehearsal.provider.digitalocean.app import App
from rehearsal.provider.digitalocean.balancer import LoadBalancer
from rehearsal.provider.digitalocean.certificate import Certificate
from rehearsal.provider.digitalocean.database import DatabaseCluster
from rehearsal.provider.digitalocean.database_firewall import DatabaseFirewall
from rehearsal.provider.digitalocean.database_parts import DatabaseConnectionPool, DatabaseDb, DatabaseUser
from rehearsal.provider.digitalocean.database_replica import DatabaseReplica
from rehearsal.provider.digitalocean.dns import DnsRecord, Domain
from rehearsal.provider.digitalocean.droplet import Droplet
from rehearsal.provider.digitalocean.firewall import Firewall
from rehearsal.provider.digitalocean.grouping import Project, ProjectResources, SshKey, Tag
from rehearsal.provider.digitalocean.lookups import FUNCTIONS
from rehearsal.provider.digitalocean.monitoring import MonitorAlert, UptimeAlert, UptimeCheck
from rehearsal.provider.digitalocean.network import ReservedIp, ReservedIpAssignment, Vpc
from rehearsal.provider.digitalocean.share import Share
from rehearsal.provider.digitalocean.spaces import BucketCors, BucketPolicy, SpacesBucket, SpacesKey
from rehearsal.provider.digitalocean.volume import Volume, VolumeAttachment

RESOURCES = (
    Vpc(),
    Droplet(),
    Volume(),
    VolumeAttachment(),
    Share(),
    ReservedIp(),
    ReservedIpAssignment(),
    Firewall(),
    SshKey(),
    Tag(),
    Domain(),
    DnsRecord(),
    Project(),
    ProjectResources(),
    UptimeCheck(),
    UptimeAlert(),
    MonitorAlert(),
    SpacesBucket(),
    BucketPolicy(),
    BucketCors(),
    SpacesKey(),
    Certificate(),
    LoadBalancer(),
    DatabaseCluster(),
    DatabaseDb(),
    DatabaseUser(),
    DatabaseConnectionPool(),
    DatabaseFirewall(),
    DatabaseReplica(),
    App(),
)

__all__ = ["FUNCTIONS", "RESOURCES"]
