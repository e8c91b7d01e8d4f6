"""Images by digest: pulled side by side, found to be what was asked for, and removed when no release needs them."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .containers import Docker
from .lock import TOKEN_VARIABLE
from .procfs import end_marked
from .run import HostError

PAUSES = (2.0, 5.0, 10.0)
"""Seconds between the attempts at a registry that does not answer."""
PULL_SECONDS = 900

_ABSENT = ("manifest unknown", "not found", "name unknown", "invalid reference")
_REFUSED = ("denied", "unauthorized", "no basic auth", "forbidden", "authentication required")


class Images:
    """The images on this host. `asked`: the registry has given one of them, so it takes the login."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.asked = False
        self._stopped = threading.Event()

    def pull(self, images: Mapping[str, str]) -> None:
        """Have these images here, by the key that names each in a message. What is here already needs no registry."""
        if not images:
            return
        with ThreadPoolExecutor(len(images)) as pool:
            pulls = [pool.submit(self._pull, key, image) for key, image in images.items()]
            try:
                for pull in pulls:
                    pull.result()
            except BaseException:
                self._stopped.set()
                if self.docker.commands.token:
                    end_marked([f"{TOKEN_VARIABLE}={self.docker.commands.token}"])
                raise

    def user(self, image: str) -> str:
        """The user that an image's processes are by its own word."""
        return str((self._inspect(image) or {})["Config"].get("User") or "root")

    def prune(self, kept: Collection[str]) -> list[str]:
        """Remove other versions of the images `kept`; which. One that a container has stays, and so do other images."""
        wanted = {_short(image) for image in kept}
        repositories = {image.partition("@")[0] for image in wanted}
        gone = []
        for line in self.docker("image", "ls", "--digests", "--format", "{{json .}}").splitlines():
            entry = json.loads(line)
            image = f"{entry['Repository']}@{entry['Digest']}"
            if entry["Repository"] in repositories and entry["Digest"] != "<none>" and image not in wanted:
                code, _, _ = self.docker.answer("image", "rm", image)
                gone += [] if code else [image]
        return gone

    def _pull(self, key: str, image: str) -> None:
        if self._is_here(image):
            return
        for pause in (*PAUSES, None):
            code, _, stderr = self.docker.answer("pull", "--quiet", image, timeout=PULL_SECONDS)
            if code == 0:
                self.asked = True
                break
            said = stderr.strip().splitlines()[-1] if stderr.strip() else "it wrote nothing"
            _refuse(key, image, said.lower())
            if pause is None or self._stopped.wait(pause):
                raise HostError(f"{key}: {image} could not be pulled in {len(PAUSES) + 1} attempts: {said}")
        if not self._is_here(image):
            raise HostError(f"{key}: the registry sent something else than {image}")

    def _is_here(self, image: str) -> bool:
        """Whether this very image is here: by its digest, if it is named by one."""
        found = self._inspect(image)
        digest = image.partition("@")[2]
        return found is not None and (not digest or any(one.endswith(f"@{digest}") for one in found["RepoDigests"]))

    def _inspect(self, image: str) -> dict[str, Any] | None:
        code, stdout, _ = self.docker.answer("image", "inspect", image)
        found: list[dict[str, Any]] = json.loads(stdout or "[]")
        return None if code else found[0]


def is_root(user: str) -> bool:
    """Whether this user of a container, as `user:group`, is root."""
    name = user.partition(":")[0].strip()
    return name in ("", "root") or (name.isdecimal() and int(name) == 0)


def _refuse(key: str, image: str, said: str) -> None:
    """HostError for what no further attempt would change. Registries say "denied" of what they do not have, too."""
    if any(word in said for word in _REFUSED):
        raise HostError(
            f"{key}: the registry refuses {image}: is it there, and does the login in /root/.docker/config.json hold?"
        )
    if any(word in said for word in _ABSENT):
        raise HostError(f"{key}: the registry has no {image}")


def _short(image: str) -> str:
    """The image as `docker image ls` calls it."""
    return image.removeprefix("docker.io/").removeprefix("library/")
