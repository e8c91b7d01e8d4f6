"""A visitor of the rehearsed product: finds its name at the rehearsal's address, trusts the test authority alone."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 35


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Visitor:
    """Asks `name` at `address`. The certificate is checked against `authority` and the name, as a browser would."""

    def __init__(self, name: str, address: str, authority: Path) -> None:
        self.name, self.address, self.authority = name, address, authority

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the test authority alone."""
        return ssl.create_default_context(cafile=str(self.authority))

    def https(
        self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over TLS. Raises OSError where nobody answers or the certificate is not right."""
        connection = http.client.HTTPSConnection(self.name, timeout=TIMEOUT, context=self.tls())
        connection.sock = self.tls().wrap_socket(self._connect(443), server_hostname=self.name)
        return _ask(connection, path, method, body, headers or {})

    def http(self, path: str) -> Answer:
        """One request in plain, redirects not followed."""
        connection = http.client.HTTPConnection(self.name, timeout=TIMEOUT)
        connection.sock = self._connect(80)
        return _ask(connection, path, "GET", None, {})

    @contextmanager
    def connected(self) -> Iterator[ssl.SSLSocket]:
        """A connection over TLS for a protocol of one's own."""
        with self.tls().wrap_socket(self._connect(443), server_hostname=self.name) as wrapped:
            yield wrapped

    def certificate(self) -> tuple[str, dict[str, Any]]:
        """(SHA-256 of the served certificate, its parsed fields), after a successful verification."""
        with self.connected() as wrapped:
            return hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest(), dict(
                wrapped.getpeercert() or {}
            )

    def protocol(self) -> str | None:
        """The protocol that is agreed on when HTTP/2 is offered."""
        context = self.tls()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(self._connect(443), server_hostname=self.name) as wrapped:
            return wrapped.selected_alpn_protocol()

    def _connect(self, port: int) -> socket.socket:
        return socket.create_connection((self.address, port), timeout=TIMEOUT)


def _ask(
    connection: http.client.HTTPConnection, path: str, method: str, body: Any, headers: Mapping[str, str]
) -> Answer:
    content = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
    sent = {**({"Content-Type": "application/json"} if content and content is not body else {}), **headers}
    try:
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
    finally:
        connection.close()
