"""What a load balancer's inputs may be: what the provider finds, and what the API refuses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from rehearsal.provider.digitalocean.balancing import IDLE_SECONDS, certificate_of
from rehearsal.provider.digitalocean.catalog import REGIONS
from rehearsal.provider.resource import Failure, RefusedError, known, matches
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties

_ERROR = "Error creating Load Balancer: POST https://api.digitalocean.com/v2/load_balancers: 422 "
_TLS = ("https", "http2")
# docs.digitalocean.com, load balancer limits
_MOST_DROPLETS, _MOST_NODES = 10, 100
_SHORTEST_IDLE, _LONGEST_IDLE = 30, 600


def failures(inputs: Properties) -> Iterable[Failure]:
    """Mistakes in its rules, its health check and its sticky sessions."""
    for rule in known(inputs, "forwardingRules") or ():
        if rule is not UNKNOWN:
            yield from _rule_failures(rule)
    yield from _health_failures(inputs)
    yield from _sticky_failures(inputs)


def refuse(account: Account, rows: Mapping[str, Record], inputs: Properties) -> None:
    """Raises RefusedError where the API would, or where the stand-in can't do it. `rows` are the other balancers."""
    _refuse_kind(inputs)
    _refuse_place(account, rows, inputs)
    _refuse_targets(account, inputs)
    _refuse_rules(account, inputs)
    _refuse_numbers(inputs)


def one_of(key: str, allowed: Iterable[str], value: Any, under: str = "") -> Failure:
    """A value that is none of those that there are."""
    listed = " ".join(f'"{item}"' for item in allowed)
    return Failure(under or key, f"expected {key} to be one of [{listed}], got {value}")


def outside(key: str, values: Mapping[str, Any], low: int, high: int, under: str = "") -> list[Failure]:
    """A number that is too small or too large."""
    value = known(values, key)
    if value is None or low <= value <= high:
        return []
    return [Failure(under or key, f"expected {key} to be in the range ({low} - {high}), got {value}")]


def _rule_failures(rule: Mapping[str, Any]) -> Iterable[Failure]:
    entries, ends = ("http", "https", "http2", "http3", "tcp", "udp"), ("http", "https", "http2", "tcp", "udp")
    for key, allowed in (("entryProtocol", entries), ("targetProtocol", ends)):
        value = known(rule, key)
        if value is not None and value not in allowed:
            yield one_of(key, allowed, value, "forwardingRules")
    for key in ("entryPort", "targetPort"):
        yield from outside(key, rule, 1, 65535, "forwardingRules")
    for key in ("entryProtocol", "entryPort", "targetProtocol", "targetPort"):
        if rule.get(key) is None:
            yield Failure("forwardingRules", f'The argument "{key}" is required, but no definition was found.')


def _health_failures(inputs: Properties) -> Iterable[Failure]:
    check = known(inputs, "healthcheck")
    if not isinstance(check, Mapping):
        return
    protocol, under = known(check, "protocol"), "healthcheck"
    if protocol is not None and protocol not in ("http", "https", "tcp"):
        yield one_of("protocol", ("http", "https", "tcp"), protocol, under)
    elif protocol in ("http", "https") and not check.get("path"):
        yield Failure(under, f"health check `path` is required for when protocol is `{protocol}`")
    elif protocol == "tcp" and check.get("path"):
        yield Failure(under, "health check `path` is not allowed for when protocol is `tcp`")
    yield from outside("port", check, 1, 65535, under)
    for key in ("checkIntervalSeconds", "responseTimeoutSeconds"):
        yield from outside(key, check, 3, 300, under)
    for key in ("unhealthyThreshold", "healthyThreshold"):
        yield from outside(key, check, 2, 10, under)


def _sticky_failures(inputs: Properties) -> Iterable[Failure]:
    sticky = known(inputs, "stickySessions")
    if not isinstance(sticky, Mapping):
        return
    kind = sticky.get("type", "none")
    for key, name in (("cookieName", "cookie_name"), ("cookieTtlSeconds", "cookie_ttl_seconds")):
        if kind == "cookies" and key not in sticky:
            yield Failure("stickySessions", f"sticky sessions `{name}` is required for when type is `cookie`")
        if kind == "none" and key in sticky:
            yield Failure("stickySessions", f"sticky sessions `{name}` is not allowed for when type is `none`")


def _refuse_kind(inputs: Properties) -> None:
    for key, only in (("type", "REGIONAL"), ("network", "EXTERNAL"), ("networkStack", "IPV4")):
        if inputs.get(key, only).upper() != only:
            raise RefusedError(f"the rehearsal has no load balancer of {key} {inputs[key]} yet")
    for key in ("domains", "glbSettings", "ip", "subnetUuid", "targetLoadBalancerIds"):
        if key in inputs:
            raise RefusedError(f"the rehearsal's load balancer has no {key} yet")
    for rule in inputs.get("forwardingRules", ()):
        for key in ("entryProtocol", "targetProtocol"):
            if rule[key] in ("udp", "http3"):
                raise RefusedError(f"the rehearsal's load balancer forwards no {rule[key]} yet")


