"""haproxy.cfg: a balancer on a host of its own, in front of a fleet's web hosts (HAProxy 2.4 up to 3.0 and later).

What it decides, and why:
- TLS ends here, as strictly as nginx does it on a host alone; a name that is not the product's learns nothing.
- A host leaves after two failed checks and enters after two good ones. A connection that it refuses goes to the next
  host at once; a request that a host may have seen is never sent again, since it may have changed something.
- No connection to a host outlives its request: a host that stands aside is empty as soon as it has answered.
- How long an answer may take is each host's to say, route by route: the limit here is longer than all of those.
- What went well its host has logged, with the visitor's address. Here is logged what did not, by the path without its
  query, where tokens of e-mailed links are.
- A reload keeps the listening sockets open, and what is known of the hosts (scripts/host/haproxy.py). A host that was
  not known before then begins as one that is down. From 3.1 on `init-state` would say so; no image has it yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from hostfiles import nginx, nginx_proxy, systemd
from hostfiles.maintenance import RESTARTS
from hostfiles.manifest import File
from hostfiles.text import HEADER, joined
from settings.product import Product

CONFIG = "/etc/haproxy/haproxy.cfg"
UNIT = "haproxy.service"
RUN = "slipway-balancer"
"""Its directory below /run, root's alone: the socket that commands come in by, and what is known of the hosts."""
BACKEND = "hosts"
CHALLENGES = "127.0.0.1:81"
"""Where nginx answers the certificate's authority."""
COMBINED = "combined.pem"
"""The certificate and its key in one file, beside the two that nginx reads (scripts/host/tls.py)."""

_CONNECTIONS_PER_MIB = 8
"""Visitors' connections for each MiB of the host's memory: TLS and buffers take 64 KiB at most, so half of it."""
_LONGEST = nginx_proxy.STREAM_TIMEOUT + 10
_WORKERS_LAST = "10m"
"""How long the process before a reload stays for streams that do not end."""


def files(product: Product, hosts: Mapping[str, str], memory: int) -> list[File]:
    """HAProxy's configuration (see `config`), and how it is run."""
    return [
        File(
            CONFIG,
            config(product, hosts, memory),
            validate=("/usr/sbin/haproxy", "-c", "-q", "-f", "{}"),
            then=(f"reload {UNIT}",),
        ),
        *systemd.files({f"{UNIT}.d/10-slipway.conf": _unit()}),
        File(f"{RESTARTS}/{UNIT}", _upgraded(), "0755"),
    ]


def config(product: Product, hosts: Mapping[str, str], memory: int) -> str:
    """The whole file. `hosts` are the web hosts' private addresses by name, `memory` is the balancer's own in MiB."""
    sections = {
        "global": _global(memory),
        "defaults": _defaults(),
        "frontend plain": _plain(product),
        "frontend tls": _tls(product),
        f"backend {BACKEND}": _hosts(product, hosts),
        "backend challenges": [f"server nginx {CHALLENGES}"],
    }
    lines = [f"# {HEADER}"]
    for head, body in sections.items():
        lines += ["", head, *(f"    {line}" for line in body)]
    return joined(lines)


def _global(memory: int) -> list[str]:
    return [
        "log stdout format short daemon info  # systemd's journal",
        "user haproxy",
        "group haproxy",
        "chroot /var/lib/haproxy",
        f"maxconn {memory * _CONNECTIONS_PER_MIB}",
        "no strict-limits  # with fewer open files than that it serves fewer, and not nobody",
        f"hard-stop-after {_WORKERS_LAST}",
        f"stats socket /run/{RUN}/admin.sock mode 600 level admin expose-fd listeners",
        f"server-state-file /run/{RUN}/hosts.state",
        "tune.bufsize 32768  # requests may have as large headers as the hosts take",
        "tune.ssl.lifetime 86400",
        f"ssl-default-bind-ciphers {nginx.CIPHERS}",
        "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
    ]


def _defaults() -> list[str]:
    return [
        "mode http",
        "log global",
        f"log-format '{_log_format()}'",
        "option dontlognull",
        "option dontlog-normal",
        "option http-ignore-probes  # a browser may connect before it has anything to ask",
        "option http-server-close",
        "timeout http-request 15s",
        "timeout http-keep-alive 30s  # so nobody is still with the process before a reload when a host is removed",
        "timeout client 60s  # not of one who waits for an answer",
        "timeout client-fin 30s",
        "timeout connect 2s",
        f"timeout server {_LONGEST}s",
        f"timeout tunnel {_LONGEST}s",
    ]


