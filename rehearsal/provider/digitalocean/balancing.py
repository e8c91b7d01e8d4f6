"""What the balancers of an account do now: their settings, and the droplets that they forward to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rehearsal.model import Balancing, Forwarding, HealthCheck
from rehearsal.provider.resource import Context
from rehearsal.provider.store import Account, Record

IDLE_SECONDS = 60
CHECK = {"checkIntervalSeconds": 10, "responseTimeoutSeconds": 5, "unhealthyThreshold": 3, "healthyThreshold": 5}
"""What a health check is where the program does not say it."""


def apply_balancers(context: Context) -> None:
    """Has every balancer do what it should now; only where that changed."""
    with context.store.exclusive("balancers"):
        account = context.store.read()
        for identifier, row in account["load_balancers"].items():
            if "ip" not in row:
                continue
            wanted = balancing(account, row)
            plain = asdict(wanted)
            if account["balanced"].get(identifier) == _listed(plain) or not context.cloud.serves(identifier):
                continue
            context.cloud.balance(identifier, wanted)
            with context.store.transaction() as latest:
                if identifier in latest["load_balancers"]:
                    latest["balanced"][identifier] = _listed(plain)


def _listed(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def balancing(account: Account, row: Record) -> Balancing:
    """The settings of one balancer as the local cloud takes them."""
    forwardings = tuple(_forwarding(rule) for rule in row.get("forwardingRules", ()))
    sticky, sources = row.get("stickySessions", {}), row.get("firewall", {})
    cookies = sticky.get("type") == "cookies"
    return Balancing(
        forwardings=forwardings,
        check=_check(health_check(row)),
        targets=dict(_targets(account, row)),
        redirect=row["redirectHttpToHttps"],
        proxy_protocol=row["enableProxyProtocol"],
        keepalive=row["enableBackendKeepalive"],
        cookie=sticky["cookieName"] if cookies else None,
        cookie_seconds=sticky["cookieTtlSeconds"] if cookies else 0,
        idle_seconds=row.get("httpIdleTimeoutSeconds", IDLE_SECONDS),
        allow=tuple(source.partition(":")[2] for source in sources.get("allows", ())),
        deny=tuple(source.partition(":")[2] for source in sources.get("denies", ())),
    )


def _forwarding(rule: Mapping[str, Any]) -> Forwarding:
    return Forwarding(
        entry=rule["entryProtocol"],
        entry_port=rule["entryPort"],
        target=rule["targetProtocol"],
        target_port=rule["targetPort"],
        certificate=certificate_of(rule),
        passthrough=rule.get("tlsPassthrough", False),
    )


def certificate_of(rule: Mapping[str, Any]) -> str | None:
    """The name of a rule's certificate; the id, which the package deprecates, is looked up as a name first, too."""
    return rule.get("certificateName") or rule.get("certificateId")


def certificates_of(row: Mapping[str, Any]) -> set[str]:
    """The names of all certificates that a balancer uses."""
    return {name for name in map(certificate_of, row.get("forwardingRules", ())) if name}


def health_check(row: Mapping[str, Any]) -> dict[str, Any]:
    """A balancer's health check; where the program names none, TCP at the first rule's target."""
    rules = row.get("forwardingRules") or [{"targetPort": 80}]
    given = row.get("healthcheck") or {"protocol": "tcp", "port": rules[0]["targetPort"]}
    return {**CHECK, **given}


def _check(check: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(
        protocol=check["protocol"],
        port=check["port"],
        path=check.get("path", "/"),
        interval=check["checkIntervalSeconds"],
        timeout=check["responseTimeoutSeconds"],
        failures_out=check["unhealthyThreshold"],
        successes_in=check["healthyThreshold"],
    )


def _targets(account: Account, row: Record) -> Iterable[tuple[str, str]]:
    """By private address, over the network that they share: other droplets are none of its targets."""
    for identifier in targets(account, row):
        droplet = account["droplets"][identifier]
        if droplet["vpcUuid"] == row["vpcUuid"] and droplet.get("ipv4AddressPrivate"):
            yield f"droplet-{identifier}", droplet["ipv4AddressPrivate"]


def targets(account: Account, row: Record) -> list[str]:
    """The droplets that a balancer is for: those that it names, or that have its tag now."""
    if row.get("dropletTag"):
        return sorted(key for key, droplet in account["droplets"].items() if row["dropletTag"] in droplet["tags"])
    return [str(item) for item in row.get("dropletIds", ()) if str(item) in account["droplets"]]
