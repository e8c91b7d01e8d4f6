"""Which property changes replace a resource instead of changing it in place.

Read in the sources, at these states: `ForceNew` in terraform-provider-digitalocean of 2026-08-06
(digitalocean/<area>/resource_*.go), `replaceOnChanges` in pulumi-command of 2026-08-21, `RequiresReplace` in
terraform-provider-cloudflare of 2026-07-10 (internal/services/<name>/schema.go), -tls of 2026-04-28 and -random of
2026-06-11. What the Pulumi packages override on top of them was not read.
"""

from __future__ import annotations

_DO = "digitalocean:index/"

REPLACES: dict[str, frozenset[str]] = {
    # droplet/resource_droplet.go; `ipv6` replaces only when it is turned off (see droplet.py)
    f"{_DO}droplet:Droplet": frozenset(
        {
            "image",
            "region",
            "sshKeys",
            "userData",
            "monitoring",
            "dropletAgent",
            "vpcUuid",
            "publicNetworking",
            "gpuPartitionMode",
        }
    ),
    # vpc/resource_vpc.go
    f"{_DO}vpc:Vpc": frozenset({"region", "ipRange"}),
    # volume/resource_volume.go, resource_volume_attachment.go
    f"{_DO}volume:Volume": frozenset(
        {"region", "name", "description", "snapshotId", "initialFilesystemType", "initialFilesystemLabel"}
    ),
    f"{_DO}volumeAttachment:VolumeAttachment": frozenset({"dropletId", "volumeId"}),
    # nfs/resource_nfs.go
    f"{_DO}nfs:Nfs": frozenset({"region", "name", "vpcId"}),
    # reservedip/resource_reserved_ip.go, resource_reserved_ip_assignment.go
    f"{_DO}reservedIp:ReservedIp": frozenset({"region"}),
    f"{_DO}reservedIpAssignment:ReservedIpAssignment": frozenset({"ipAddress", "dropletId"}),
    # firewall/firewalls.go: everything changes in place
    f"{_DO}firewall:Firewall": frozenset(),
    # sshkey/resource_ssh_key.go, tag/resource_tag.go
    f"{_DO}sshKey:SshKey": frozenset({"publicKey"}),
    f"{_DO}tag:Tag": frozenset({"name"}),
    # domain/resource_domain.go, resource_record.go
    f"{_DO}domain:Domain": frozenset({"name", "ipAddress"}),
    f"{_DO}dnsRecord:DnsRecord": frozenset({"type", "domain"}),
    # project/resource_project.go, resource_project_resources.go
    f"{_DO}project:Project": frozenset(),
    f"{_DO}projectResources:ProjectResources": frozenset({"project"}),
    # uptime/resource_uptime_check.go, resource_uptime_alert.go, monitoring/resource_monitor_alert.go
    f"{_DO}uptimeCheck:UptimeCheck": frozenset(),
    f"{_DO}uptimeAlert:UptimeAlert": frozenset(),
    f"{_DO}monitorAlert:MonitorAlert": frozenset(),
    # spaces/resource_spaces_bucket.go: its schema lacks ForceNew on `name`, though no bucket can be renamed: the
    # stand-in shows the replacement that the operator would have to make
    f"{_DO}spacesBucket:SpacesBucket": frozenset({"name", "region"}),
    f"{_DO}spacesBucketPolicy:SpacesBucketPolicy": frozenset({"bucket", "region"}),
    f"{_DO}spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration": frozenset({"region"}),
    f"{_DO}spacesKey:SpacesKey": frozenset(),
    # app/resource_app.go, app_spec.go: the whole specification changes in place
    f"{_DO}app:App": frozenset({"projectId"}),
    # certificate/resource_certificate.go
    f"{_DO}certificate:Certificate": frozenset(
        {"name", "privateKey", "leafCertificate", "certificateChain", "domains", "type"}
    ),
    # loadbalancer/resource_loadbalancer.go
    f"{_DO}loadBalancer:LoadBalancer": frozenset(
        {"region", "vpcUuid", "subnetUuid", "ip", "type", "network", "networkStack"}
    ),
    # database/resource_database_cluster.go: region migrates and version upgrades in place
    f"{_DO}databaseCluster:DatabaseCluster": frozenset({"name", "engine", "privateNetworkUuid", "projectId"}),
    # database/resource_database_{db,user,connection_pool,firewall,replica}.go
    f"{_DO}databaseDb:DatabaseDb": frozenset({"name", "clusterId"}),
    f"{_DO}databaseUser:DatabaseUser": frozenset({"name", "clusterId"}),
    f"{_DO}databaseConnectionPool:DatabaseConnectionPool": frozenset(
        {"clusterId", "name", "user", "mode", "size", "dbName"}
    ),
    f"{_DO}databaseFirewall:DatabaseFirewall": frozenset({"clusterId"}),
    f"{_DO}databaseReplica:DatabaseReplica": frozenset({"name", "clusterId", "region", "privateNetworkUuid", "tags"}),
    "cloudflare:index/dnsRecord:DnsRecord": frozenset({"zoneId", "type"}),
    "cloudflare:index/zoneSetting:ZoneSetting": frozenset({"zoneId", "settingId"}),
    "cloudflare:index/ruleset:Ruleset": frozenset({"zoneId", "accountId", "kind", "name", "phase"}),
    "command:remote:Command": frozenset({"triggers"}),
    "command:remote:CopyToRemote": frozenset({"triggers"}),
    "command:local:Command": frozenset({"triggers"}),
    "tls:index/privateKey:PrivateKey": frozenset({"algorithm", "rsaBits", "ecdsaCurve"}),
    "random:index/randomId:RandomId": frozenset({"byteLength", "keepers", "prefix"}),
    "random:index/randomUuid:RandomUuid": frozenset({"keepers"}),
    "random:index/randomString:RandomString": frozenset(
        {"length", "keepers", "lower", "upper", "numeric", "number", "special", "overrideSpecial"}
        | {"minLower", "minUpper", "minNumeric", "minSpecial"}
    ),
    "random:index/randomPassword:RandomPassword": frozenset(
        {"length", "keepers", "lower", "upper", "numeric", "number", "special", "overrideSpecial"}
        | {"minLower", "minUpper", "minNumeric", "minSpecial"}
    ),
}
