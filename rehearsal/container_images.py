"""Images that are built here, from directories with a Containerfile, and kept by the hash of all that is in them."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal import machine
from rehearsal.docker import Docker
from rehearsal.image import Progress
from rehearsal.product_repository import LEFT_OUT

_LABEL = "slipway.image"
_KEPT = "336h"  # how long an image stays that no container uses; made again it is the same


def container_image(
    docker: Docker, name: str, directories: Sequence[Path], arguments: Mapping[str, str], progress: Progress
) -> str:
    """The tag of the image that the Containerfile in `directories`, which lie over each other, describes.

    It is made now if need be; CloudError with the builder's last words when it can't be.
    """
    with tempfile.TemporaryDirectory() as work:
        context = Path(work)
        for directory in directories:
            shutil.copytree(
                directory, context, dirs_exist_ok=True, ignore=lambda _, names: LEFT_OUT.intersection(names)
            )
        tag = f"slipway-{name}:{digest(context, arguments)}"
        if docker.inspect(tag, "image"):
            return tag
        progress(f"making the image of {name}")
        docker.build(context, tag, {**machine.proxies(), **arguments}, [f"{_LABEL}={name}"])
    older = ["--all", "--filter", f"label={_LABEL}", "--filter", f"until={_KEPT}"]
    docker.call("image", "prune", "--force", *older, check=False)
    return tag


_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_TRUSTING = """ARG BASE
FROM ${BASE}
USER 0:0
COPY authorities/ /usr/local/share/ca-certificates/
RUN update-ca-certificates > /dev/null 2>&1
ENV AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
ARG RUNS_AS
USER ${RUNS_AS}
"""


def trusting(docker: Docker, tag: str, authority: str) -> str:
    """The tag of the same image whose programs trust more authorities (PEM), as any image trusts the public ones.

    The rehearsal's are others each time. Amazon's libraries bring a list of their own, and are told of the image's.
    """
    found = docker.inspect(tag, "image")
    runs_as = str((found or {}).get("Config", {}).get("User") or "0:0")
    made = f"{tag}-{hashlib.sha256(authority.encode()).hexdigest()[:8]}"
    if docker.inspect(made, "image"):
        return made
    with tempfile.TemporaryDirectory() as work:
        context = Path(work)
        (context / "Containerfile").write_text(_TRUSTING)
        (context / "authorities").mkdir()
        for number, certificate in enumerate(_CERTIFICATE.findall(authority)):  # one a file: some look by its hash
            (context / "authorities" / f"rehearsal-{number}.crt").write_text(f"{certificate}\n")
        docker.build(context, made, {"BASE": tag, "RUNS_AS": runs_as}, [f"{_LABEL}=trusting"])
    older = ["--all", "--filter", f"label={_LABEL}=trusting", "--filter", "until=24h"]
    docker.call("image", "prune", "--force", *older, check=False)
    return made


def digest(context: Path, arguments: Mapping[str, str]) -> str:
    """Another text when the image could come out otherwise."""
    found = hashlib.sha256(repr(sorted(arguments.items())).encode())
    for path in sorted(context.rglob("*")):
        if path.is_file():
            executable = bool(path.stat().st_mode & 0o100)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{path.relative_to(context)} {executable} {content}\n".encode())
    return found.hexdigest()[:16]
