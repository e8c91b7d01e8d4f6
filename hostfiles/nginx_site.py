"""site.conf: what nginx does with a request for the product, to which service it goes or which built file answers it.

It is a part of the release, like the services and files that it names: a release brings its copy, and nginx is reloaded
at the switch if the one before had another.
- Upstreams and static roots lead through the link `current`, so that one rename switches a release. Of containers it
  says which slot's ports are asked.
- `add_header` stands in the server block alone: one in a nested block would drop all the outer ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostfiles import nginx_proxy
from hostfiles.nginx_proxy import Host
from hostfiles.text import block
from settings.product import Product, Route, Service, leading

Sites = Iterator[tuple[tuple[str, ...], tuple[Route, ...]]]

HASHED = "/assets/"
"""Where bundlers (Vite, Rollup) put files whose name has a hash of their content: cached for a year."""
_FOREVER = 'set $cache_policy "public, max-age=31536000, immutable";'
ACCESS_LOG = "access_log /var/log/nginx/access.log requests buffer=32k flush=5s"
HSTS = 'add_header Strict-Transport-Security "max-age=63072000" always;'
NOSNIFF = 'add_header X-Content-Type-Options "nosniff" always;'

_POLICIES = {
    "content_security_policy": "base-uri 'self'; frame-ancestors 'self'; object-src 'none'; upgrade-insecure-requests",
    "permissions_policy": (
        "camera=(self), geolocation=(self), microphone=(self), payment=(self), usb=(), browsing-topics=()"
    ),
    "referrer_policy": "strict-origin-when-cross-origin",
    "x_frame_options": "SAMEORIGIN",
}
"""Headers that break no ordinary product. A service that sends its own knows better: then nginx sends none."""


def config(product: Product, host: Host) -> list[str]:
    """The whole file, for nginx.conf's `http` block."""
    lines = [*_logged(product), *_headers(), *nginx_proxy.maps(host), "", *nginx_proxy.upstreams(product, host)]
    for names, routes in _sites(product):
        head = [*host.listen(), f"server_name {' '.join(names)};", f"{ACCESS_LOG} if=$is_logged;", *_sent_headers()]
        head += [*nginx_proxy.refusing(), *nginx_proxy.health(host), *nginx_proxy.slot(host)]
        lines += [*block("server", [*head, *_locations(product, host, routes)]), ""]
    if host.front is not None and product.services_of("web"):
        lines += [*_health(product, host), ""]
    return lines[:-1]


def _logged(product: Product) -> list[str]:
    """Not the probes that went well. Of a page that visitors ask for too, nobody knows which is one."""
    probed = sorted({service.health for service in product.services.values() if service.health} - {"/"})
    return block('map "$uri $status" $is_logged', [*(f'"{path} 200" 0;' for path in probed), "default 1;"])


def _headers() -> list[str]:
    lines: list[str] = []
    for name, value in _POLICIES.items():
        lines += block(f"map $upstream_http_{name} $sent_{name}", [f'"" "{value}";', 'default "";'])
    hashed = '"~\\.[0-9a-f]{8,}\\.[a-z0-9]+$" "public, max-age=31536000, immutable";'
    lines += block("map $uri $asset_policy", [hashed, 'default "public, max-age=3600";'])
    return lines


def _sent_headers() -> list[str]:
    policies = [f"add_header {name.replace('_', '-').title()} $sent_{name} always;" for name in _POLICIES]
    return [
        "",
        HSTS,
        NOSNIFF,
        *policies,
        "add_header Cache-Control $cache_policy;  # not on errors; empty where the service decides",
        'set $cache_policy "";',
        "add_header Retry-After $retry_after always;  # empty but where a request is refused",
        'set $retry_after "";',
        "",
    ]


def _sites(product: Product) -> Sites:
    """(names, routes) for each server block: the product with its aliases is one, every other host another."""
    own = product.own_names
    yield own, tuple(route for route in product.routes if route.host is None or route.host in own)
    for host in (name for name in product.domains if name not in own):
        yield (host,), tuple(route for route in product.routes if route.host == host)


def _locations(product: Product, host: Host, routes: tuple[Route, ...]) -> list[str]:
    """The body of a server block: how to speak to services, then the routes, the longest path first."""
    lines = [*nginx_proxy.proxying(host), *nginx_proxy.headers(host), "", *nginx_proxy.refusal()]
    fallbacks: list[str] = []
    for route in sorted(routes, key=lambda route: (-len(route.path), route.path)):
        service = product.services[route.service]
        if service.role == "static":
            lines += ["", *_static(product, route, service)]
            fallbacks += ["", *_previous(product, route, service)]
        else:
            lines += ["", *_service(host, route)]
    lines += _unseen(product, routes)
    for name in dict.fromkeys(route.service for route in routes):
        for path, directory in sorted(product.services[name].assets.items()):
            lines += ["", *_assets(product, name, path, directory)]
            fallbacks += ["", *_previous_assets(product, name, path, directory)]
    if all(route.path != "/" for route in routes):
        lines += ["", *block("location /", ["return 404;"])]  # else nginx would show its own welcome page
    return [*lines, *fallbacks]


