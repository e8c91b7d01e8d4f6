#!/usr/bin/env python3
"""What the rehearsal does to its registries, in the container where they run: fill them, look, let somebody log in.

registry push REFERENCE=IMAGE …  standard input is what `docker save IMAGE …` prints
registry find REFERENCE …        what is there already
registry login USER              the token on standard input; nobody else may log in to ghcr.io from then on

A reference is <registry>/<repository>:<tag>. `push` and `find` print {reference: digest} as JSON.
"""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

ADDRESS = ("127.0.0.1", 5000)
LOGINS = Path("/etc/internet/ghcr.htpasswd")
STORE = "pushed"  # the repository that every layer comes into; others are given it without sending it again
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CHUNK = 4 << 20
Blob = dict[str, Any]  # as a manifest describes it, without its type


class RefusedError(Exception):
    """The registry did not take it."""


class Registry:
    """One connection to the registry's own API."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(*ADDRESS, timeout=120)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The answer, read to its end."""
        self._connection.request(method, path, body, dict(headers or {}))
        answer = self._connection.getresponse()
        answer.said = answer.read()  # type: ignore[attr-defined]
        return answer

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of a manifest; None where there is none."""
        answer = self.ask("HEAD", f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFEST})
        return answer.headers["Docker-Content-Digest"] if answer.status == 200 else None

    def upload(self, source: IO[bytes]) -> Blob:
        """Sends a blob as it comes; its description."""
        place = self._want(self.ask("POST", f"/v2/{STORE}/blobs/uploads/"), 202)
        checksum, size, start = hashlib.sha256(), 0, b""
        while piece := source.read(CHUNK):
            start = start or piece[:2]
            checksum.update(piece)
            size += len(piece)
            place = self._want(self.ask("PATCH", place, piece, {"Content-Type": "application/octet-stream"}), 202)
        digest = f"sha256:{checksum.hexdigest()}"
        self._want(self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}"), 201)
        return {"digest": digest, "size": size, "compressed": start == b"\x1f\x8b"}

    def has(self, digest: str) -> int | None:
        """The size of a blob that is there already."""
        answer = self.ask("HEAD", f"/v2/{STORE}/blobs/{digest}")
        return int(answer.headers["Content-Length"]) if answer.status == 200 else None

    def give(self, repository: str, digest: str) -> None:
        """Has a repository hold a blob of the store."""
        self._want(self.ask("POST", f"/v2/{repository}/blobs/uploads/?mount={quote(digest)}&from={STORE}"), 201)

    def name(self, repository: str, tag: str, manifest: bytes) -> None:
        """Puts a manifest under a tag."""
        path = f"/v2/{repository}/manifests/{tag}"
        self._want(self.ask("PUT", path, manifest, {"Content-Type": MANIFEST}), 201)

    @staticmethod
    def _want(answer: http.client.HTTPResponse, status: int) -> str:
        if answer.status != status:
            raise RefusedError(f"the registry answered {answer.status}: {answer.said!r}")  # type: ignore[attr-defined]
        place = urlsplit(answer.headers["Location"] or "")
        return f"{place.path}?{place.query}" if place.query else place.path


def split(reference: str) -> tuple[str, str]:
    """The repository of a reference, as the one store of all registries calls it, and its tag."""
    repository, _, tag = reference.rpartition(":")
    return repository, tag


def send(registry: Registry, archive: IO[bytes]) -> tuple[list[dict[str, Any]], dict[str, Blob]]:
    """Every file of a `docker save` into the store; its list of images, and each file's description by name."""
    images: list[dict[str, Any]] = []
    blobs: dict[str, Blob] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if member.issym():  # before Docker 25 a layer of two images lies in the tar once
                links[member.name] = os.path.normpath(str(Path(member.name).parent / member.linkname))
            elif member.name == "manifest.json" and content:
                images = json.load(content)
            elif content:
                blobs[member.name] = _sent(registry, member.name, content)
    return images, blobs | {name: blobs[target] for name, target in links.items() if target in blobs}


def _sent(registry: Registry, name: str, content: IO[bytes]) -> Blob:
    digest = f"sha256:{name.rpartition('/')[2]}" if name.startswith("blobs/sha256/") else None
    size = registry.has(digest) if digest else None
    if digest is None or size is None:
        return registry.upload(content)
    return {"digest": digest, "size": size, "compressed": content.read(2) == b"\x1f\x8b"}


def manifest(image: Mapping[str, Any], blobs: Mapping[str, Blob]) -> bytes:
    """The manifest of an image that `docker save` lists. The same image gives the same bytes."""

    def described(name: str, kind: str) -> dict[str, Any]:
        blob = blobs[name]
        suffix = "+gzip" if blob["compressed"] and kind == LAYER else ""
        return {"mediaType": f"{kind}{suffix}", "digest": blob["digest"], "size": blob["size"]}

    layers = [described(name, LAYER) for name in image["Layers"]]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(image["Config"], CONFIG)}
    return json.dumps({**document, "layers": layers}, separators=(",", ":")).encode()


def push(registry: Registry, wanted: Mapping[str, str], archive: IO[bytes]) -> dict[str, str]:
    """Publishes images of a `docker save` under references (reference: image's name there); their digests."""
    images, blobs = send(registry, archive)
    by_name = {name: image for image in images for name in image["RepoTags"] or ()}
    digests = {}
    for reference, name in wanted.items():
        image = by_name[name]
        repository, tag = split(reference)
        for file in dict.fromkeys([image["Config"], *image["Layers"]]):
            registry.give(repository, blobs[file]["digest"])
        content = manifest(image, blobs)
        registry.name(repository, tag, content)
        digests[reference] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return digests


def find(registry: Registry, references: Iterable[str]) -> dict[str, str]:
    """The digests of those references that are there."""
    found = {reference: registry.digest(*split(reference)) for reference in references}
    return {reference: digest for reference, digest in found.items() if digest}


def login(user: str, token: str) -> None:
    """Lets this user in, and nobody else."""
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=token, text=True, capture_output=True, check=True
    )
    beside = LOGINS.with_suffix(".new")
    beside.write_text(f"{user}:{hashed.stdout.strip()}\n")
    owner = LOGINS.stat()
    os.chown(beside, owner.st_uid, owner.st_gid)
    beside.chmod(0o640)
    beside.replace(LOGINS)


def main(verb: str, *arguments: str) -> None:
    """See the top of this file."""
    if verb == "login":
        login(arguments[0], sys.stdin.read().strip())
    elif verb == "find":
        print(json.dumps(find(Registry(), arguments)))
    else:
        wanted = dict(argument.rsplit("=", 1) for argument in arguments)
        print(json.dumps(push(Registry(), wanted, sys.stdin.buffer)))


if __name__ == "__main__":
    main(*sys.argv[1:])
