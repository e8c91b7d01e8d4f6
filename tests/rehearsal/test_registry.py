"""Images go from the engine into the registries of the rehearsal, each layer once, and nobody's token is seen."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rehearsal import image
from rehearsal.model import CloudError
from rehearsal.registry import Registry

GZIP = b"\x1f\x8b"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program that runs where the registry is."""
    spec = importlib.util.spec_from_file_location("registry_program", image.GUEST / "internet" / "registry.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Store:
    """What the program asks of the registry's API, in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, int] = {}
        self.uploads = 0
        self.held: set[tuple[str, str]] = set()
        self.named: dict[str, bytes] = {}

    def has(self, digest: str) -> int | None:
        return self.blobs.get(digest)

    def upload(self, source: Any) -> dict[str, Any]:
        content = source.read()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.uploads += 1
        self.blobs[digest] = len(content)
        return {"digest": digest, "size": len(content), "compressed": content[:2] == GZIP}

    def give(self, repository: str, digest: str) -> None:
        assert digest in self.blobs
        self.held.add((repository, digest))

    def name(self, repository: str, tag: str, manifest: bytes) -> None:
        self.named[f"{repository}:{tag}"] = manifest


def _tar(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    buffer.seek(0)
    return buffer


def _saved() -> io.BytesIO:
    """Two images with one layer in common, as Docker 25 and later save them."""
    blobs = {
        f"blobs/sha256/{hashlib.sha256(content).hexdigest()}": content for content in (b"base", b"app", b"{}", b"{ }")
    }
    base, app, first, second = blobs
    images = [
        {"RepoTags": ["one:1"], "Config": first, "Layers": [base]},
        {"RepoTags": ["two:1"], "Config": second, "Layers": [base, app]},
    ]
    return _tar({**blobs, "oci-layout": b"{}", "manifest.json": json.dumps(images).encode()})


def test_images_get_their_manifests_and_a_layer_of_both_is_sent_once(program: ModuleType) -> None:
    store = Store()
    wanted = {"ghcr.io/x/one:a": "one:1", "ghcr.io/x/two:a": "two:1", "docker.io/library/two:a": "two:1"}
    digests = program.push(store, wanted, _saved())
    assert digests.keys() == store.named.keys() == wanted.keys()
    assert digests["ghcr.io/x/two:a"] == digests["docker.io/library/two:a"]
    for reference, content in store.named.items():
        assert digests[reference] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        manifest = json.loads(content)
        repository = reference.rpartition(":")[0]
        parts = [manifest["config"], *manifest["layers"]]
        assert {(repository, part["digest"]) for part in parts} <= store.held
        assert all(store.blobs[part["digest"]] == part["size"] for part in parts)
    two = json.loads(store.named["ghcr.io/x/two:a"])
    assert [layer["size"] for layer in two["layers"]] == [len(b"base"), len(b"app")]
    assert two["layers"][0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar"


def test_what_the_registry_has_is_not_sent_again(program: ModuleType) -> None:
    store = Store()
    first = program.push(store, {"ghcr.io/x/two:a": "two:1"}, _saved())
    before = store.uploads
    assert program.push(store, {"ghcr.io/x/two:a": "two:1"}, _saved()) == first
    assert store.uploads == before + 1, "what is no blob of an image has no name that says what is in it"


def test_an_older_engines_archive_is_read_too(program: ModuleType) -> None:
    """Before Docker 25 a layer of two images is a link, and a packed one is what a registry gave."""
    images = [{"RepoTags": ["old:1"], "Config": "abc.json", "Layers": ["1/layer.tar", "2/layer.tar"]}]
    files = {"1/layer.tar": GZIP + b"packed", "abc.json": b"{}", "manifest.json": json.dumps(images).encode()}
    store = Store()
    program.push(store, {"ghcr.io/x/old:1": "old:1"}, _tar(files, {"2/layer.tar": "../1/layer.tar"}))
    layers = json.loads(store.named["ghcr.io/x/old:1"])["layers"]
    assert layers[0] == layers[1]
    assert layers[0]["mediaType"].endswith(".tar+gzip")


class Engine:
    """A container engine with some images, and a registry in one of its containers that has what `there` says."""

    def __init__(self, there: Mapping[str, str]) -> None:
        self.there = dict(there)
        self.pushed: list[str] = []
        self.commands: list[tuple[Sequence[str], str | None]] = []

    def inspect(self, thing: str, kind: str) -> dict[str, Any] | None:
        assert kind == "image"
        return None if thing == "absent:1" else {"Id": f"sha256:{thing.partition(':')[0] * 4}"}

    def exec(self, container: str, command: Sequence[str], input: str | None = None) -> Any:  # noqa: A002
        self.commands.append((command, input))

        class Done:
            stdout = json.dumps({name: self.there[name] for name in command[2:] if name in self.there})

        return Done

    def pipe(self, source: Sequence[str], target: Sequence[str]) -> str:
        assert source[0] == "save"
        self.pushed = list(source[1:])
        return json.dumps({pair.partition("=")[0]: f"sha256:{pair.partition('=')[2]}" for pair in target[5:]})


def _registry(there: Mapping[str, str]) -> tuple[Registry, Engine]:
    engine = Engine(there)
    return Registry(engine, "internet"), engine  # type: ignore[arg-type]


def test_only_what_is_not_there_is_pushed() -> None:
    there = {"ghcr.io/x/one:main": "sha256:1", "ghcr.io/x/one:oneoneoneone": "sha256:1"}
    registry, engine = _registry(there)
    said: list[str] = []
    digests = registry.publish({"ghcr.io/x/one:main": "one:1", "ghcr.io/x/two:main": "two:1"}, said.append)
    assert digests == {"ghcr.io/x/one:main": "sha256:1", "ghcr.io/x/two:main": "sha256:two:1"}
    assert engine.pushed == ["two:1"]
    assert said == ["publishing 1 images"]


def test_a_tag_that_names_another_image_by_now_is_pushed_again() -> None:
    there = {"ghcr.io/x/one:main": "sha256:2", "ghcr.io/x/one:oneoneoneone": "sha256:1"}
    registry, engine = _registry(there)
    assert registry.publish({"ghcr.io/x/one:main": "one:1"}) == {"ghcr.io/x/one:main": "sha256:one:1"}
    assert engine.pushed == ["one:1"]


@pytest.mark.parametrize(
    ("reference", "image_name", "reason"),
    [
        ("registry.example.com/x/one:main", "one:1", "ghcr.io or docker.io"),
        ("ghcr.io/x/one", "one:1", "can't be published"),
        ("ghcr.io/X/one:main", "one:1", "can't be published"),
        ("ghcr.io/x/one:main", "absent:1", "no image absent:1"),
    ],
)
def test_what_can_not_be_published_is_said(reference: str, image_name: str, reason: str) -> None:
    registry, engine = _registry({})
    with pytest.raises(CloudError, match=reason):
        registry.publish({reference: image_name})
    assert engine.pushed == []


def test_a_token_is_no_argument() -> None:
    """ALL3"""
    token = secrets.token_urlsafe(24)
    registry, engine = _registry({})
    registry.set_login("someone", token)
    ((command, said),) = engine.commands
    assert said == token
    assert token not in " ".join(command)
    with pytest.raises(CloudError, match="no user"):
        registry.set_login("some:one", token)


def test_the_registries_names_are_led_to_and_certified() -> None:
    """Whoever pulls asks these names, and checks them."""
    start = (image.GUEST / "internet" / "start.sh").read_text()
    nginx = (image.GUEST / "internet" / "registries.conf").read_text()
    for name in ("ghcr.io", "docker.io", "registry-1.docker.io"):
        assert f" {name}" in nginx
        assert f"DNS:{name}" in start or "DNS:*." + name.partition(".")[2] in start
    assert " ghcr.io docker.io;" in start


def test_the_program_is_where_the_registry_looks_for_it() -> None:
    from rehearsal import internet, registry

    assert Path(registry._PROGRAM) == Path(internet._HOME) / "registry"
    assert internet._FILES["registry"] == "registry.py"
