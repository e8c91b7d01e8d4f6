"""Certificates that the cloud keeps for its balancers: by the authority that issues by ACME, or brought along."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.docker import Docker
from rehearsal.managed import authority
from rehearsal.model import Certificate, CloudError
from rehearsal.state import Store

_MANAGEMENT = "https://127.0.0.1:15000"  # where Pebble, in the internet's container, shows what it signs with


class Certificates:
    """Makes and forgets them; the state has them by name, keys included."""

    def __init__(self, docker: Docker, store: Store) -> None:
        self.docker = docker
        self.store = store

    def issue(self, name: str, domains: Sequence[str]) -> Certificate:
        """One for these names, as Let's Encrypt gives the cloud: whoever trusts the ACME authority trusts it."""
        made = authority.issue(self.acme(), domains)
        with self.store.change() as state:
            state.certificates[name] = made
        return made

    def bring(self, name: str, chain: str, key: str) -> Certificate:
        """One that the customer has. CloudError where certificate and key do not fit."""
        made = authority.fitting(chain, key)
        with self.store.change() as state:
            state.certificates[name] = made
        return made

    def forget(self, name: str) -> None:
        """Absent: nothing to do."""
        with self.store.change() as state:
            state.certificates.pop(name, None)

    def get(self, name: str) -> Certificate:
        """CloudError when there is none of that name."""
        try:
            return self.store.read().certificates[name]
        except KeyError:
            raise CloudError(f"the cloud has no certificate {name}") from None

    def acme(self) -> Certificate:
        """What the ACME authority of this rehearsal signs with."""
        chain, key = (
            self.docker.exec(
                self.store.read().internet, ["curl", "-fsSk", "--max-time", "10", f"{_MANAGEMENT}/{what}/0"]
            ).stdout
            for what in ("intermediates", "intermediate-keys")
        )
        return Certificate(chain, key)