def _log_format() -> str:
    """One JSON object, in nginx's words (nginx.py). `state` says who ended the request, and when."""
    text = {"method": "%HM", "protocol": "%HV", "upstream": "%b/%s", "state": "%tsc"}
    told = {"host": "%[var(txn.host),json(utf8s)]", "path": "%[var(txn.path),json(utf8s)]"}
    numbers = {"status": "%ST", "bytes": "%B", "milliseconds": "%Ta", "retries": '"%rc"'}
    fields = {"client": '"%ci"', **{name: f'"{value}"' for name, value in {**text, **told}.items()}, **numbers}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def _plain(product: Product) -> list[str]:
    challenge = f"{{ path_beg {nginx.CHALLENGE} }}"
    return [
        "bind 0.0.0.0:80",
        "bind [::]:80 v6only",
        *_asked(),
        f"http-request reject unless {_is_ours(product)}",
        f"http-request redirect code 301 location https://%[var(txn.host)]%[pathq] unless {challenge}",
        "default_backend challenges",
    ]


def _tls(product: Product) -> list[str]:
    certificate = f"{nginx.TLS_ROOT}/{product.domain}/{COMBINED}"
    parameters = f"ssl crt {certificate} strict-sni alpn h2,http/1.1"
    return [
        f"bind 0.0.0.0:443 {parameters}",
        f"bind [::]:443 v6only {parameters}",
        ".if version_atleast(2.5)",
        "option idle-close-on-response  # at a reload, a connection that waits may ask once more",
        ".endif",
        *_asked(),
        f"http-request return status 421 unless {_is_ours(product)}",
        f"http-request return status 404 if {{ path {nginx_proxy.HEALTH} }}  # how hosts are is no visitor's business",
        "http-request set-header X-Forwarded-For %[src]  # what the visitor sent here is not believed",
        "http-request set-header X-Forwarded-Proto https",
        "http-request del-header Forwarded",
        f"default_backend {BACKEND}",
    ]


def _asked() -> list[str]:
    """What is asked for, kept for the log: the name as nginx's `$host` is, and the path."""
    return [
        "http-request set-var(txn.host) req.hdr(host),field(1,:),rtrim(.),lower",
        "http-request set-var(txn.path) path",
    ]


def _is_ours(product: Product) -> str:
    return f"{{ var(txn.host) -m str {' '.join(product.domains)} }}"


def _hosts(product: Product, hosts: Mapping[str, str]) -> list[str]:
    check = f"meth GET uri {nginx_proxy.HEALTH} ver HTTP/1.1 hdr Host {product.domain} hdr Connection close"
    return [
        "balance leastconn",
        "retries 3",
        "retry-on conn-failure",
        "option redispatch 1",
        # a host that is gone says nothing more: who still waits for it hears so within half a minute
        "option srvtcpka",
        "srvtcpka-idle 10s",
        "srvtcpka-intvl 5s",
        "srvtcpka-cnt 3",
        "option httpchk",
        f"http-check send {check}",
        "http-check expect status 200",
        "timeout check 5s",
        "load-server-state-from-file global",
        "default-server check inter 10s fall 2 rise 2 tcp-ut 20s",
        *(f"server {name} {address}:80" for name, address in hosts.items()),
    ]


def _unit() -> str:
    """HAProxy's unit has a place of its own for what root alone may ask, and few rights. It begins as root: the master
    process reads the key, has the ports and stops its workers, which have no rights at all."""
    states = "-/usr/local/sbin/slipway balancer-states"
    service: systemd.Section = {
        "ExecStartPre": states,
        "ExecReload": ["", f"/usr/sbin/haproxy -Ws -c -q -f {CONFIG}", states, "/bin/kill -USR2 $MAINPID"],
        "Restart": "always",
        "RestartSec": "1",
        "RuntimeDirectory": RUN,
        "RuntimeDirectoryMode": "0700",
        **systemd.SANDBOX,
        "SystemCallFilter": ["@system-service", "chroot"],
        "CapabilityBoundingSet": "CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID CAP_SYS_CHROOT",
        "ReadWritePaths": "/run",
        "UMask": "0077",
    }
    return systemd.drop_in(service)


def _upgraded() -> str:
    """What is done after an upgrade of a library: a reload starts the program anew, too, and nobody sees it."""
    return joined(["#!/bin/sh", f"# {HEADER}", f"exec systemctl reload {UNIT}"])
