"""A real nginx with the rendered configuration, moved to ports and directories of a test, and a service behind it."""

from __future__ import annotations

import datetime
import http.client
import http.server
import json
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hostfiles import nginx, nginx_proxy
from settings.kinds import Architecture, with_hosts
from settings.stack import Settings
from tests.ports import free_port

NAME = "familyflow.example.com"


@dataclass
class Answer:
    """What a visitor got; all headers of one name, joined as a browser would."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """A running nginx: where its files are, and its two ports on loopback."""

    root: Path
    plain_port: int
    tls_port: int
    name: str = NAME

    def connect(self, sni: str | None = None) -> ssl.SSLSocket:
        """A connection over TLS."""
        context = ssl.create_default_context(cafile=str(self.root / "tls" / self.name / "fullchain.pem"))
        context.check_hostname = False
        raw = socket.create_connection(("127.0.0.1", self.tls_port), timeout=10)
        return context.wrap_socket(raw, server_hostname=sni or self.name)

    def get(
        self, path: str, host: str | None = None, sni: str | None = None, method: str = "GET", **headers: str
    ) -> Answer:
        """Ask over TLS. OSError where the server refuses."""
        connection = http.client.HTTPConnection(host or self.name)
        connection.sock = self.connect(sni or host)
        return _ask(connection, method, path, headers)

    def get_plain(self, path: str, host: str | None = None, **headers: str) -> Answer:
        """Ask without TLS. OSError where the server refuses."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=10)
        return _ask(connection, "GET", path, {"Host": host or self.name, **headers})

    def shut(self) -> None:
        """As `slipway read-only on` does."""
        (self.root / "read-only").touch()

    def reopen(self) -> None:
        """As `slipway read-only off` does."""
        (self.root / "read-only").unlink()

    def release(self, slot: str, name: str) -> Path:
        """The source of a release in `slot`, made new."""
        home = self.root / "srv" / "familyflow" / "releases" / name
        (home / "run").mkdir(parents=True)
        slots = home.parent.parent / "slots"
        slots.mkdir(exist_ok=True)
        (slots / slot).symlink_to(home)
        return home

    def point(self, link: str, slot: str) -> None:
        """Let `current` or `previous` lead to a slot, by one rename."""
        base = self.root / "srv" / "familyflow"
        (base / "new").symlink_to(base / "slots" / slot)
        (base / "new").rename(base / link)

    def log(self) -> list[dict[str, str]]:
        """The requests so far. nginx logs one after its answer, but in order: a last one shows that all are there."""
        self.get("/the-last-one")
        until = time.monotonic() + 20
        while time.monotonic() < until:
            whole = (self.root / "access.log").read_text().rpartition("\n")[0]
            entries = [json.loads(line) for line in whole.splitlines()]
            if entries and entries[-1]["path"] == "/the-last-one":
                return entries[:-1]
            time.sleep(0.02)
        raise AssertionError("nginx did not log the last request")


def _ask(connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]) -> Answer:
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


@contextmanager
def serving(settings: Settings, root: Path, released: bool = True) -> Iterator[Site]:
    """nginx with this stack's configuration and, if `released`, with its routes; stopped at the end."""
    site = Site(root, free_port(), free_port())
    certificate(root / "tls" / NAME, NAME)
    (root / "srv" / "familyflow").mkdir(parents=True)
    (root / "acme" / ".well-known" / "acme-challenge").mkdir(parents=True)
    path = write(settings, settings.architecture, root, site.plain_port, site.tls_port, released)
    with running(path, site.tls_port):
        yield site


@contextmanager
def running(path: Path, port: int) -> Iterator[None]:
    """nginx with this configuration, listening on `port`; stopped at the end."""
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(path), "-g", "daemon off;"], stderr=subprocess.PIPE)
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def write(
    settings: Settings, architecture: Architecture, root: Path, plain_port: int, tls_port: int, released: bool = True
) -> Path:
    """nginx.conf below `root`, with the routes where it looks for those of the release that serves."""
    kind = with_hosts(architecture)
    path = root / "nginx.conf"
    path.write_text(moved(nginx.config(settings, kind), root, plain_port, tls_port))
    if released:
        home = root / "srv" / "familyflow" / "slots" / "serving"
        home.mkdir(parents=True)
        (home / "site.conf").write_text(moved(nginx.site(settings, kind), root, plain_port, tls_port))
    return path


def moved(text: str, root: Path, plain_port: int, tls_port: int) -> str:
    """The same configuration with its ports, its files and its flushing of logs for a test."""
    text = re.sub(r"listen \[::\]:.*\n", "", text)
    text = text.replace("listen 80", f"listen 127.0.0.1:{plain_port}").replace(
        "listen 443", f"listen 127.0.0.1:{tls_port}"
    )
    text = (
        text.replace("/srv/", f"{root}/srv/")
        .replace("/etc/slipway/tls", f"{root}/tls")
        .replace(nginx_proxy.READ_ONLY, f"{root}/read-only")
        .replace("/var/www/acme", f"{root}/acme")
    )
    text = text.replace("/var/log/nginx", str(root)).replace("/run/nginx.pid", f"{root}/nginx.pid")
    text = text.replace("user www-data;", "user root;")  # pytest's directories are private
    return text.replace(" buffer=32k flush=5s", "").replace("worker_processes auto", "worker_processes 1")


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1].decode())
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not listen")


def certificate(place: Path, domain: str) -> None:
    """A key and its own certificate for the product's name."""
    place.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (place / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (place / "privkey.pem").write_bytes(private)


class _Service(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked: its release, the path and the headers."""

    release = ""

    def do_GET(self) -> None:
        told = {
            "release": self.release,
            "path": self.path,
            **{name.lower(): value for name, value in self.headers.items()},
        }
        body = json.dumps(told).encode()
        self.send_response(500 if "broken" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "framed" in self.path:
            self.send_header("X-Frame-Options", "DENY")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  (the base class looks for this name)

    def address_string(self) -> str:
        return "-"

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def service(socket_path: Path, release: str) -> Iterator[None]:
    """A web service of `release` on a unix socket."""
    handler = type("Service", (_Service,), {"release": release})
    with socketserver.ThreadingUnixStreamServer(str(socket_path), handler) as server:
        socket_path.chmod(0o777)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