def _refuse_place(account: Account, rows: Mapping[str, Record], inputs: Properties) -> None:
    if not matches(r"[a-zA-Z0-9]([a-zA-Z0-9.\-]{0,253}[a-zA-Z0-9])?", inputs["name"]):
        raise RefusedError(_ERROR + "name may only contain letters, numbers, dashes and periods")
    if any(row["name"] == inputs["name"] for row in rows.values()):
        raise RefusedError(_ERROR + "load balancer name must be unique")
    if inputs.get("region") not in REGIONS:
        raise RefusedError(_ERROR + "region is invalid")
    if account["vpcs"].get(inputs["vpcUuid"], {}).get("region") != inputs["region"]:
        raise RefusedError(_ERROR + "VPC must exist and be in the load balancer's region")
    if "projectId" in inputs and inputs["projectId"] not in account["projects"]:
        raise RefusedError(_ERROR + f"project {inputs['projectId']} does not exist")


def _refuse_targets(account: Account, inputs: Properties) -> None:
    ids = inputs.get("dropletIds", ())
    if len(ids) > _MOST_DROPLETS:
        raise RefusedError(
            _ERROR + f"a load balancer takes at most {_MOST_DROPLETS} droplets by id: use a tag for more"
        )
    for droplet in ids:
        row = account["droplets"].get(str(droplet))
        if row is None:
            raise RefusedError(_ERROR + f"failed to find droplet {droplet}")
        if row["vpcUuid"] != inputs["vpcUuid"]:
            raise RefusedError(_ERROR + f"droplet {droplet} is not in the load balancer's VPC")
    if "dropletTag" in inputs and inputs["dropletTag"] not in account["tags"]:
        raise RefusedError(_ERROR + f"tag {inputs['dropletTag']} does not exist")


def _refuse_rules(account: Account, inputs: Properties) -> None:
    rules = inputs.get("forwardingRules", ())
    if not rules:
        raise RefusedError(_ERROR + "at least one forwarding rule must be specified")
    ports = [rule["entryPort"] for rule in rules]
    for rule in rules:
        name, entry, target = certificate_of(rule), rule["entryProtocol"], rule["targetProtocol"]
        if ports.count(rule["entryPort"]) > 1:
            raise RefusedError(_ERROR + f"entry port {rule['entryPort']} is used by more than one forwarding rule")
        if name and name not in account["certificates"]:
            raise RefusedError("certificate not found")
        if (entry == "tcp") != (target == "tcp"):
            raise RefusedError(_ERROR + f"a rule can't forward {entry} to {target}")
        if rule.get("tlsPassthrough"):
            if entry not in _TLS or target not in _TLS or name:
                raise RefusedError(_ERROR + "tls_passthrough needs https on both sides and no certificate")
        elif entry in _TLS and not name:
            raise RefusedError(_ERROR + f"a rule that takes {entry} needs a certificate or tls_passthrough")
        elif name and entry not in _TLS:
            raise RefusedError(_ERROR + f"a rule that takes {entry} can't have a certificate")
    if inputs["redirectHttpToHttps"] and not any((rule["entryProtocol"] in _TLS) for rule in rules):
        raise RefusedError(_ERROR + "redirect_http_to_https needs a rule that takes https")


def _refuse_numbers(inputs: Properties) -> None:
    if inputs.get("sizeUnit", 1) > _MOST_NODES:
        raise RefusedError(_ERROR + f"a load balancer can have at most {_MOST_NODES} nodes")
    idle = inputs.get("httpIdleTimeoutSeconds", IDLE_SECONDS)
    if not _SHORTEST_IDLE <= idle <= _LONGEST_IDLE:
        raise RefusedError(_ERROR + f"http_idle_timeout_seconds must be {_SHORTEST_IDLE} to {_LONGEST_IDLE}")
    path = inputs.get("healthcheck", {}).get("path", "/")
    if not matches(r"/[!-~]*", path):
        raise RefusedError(_ERROR + f"health check path {path!r} must begin with / and have no spaces")
    cookie = inputs.get("stickySessions", {}).get("cookieName", "lb")
    if not matches(r"[A-Za-z0-9_\-]{2,40}", cookie):
        raise RefusedError(_ERROR + f"cookie name {cookie!r} is invalid")
    sources = inputs.get("firewall", {})
    for source in (*sources.get("allows", ()), *sources.get("denies", ())):
        kind, _, address = source.partition(":")
        if kind not in ("ip", "cidr") or not _is_network(address):
            raise RefusedError(_ERROR + f"firewall rule {source!r} is neither ip:<address> nor cidr:<range>")


def _is_network(text: str) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).version == 4
    except ValueError:
        return False
