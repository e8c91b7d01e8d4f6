"""Making a release of images: its directory, variables and identity, each step safe to repeat."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import compose_config, dotenv, durable
from .compose_config import ComposeConfig, ComposeLayout, ComposeService
from .images import is_root
from .release_config import SLOTS
from .run import HostError, run
from .state import State

GREEN = "green"
"""The file by which nginx knows that the release behind `current` is in the green slot."""
_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})


class Composing:
    """Makes releases of the product `config` describes; each gets copies of what was applied, and uses only those."""

    def __init__(self, layout: ComposeLayout, config: ComposeConfig) -> None:
        self.layout = layout
        self.config = config

    def fetch(self, state: State) -> None:
        """The release's directory. nginx passes through it, and all that is private in it is root's alone."""
        home = self.layout.release(state.release)
        if home.exists():
            shutil.rmtree(home)
        home.mkdir(mode=0o711)
        home.chmod(0o711)
        for source, name, mode in (
            (self.layout.config, "release.json", 0o600),
            (self.layout.site, "site.conf", 0o644),
            (self.layout.compose, "compose.yaml", 0o600),
        ):
            durable.write(home / name, source.read_text(encoding="utf-8"), mode)
        self._place(home, state.slot, state.images, state.services)

    def environment(self, state: State) -> None:
        """The release's own copies of the services' variables."""
        home = self.layout.release(state.release)
        (home / "env").mkdir(mode=0o700, exist_ok=True)
        for service in self.config.services:
            durable.write(home / "env" / f"{service.name}.env", self._text(self.layout.variables(service.name)))

    def complete(self, state: State) -> None:
        """The release calls itself whole. All is on disk before: a power cut leaves no half file."""
        home = self.layout.release(state.release)
        run(["sync", "-f", str(home)])
        identity = {
            "release": state.release,
            "commit": state.commit,
            "revision": state.revision,
            "images": state.images,
            "services": state.services,
            "versions": state.versions,
            "leader": state.leader,
        }
        durable.write(home / "identity.json", json.dumps(identity) + "\n", 0o644)

    def place(self, slot: str, release: str) -> None:
        """Tell a release's directory which slot it is about to be in, if it is whole: compose.yaml and nginx ask it."""
        home = self.layout.release(release)
        identity = compose_config.of_release(home)
        if identity:
            self._place(home, slot, identity["images"], identity["services"])

    def variables(self) -> dict[str, dict[str, str]]:
        """The variables of each service, as last applied. HostError if they are missing, readable, or not whole."""
        return {
            service.name: dotenv.parse(self._text(self.layout.variables(service.name)))
            for service in self.config.services
        }

    def refuse_debug(self, variables: Mapping[str, Mapping[str, str]]) -> None:
        """HostError if a service is about to show visitors what only its developers are to see."""
        for service, values in variables.items():
            for name in self.config.must_not_be_true:
                if values.get(name, "").strip().lower() in _TRUE:
                    raise HostError(
                        f"services.{service}: {name} is on; switch it off, visitors would see what it shows"
                    )

    def refuse_root(self, users: Mapping[str, str]) -> None:
        """HostError if a container would be root's; `users` are what they run as, by service."""
        for service, user in users.items():
            if is_root(user):
                raise HostError(f'services.{service} runs as root: let its image name a user, or say user: "uid:gid"')

    def secrets(self) -> Iterator[str]:
        """Every value that must not be shown, of what was applied and of what the slots have.

        What release.json has too (the product's name, its domain) is none: masking it would hide what went wrong.
        """
        homes = [self.layout.root, *(self.layout.slot(slot) for slot in SLOTS)]
        with contextlib.suppress(OSError):
            public = self.layout.config.read_text(encoding="utf-8")
            for file in [path for home in homes for path in sorted((home / "env").glob("*"))]:
                yield from (value for value in _secrets_of(file) if value not in public)

    def _place(self, home: Path, slot: str, images: Mapping[str, str], services: Mapping[str, str]) -> None:
        lines = [f"COMPOSE_PROJECT_NAME={self.config.project(slot)}", f"SLIPWAY_SLOT={slot}"]
        lines += [f"SLIPWAY_RELEASE={home.name}", f"SLIPWAY_HOST={socket.gethostname()}"]
        for service in compose_config.load(home / "release.json").services:
            if service.name not in services:
                raise HostError(f"{home.name} has no image for services.{service.name}, which has come since")
            lines += self._lines(service, slot, images[services[service.name]])
        durable.write(home / ".env", "\n".join(lines) + "\n")
        if slot == GREEN:
            durable.write(home / GREEN, "", 0o644)
        else:
            durable.remove(home / GREEN)

    def _lines(self, service: ComposeService, slot: str, image: str) -> list[str]:
        ports = service.slot_ports(slot)
        lines = [f"{service.variable}_IMAGE={image}"]
        if ports:
            lines.append(f"{service.variable}_PORTS={ports[0]}" + (f"-{ports[-1]}" if len(ports) > 1 else ""))
        return lines

    def _text(self, path: Path) -> str:
        """A private file of root's. HostError if others may read it, or if it is not there."""
        try:
            status = path.stat()
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}; `slipway apply` brings it") from None
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise HostError(f"{path} is not root's alone (mode {stat.S_IMODE(status.st_mode):04o}): it has to be 0600")
        return text


def _secrets_of(file: Path) -> list[str]:
    """The values of a service's variables; what a tool is told to dump a database has few secrets beside names."""
    with contextlib.suppress(OSError, HostError):  # whoever needs it says what is wrong with it
        text = file.read_text(encoding="utf-8")
        if not file.name.startswith("dump-"):
            return list(dotenv.parse(text).values())
        passwords = [line.partition("=")[2] for line in text.splitlines() if line.startswith("PGPASSWORD=")]
        return [*passwords, *(line for line in text.splitlines() if "://" in line)]
    return []
