"""nginx.conf, whole: it is validated as one file before it takes the place of the old one.

What it decides, and why:
- Upstreams and static roots lead through the link `current`, so that one rename switches a release, with no reload.
- Certificates are named by a variable: nginx then reads them at each handshake, and a renewed one needs no reload.
- Only built files are compressed: a compressed page with a secret and a visitor's own text in it gives the secret away
  (BREACH).
- `add_header` stands in the server block alone: one in a nested block would drop all the outer ones.
- Logs have the path without its query, where tokens of e-mailed links are, and no referrer.
TLS follows Mozilla's "intermediate" (ssl-config.mozilla.org, guideline 5.7).
"""

from __future__ import annotations

from hostfiles import nginx_site
from hostfiles.text import HEADER, block, joined
from settings.kinds import DropletPm2
from settings.stack import Settings

ACME_ROOT = "/var/www/acme"
"""Where the certificate's authority finds its challenges, on port 80."""
TLS_ROOT = "/etc/slipway/tls"

_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_HTTP2_DIRECTIVE = frozenset({"debian-13-x64"})
"""Images whose nginx has `http2 on` (1.25.1). Before it is a parameter of `listen`, which later ones still take."""
_NO_REJECT = frozenset({"ubuntu-22-04-x64"})
"""Images whose nginx (1.18) has no `ssl_reject_handshake` (1.19.4)."""

_POLICIES = {
    "content_security_policy": "base-uri 'self'; frame-ancestors 'self'; object-src 'none'; upgrade-insecure-requests",
    "permissions_policy": (
        "camera=(self), geolocation=(self), microphone=(self), payment=(self), usb=(), browsing-topics=()"
    ),
    "referrer_policy": "strict-origin-when-cross-origin",
    "x_frame_options": "SAMEORIGIN",
}
"""Headers that break no ordinary product. A service that sends its own knows better: then nginx sends none."""


def config(settings: Settings, architecture: DropletPm2) -> str:
    """/etc/nginx/nginx.conf for nginx 1.18 (Ubuntu 22.04) up to 1.26 and later (Debian 13)."""
    return joined(
        [
            f"# {HEADER}",
            "user www-data;",
            "worker_processes auto;",
            "worker_rlimit_nofile 16384;",
            "worker_shutdown_timeout 60s;",
            "pid /run/nginx.pid;",
            "error_log /var/log/nginx/error.log error;",
            "",
            *block("events", ["worker_connections 4096;"]),
            "",
            *block("http", _http(settings, architecture)),
        ]
    )


def _http(settings: Settings, architecture: DropletPm2) -> list[str]:
    lines = [
        *_files(),
        *_limits(),
        *_logging(settings),
        *_tls(settings.product.domain),
        *_headers(),
        *nginx_site.upstreams(settings.product),
        *_plain_http(settings.product.domains),
    ]
    http2 = architecture.image in _HTTP2_DIRECTIVE
    if http2:
        lines += ["http2 on;", ""]
    lines += _unknown_names(http2, reject=architecture.image not in _NO_REJECT)
    for names, routes in nginx_site.sites(settings.product):
        lines += [
            "",
            *block(
                "server",
                [
                    *_listen(http2),
                    f"server_name {' '.join(names)};",
                    *_sent_headers(),
                    *nginx_site.locations(settings.product, routes),
                ],
            ),
        ]
    return lines


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


def _logging(settings: Settings) -> list[str]:
    probed = sorted({service.health for service in settings.product.services.values() if service.health})
    quiet = [f'"{path} 200" 0;' for path in probed]
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
        *block('map "$uri $status" $is_logged', [*quiet, "default 1;"]),
        f"log_format requests escape=json '{{{record}}}';",
        "access_log /var/log/nginx/access.log requests buffer=32k flush=5s if=$is_logged;",
        "",
    ]


def _tls(domain: str) -> list[str]:
    return [
        *block("map $ssl_server_name $tls_directory", [f"default {TLS_ROOT}/{domain};"]),
        "ssl_certificate $tls_directory/fullchain.pem;",
        "ssl_certificate_key $tls_directory/privkey.pem;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        f"ssl_ciphers {_CIPHERS};",
        "ssl_prefer_server_ciphers on;",
        "ssl_session_cache shared:tls:10m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
        "",
    ]


def _headers() -> list[str]:
    lines: list[str] = []
    for name, value in _POLICIES.items():
        lines += block(f"map $upstream_http_{name} $sent_{name}", [f'"" "{value}";', 'default "";'])
    hashed = '"~\\.[0-9a-f]{8,}\\.[a-z0-9]+$" "public, max-age=31536000, immutable";'
    lines += block("map $uri $asset_policy", [hashed, 'default "public, max-age=3600";'])
    return [*lines, *nginx_site.upgrade_maps(), ""]


def _sent_headers() -> list[str]:
    policies = [f"add_header {name.replace('_', '-').title()} $sent_{name} always;" for name in _POLICIES]
    return [
        "",
        'add_header Strict-Transport-Security "max-age=63072000" always;',
        'add_header X-Content-Type-Options "nosniff" always;',
        *policies,
        "add_header Cache-Control $cache_policy;  # not on errors; empty where the service decides",
        'set $cache_policy "";',
        "",
    ]


def _listen(http2: bool, parameters: str = "") -> list[str]:
    suffix = ("ssl" if http2 else "ssl http2") + parameters
    return [f"listen 443 {suffix};", f"listen [::]:443 {suffix};"]


def _plain_http(domains: tuple[str, ...]) -> list[str]:
    challenge = block(
        "location ^~ /.well-known/acme-challenge/",
        [f"root {ACME_ROOT};", "default_type text/plain;", "try_files $uri =404;"],
    )
    redirect = block("location /", ["return 301 https://$host$request_uri;"])
    refuse = ["listen 80 default_server;", "listen [::]:80 default_server;", "server_name _;", "return 444;"]
    serve = ["listen 80;", "listen [::]:80;", f"server_name {' '.join(domains)};", *challenge, *redirect]
    return [*block("server", refuse), "", *block("server", serve), ""]


def _unknown_names(http2: bool, reject: bool) -> list[str]:
    """A scanner that asks for another name, or for none, learns nothing; where nginx can refuse, not even a name.

    421 is for a connection that was made to our name and then asks for another one (HTTP/2 allows it to try).
    """
    answer = ["ssl_reject_handshake on;", *block("location /", ["return 421;"])] if reject else ["return 444;"]
    return block("server", [*_listen(http2, " default_server"), "server_name _;", *answer])
