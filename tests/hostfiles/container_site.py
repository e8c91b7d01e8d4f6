"""A real nginx before stand-ins for containers: services on ports of their own, in two slots."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hostfiles import nginx
from hostfiles.nginx_proxy import Front
from settings.kinds import with_hosts
from settings.slots import Slot, slot_ports
from settings.stack import Settings
from tests.hostfiles.site import Site, certificate, moved, running
from tests.ports import free_port


@dataclass
class ContainerSite(Site):
    """A running nginx with its product's directory, and where each port of the configuration is in this test."""

    home: Path = Path()
    ports: dict[int, int] = field(default_factory=dict)
    settings: Settings | None = None

    def serve_from(self, slot: Slot) -> None:
        """Let a release in this slot serve, by one rename."""
        release = self.home / "releases" / slot
        release.mkdir(parents=True, exist_ok=True)
        if slot == "green":
            (release / "green").touch()
        (self.home / "new").symlink_to(release)
        (self.home / "new").rename(self.home / "current")

    def port(self, service: str, slot: Slot, replica: int = 0) -> int:
        """Where nginx looks for one container."""
        assert self.settings is not None
        return self.ports[slot_ports(self.settings.product)[service][slot][0] + replica]


@contextmanager
def serving_containers(
    settings: Settings, root: Path, front: Front | None = None, released: bool = True
) -> Iterator[ContainerSite]:
    """nginx with this stack's configuration and, if `released`, with its routes; stopped at the end."""
    domain, home = settings.product.domain, root / "opt" / settings.product.name
    ranges = [ports for slots in slot_ports(settings.product).values() for ports in slots.values()]
    ports = {port: free_port() for first, last in ranges for port in range(first, last + 1)}
    site = ContainerSite(root, free_port(), free_port(), domain, home, {**ports, 81: free_port()}, settings)
    certificate(root / "tls" / domain, domain)
    (home / "slots" / "serving").mkdir(parents=True)
    architecture = with_hosts(settings.architecture)
    texts = {
        root / "nginx.conf": nginx.config(settings, architecture, front),
        home / "slots" / "serving" / "site.conf": nginx.site(settings, architecture, front),
    }
    for path, text in texts.items():
        if released or path.name == "nginx.conf":
            path.write_text(_moved(text, site))
    with running(root / "nginx.conf", site.tls_port if front is None or front.may_encrypt else site.plain_port):
        yield site


def _moved(text: str, site: ContainerSite) -> str:
    for port, instead in site.ports.items():
        for before, after in ((" ", " "), (" ", ";"), ("//", "/")):
            text = text.replace(f"{before}127.0.0.1:{port}{after}", f"{before}127.0.0.1:{instead}{after}")
    return moved(text, site.root, site.plain_port, site.tls_port).replace("/opt/", f"{site.root}/opt/")


class _Container(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; /cut ends the connection instead, /stream sends one part and waits for more."""

    protocol_version = "HTTP/1.1"
    name = ""
    asked: list[str]
    more: threading.Event
    status = 200

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if self.headers.get("Upgrade") == "websocket":
            return self._echo()
        if self.path.partition("?")[0].endswith("/cut"):
            self.close_connection = True
            return None
        if self.path.endswith("/stream"):
            return self._stream()
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"container": self.name, "path": self.path, **headers, "padding": "x" * 4000}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return None

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method is answered like a GET; but a HEAD has no body."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.more.wait(20)
        self.wfile.write(b"data: second\n\n")
        self.close_connection = True

    def _echo(self) -> None:
        # as RFC 6455 has it: HAProxy looks
        agreed = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(agreed.encode(), usedforsecurity=False).digest()).decode()
        self.send_response(101)
        self.send_header("Sec-WebSocket-Accept", accept)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.write(self.rfile.read(4)[::-1])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        return


@dataclass
class Container:
    """A running stand-in: what it was asked, and the event that lets its stream go on."""

    asked: list[str]
    more: threading.Event


@contextmanager
def container(port: int, name: str, status: int = 200) -> Iterator[Container]:
    """A container that listens on `port`."""
    made = Container([], threading.Event())
    handler = type("Named", (_Container,), {"name": name, "asked": made.asked, "more": made.more, "status": status})
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who asks may hang up
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            made.more.set()
            server.shutdown()
            thread.join()