def _service(host: Host, route: Route) -> list[str]:
    body = nginx_proxy.location(host, route)
    return [line for head in _heads(route.path) for line in block(head, body)]


def _unseen(product: Product, routes: tuple[Route, ...]) -> list[str]:
    """What Prometheus reads of a service is no visitor's business, with a slash behind it neither."""
    lines: list[str] = []
    for name in dict.fromkeys(route.service for route in routes):
        metrics = (product.services[name].metrics or "").rstrip("/")
        route = leading(routes, metrics) if metrics else None
        if route is not None and route.service == name:
            lines += [line for head in _heads(metrics) for line in ("", *block(head, ["return 404;"]))]
    return lines


def _health(product: Product, host: Host) -> list[str]:
    """What a balancer hears in the end: the health of the first web service."""
    name, service = next(iter(product.services_of("web").items()))
    body = [
        f"proxy_pass {nginx_proxy.upstream(host, name)}{service.health};",
        "proxy_connect_timeout 2s;",
        "proxy_read_timeout 4s;",
        *nginx_proxy.named(product.domain, "https"),
        "proxy_set_header Connection close;",
    ]
    head = [f"listen {nginx_proxy.HEALTH_LISTENS};", "access_log off;", *nginx_proxy.slot(host)]
    return block("server", [*head, *block("location /", body)])


def _heads(path: str) -> list[str]:
    """/api is itself and what is below /api/, but not /apiary."""
    if path.endswith("/"):
        return [f"location {path}" if path == "/" else f"location ^~ {path}"]
    return [f"location = {path}", f"location ^~ {path}/"]


def _static(product: Product, route: Route, service: Service) -> list[str]:
    """Built files. A path with no file is the application's own (a single page that has routes itself): index.html."""
    below, files = _slashed(route.path), _files(product, "current", _output(service))
    hashed = block(
        f"location ^~ {below.removesuffix('/')}{HASHED}",
        [_FOREVER, *_stripped(below), *files, "gzip on;", f"error_page 404 = @{_fallback(route.service, below)};"],
    )
    page = [
        'set $cache_policy "no-cache";',
        *_stripped(below),
        *files,
        "try_files $uri $uri/index.html /index.html =404;",
    ]
    lines = [*hashed, "", *block("location /" if below == "/" else f"location ^~ {below}", page)]
    return lines if below == route.path else [*block(f"location = {route.path}", [f"return 301 {below};"]), "", *lines]


def _previous(product: Product, route: Route, service: Service) -> list[str]:
    """A page that was loaded before a release asks for its parts after it: they are still in the previous slot."""
    below = _slashed(route.path)
    files = _files(product, "previous", _output(service))
    return block(f"location @{_fallback(route.service, below)}", [_FOREVER, *_stripped(below), *files, "gzip on;"])


def _assets(product: Product, name: str, path: str, directory: str) -> list[str]:
    """Files that a service's build collected, served past the service."""
    return block(
        f"location ^~ {_slashed(path)}",
        [
            "set $cache_policy $asset_policy;",
            *_stripped(_slashed(path)),
            *_files(product, "current", f"{_source(product.services[name])}/{directory}"),
            "gzip on;",
            f"error_page 404 = @{_fallback(name, path)};",
        ],
    )


def _previous_assets(product: Product, name: str, path: str, directory: str) -> list[str]:
    return block(
        f"location @{_fallback(name, path)}",
        [
            "set $cache_policy $asset_policy;",
            *_stripped(_slashed(path)),
            *_files(product, "previous", f"{_source(product.services[name])}/{directory}"),
            "gzip on;",
        ],
    )


def _stripped(below: str) -> list[str]:
    """Drops the route's own path, so that the rest is a path of a file. (`alias` and `try_files` don't go together.)

    It comes after `set`: nginx ignores that one behind a `break`.
    """
    return [] if below == "/" else [f"rewrite ^{re.escape(below)}(.*)$ /$1 break;"]


def _fallback(service: str, path: str) -> str:
    """A name for the location that answers from the previous slot."""
    return "_".join([service, *re.findall(r"[A-Za-z0-9]+", path), "previous"])


def _files(product: Product, link: str, directory: str) -> list[str]:
    """Files below `directory` in the release that `link` leads to.

    The product's user could put a link among them to what nginx may read and visitors may not (the certificate's key):
    nginx follows a link only to what belongs to the link's owner. `link` itself, and what it leads to, is root's.
    """
    release = f"/srv/{product.name}/{link}"
    return [f"root {release}/{directory};", nginx_proxy.UNSAID, f"disable_symlinks if_not_owner from={release};"]


def _source(service: Service) -> str:
    return "src" if service.directory == "." else f"src/{service.directory}"


def _output(service: Service) -> str:
    source = _source(service)
    return source if service.output in (None, ".") else f"{source}/{service.output}"


def _slashed(path: str) -> str:
    return path if path.endswith("/") else path + "/"
