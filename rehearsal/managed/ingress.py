"""The way into an app, as HAProxy reads it: TLS for its names, which component gets a request, which instances it has.

As App Platform does it (docs.digitalocean.com, app spec reference and routing): HTTP is sent to HTTPS, the longest path
that fits decides, a health check decides who gets requests. Ours, where nothing was read: a name that is not the app's
gets no TLS, and an instance that refuses a connection leaves it to the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rehearsal.managed.proxy import defaults
from rehearsal.model import AppPart, AppSpec, AppWay, Probe

DIRECTORY = "/etc/platform"
CERTIFICATE = f"{DIRECTORY}/names.pem"
MASTER = "/run/ingress-master.sock"
_IDLE = 100  # seconds that an answer may take
_KEPT = 20  # seconds that a connection waits for its next request: fewer than instances drain

Instances = Mapping[str, Sequence[tuple[str, str]]]
"""By component: the name of each instance and its address."""


def configuration(spec: AppSpec, instances: Instances) -> str:
    """The whole configuration; before the first deployment nobody is there to answer, and it says so with 503."""
    lines = [
        "global",
        "  log stdout format raw local0 notice",
        "  maxconn 9000",
        "  user haproxy",
        "  group haproxy",
        "  ssl-default-bind-options ssl-min-ver TLSv1.2",
        "  hard-stop-after 10m",
        *defaults(_IDLE, _KEPT),
        "frontend plain",
        "  bind :80",
        "  http-request redirect scheme https code 301",
        "frontend tls",
        f"  bind :443 ssl crt {CERTIFICATE} strict-sni alpn h2,http/1.1",
        "  option forwardfor",
        "  http-request set-header X-Forwarded-Proto https",
        "  http-request set-header do-connecting-ip %[src]",
        *(f"  {line}" for line in _ways(spec.ways)),
    ]
    for part in spec.parts:
        if part.role == "service" and part.port:
            lines += _service(part, part.port, instances.get(part.name, ()))
    return "\n".join([*lines, ""])


def _ways(ways: Sequence[AppWay]) -> Iterable[str]:
    """A name before any name, a long path before a short one."""
    for way in sorted(ways, key=lambda way: (way.host is None, -len(way.path))):
        host = f"{{ req.hdr(host),host_only -i {way.host} }} " if way.host else ""
        yield f"use_backend {way.part} if {host}{{ path_beg {way.path} }}"


def _service(part: AppPart, port: int, instances: Sequence[tuple[str, str]]) -> Iterable[str]:
    yield f"backend {part.name}"
    probe = part.probe
    if probe:
        yield "  option httpchk"
        yield f"  http-check send meth GET uri {probe.path} ver HTTP/1.1 hdr Host {part.name} hdr Connection close"
        yield "  http-check expect status 200-399"
        yield f"  timeout check {probe.timeout}s"
    for name, address in instances:
        yield f"  server {name} {address}:{port}{_check(probe) if probe else ''}"


def _check(probe: Probe) -> str:
    # one that gets requests has been well: it is out sooner than a new one is given up
    failures = min(probe.failures, 3)
    return f" check port {probe.port} inter {probe.period}s fall {failures} rise {probe.successes}"
