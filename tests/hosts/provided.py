"""The stand-in for DigitalOcean on a local cloud: what tests make by the provider, they find on real hosts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from rehearsal.cloud import LocalCloud
from rehearsal.provider.local import LocalHosts
from rehearsal.provider.store import Store
from rehearsal.provider.values import Properties
from tests.rehearsal.provider.conftest import Plugin, running_plugin

DO = "digitalocean:index/"


@dataclass
class Account:
    """An account at the stand-in. Everything that was made in it goes when it is closed, the last first."""

    cloud: LocalCloud
    plugin: Plugin
    made: list[tuple[str, str, Properties]] = field(default_factory=list)

    def make(self, kind: str, **inputs: Any) -> tuple[str, Properties]:
        """Creates a resource (`vpc:Vpc`): its id and its outputs."""
        identifier, state = self.plugin.create(DO + kind, inputs)
        self.made.append((kind, identifier, state))
        return identifier, state

    def droplets(self, network: str, names: dict[str, list[str]], user_data: str = "#cloud-config\n") -> dict[str, str]:
        """Droplets with their tags, side by side, booted: their ids by name."""
        given = {"image": "debian-13-x64", "size": "s-1vcpu-1gb", "region": "nyc3", "vpcUuid": network}
        with ThreadPoolExecutor() as pool:
            jobs = {
                name: pool.submit(self.make, "droplet:Droplet", **given, name=name, tags=tags, userData=user_data)
                for name, tags in names.items()
            }
            found = {name: job.result()[0] for name, job in jobs.items()}
            for droplet in found.values():
                pool.submit(self.cloud.wait_booted, self.local(droplet))
        return found

    def local(self, identifier: str) -> str:
        """The local cloud's id of a droplet, a balancer or a database."""
        account = self.plugin.store.read()
        return str((account["local_hosts"].get(identifier) or account["local_servers"][identifier])["local"])

    def on(self, droplet: str, script: str, text: str | None = None) -> CompletedProcess[str]:
        """Runs a shell script as root on a droplet's console."""
        return self.cloud.exec(self.local(droplet), ["sh", "-c", script], input=text)

    def close(self) -> None:
        """Deletes all that is left."""
        for kind, identifier, state in reversed(self.made):
            self.plugin.delete(DO + kind, identifier, state)


@contextmanager
def opened_account(cloud: LocalCloud, directory: Path) -> Iterator[Account]:
    """An account of its own on a local cloud."""
    store = Store(directory)
    with running_plugin("digitalocean", store, LocalHosts(cloud, store)) as plugin:
        account = Account(cloud, plugin)
        try:
            yield account
        finally:
            account.close()


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word}-{secrets.token_hex(3)}"
