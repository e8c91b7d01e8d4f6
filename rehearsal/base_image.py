"""The root that images of containers are built on, made from the host image: no image comes from outside.

It has this machine's package settings, like the hosts, so what is built on it stays within the rehearsal.
"""

from __future__ import annotations

import hashlib

from rehearsal import machine
from rehearsal.cache import cache_directory, locked
from rehearsal.docker import Docker
from rehearsal.image import GUEST, HOME, Progress, archive, keep, load
from rehearsal.model import CloudError

REPOSITORY = "slipway-base"
_PROGRAM = f"{HOME}/base"


def base_image(docker: Docker, host_image: str, progress: Progress) -> str:
    """The tag of the image (Debian or Ubuntu with python3, its venv and curl), made now if need be."""
    program = (GUEST / "base.sh").read_bytes()
    tag = f"{REPOSITORY}:{hashlib.sha256(repr((host_image, program, machine.programs())).encode()).hexdigest()[:16]}"
    with locked(cache_directory() / "base-image.lock", lambda: progress("waiting for the containers' base image")):
        if docker.inspect(tag, "image") or load(docker, tag):
            return tag
        progress("making the containers' base image")
        container = docker.create(host_image, (), "--entrypoint", _PROGRAM)
        try:
            docker.copy_in(container, archive([(_PROGRAM, program, 0o755)]))
            done = docker.call("start", "--attach", container, timeout=600, check=False)
            if done.returncode:
                raise CloudError(f"making {tag}: {(done.stdout + done.stderr).strip() or 'failed without a word'}")
            # Exported and imported, since what a layer removes lies in those below it still.
            variables = [f"--change=ENV {name}={value}" for name, value in machine.programs().items()]
            docker.pipe(["export", container], ["import", *variables, '--change=CMD ["/bin/bash"]', "-", tag])
        finally:
            docker.remove([container])
        keep(docker, tag)
    return tag
