"""The object storage of the rehearsal lets in who signs with a key for the bucket, and keeps what it is given (DV6)."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import io
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest

from rehearsal import image, internet
from rehearsal.provider.digitalocean.catalog import SPACES_REGIONS

EMPTY = hashlib.sha256(b"").hexdigest()
SCOPE = "20130524/us-east-1/s3/aws4_request"
# the key of Amazon's own examples of signatures
EXAMPLE_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program that runs where the storage is, with its files below the test's directory."""
    monkeypatch.syspath_prepend(str(image.GUEST / "internet"))  # as a program finds what lies beside it
    spec = importlib.util.spec_from_file_location("objects_program", image.GUEST / "internet" / "objects.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    store = sys.modules["object_store"]
    monkeypatch.setattr(store, "KNOWN", tmp_path / "objects.json")
    monkeypatch.setattr(store, "STORE", tmp_path / "store")
    return module


@dataclass
class Storage:
    """The storage, and one who has a key."""

    program: ModuleType
    port: int
    identifier: str = "an-id"
    secret: str = secrets.token_hex(16)

    def ask(
        self, method: str, path: str, body: bytes = b"", secret: str | None = None, identifier: str | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        """A signed request."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{moment[:8]}/nyc3/s3/aws4_request"
        name = headers.pop("host", f"127.0.0.1:{self.port}")
        digest = hashlib.sha256(body).hexdigest()
        signed = [("host", name), ("x-amz-content-sha256", digest), ("x-amz-date", moment)]
        place, _, query = path.partition("?")
        whole = (method, place, parse_qsl(query, keep_blank_values=True), signed, digest)
        given = self.program.signature(secret or self.secret, scope, moment, whole)
        names = ";".join(header for header, _ in signed)
        said = f"Credential={identifier or self.identifier}/{scope}, SignedHeaders={names}, Signature={given}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {**dict(signed), **headers, "Authorization": f"AWS4-HMAC-SHA256 {said}"}
        connection.request(method, path, body, {header.replace("_", "-"): value for header, value in sent.items()})
        answer = connection.getresponse()
        found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def code(self, method: str, path: str, **options: str) -> str:
        """The code of a refusal."""
        _, _, body = self.ask(method, path, b"", **options)
        return str(ElementTree.fromstring(body).findtext("Code"))  # noqa: S314 - our own words


@pytest.fixture
def storage(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), program.Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    made = Storage(program, server.server_address[1])
    for bucket in ("pictures", "others"):
        program.main("bucket", bucket)
    tell(monkeypatch, program, made.identifier, secret=made.secret, grants=[grant("pictures", "readwrite")])
    yield made
    server.shutdown()
    server.server_close()


def grant(bucket: str, permission: str) -> dict[str, str]:
    return {"bucket": bucket, "permission": permission}


def tell(monkeypatch: pytest.MonkeyPatch, program: ModuleType, identifier: str, **told: object) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(told)))
    program.main("key", identifier)


def test_signatures_are_those_of_amazon_s_own_examples(program: ModuleType) -> None:
    date, host = "20130524T000000Z", ("host", "examplebucket.s3.amazonaws.com")
    headers = [host, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", date)]
    by_header = program.signature(EXAMPLE_KEY, SCOPE, date, ("GET", "/test.txt", [], headers, EMPTY))
    assert by_header == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    query = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"AKIAIOSFODNN7EXAMPLE/{SCOPE}"),
        ("X-Amz-Date", date), ("X-Amz-Expires", "86400"), ("X-Amz-SignedHeaders", "host"),
    ]  # fmt: skip
    by_url = program.signature(EXAMPLE_KEY, SCOPE, date, ("GET", "/test.txt", query, [host], "UNSIGNED-PAYLOAD"))
    assert by_url == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def test_what_is_put_comes_back_by_path_and_by_name(storage: Storage) -> None:
    status, headers, _ = storage.ask("PUT", "/pictures/a%20b.png", b"picture", content_type="image/png")
    assert (status, headers["etag"]) == (200, f'"{hashlib.md5(b"picture", usedforsecurity=False).hexdigest()}"')
    for path, name in (("/pictures/a%20b.png", "nyc3"), ("/a%20b.png", "pictures.nyc3")):
        status, headers, body = storage.ask("GET", path, host=f"{name}.digitaloceanspaces.com")
        assert (status, headers["content-type"], body) == (200, "image/png", b"picture")
    assert storage.ask("HEAD", "/pictures/a%20b.png")[0] == 200
    assert storage.ask("DELETE", "/pictures/a%20b.png")[0] == 204
    assert storage.code("GET", "/pictures/a%20b.png") == "NoSuchKey"


def test_a_bucket_is_listed_page_by_page_and_folder_by_folder(storage: Storage) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        storage.ask("PUT", f"/pictures/{key}", b"x")

    def listed(query: str) -> tuple[list[str | None], str | None]:
        tree = ElementTree.fromstring(storage.ask("GET", f"/pictures?list-type=2&{query}")[2])  # noqa: S314
        names = [one.text for one in (*tree.iter("Key"), *tree.iterfind("CommonPrefixes/Prefix"))]
        return names, tree.findtext("NextContinuationToken")

    assert listed("") == (["a", "b/1", "b/2", "c"], None)
    assert listed("max-keys=2") == (["a", "b/1"], "b/1")
    assert listed("max-keys=2&continuation-token=b%2F1") == (["b/2", "c"], None)
    assert listed("delimiter=%2F") == (["a", "c", "b/"], None)
    assert listed("prefix=b%2F") == (["b/1", "b/2"], None)


@pytest.mark.parametrize(
    ("method", "path", "options", "code"),
    [
        ("GET", "/pictures", {"identifier": "nobody"}, "InvalidAccessKeyId"),
        ("GET", "/pictures", {"secret": "another"}, "SignatureDoesNotMatch"),
        ("GET", "/others", {}, "AccessDenied"),
        ("PUT", "/others/a", {}, "AccessDenied"),
        ("PUT", "/pictures", {}, "AccessDenied"),
        ("POST", "/pictures/a?uploads", {}, "NotImplemented"),
    ],
)
def test_whoever_may_not_is_refused(
    storage: Storage, method: str, path: str, options: dict[str, str], code: str
) -> None:
    """VU7."""
    assert storage.code(method, path, **options) == code


def test_without_a_signature_nobody_gets_anything(storage: Storage) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", storage.port, timeout=10)
    connection.request("GET", "/pictures")
    assert connection.getresponse().status == 403
    connection.close()


def test_a_key_may_read_alone_and_is_forgotten(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, storage.program, storage.identifier, grants=[grant("pictures", "read")])
    assert storage.ask("GET", "/pictures")[0] == 200
    assert storage.code("PUT", "/pictures/a") == "AccessDenied"
    storage.program.main("forget-key", storage.identifier)
    assert storage.code("GET", "/pictures") == "InvalidAccessKeyId"
    assert (sys.modules["object_store"].KNOWN.stat().st_mode & 0o777) == 0o600


def test_a_bucket_goes_with_all_that_is_in_it(storage: Storage, program: ModuleType) -> None:
    storage.ask("PUT", "/pictures/a", b"x")
    program.main("forget-bucket", "pictures")
    assert storage.code("GET", "/pictures/a") == "NoSuchBucket"
    assert not (sys.modules["object_store"].STORE / "pictures").exists()


def test_every_region_has_a_name_that_its_certificate_is_for() -> None:
    start: Callable[[], str] = (image.GUEST / "internet" / "start.sh").read_text
    (line,) = [line for line in start().splitlines() if line.strip().startswith("for region in")]
    assert set(line.split("in ", 1)[1].partition(";")[0].split()) == SPACES_REGIONS
    assert internet._FILES["objects"] == "objects.py"
