"""nginx.conf: all of nginx that no release changes. It is validated before it takes the place of the old one.

What it decides, and why:
- Names of services and of their files are not in here: it is applied before a release, which may still fail. They come
  from the release that serves (nginx_site.py), with the servers that use them.
- Certificates are named by a variable: nginx then reads them at each handshake, and a renewed one needs no reload.
- Only built files are compressed, and what a container answers to somebody who is not logged in (nginx_proxy.py): a
  compressed page with a secret and a visitor's own text in it gives the secret away (BREACH).
- Logs have the path without its query, where tokens of e-mailed links are, and no referrer. So the log of errors has
  nothing of what a route answers, only of what comes before: connections, certificates, nginx itself.
- Behind a balancer it redirects nobody to HTTPS, which is the balancer's matter, and answers for its health.
TLS follows Mozilla's "intermediate" (ssl-config.mozilla.org, guideline 5.7).
"""

from __future__ import annotations

import re

from hostfiles import nginx_proxy, nginx_site
from hostfiles.nginx_proxy import Front, Host
from hostfiles.text import HEADER, block, joined
from settings.kinds import DropletPm2, WithHosts
from settings.product import Product
from settings.stack import Settings

ACME_ROOT = "/var/www/acme"
"""Where the certificate's authority finds its challenges, on port 80."""
CHALLENGE = "/.well-known/acme-challenge/"
TLS_ROOT = "/etc/slipway/tls"
PATIENCE = 60
"""Seconds for a request that is under way when nginx reloads, at least."""

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_HTTP2_DIRECTIVE = frozenset({"debian-13-x64"})
"""Images whose nginx has `http2 on` (1.25.1). Before it is a parameter of `listen`, which later ones still take."""
_NO_REJECT = frozenset({"ubuntu-22-04-x64"})
"""Images whose nginx (1.18) has no `ssl_reject_handshake` (1.19.4)."""


def config(settings: Settings, architecture: WithHosts, front: Front | None = None) -> str:
    """/etc/nginx/nginx.conf for nginx 1.18 (Ubuntu 22.04) up to 1.26 and later (Debian 13)."""
    return _whole(_http(settings, architecture, front), _patience(settings.product))


def challenges(listen: str) -> str:
    """nginx.conf where another program has the ports: it answers the certificate's authority, by that program."""
    server = [f"listen {listen};", *_challenge(), *block("location /", ["return 404;"])]
    return _whole(["server_tokens off;", "log_not_found off;", "access_log off;", "", *block("server", server)])


def site(settings: Settings, architecture: WithHosts, front: Front | None = None) -> str:
    """site.conf, for the same nginx. Each release has a copy of its own; nginx reads that of the one that serves."""
    host = _host(settings.product, architecture, front)
    return joined([f"# {HEADER}", *nginx_site.config(settings.product, host)])


def _patience(product: Product) -> int:
    """Seconds for what is under way when nginx reloads: a stream of a service that waits for it is not cut before."""
    return max([PATIENCE, *(service.stop_after for service in product.services_of("web").values())])


def _whole(http: list[str], patience: int = PATIENCE) -> str:
    return joined(
        [
            f"# {HEADER}",
            "user www-data;",
            "worker_processes auto;",
            "worker_rlimit_nofile 16384;",
            f"worker_shutdown_timeout {patience}s;",
            "pid /run/nginx.pid;",
            f"error_log {nginx_proxy.ERROR_LOG} error;",
            "",
            *block("events", ["worker_connections 4096;"]),
            "",
            *block("http", http),
        ]
    )


def _host(product: Product, architecture: WithHosts, front: Front | None) -> Host:
    containers = not isinstance(architecture, DropletPm2)
    root = f"/opt/{product.name}" if containers else f"/srv/{product.name}"
    return Host(root, architecture.image in _HTTP2_DIRECTIVE, containers, front)


def _http(settings: Settings, architecture: WithHosts, front: Front | None) -> list[str]:
    host = _host(settings.product, architecture, front)
    return [
        *_files(),
        *_limits(),
        *_logging(),
        *(_tls(settings.product.domain) if host.tls else []),
        *(_plain_http(settings.product.domains) if front is None else _behind(front)),
        *(["http2 on;", ""] if host.http2 and host.tls else []),
        *(_unknown_names(host, architecture.image not in _NO_REJECT) if front is None else _asked_by_balancer(host)),
        "",
        *_no_release(settings.product, host),
        "",
        # Not by `current`: where there is none yet, a service user could make one, and nginx reads this as root.
        f"include {host.root}/slots/serving/site[.]conf;  # a pattern: there may be none yet",
    ]


