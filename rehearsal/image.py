"""The images that local hosts boot, made once per machine and kept: a system with systemd, sshd and cloud-init."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rehearsal import machine
from rehearsal.cache import cache_directory, locked
from rehearsal.container_engine import install_packages
from rehearsal.docker import Docker
from rehearsal.model import CloudError

Progress = Callable[[str], None]

GUEST = Path(__file__).parent / "guest"
HOME = "/usr/local/lib/local-host"  # where a host has what makes it one
BOOT = f"{HOME}/boot"
# A cloud's server image has these; everything else is for the product's own manifest to install.
_PACKAGES = tuple((GUEST / "packages").read_text().split())
# No waiting for a disk whose loss nobody would mourn, and no manuals.
_DPKG = (
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
_REGISTRY_PATIENCE = 90.0  # seconds for a pull of 30 MB; no registry at all is noticed at once
_BUILD_PATIENCE = 900.0
REPOSITORY = "slipway-host"


def host_image(docker: Docker, progress: Progress = lambda line: None) -> str:
    """The tag of the host image, made now if need be. CloudError with the reason when it can't be made."""
    with locked(cache_directory() / "host-image.lock", lambda: progress("waiting for the host image")):
        for base in (_Ubuntu(), _Debian()):
            tag = f"{REPOSITORY}:{base.recipe()}"
            if docker.inspect(tag, "image") or _load(docker, tag):
                return tag
        if _pulled(docker, _Ubuntu.image):
            try:
                return _make(docker, _Ubuntu(), progress)
            except CloudError as error:  # a registry answers, but the distribution's own mirror does not
                progress(f"no host image from {_Ubuntu.image}: {error}")
        return _make(docker, _Debian(), progress)


