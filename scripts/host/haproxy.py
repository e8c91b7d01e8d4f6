"""HAProxy on the balancer's host, told by its own commands what it would not find out by itself.

- A new certificate. Not by a reload: that would part it from the streams and WebSockets that it carries, and end them
  with the process that has them. `commit ssl cert` ends nothing, and the next handshake has the new one.
- At a reload, how each host was. Without that, every host would begin as a good one: one that is down, and one that is
  new and has not passed its checks, would get requests until their first check.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import sys

from .actions import private
from .context import Host
from .files import write
from .run import HostError

CONFIG = "/etc/haproxy/haproxy.cfg"
RUN = "/run/slipway-balancer"
SOCKET, STATES = f"{RUN}/admin.sock", f"{RUN}/hosts.state"
BACKEND = "hosts"
_SERVER = re.compile(r"^ +server (\S+) ([0-9.]+):(\d+)$", re.MULTILINE)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n(.+?)-----END CERTIFICATE-----", re.DOTALL)
_PATIENCE = 10.0
"""Seconds for an answer."""
_VERSION = "1\n"
"""Of the file of states, whose fields the management guide lists (`show servers state`)."""
_UP = "2"


def serve(host: Host, path: str) -> None:
    """Have HAProxy serve the certificate that is in `path` now. One that does not run reads it when it starts."""
    with open(host.at(path), encoding="ascii") as opened:
        text = opened.read()
    served = _ask(host, f"show ssl cert {host.at(path)}")
    if served is None or _fingerprint(text) in served:
        return
    lines = [line for line in text.splitlines() if line]  # an empty one would be the end
    _ask(host, "\n".join([f"set ssl cert {host.at(path)} <<", *lines, ""]))
    said = _ask(host, f"commit ssl cert {host.at(path)}") or "it has gone"
    if "Success!" not in said:
        raise HostError(f"HAProxy still serves the certificate before: {' '.join(said.split())}")


def remember(arguments: list[str]) -> int:
    """`slipway balancer-states`: before HAProxy reads its configuration, write down and say how the hosts in it are."""
    if arguments:
        raise HostError("usage: slipway balancer-states")
    host = Host(out=sys.stdout)
    for line in write_states(host).splitlines()[1:]:
        _, _, _, name, address, state = line.split()[:6]
        host.note(f"{name} {address}: {'gets requests' if state == _UP else 'gets none'}")
    return 0


def write_states(host: Host) -> str:
    """The file of states for the configuration as it is on the disk; its text."""
    with open(host.at(CONFIG), encoding="utf-8") as opened:
        config = opened.read()
    text = states(config, _ask(host, f"show servers state {BACKEND}") or "")
    write(host, private(STATES, text))
    return text


def states(config: str, shown: str) -> str:
    """Each host of `config` as HAProxy has `shown` it; one that it does not know, at this address, begins as down.

    Where none is known to be good, nothing is said of any: then all begin as good, since nobody else could answer.
    """
    known = {tuple(line.split()[3:5]): line for line in shown.splitlines() if line.split()[1:2] == [BACKEND]}
    servers = _SERVER.findall(config.partition(f"\nbackend {BACKEND}\n")[2].partition("\n\n")[0])
    if not any(known.get((name, address), "").split()[5:6] == [_UP] for name, address, _ in servers):
        return _VERSION
    return _VERSION + "".join(known.get(server[:2], _down(*server)) + "\n" for server in servers)


def _down(name: str, address: str, port: str) -> str:
    return f"0 {BACKEND} 0 {name} {address} 0 0 1 1 0 1 0 0 14 0 0 0 - {port} - 0 0 - - 0"


def _ask(host: Host, command: str) -> str | None:
    """What HAProxy answers; None if it does not run."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(host.at(SOCKET))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise HostError(f"HAProxy does not answer: {error.strerror or error}") from None


def _fingerprint(text: str) -> str:
    """Of the first certificate, as HAProxy shows it. It names a certificate here and protects nothing."""
    found = _CERTIFICATE.search(text)
    if found is None:
        raise HostError("there is no certificate for HAProxy")
    return hashlib.sha1(base64.b64decode(found[1]), usedforsecurity=False).hexdigest().upper()
