"""The same for the rules on what hosts of a fleet have: balancers, databases, containers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from policies.graph import Resource
from tests.policies.stacks import (
    ADMINS,
    OPEN,
    Case,
    apply,
    balancer,
    compose,
    context,
    droplet,
    firewall,
    inbound,
    product,
    resource,
    settings,
    uptime,
)

DIGEST = f"sha256:{'0' * 64}"
IMAGE = f"ghcr.io/a/b@{DIGEST}"
CHECKED = "https://familyflow.example.com/api/health/"
FROM_BALANCER = {"protocol": "tcp", "portRange": "80", "sourceLoadBalancerUids": ["b"]}
HTTP = {"entryProtocol": "http", "entryPort": 80}
HTTPS = {"entryProtocol": "https", "entryPort": 443, "certificateName": "c"}
HTTP_ALONE = {"ssh_from": ADMINS, "tcp": [80]}
NOBODY = {"ssh_from": ADMINS, "tcp": []}
CLUSTER = resource("DatabaseCluster", "main", protect=True, inputs={"engine": "pg", "nodeCount": 2})
KEPT = {"image": IMAGE, "volumes": ["documents:/data/db"]}
PUBLISHED = {**KEPT, "ports": ["10.100.0.10:27017:27017"]}


def app(image: dict[str, Any]) -> Resource:
    return resource("App", inputs={"spec": {"services": [{"name": "web", "image": image}]}})


def runs(image: str) -> Resource:
    return apply(files=[compose(api={"image": image})])


def dumps_with(image: str) -> Resource:
    told = {"kind": "compose", "dumps": [{"name": "database", "image": image}]}
    return apply(files=[{"path": "/etc/slipway/release.json", "content": json.dumps(told)}])


def release(asked: dict[str, Any], package: str = "remote") -> Resource:
    kind = f"command:{package}:Command"
    secret = frozenset({"stdin"})
    inputs = {"stdin": json.dumps(asked), "connection": {"host": "h", "hostKey": "k"}}
    return Resource(f"urn::{kind}::it", kind, "a-fleet-release", inputs=inputs, secret_paths=secret)


def uncommitted() -> Any:
    whole = settings()
    released = whole.product.release.model_copy(update={"commit": None})
    return whole.model_copy(update={"product": whole.product.model_copy(update={"release": released})})


def database_firewall(*values: str, kind: str = "ip_addr") -> Resource:
    rules = [{"type": kind, "value": value} for value in values]
    return resource("DatabaseFirewall", inputs={"rules": rules}, dependencies=(CLUSTER.urn,), protect=True)


def web_host(*shields: Resource, **manifest: Any) -> list[Resource]:
    """A host that serves plain HTTP, and what is in front of it."""
    return [droplet(), apply(droplet(), firewall=HTTP_ALONE, certificate=None, **manifest), *shields]


def data_host(*shields: Resource, ufw: dict[str, Any] = NOBODY, service: dict[str, Any] = PUBLISHED) -> list[Resource]:
    """A host that keeps data for others, and what is in front of it."""
    told = apply(droplet(tags=["data"]), firewall=ufw, certificate=None, files=[compose(documents=service)])
    return [droplet(tags=["data"]), told, *shields]


def with_ports(*ports: Any) -> Resource:
    return apply(files=[compose(api={"image": IMAGE, "ports": list(ports)})])


def inside(tags: Sequence[str], ports: str = "27017") -> Resource:
    return firewall({"protocol": "tcp", "portRange": ports, "sourceTags": list(tags)}, tags=["data"])


PROXY = droplet("proxy", tags=["proxy"])
FROM_PROXY = {"protocol": "tcp", "portRange": "80", "sourceTags": ["proxy"]}
CASES = [
    Case(
        "plain-http",
        [
            context(balancer(HTTP)),
            context(balancer(HTTP, HTTPS)),
            context(uptime("http://a.example.com/")),
            context(resource("UptimeCheck", inputs={"target": "a.example.com", "type": "http"})),
            context(apply(certificate=None)),
            context(*web_host()),
            context(*web_host(firewall(inbound("80", OPEN)))),
            context(*web_host(firewall(FROM_BALANCER), firewall(inbound("80", ["198.51.100.0/24"])))),
            context(*web_host(firewall(FROM_BALANCER, inbound("all", OPEN)))),
            context(*web_host(firewall({"protocol": "tcp", "portRange": "80"}))),
            context(*web_host(firewall({**FROM_BALANCER, "sourceDropletIds": [1]}))),
            context(*web_host(firewall(FROM_PROXY))),
            context(*web_host(firewall(FROM_PROXY), PROXY, apply(PROXY, certificate=None, firewall=HTTP_ALONE))),
        ],
        [
            context(balancer(HTTPS)),
            context(balancer(HTTP, HTTPS, redirectHttpToHttps=True)),
            context(uptime(CHECKED)),
            context(apply()),
            context(*web_host(firewall(FROM_BALANCER))),
            context(*web_host(firewall(FROM_BALANCER), firewall(inbound("22", ADMINS)))),
            context(*web_host(firewall(FROM_PROXY), PROXY, apply(PROXY))),
        ],
    ),
    Case(
        "bare-balancer",
        [
            context(balancer({"entryProtocol": "https", "entryPort": 443})),
            context(balancer(HTTP, {"entryProtocol": "http2", "entryPort": 443}, redirectHttpToHttps=True)),
            context(balancer(HTTP)),
        ],
        [
            context(balancer(HTTP, HTTPS)),
            context(balancer({"entryProtocol": "https", "tlsPassthrough": True})),
            context(balancer({"entryProtocol": "https", "certificateId": "c"})),
            context(balancer({"entryProtocol": "tcp", "entryPort": 443})),
        ],
    ),
    Case(
        "lone-host",
        [
            context(balancer(HTTPS, on=(droplet(),))),
            context(of=settings("prod", "prod", architecture={"hosts": 1})),
        ],
        [
            context(balancer(HTTPS, on=(droplet(), droplet("other")))),
            context(balancer(HTTPS, dropletTag="web")),
            context(of=settings("prod", "prod")),
            context(of=settings()),
        ],
    ),
    Case(
        "open-database",
        [
            context(CLUSTER),
            context(CLUSTER, database_firewall("0.0.0.0/0")),
            context(CLUSTER, database_firewall("10.0.0.0/8", "::/0")),
            context(CLUSTER, database_firewall()),
        ],
        [context(CLUSTER, database_firewall("10.0.0.0/8")), context(CLUSTER, database_firewall("a", kind="tag"))],
    ),
    Case(
        "single-node",
        [context(resource("DatabaseCluster", protect=True, inputs={"engine": "mongodb", "nodeCount": 1}))],
        [
            context(CLUSTER),
            context(resource("DatabaseCluster", inputs={"nodeCount": 1}), of=settings("staging")),
        ],
    ),
    Case(
        "published-port",
        [
            context(with_ports("5432:5432")),
            context(with_ports("5432")),
            context(with_ports("0.0.0.0:5432:5432")),
            context(with_ports("[::]:5432:5432")),
            context(with_ports("192.0.2.10:${PORT}:5432")),
            context(with_ports("${PORT:-5432}:5432")),
            context(with_ports({"target": 5432, "published": "5432"})),
            context(with_ports({"target": 5432, "host_ip": "192.0.2.10"})),
            context(apply(files=[compose(api={"image": IMAGE, "network_mode": "host"})])),
        ],
        [
            context(with_ports("127.0.0.1:${API_PORTS:?}:8000")),
            context(with_ports("[::1]:8000:8000", "localhost:80:80", "${ADDRESS:?}:80:80")),
            context(with_ports("10.100.0.10:27017:27017", {"target": 80, "host_ip": "192.168.0.1"})),
            context(apply(files=[compose(api={"image": IMAGE})])),
            context(apply(files=[{"path": "/etc/a.yaml", "content": "services: [a: b: c"}])),
            context(apply(files=[{"path": "/etc/a.yaml", "content": "ports: ['80:80']"}])),
        ],
    ),
    Case(
        "root-container",
        [
            context(apply(files=[compose(api={"user": "0:0"})])),
            context(apply(files=[compose(api={"user": 0})])),
            context(apply(files=[compose(api={"user": "root"})])),
            context(apply(files=[compose(api={"privileged": True})])),
            context(apply(files=[compose(api={"volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro"]})])),
            context(apply(files=[compose(api={"volumes": [{"source": "/run/docker.sock", "target": "/s"}]})])),
        ],
        [
            context(apply(files=[compose(api={"user": "10001:0"}, other={"image": IMAGE, "volumes": ["a:/a"]})])),
            context(apply(files=[compose(api={"user": "100:100", "privileged": False})])),
        ],
    ),
    Case(
        "open-data-host",
        [
            context(*data_host(inside(["web"]), firewall(inbound("27017", OPEN), tags=["data"]))),
            context(*data_host(firewall(inbound("443", OPEN), tags=["data"]))),
            context(*data_host(inside(["web"]), ufw={"ssh_from": ADMINS, "tcp": [80]})),
            context(*data_host(inside(["web"]), balancer(HTTPS, on=(droplet(tags=["data"]),)))),
        ],
        [
            context(*data_host(inside(["web"]), firewall(inbound("22", ADMINS), inbound(None, OPEN, "icmp")))),
            context(*data_host(inside(["web"]), firewall(inbound("443", OPEN)))),
            context(*data_host(firewall(inbound("443", OPEN), tags=["data"]), service=KEPT)),
            context(*data_host(inside(["web"]), balancer(HTTPS, on=(droplet("other"),)))),
        ],
    ),
    Case(
        "unpinned-release",
        [
            context(app({"repository": "a", "tag": "latest"})),
            context(runs("mongo:7")),
            context(runs("${API_IMAGE:-ghcr.io/a/b:latest}")),
            context(dumps_with("docker.io/library/postgres:17")),
            context(release({"images": {"api": "ghcr.io/a/b:1.2.3"}})),
            context(release({"request": {"images": {"api": "ghcr.io/a/b:1.2.3"}}}, "local")),
            context(of=uncommitted()),
        ],
        [
            context(app({"repository": "a", "digest": DIGEST})),
            context(runs(IMAGE)),
            context(runs("${API_IMAGE:?}")),
            context(dumps_with(f"docker.io/library/postgres@{DIGEST}")),
            context(release({"images": {"api": IMAGE}})),
            context(release({"request": {"images": {"api": IMAGE}}}, "local")),
            context(of=settings()),
        ],
    ),
    Case(
        "no-outside-check",
        [
            context(of=settings()),
            context(uptime("https://other.example.com/"), of=settings()),
            context(uptime("https://other.example.com/?familyflow.example.com"), of=settings()),
            context(uptime(CHECKED), of=settings(alerts={"email": []})),
            context(uptime("https://app.example.com/"), of=settings("prod", "prod")),
        ],
        [
            context(uptime(CHECKED), of=settings()),
            context(of=settings("staging")),
            context(uptime(CHECKED), of=settings(**product(aliases=["www.familyflow.example.com"]))),
        ],
    ),
    Case(
        "plain-inside",
        [context(balancer({**HTTPS, "targetProtocol": "http"})), context(of=settings("devora-fleet", "devora-fleet"))],
        [context(balancer({**HTTPS, "targetProtocol": "https"})), context(of=settings())],
    ),
]