def _files() -> list[str]:
    return [
        "include /etc/nginx/mime.types;",
        *block("types", ["application/manifest+json webmanifest;", "text/javascript mjs;"]),
        "default_type application/octet-stream;",
        "sendfile on;",
        "tcp_nopush on;",
        "server_tokens off;",
        "log_not_found off;",
        "",
    ]


def _limits() -> list[str]:
    return [
        "client_header_timeout 15s;",
        "client_body_timeout 30s;",
        "send_timeout 30s;",
        "keepalive_timeout 65s;",
        "keepalive_requests 10000;",
        "reset_timedout_connection on;",
        "client_max_body_size 25m;",
        "client_body_buffer_size 128k;",
        "large_client_header_buffers 4 16k;",
        "server_names_hash_bucket_size 128;",
        "",
        "gzip off;",
        "gzip_vary on;",
        "gzip_min_length 1024;",
        "gzip_comp_level 5;",
        "gzip_types text/css text/plain text/javascript application/javascript application/json"
        " application/manifest+json application/wasm image/svg+xml;",
        "",
    ]


def _logging() -> list[str]:
    fields = (
        "time $time_iso8601",
        "client $remote_addr",
        "method $request_method",
        "host $host",
        "path $request_path",
        "protocol $server_protocol",
        "status $status",
        "bytes $body_bytes_sent",
        "seconds $request_time",
        "upstream_status $upstream_status",
        "upstream_seconds $upstream_response_time",
        "agent $http_user_agent",
    )
    record = ",".join('"{}":"{}"'.format(*field.split()) for field in fields)
    return [
        *block("map $request_uri $request_path", ['"~^([^?]*)" $1;']),
        f"log_format requests escape=json '{{{record}}}';",
        f"{nginx_site.ACCESS_LOG};",
        "",
    ]


def _tls(domain: str) -> list[str]:
    return [
        *block("map $ssl_server_name $tls_directory", [f"default {TLS_ROOT}/{domain};"]),
        "ssl_certificate $tls_directory/fullchain.pem;",
        "ssl_certificate_key $tls_directory/privkey.pem;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        f"ssl_ciphers {CIPHERS};",
        "ssl_prefer_server_ciphers on;",
        "ssl_session_cache shared:tls:10m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
        "",
    ]


def _challenge() -> list[str]:
    return block(f"location ^~ {CHALLENGE}", [f"root {ACME_ROOT};", "default_type text/plain;", "try_files $uri =404;"])


def _plain_http(domains: tuple[str, ...]) -> list[str]:
    redirect = block("location /", ["return 301 https://$host$request_uri;"])
    refuse = ["listen 80 default_server;", "listen [::]:80 default_server;", "server_name _;", "return 444;"]
    serve = ["listen 80;", "listen [::]:80;", f"server_name {' '.join(domains)};", *_challenge(), *redirect]
    return [*block("server", refuse), "", *block("server", serve), ""]


def _behind(front: Front) -> list[str]:
    """Who a visitor is, only the balancer says: what reaches it from elsewhere does not come through it."""
    return [f"set_real_ip_from {front.network};", "real_ip_header X-Forwarded-For;", ""]


def _no_release(product: Product, host: Host) -> list[str]:
    """What answers for a name that no release serves yet. A pattern: the exact names of a release go before it."""
    names = "|".join(re.escape(name) for name in product.domains)
    retry = "add_header Retry-After 60 always;"
    body = [f'server_name "~^(?:{names})$";', nginx_site.HSTS, nginx_site.NOSNIFF, retry, "return 503;"]
    return block("server", [*host.listen(), *body])


def _unknown_names(host: Host, reject: bool) -> list[str]:
    """A scanner that asks for another name, or for none, learns nothing; where nginx can refuse, not even a name.

    421 is for a connection that was made to our name and then asks for another one (HTTP/2 allows it to try).
    """
    answer = ["ssl_reject_handshake on;", *block("location /", ["return 421;"])] if reject else ["return 444;"]
    return block("server", [*host.listen(" default_server"), "server_name _;", *answer])


def _asked_by_balancer(host: Host) -> list[str]:
    """A balancer asks for a host's health by its address, or under whatever name; nobody else is answered."""
    head = [*host.listen(" default_server"), "server_name _;"]
    return block("server", [*head, *nginx_proxy.health(host), *block("location /", ["return 444;"])])
