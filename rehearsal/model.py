"""What the local cloud is told, and what it answers: plain data, no engine behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class CloudError(Exception):
    """The local cloud could not do what it was asked; the message is one that a reader can act on."""


@dataclass(frozen=True)
class Network:
    """A private network. `cidr` is what its hosts see; nothing outside of it can reach it."""

    id: str
    name: str
    cidr: str


@dataclass(frozen=True)
class HostSpec:
    """A host to make.

    `cpus` is the size's number of virtual processors, `memory_mib` its memory, `user_data` what cloud-init reads,
    `ssh_keys` the public keys that the cloud itself puts in for root, `image` the slug the cloud was asked for (every
    slug boots the host image of this machine; the slug is kept in the record).
    """

    name: str
    cpus: int
    memory_mib: int
    user_data: str
    network_id: str | None = None
    image: str = "ubuntu-24-04-x64"
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host:
    """A host that exists. `reserved_addresses` lead to it beside `public_address`."""

    id: str
    name: str
    public_address: str
    private_address: str | None
    network_id: str | None = None
    cpus: int = 1
    memory_mib: int = 1024
    image: str = ""
    reserved_addresses: tuple[str, ...] = ()
    running: bool = True


@dataclass(frozen=True)
class InboundRule:
    """Lets something in. `protocol` is tcp, udp or icmp; `ports` is "22", "8000-8010" or "all"; `sources` are CIDRs."""

    protocol: str
    ports: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class OutboundRule:
    """Lets something out. As InboundRule, with `destinations` as CIDRs."""

    protocol: str
    ports: str
    destinations: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """One DNS record of a name, `value` as a zone file would have it.

    `type` is A, AAAA, CNAME, TXT, MX, NS, SRV or CAA.
    """

    type: str
    value: str
    ttl: int = 60


@dataclass(frozen=True)
class Server:
    """A server that the cloud runs for its customer. `kind` is balancer, postgres, valkey, mongodb, or of an app: app
    (the way in), instance, job, logs (who receives them)."""

    id: str
    name: str
    kind: str
    public_address: str
    private_address: str
    network_id: str
    running: bool = True


@dataclass(frozen=True)
class Certificate:
    """A certificate with what leads to its authority, and its key, both in PEM."""

    chain: str
    key: str

    def __repr__(self) -> str:
        return "Certificate(…)"


@dataclass(frozen=True)
class Forwarding:
    """What comes in at a port of a balancer, and where on its targets it goes.

    `entry` is http, https, http2 or tcp, `target` too. `certificate` is the name of one that the cloud has;
    `passthrough` leaves TLS to the targets.
    """

    entry: str
    entry_port: int
    target: str
    target_port: int
    certificate: str | None = None
    passthrough: bool = False


@dataclass(frozen=True)
class HealthCheck:
    """How a balancer looks after its targets: `protocol` is http, https or tcp, times are in seconds."""

    protocol: str
    port: int
    path: str = "/"
    interval: int = 10
    timeout: int = 5
    failures_out: int = 3
    successes_in: int = 5


@dataclass(frozen=True)
class Balancing:
    """All that a balancer does. `targets` are private addresses by name; `allow` and `deny` are CIDRs of visitors."""

    forwardings: tuple[Forwarding, ...]
    check: HealthCheck
    targets: Mapping[str, str]
    redirect: bool = False
    proxy_protocol: bool = False
    keepalive: bool = False
    cookie: str | None = None
    cookie_seconds: int = 0
    idle_seconds: int = 60
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatabaseSpec:
    """A database server to make.

    `engine` is postgres, valkey or mongodb; `names` are those that its certificate is for; `memory_mib` and
    `connections` are what its plan allows; `eviction` is Valkey's. `source` is the server that it is a replica of.
    """

    name: str
    engine: str
    network_id: str
    names: tuple[str, ...]
    memory_mib: int
    connections: int = 100
    eviction: str = "noeviction"
    source: str | None = None


@dataclass(frozen=True)
class Pool:
    """A pool of connections to a database. `user` None: whoever logs in."""

    name: str
    database: str
    size: int
    mode: str
    user: str | None = None


class DeploymentError(CloudError):
    """A deployment of an app did not come to its end: at which of its steps, which component, and why."""

    def __init__(self, step: str, part: str, code: str, message: str) -> None:
        super().__init__(f"{part}: {code}: {message}")
        self.step, self.part, self.code, self.message = step, part, code, message


@dataclass(frozen=True)
class Probe:
    """How an app's service is asked whether it is well. Times are in seconds."""

    path: str
    port: int
    delay: int = 0
    period: int = 10
    timeout: int = 1
    successes: int = 1
    failures: int = 9


@dataclass(frozen=True)
class AppPart:
    """A component of an app: a service, a worker, or a job before or after each deployment.

    `drain` are the seconds between the last new request and the signal to stop, `grace` those from there to the end by
    force. `logs_to` are endpoints as `syslog+tls://host:port`, `credentials` the registry's as `user:token`.
    """

    name: str
    role: Literal["service", "worker", "before", "after"]
    image: str
    cpus: int
    memory_mib: int
    instances: int = 1
    command: str | None = None
    port: int | None = None
    probe: Probe | None = None
    drain: int = 15
    grace: int = 120
    logs_to: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    credentials: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AppWay:
    """Requests below `path` go to the service `part`; of one name only, if `host` is one."""

    path: str
    part: str
    host: str | None = None


@dataclass(frozen=True)
class AppSpec:
    """All that an app does. `names` are those that it answers to, `parts` are in the order in which they start."""

    name: str
    names: tuple[str, ...]
    ways: tuple[AppWay, ...]
    parts: tuple[AppPart, ...]
