"""How nginx reaches the product's services: on a socket of the release that serves, or on ports of its slot.

A connection to a service never outlives its request: the next one finds the release that is current then.
"""

from __future__ import annotations

from dataclasses import dataclass

from hostfiles.text import block
from settings.product import Product, Route
from settings.slots import slot_ports

HEALTH = "/.slipway/health"
"""What a balancer asks each host for."""
DRAINED = "drained"
"""A file below the product's directory: while it is there, the balancer is to send nobody here."""
READ_ONLY = "/etc/slipway/read-only"
"""A file: while it is there, whatever may change something is refused (scripts/host/read_only.py)."""
REFUSAL = "/.slipway/read-only"
"""Where such a request is led to; nobody can ask for it."""
RETRY_AFTER = 30
"""Seconds after which somebody who was refused is to ask again."""
HEALTH_LISTENS = "127.0.0.1:81"
"""Where the release that serves tells how it is; without one nobody listens there."""
ERROR_LOG = "/var/log/nginx/error.log"
UNSAID = f"error_log {ERROR_LOG} emerg;"
"""Of each route: what nginx has to say about a request has its query in it, whatever the level. The access log says
without it what the service answered, and after how long."""
STREAM_TIMEOUT = 3600
"""Seconds that a WebSocket or an event stream may be silent."""


@dataclass(frozen=True)
class Front:
    """A balancer that ends TLS for the hosts behind it, in the VPC `network`. `may_encrypt`: it speaks HTTP or TLS to
    them, and takes whatever certificate they have. They listen for both: it can change over while it serves."""

    network: str
    may_encrypt: bool = False


@dataclass(frozen=True)
class Host:
    """The nginx that reads the file. `http2`: it has the directive, not the parameter.

    `root` is the product's directory. `containers` listen on ports of their own in each slot, other services on a
    socket in their release.
    """

    root: str
    http2: bool
    containers: bool = False
    front: Front | None = None

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.front is None or self.front.may_encrypt

    def listen(self, parameters: str = "") -> list[str]:
        """Where a server for the product listens."""
        plain = [f"listen 80{parameters};", f"listen [::]:80{parameters};"]
        suffix = ("ssl" if self.http2 else "ssl http2") + parameters
        encrypted = [f"listen 443 {suffix};", f"listen [::]:443 {suffix};"]
        return [*(plain if self.front is not None else []), *(encrypted if self.tls else [])]


def maps(host: Host) -> list[str]:
    """What is known of a request before a service is chosen.

    Only WebSockets may upgrade: another protocol (h2c) would carry requests past this proxy. What a balancer says of
    the visitor is believed of the VPC alone. And an answer is compressed for those who are nobody: without a cookie or
    a log-in it holds no secret of a visitor's, which its size could give away (BREACH). Requests that only read have
    no file that could refuse them.
    """
    reading = [f'{method} "";' for method in ("GET", "HEAD", "OPTIONS")]
    lines = [
        *block("map $http_upgrade $proxied_upgrade", ['"~*^websocket$" websocket;', 'default "";']),
        *block("map $http_upgrade $proxied_connection", ['"~*^websocket$" upgrade;', "default close;"]),
        *block("map $request_method $refused_while", [*reading, f"default {READ_ONLY};"]),
    ]
    if host.containers:
        lines += block('map "$http_cookie$http_authorization" $is_anonymous', ['"" 1;', "default 0;"])
    if host.front is not None:
        said = [f'"1 {scheme}" {scheme};' for scheme in ("http", "https")]
        lines += block("geo $realip_remote_addr $is_balancer", ["default 0;", f"{host.front.network} 1;"])
        lines += block('map "$is_balancer $http_x_forwarded_proto" $visitors_scheme', [*said, "default $scheme;"])
    return lines


def upstreams(product: Product, host: Host) -> list[str]:
    """One upstream for each web service: the socket of the release that `current` leads to; or one for each slot."""
    if host.containers:
        return _replicas(product)
    lines: list[str] = []
    for name in product.services_of("web"):
        lines += [*block(f"upstream {name}", [f"server unix:{host.root}/current/run/{name}.sock;"]), ""]
    return lines


