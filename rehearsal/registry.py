"""The registries of the rehearsal's internet, ghcr.io and docker.io: images of this machine's engine get there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rehearsal.docker import Docker
from rehearsal.image import Progress
from rehearsal.model import CloudError

SERVERS = ("ghcr.io", "docker.io")
_PROGRAM = "/usr/local/lib/internet/registry"
_SERVICE = "docker-registry.service"
_ANSWERS = "until curl -fs http://127.0.0.1:5000/v2/; do sleep 0.1; done"
_REFERENCE = re.compile(rf"^({'|'.join(map(re.escape, SERVERS))})(/[a-z0-9]+([._-]+[a-z0-9]+)*)+:[\w][\w.-]{{0,127}}$")


@dataclass(frozen=True)
class Registry:
    """The registries in one container of the internet. Whoever pulls from ghcr.io has to log in; docker.io is open."""

    docker: Docker
    container: str

    def set_login(self, user: str, token: str) -> None:
        """The one who may log in to ghcr.io. The token travels on standard input."""
        if not re.fullmatch(r"[\w.-]+", user):
            raise CloudError(f"{user!r} is no user of a registry")
        self.docker.exec(self.container, [_PROGRAM, "login", user], input=token)

    def publish(self, images: Mapping[str, str], progress: Progress = lambda line: None) -> dict[str, str]:
        """Puts images of the engine (by tag) at references such as ghcr.io/owner/name:1.0; their digests.

        What is there is not sent again, and a layer of several images is sent once.
        """
        for reference in images:
            if not _REFERENCE.match(reference):
                raise CloudError(f"{reference} can't be published: <{' or '.join(SERVERS)}>/<repository>:<tag>")
        ids = {image: self._id(image) for image in dict.fromkeys(images.values())}
        # The image's own id is a second tag: it tells whether what lies under the first one is this very image.
        marks = {reference: _mark(reference, ids[image]) for reference, image in images.items()}
        known = self._ask("find", *images, *marks.values())
        absent = {
            reference: image
            for reference, image in images.items()
            if reference not in known or known[reference] != known.get(marks[reference])
        }
        digests = {reference: known[reference] for reference in images if reference not in absent}
        if absent:
            progress(f"publishing {len(absent)} images")
            wanted = {**absent, **{marks[reference]: image for reference, image in absent.items()}}
            pairs = [f"{reference}={image}" for reference, image in wanted.items()]
            push = ["exec", "--interactive", self.container, _PROGRAM, "push", *pairs]
            pushed = json.loads(self.docker.pipe(["save", *dict.fromkeys(absent.values())], push))
            digests |= {reference: pushed[reference] for reference in absent}
        return digests

    @contextmanager
    def down(self) -> Iterator[None]:
        """While this lasts, nobody can pull an image."""
        self.docker.exec(self.container, ["systemctl", "stop", _SERVICE])
        try:
            yield
        finally:
            self.docker.exec(self.container, ["systemctl", "start", _SERVICE])
            self.docker.exec(self.container, ["timeout", "30", "sh", "-c", _ANSWERS])

    def _id(self, image: str) -> str:
        found = self.docker.inspect(image, "image")
        if not found:
            raise CloudError(f"there is no image {image} to publish")
        return str(found["Id"])

    def _ask(self, *arguments: str) -> dict[str, str]:
        answer: dict[str, str] = json.loads(self.docker.exec(self.container, [_PROGRAM, *arguments]).stdout)
        return answer


def _mark(reference: str, image: str) -> str:
    return f"{reference.rpartition(':')[0]}:{image.removeprefix('sha256:')}"
