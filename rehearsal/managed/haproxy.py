"""A balancer's settings as HAProxy reads them.

As DigitalOcean's balancers do it (docs.digitalocean.com, load balancer features and limits): in turn (an algorithm can
no longer be chosen), X-Forwarded-For, -Proto and -Port where HTTP ends here, TLS 1.2 or later, no connections kept to
targets unless asked for, cookies that targets never see, and a new target is down until it has passed its checks.
Ours, where nothing was read: a connection that a target refuses goes to the next one, and waits 2 s for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from rehearsal.managed.proxy import defaults
from rehearsal.model import Balancing, Forwarding, HealthCheck

DIRECTORY = "/etc/balancer"
STATES = f"{DIRECTORY}/states"
ADMIN, MASTER = "/run/balancer.sock", "/run/balancer-master.sock"
_TLS = ("https", "http2")


def configuration(balancing: Balancing) -> str:
    """The whole configuration."""
    idle = balancing.idle_seconds
    lines = [
        "global",
        "  log stdout format raw local0 notice",
        "  maxconn 9000",  # DigitalOcean: 10,000 a node; a machine may allow no more than 20,000 open files
        "  user haproxy",
        "  group haproxy",
        f"  stats socket {ADMIN} mode 600 level admin",
        f"  server-state-file {STATES}",
        "  ssl-default-bind-options ssl-min-ver TLSv1.2",
        "  ssl-default-server-options ssl-min-ver TLSv1.2",
        "  hard-stop-after 10m",
        *defaults(idle, idle, "http-keep-alive" if balancing.keepalive else "http-server-close"),
        *_health(balancing),
    ]
    for forwarding in balancing.forwardings:
        lines += [*_frontend(forwarding, balancing), *_backend(forwarding, balancing)]
    return "\n".join([*lines, ""])


def _health(balancing: Balancing) -> Iterable[str]:
    """All checks of all targets, once; what forwards to them follows it."""
    check = balancing.check
    yield "backend health"
    yield "  load-server-state-from-file global"
    yield f"  timeout check {check.timeout}s"
    if check.protocol != "tcp":
        yield "  option httpchk"
        yield f"  http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host balancer hdr Connection close"
        yield "  http-check expect status 200-399"
    for name, address in sorted(balancing.targets.items()):
        yield f"  server {name} {address}:{check.port} {_check(check, balancing)}"


def _check(check: HealthCheck, balancing: Balancing) -> str:
    words = ["check", f"inter {check.interval}s", f"fall {check.failures_out}", f"rise {check.successes_in}"]
    if check.protocol == "https":
        words.append("check-ssl verify none")
    if balancing.proxy_protocol and check.port in {item.target_port for item in balancing.forwardings}:
        words.append("check-send-proxy")
    return " ".join(words)


def _ends_http(forwarding: Forwarding) -> bool:
    return forwarding.entry != "tcp" and not forwarding.passthrough


def _frontend(forwarding: Forwarding, balancing: Balancing) -> Iterable[str]:
    bind = f"  bind :{forwarding.entry_port}"
    if forwarding.certificate and not forwarding.passthrough:
        protocols = "h2,http/1.1" if forwarding.entry == "http2" else "http/1.1"
        bind += f" ssl crt {certificate_file(forwarding.certificate)} alpn {protocols}"
    yield f"frontend from-{forwarding.entry_port}"
    yield bind
    if not _ends_http(forwarding):
        yield "  mode tcp"
    for cidr in balancing.deny:
        yield f"  tcp-request connection reject if {{ src {cidr} }}"
    if balancing.allow:
        yield f"  tcp-request connection reject unless {{ src {' '.join(balancing.allow)} }}"
    if balancing.redirect and (forwarding.entry, forwarding.entry_port) == ("http", 80):
        yield "  http-request redirect scheme https code 307"
    elif _ends_http(forwarding):
        yield "  option forwardfor"
        yield f"  http-request set-header X-Forwarded-Proto {'https' if forwarding.entry in _TLS else 'http'}"
        yield f"  http-request set-header X-Forwarded-Port {forwarding.entry_port}"
    yield f"  default_backend to-{forwarding.entry_port}"


def _backend(forwarding: Forwarding, balancing: Balancing) -> Iterable[str]:
    yield f"backend to-{forwarding.entry_port}"
    http, cookie = _ends_http(forwarding), balancing.cookie
    if not http:
        yield "  mode tcp"
    elif cookie:
        yield f"  cookie {cookie} insert indirect nocache maxlife {balancing.cookie_seconds}s"
    for name, address in sorted(balancing.targets.items()):
        words = [f"server {name} {address}:{forwarding.target_port} track health/{name}"]
        if http and forwarding.target in _TLS:
            words.append(f"ssl verify none alpn {'h2' if forwarding.target == 'http2' else 'http/1.1'}")
        if balancing.proxy_protocol:
            words.append("send-proxy")
        if http and cookie:
            words.append(f"cookie {name}")
        yield f"  {' '.join(words)}"


def certificate_file(name: str) -> str:
    """Where a certificate of that name lies: a name may hold what a path may not."""
    return f"{DIRECTORY}/{hashlib.sha256(name.encode()).hexdigest()[:16]}.pem"


_COLUMNS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)


def states(shown: str, targets: Mapping[str, str], port: int) -> str:
    """The file of states for a reload: `shown` is what HAProxy says of `health` now; who is not in it starts down."""
    known = {}
    for line in shown.splitlines():
        words = line.split()
        if len(words) > 4 and words[1] == "health":
            known[words[3]] = line.strip()
    lines = [
        known.get(name) or f"0 health 0 {name} {address} 0 0 1 1 0 1 0 0 14 0 0 0 - {port} - 0 0 - - 0"
        for name, address in sorted(targets.items())
    ]
    return "\n".join(["1", f"# {_COLUMNS}", *lines, ""])
