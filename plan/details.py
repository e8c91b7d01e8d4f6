"""What is worth knowing of a resource, in a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policies.graph import UNKNOWN, Resource

Inputs = Mapping[str, Any]


def detail(resource: Resource) -> str:
    """A few words on a resource. Never holds an input that is marked as a secret."""
    describe = _DETAILS.get(resource.kind)
    if describe is None or not resource.custom:
        return ""
    open_inputs = {key: value for key, value in resource.inputs.items() if not resource.is_secret(key)}
    return describe(open_inputs, resource)


def _words(*keys: str) -> Callable[[Inputs, Resource], str]:
    def describe(inputs: Inputs, resource: Resource) -> str:
        return " ".join(str(inputs[key]) for key in keys if inputs.get(key) not in (None, "", UNKNOWN))

    return describe


def _droplet(inputs: Inputs, resource: Resource) -> str:
    policy = inputs.get("backupPolicy") or {}
    backups = f", {policy.get('plan', 'weekly')} backups" if inputs.get("backups") else ", no backups"
    return f"{inputs.get('size')} {inputs.get('image')} in {inputs.get('region')}{backups}"


def _firewall(inputs: Inputs, resource: Resource) -> str:
    rules: dict[str, list[str]] = {}
    for inbound in inputs.get("inboundRules") or []:
        sources = inbound.get("sourceAddresses") or inbound.get("sourceTags") or []
        balancer = inbound.get("sourceLoadBalancerUids") not in (None, [])
        text = "anywhere" if "0.0.0.0/0" in sources else "the load balancer" if balancer else ", ".join(sources)
        rules.setdefault(text, []).append(str(inbound.get("portRange") or inbound.get("protocol")))
    return "; ".join(f"{' '.join(ports)} from {source}" for source, ports in rules.items())


def _bucket(inputs: Inputs, resource: Resource) -> str:
    versioned = ", versioned" if (inputs.get("versioning") or {}).get("enabled") else ""
    return f"{inputs.get('name')} in {inputs.get('region')}, {inputs.get('acl', 'private')}{versioned}"


def _record(inputs: Inputs, resource: Resource) -> str:
    zone, name = inputs.get("domain"), inputs.get("name")
    full = zone if name == "@" else f"{name}.{zone}" if zone else name
    return f"{full} {inputs.get('type')} {inputs.get('value') or inputs.get('content') or ''}".rstrip()


def _uptime_alert(inputs: Inputs, resource: Resource) -> str:
    reasons = {
        "down_global": "down everywhere", "down": "down", "ssl_expiry": "certificate expires", "latency": "slow",
    }  # fmt: skip
    threshold = (
        f" {_sign(inputs.get('comparison'))} {inputs['threshold']}" if inputs.get("threshold") is not None else ""
    )
    units = {"ssl_expiry": " days", "latency": " ms"}.get(str(inputs.get("type")), "") if threshold else ""
    return f"{reasons.get(str(inputs.get('type')), inputs.get('type'))}{threshold}{units}, for {inputs.get('period')}"


def _monitor_alert(inputs: Inputs, resource: Resource) -> str:
    measure = str(inputs.get("type")).rpartition("/")[2].replace("_utilization_percent", "")
    return f"{measure} {_sign(inputs.get('compare'))} {inputs.get('value')} %, for {inputs.get('window')}"


def _sign(comparison: Any) -> str:
    return {"less_than": "<", "greater_than": ">", "LessThan": "<", "GreaterThan": ">"}.get(
        str(comparison), str(comparison)
    )


def _key(inputs: Inputs, resource: Resource) -> str:
    return ", ".join(f"{grant.get('permission')} on {grant.get('bucket')}" for grant in inputs.get("grants") or [])


def _command(inputs: Inputs, resource: Resource) -> str:
    if resource.type.startswith("command:local:"):
        return f"{inputs['delete']}, when it goes" if inputs.get("delete") else f"{inputs.get('create')}, here"
    last = str(inputs.get("create") or "").split()[-1:]
    return f"slipway {last[0]}, over SSH" if last else "over SSH"


def _trusted(inputs: Inputs, resource: Resource) -> str:
    return ", ".join(f"{rule.get('type')} {rule.get('value')}" for rule in inputs.get("rules") or [])


def _balancer(inputs: Inputs, resource: Resource) -> str:
    check = inputs.get("healthcheck") or {}
    hosts = len(inputs.get("dropletIds") or [])
    return f"{hosts} hosts in {inputs.get('region')}, each asked every {check.get('checkIntervalSeconds')} s"


def _app(inputs: Inputs, resource: Resource) -> str:
    spec = resource.inputs.get("spec") or {}  # it has secrets in it: nothing but numbers and its place is told
    counts = ((key, len(spec.get(key) or [])) for key in ("services", "workers", "jobs"))
    found = [f"{count} {key if count > 1 else key[:-1]}" for key, count in counts if count]
    return f"{', '.join(found)} in {spec.get('region')}"


_DETAILS: dict[str, Callable[[Inputs, Resource], str]] = {
    "App": _app,
    "Command": _command,
    "DatabaseCluster": _words("engine", "version", "size", "region"),
    "DnsRecord": _record,
    "Domain": _words("name"),
    "Droplet": _droplet,
    "Firewall": _firewall,
    "Certificate": lambda inputs, _: ", ".join(inputs.get("domains") or []),
    "DatabaseConnectionPool": _words("mode", "size"),
    "DatabaseDb": _words("name"),
    "DatabaseFirewall": _trusted,
    "DatabaseReplica": _words("size", "region"),
    "LoadBalancer": _balancer,
    "MonitorAlert": _monitor_alert,
    "Nfs": lambda inputs, _: f"{inputs.get('size')} GiB in {inputs.get('region')}, {inputs.get('performanceTier')}",
    "PrivateKey": _words("algorithm"),
    "Project": _words("environment"),
    "ProjectResources": lambda inputs, _: f"{len(inputs.get('resources') or [])} resources",
    "RandomPassword": lambda inputs, _: f"{inputs.get('length')} characters",
    "ReservedIp": lambda inputs, _: f"in {inputs.get('region')}",
    "ReservedIpAssignment": _words("ipAddress"),
    "SpacesBucket": _bucket,
    "SpacesKey": _key,
    "SshKey": _words("name"),
    "Tag": _words("name"),
    "UptimeAlert": _uptime_alert,
    "UptimeCheck": _words("target"),
    "Volume": lambda inputs, _: f"{inputs.get('size')} GiB in {inputs.get('region')}",
    "Vpc": lambda inputs, _: f"{inputs.get('ipRange')} in {inputs.get('region')}",
}
