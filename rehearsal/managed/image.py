"""The image of the cloud's own servers, made once per machine and kept: the host image with what they run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rehearsal.cache import cache_directory, locked
from rehearsal.docker import Docker
from rehearsal.image import Progress, archive, bake, keep, load

REPOSITORY = "slipway-managed"
HOME = "/usr/local/lib/managed"
_GUEST = Path(__file__).parent / "guest"


def managed_image(docker: Docker, host_image: str, progress: Progress) -> str:
    """The tag of the image, made from the host image now if need be."""
    files = [
        (f"{HOME}/{path.stem}", path.read_bytes(), 0o755 if path.suffix == ".sh" else 0o644)
        for path in sorted(_GUEST.iterdir())
        if path.is_file()
    ]
    tag = f"{REPOSITORY}:{hashlib.sha256(repr((host_image, files)).encode()).hexdigest()[:16]}"
    with locked(cache_directory() / "managed-image.lock", lambda: progress("waiting for the image of the servers")):
        if docker.inspect(tag, "image") or load(docker, tag):
            return tag
        progress("making the image of the cloud's servers (HAProxy, PostgreSQL, PgBouncer, Valkey)")
        bake(docker, host_image, archive(files), f"{HOME}/prepare", tag)
        keep(docker, tag)
    return tag