def archive(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    """A tar archive of files (path, content, mode), all root's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content, mode in files:
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(content), mode, int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def trusted(authorities: Mapping[str, str]) -> list[tuple[str, bytes, int]]:
    """The files by which a host trusts authorities (PEM by name), once update-ca-certificates has run."""
    directory = "/usr/local/share/ca-certificates"
    return [(f"{directory}/rehearsal-{name}.crt", pem.encode(), 0o644) for name, pem in authorities.items()]


def bake(docker: Docker, base: str, files: bytes, program: str, tag: str) -> None:
    """Makes an image from another: adds files, runs a program in it. CloudError with the program's last words."""
    container = docker.create(base, (), "--entrypoint", program)
    try:
        docker.copy_in(container, files)
        done = docker.call("start", "--attach", container, timeout=900, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise CloudError(f"making {tag}: {' · '.join(said[-4:]) or 'failed without a word'}")
        docker.call("commit", container, tag, timeout=300)
    finally:
        docker.remove([container])


def keep(docker: Docker, tag: str) -> None:
    """Saves an image in the cache, for a container engine that has lost or never had it."""
    kept = _kept(tag)
    partial = kept.with_suffix(f".{os.getpid()}")
    docker.call("save", "--output", str(partial), tag, timeout=_BUILD_PATIENCE)
    partial.chmod(0o600)
    partial.replace(kept)
    _forget_older(docker, tag)
    for older in kept.parent.glob(f"{tag.partition(':')[0]}-*.tar"):
        if older != kept:
            older.unlink(missing_ok=True)


def _forget_older(docker: Docker, tag: str) -> None:
    """Removes all but this image and the one before it (another clone of the project may use that)."""
    repository = tag.partition(":")[0]
    tags = docker.call("images", "--format", "{{.Repository}}:{{.Tag}}", repository).stdout.split()
    for older in [found for found in tags if found != tag][1:]:
        docker.call("rmi", older, check=False)  # one that a container uses stays


def load(docker: Docker, tag: str) -> bool:
    """Loads an image from the cache; whether there was one."""
    return _load(docker, tag)


def _kept(tag: str) -> Path:
    return cache_directory("images") / f"{tag.replace(':', '-')}.tar"


def _load(docker: Docker, tag: str) -> bool:
    kept = _kept(tag)
    return kept.exists() and docker.call("load", "--input", str(kept), check=False, timeout=600).returncode == 0


def _pulled(docker: Docker, image: str) -> bool:
    if docker.inspect(image, "image"):
        return True
    try:
        return docker.call("pull", "--quiet", image, timeout=_REGISTRY_PATIENCE, check=False).returncode == 0
    except CloudError:
        return False


class _Base:
    """A distribution to make the image of."""

    distribution: str
    codename: str

    def __init__(self) -> None:
        self.settings = machine.read(self.distribution, self.codename)

    def files(self) -> list[tuple[str, bytes, int]]:
        """What the image gets beside packages: (path, content, mode)."""
        found = [(path, text.encode(), 0o644) for path, text in self.settings.files.items()]
        for number, certificate in enumerate(self.settings.certificates):
            found.append((f"/usr/local/share/ca-certificates/machine-{number:03}.crt", certificate.encode(), 0o644))
        if self.settings.apt_sources:
            found.append(("/etc/apt/sources.list", "\n".join([*self.settings.apt_sources, ""]).encode(), 0o644))
        return [
            *found,
            ("/etc/dpkg/dpkg.cfg.d/local-host", "\n".join([*_DPKG, ""]).encode(), 0o644),
            ("/etc/cloud/cloud.cfg.d/90-local-host.cfg", (GUEST / "cloud.cfg").read_bytes(), 0o644),
            (BOOT, (GUEST / "boot.sh").read_bytes(), 0o755),
            (f"{HOME}/prepare", (GUEST / "prepare.sh").read_bytes(), 0o755),
            (f"{HOME}/install", (GUEST / "install.sh").read_bytes(), 0o755),
            (f"{HOME}/packages", (GUEST / "packages").read_bytes(), 0o644),
        ]

    def recipe(self) -> str:
        """Another text when the image would come out otherwise."""
        text = repr((self.distribution, self.codename, _PACKAGES, self.files()))
        return f"{self.distribution}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def build(self, docker: Docker, tag: str, progress: Progress) -> None:
        """Makes the image."""
        raise NotImplementedError


class _Debian(_Base):
    distribution, codename = "debian", "trixie"

    def build(self, docker: Docker, tag: str, progress: Progress) -> None:
        if not shutil.which("mmdebstrap"):
            progress("installing mmdebstrap with apt")
            install_packages(["mmdebstrap", "debian-archive-keyring"])
        progress("making the host image (Debian 13, with mmdebstrap)")
        with tempfile.TemporaryDirectory(dir=cache_directory("images")) as work:
            rest = Path(work, "rest.tar")
            rest.write_bytes(archive(self.files()))
            root = Path(work, "root.tar")
            sources = [
                re.sub(r"\[[^]]*\] ", "", line) for line in self.settings.apt_sources
            ]  # it finds the keys itself
            command = [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={','.join(_PACKAGES)}",
                *(f"--dpkgopt={line}" for line in _DPKG),
                f"--customize-hook=tar-in {rest} /",
                '--customize-hook=rm -f "$1"/etc/apt/sources.list.d/* "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
                f'--customize-hook=chroot "$1" {HOME}/prepare',
                self.codename,
                str(root),
                *sources,
            ]
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_BUILD_PATIENCE
            )
            if done.returncode:
                raise CloudError(f"mmdebstrap: {' · '.join(done.stderr.strip().splitlines()[-4:])}")
            docker.call("import", str(root), tag, timeout=_BUILD_PATIENCE)


class _Ubuntu(_Base):
    distribution, codename = "ubuntu", "noble"
    image = "ubuntu:24.04"

    def build(self, docker: Docker, tag: str, progress: Progress) -> None:
        progress(f"making the host image (from {self.image})")
        bake(docker, self.image, archive(self.files()), f"{HOME}/install", tag)


def _make(docker: Docker, base: _Base, progress: Progress) -> str:
    tag = f"{REPOSITORY}:{base.recipe()}"
    base.build(docker, tag, progress)
    keep(docker, tag)
    return tag
