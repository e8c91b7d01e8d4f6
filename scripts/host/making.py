"""Making a release: its directory, source, variables and builds, each step safe to repeat."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import shutil
from pathlib import Path

from . import dotenv, durable, release_config
from .building import STORE, Building
from .checkout import Source
from .commands import Commands
from .release_config import Config, Layout
from .run import HostError, run
from .slots import read_private
from .state import State

WEB_GROUP = "www-data"
"""nginx's group: it reaches sockets and what builds wrote into the source, and nothing else of a release."""


class Making:
    """Makes releases of the product `config` describes; each gets copies of what was applied, and uses only those."""

    def __init__(self, layout: Layout, config: Config, commands: Commands) -> None:
        self.layout = layout
        self.config = config
        self.commands = commands
        self.account = pwd.getpwnam(config.user)

    def fetch(self, state: State) -> None:
        """The release's directory with the source of its commit.

        The directory belongs to root, so the product can't replace it. In `src` the set-group-id bit hands nginx's
        group down to everything that git and the builds make there, whatever their umask forbids others.
        """
        user = self.account.pw_gid
        self.own(self.layout.repository, 0o750, user)
        source = Source(self.commands, self.layout.repository, self.config.repository)
        source.fetch(state.commit)
        home = self.layout.release(state.release)
        if home.exists():
            shutil.rmtree(home)
        home.mkdir()
        home.chmod(0o711)
        web = grp.getgrnam(WEB_GROUP).gr_gid
        self.own(home / "src", 0o2750, web)
        self.own(home / "run", 0o2710, web)
        self.own(home / "venv", 0o750, user)
        durable.write(home / "release.json", self.layout.config.read_text(encoding="utf-8"), 0o644)
        durable.write(home / "ecosystem.config.js", self.layout.ecosystem.read_text(encoding="utf-8"), 0o644)
        durable.write(home / "site.conf", self.layout.site.read_text(encoding="utf-8"), 0o644)
        source.check_out(state.commit, home / "src")

    def environment(self, state: State) -> dict[str, str]:
        """The release's own copy of the product's variables; what is in it."""
        text = read_private(self.layout.environment, self.account.pw_uid)
        variables = dotenv.parse(text)
        copy = self.layout.release(state.release) / ".env"
        durable.write(copy, text, 0o600)
        os.chown(copy, self.account.pw_uid, self.account.pw_gid)
        return variables

    def install(self, state: State) -> None:
        """See Building.install."""
        self._building(state).install()

    def build(self, state: State) -> None:
        """See Building.build. All is on disk before the release calls itself whole: a power cut leaves no half file."""
        home = self.layout.release(state.release)
        self._building(state).build(self.variables(home))
        run(["sync", "-f", str(home)])
        identity = {"release": state.release, "commit": state.commit, "revision": state.revision}
        durable.write(home / "identity.json", json.dumps(identity) + "\n", 0o644)

    def jobs(self, state: State, when: str) -> None:
        """The product's jobs for this moment."""
        home = self.layout.release(state.release)
        for job in release_config.load(home / "release.json").jobs:
            if job.when == when:
                self._building(state).job(job.name, self.variables(home))

    def tidy(self) -> None:
        """Give back what no release needs any more: objects of the mirror, packages of the store."""
        tasks = [(["git", "gc", "--auto", "--quiet"], self.layout.repository)]
        store = self.layout.root / STORE
        if store.is_dir():
            tasks.append((["pnpm", "store", "prune", f"--store-dir={store}"], self.layout.root))
        for argv, directory in tasks:
            with contextlib.suppress(HostError):
                self.commands.logged(argv, " ".join(argv[:3]), directory, self.commands.base(), timeout=120)

    def variables(self, home: Path) -> dict[str, str]:
        """The variables of the release in `home`."""
        return dotenv.parse(read_private(home / ".env", self.account.pw_uid))

    def own(self, path: Path, mode: int, group: int) -> None:
        """A directory of the service user in a directory of root's."""
        path.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchown(descriptor, self.account.pw_uid, group)
            os.fchmod(descriptor, mode)  # after the owner: changing that clears the set-group-id bit
        finally:
            os.close(descriptor)

    def _building(self, state: State) -> Building:
        home = self.layout.release(state.release)
        marks = {"SLIPWAY_RELEASE": state.release, "SLIPWAY_COMMIT": state.commit, "SLIPWAY_SLOT": state.slot}
        return Building(self.commands, release_config.load(home / "release.json"), home, marks)
