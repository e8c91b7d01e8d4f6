"""Whether something answers: HTTP over a unix socket, TCP, or TLS by name on this machine."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT = 5.0
"""Seconds that one answer may take."""
SHOWN = 200
"""Characters of a refusing answer that are shown."""

Target = Path | tuple[str, int]


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is None if nothing did; `detail` says what instead."""

    status: int | None
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether it is a success (2xx)."""
        return self.status is not None and 200 <= self.status < 300

    def describe(self) -> str:
        """The answer in a few words."""
        if self.status is None:
            return f"did not answer ({self.detail})"
        return f"answered {self.status}" + (f" ({self.detail})" if self.detail and not self.good else "")


class _Connection(http.client.HTTPConnection):
    """HTTP to wherever `target` is, under the name `host`."""

    def __init__(self, target: Target, host: str, tls: ssl.SSLContext | None, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.target = target
        self.tls = tls

    def connect(self) -> None:
        if isinstance(self.target, Path):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self.target))
        else:
            self.sock = socket.create_connection(self.target, self.timeout)
        if self.tls is not None:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)


def ask(
    target: Target,
    path: str,
    host: str,
    tls: ssl.SSLContext | None = None,
    timeout: float = TIMEOUT,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET `path` from `target` under the name `host`, as nginx would. Never raises for what the other side does."""
    connection = _Connection(target, host, tls, timeout)
    try:
        ours = {"Host": host, "User-Agent": "slipway", "Connection": "close"}
        connection.request("GET", path, headers={**ours, **(headers or {})})
        response = connection.getresponse()
        body = response.read(4096)
        return Answer(response.status, _shown(body))
    except ssl.SSLCertVerificationError as error:
        return Answer(None, f"certificate: {error.verify_message}")
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, getattr(error, "strerror", None) or str(error) or type(error).__name__)
    finally:
        connection.close()


def service(target: Target, path: str, domain: str) -> Answer:
    """Ask a web service directly, as its own nginx does for a visitor who came by HTTPS."""
    return ask(target, path, domain, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"})


class Front:
    """nginx on this machine, asked by the product's name over TLS.

    The certificate is verified against the system's store. One that no public authority signed (a rehearsal's) is noted
    and accepted: what is asked here is whether the release answers; whom to trust is the visitor's matter. Without
    `tls` it is asked as the balancer asks that has ended it.
    """

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 443), tls: bool = True) -> None:
        self.address = address
        self.tls = ssl.create_default_context() if tls else None
        self.note = ""

    def get(self, url: str) -> Answer:
        """The answer to `url`; 2xx is good."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self.tls is None:
            return service(self.address, path, parts.hostname or "")
        answer = ask(self.address, path, parts.hostname or "", self.tls)
        if answer.status is None and answer.detail.startswith("certificate:") and not self.note:
            self.note = f"not verified, {answer.detail}"
            self.tls = ssl.create_default_context()
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
            answer = ask(self.address, path, parts.hostname or "", self.tls)
        return answer


def reachable(host: str, port: int, timeout: float = TIMEOUT) -> bool:
    """Whether something takes a connection there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True


def _shown(body: bytes) -> str:
    text = re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace"))
    return re.sub(r"\s+", " ", text).strip()[:SHOWN]