def _replicas(product: Product) -> list[str]:
    """All containers of a service in one slot. One that fails is left out for a while (requirement DV3).

    If all have failed, they are asked again and again as their own reserve: a moment without any (Docker that restarts,
    a network that is set up anew) would else be half a minute of 502 for every visitor.
    """
    lines: list[str] = []
    for name, slots in slot_ports(product).items():
        for slot, (first, last) in slots.items():
            ports = range(first, last + 1)
            servers = [f"server 127.0.0.1:{port} max_fails=3 fail_timeout=30s;" for port in ports]
            servers += [f"server 127.0.0.1:{port} max_fails=0 backup;" for port in ports if first != last]
            upstream = f"{name}-{slot}"
            lines += [*block(f"upstream {upstream}", [f"zone {upstream} 64k;", "least_conn;", *servers]), ""]
    return lines


def slot(host: Host) -> list[str]:
    """Which slot serves: the release that `current` leads to has a file that says so."""
    if not host.containers:
        return []
    return ["set $slot blue;", *block(f"if (-f {host.root}/current/green)", ["set $slot green;"]), ""]


def refusing() -> list[str]:
    """Nobody writes while the file is there. Asked at each request, so that it takes no reload."""
    return [*block("if (-f $refused_while)", [f"rewrite ^ {REFUSAL} last;"]), ""]


def refusal() -> list[str]:
    """What such a request is answered. The header is the server block's: one of its own would drop all others."""
    body = [
        "internal;",
        "default_type text/plain;",
        f"set $retry_after {RETRY_AFTER};",
        'return 503 "This site is read-only for a moment; nothing was changed. Please try again.\\n";',
    ]
    return block(f"location = {REFUSAL}", body)


def upstream(host: Host, service: str) -> str:
    """The URL of a service, without a path."""
    return f"http://{service}-$slot" if host.containers else f"http://{service}"


def health(host: Host) -> list[str]:
    """How this host is, for a balancer: as the release that serves, unless somebody has told it to stand aside."""
    if host.front is None:
        return []
    body = [
        "access_log off;",
        *block(f"if (-f {host.root}/{DRAINED})", ["return 503;"]),
        "proxy_connect_timeout 2s;",
        "proxy_read_timeout 4s;",
        f"proxy_pass http://{HEALTH_LISTENS}/;",
    ]
    return [*block(f"location = {HEALTH}", body), ""]


def proxying(host: Host) -> list[str]:
    """How services are spoken to, on every route."""
    again = ["proxy_next_upstream off;  # a request is never sent twice"]
    if host.containers:  # one that may change something (a POST) is not sent again once a service has it
        again = ["proxy_next_upstream error timeout;", "proxy_next_upstream_tries 2;"]
    return [
        "proxy_http_version 1.1;",
        "proxy_connect_timeout 5s;",
        "proxy_send_timeout 60s;",
        "proxy_buffer_size 16k;",
        "proxy_buffers 8 16k;",
        "proxy_busy_buffers_size 32k;",
        *again,
        "proxy_hide_header Strict-Transport-Security;",
        "proxy_hide_header X-Content-Type-Options;",
        "proxy_hide_header X-Powered-By;",
    ]


def headers(host: Host, upgrade: bool = False) -> list[str]:
    """What a service learns of the visitor."""
    scheme = "$scheme" if host.front is None else "$visitors_scheme"
    lines = [*named("$host", scheme), 'proxy_set_header Proxy "";']
    if upgrade:
        return [
            *lines,
            "proxy_set_header Upgrade $proxied_upgrade;",
            "proxy_set_header Connection $proxied_connection;",
        ]
    return [*lines, 'proxy_set_header Upgrade "";', "proxy_set_header Connection close;"]


def named(name: str, scheme: str) -> list[str]:
    """Under which name and how a service was asked, and by whom."""
    return [
        f"proxy_set_header Host {name};",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $remote_addr;  # what the visitor sent here is not believed",
        f"proxy_set_header X-Forwarded-Host {name};",
        f"proxy_set_header X-Forwarded-Proto {scheme};",
    ]


def location(host: Host, route: Route) -> list[str]:
    """The body of a route's location. An event stream is no type that nginx compresses: JSON beside one is."""
    body = [f"proxy_pass {upstream(host, route.service)};", UNSAID]
    if route.streaming:
        body += ["proxy_buffering off;"]
        body += [f"proxy_{which}_timeout {STREAM_TIMEOUT}s;" for which in ("read", "send")]
        body += headers(host, upgrade=True)
    else:
        body.append(f"proxy_read_timeout {route.timeout}s;")
    return [*body, *(block("if ($is_anonymous)", ["gzip on;"]) if host.containers else [])]
