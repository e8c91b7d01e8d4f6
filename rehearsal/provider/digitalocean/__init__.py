"""The stand-in for pulumi-digitalocean 4.84: its resources on the local cloud, its refusals in its words."""

from __future__ import annotations

from rehearsal.provider.digitalocean.dns import DnsRecord, Domain
from rehearsal.provider.digitalocean.droplet import Droplet
from rehearsal.provider.digitalocean.firewall import Firewall
from rehearsal.provider.digitalocean.grouping import Project, ProjectResources, SshKey, Tag
from rehearsal.provider.digitalocean.lookups import FUNCTIONS
from rehearsal.provider.digitalocean.monitoring import MonitorAlert, UptimeAlert, UptimeCheck
from rehearsal.provider.digitalocean.network import ReservedIp, ReservedIpAssignment, Vpc
from rehearsal.provider.digitalocean.spaces import BucketCors, BucketPolicy, Certificate, SpacesBucket, SpacesKey
from rehearsal.provider.digitalocean.volume import Volume, VolumeAttachment

RESOURCES = (
    Vpc(),
    Droplet(),
    Volume(),
    VolumeAttachment(),
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
)

__all__ = ["FUNCTIONS", "RESOURCES"]
