"""A tag becomes a digest by the registry's word, over TLS, with a login where one is wanted."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scripts import registry
from scripts.pulumi_cli import OperatorError

MANIFEST = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Registry(HTTPServer):
    """Has shop/api with the tag 1.9.0. `wants` is how it asks for a login, None for none."""

    wants: str | None = None
    secret = "read-only"
    says: str | None = DIGEST
    seen: list[tuple[str, str | None]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever does not trust the certificate is gone at once."""

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Registry

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""

    def do_GET(self) -> None:
        login = self.headers.get("Authorization")
        self.server.seen.append((self.path, login))
        url = urlsplit(self.path)
        if url.path == "/token":
            basic = base64.b64encode(f"token:{self.server.secret}".encode()).decode()
            scope = parse_qs(url.query)["scope"]
            if login not in (None, f"Basic {basic}") or scope != ["repository:shop/api:pull"]:
                return self._answer(401, b"")
            return self._answer(200, json.dumps({"token": "of " + ("nobody" if login is None else "alice")}).encode())
        if self.server.wants is not None and login not in ("Bearer of alice", *self._welcome()):
            return self._answer(401, b"", {"WWW-Authenticate": self.server.wants})
        if url.path != "/v2/shop/api/manifests/1.9.0":
            return self._answer(404, b"{}")
        if "image.index" not in self.headers["Accept"]:
            return self._answer(400, b"")
        return self._answer(200, MANIFEST, {"Docker-Content-Digest": self.server.says} if self.server.says else {})

    def _welcome(self) -> list[str]:
        if self.server.wants and self.server.wants.startswith("Basic"):
            return [f"Basic {base64.b64encode(f'token:{self.server.secret}'.encode()).decode()}"]
        return ["Bearer of nobody"] if self.server.secret == "" else []

    def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry with a certificate that this process trusts."""
    for name in ("REGISTRY_TOKEN", "REGISTRY_USER", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    server = Registry()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def certificate(directory: Path) -> Path:
    """A certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    signed = built.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (directory / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    (directory / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return directory / "certificate.pem"


def test_a_tag_becomes_the_digest_of_its_manifest(there: Registry) -> None:
    """VU3."""
    repository = f"{there.name}/shop/api"
    assert registry.resolve(repository, "1.9.0") == f"{repository}@{DIGEST}"
    there.says = None
    assert registry.resolve(repository, "1.9.0") == f"{repository}@{DIGEST}", "not every registry says it"


def test_a_tag_that_is_not_there_is_one_line(there: Registry) -> None:
    with pytest.raises(OperatorError, match=r"/shop/api:1\.9\.1: there is no such tag$"):
        registry.resolve(f"{there.name}/shop/api", "1.9.1")


def test_a_manifest_that_is_another_than_said_is_refused(there: Registry) -> None:
    there.says = "sha256:" + "0" * 64
    with pytest.raises(OperatorError, match="sent a manifest that is not sha256:0000"):
        registry.resolve(f"{there.name}/shop/api", "1.9.0")


def bearer(there: Registry) -> str:
    return f'Bearer realm="https://{there.name}/token",service="{there.name}",scope="repository:shop/api:pull"'


def basic(there: Registry) -> str:
    return 'Basic realm="registry"'


@pytest.mark.parametrize("wants", [bearer, basic])
def test_a_private_repository_is_read_with_the_token(
    there: Registry, wants: Callable[[Registry], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there.wants = wants(there)
    with pytest.raises(OperatorError, match="set REGISTRY_TOKEN to read it"):
        registry.resolve(f"{there.name}/shop/api", "1.9.0")
    monkeypatch.setenv("REGISTRY_TOKEN", "another-secret")
    with pytest.raises(OperatorError, match="REGISTRY_TOKEN may not read it") as refused:
        registry.resolve(f"{there.name}/shop/api", "1.9.0")
    assert "another-secret" not in str(refused.value)
    monkeypatch.setenv("REGISTRY_TOKEN", there.secret)
    assert registry.resolve(f"{there.name}/shop/api", "1.9.0").endswith(DIGEST)


def test_a_public_repository_is_read_with_a_token_of_nobody(there: Registry) -> None:
    """GHCR and Docker Hub want a token even for what all may read."""
    there.wants, there.secret = bearer(there), ""
    assert registry.resolve(f"{there.name}/shop/api", "1.9.0").endswith(DIGEST)


@pytest.mark.parametrize(
    "wants", ['Bearer realm="http://tokens.example.com/token"', 'Bearer service="x"', "Negotiate", ""]
)
def test_no_token_is_sent_where_it_is_not_safe(there: Registry, wants: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", there.secret)
    there.wants = wants
    with pytest.raises(OperatorError, match="it asks for"):
        registry.resolve(f"{there.name}/shop/api", "1.9.0")
    assert [login for _, login in there.seen] == [None]


def test_a_registry_whose_certificate_is_not_trusted_is_not_asked(
    there: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(OperatorError, match=r"does not answer: .*certificate"):
        registry.resolve(f"{there.name}/shop/api", "1.9.0")
    assert there.seen == []


def test_a_registry_that_is_not_there_is_one_line(there: Registry) -> None:
    gone = there.name.replace(str(there.server_port), "1")
    with pytest.raises(OperatorError, match=r":1\.9\.0: 127\.0\.0\.1:1 does not answer: .*refused"):
        registry.resolve(f"{gone}/shop/api", "1.9.0")
