"""What the release's state machine can do to a host, in pieces that are each safe to repeat."""

from __future__ import annotations

from typing import Protocol

from .state import State


class Effects(Protocol):
    """A host as the state machine sees it. Everything raises HostError when it can't be done.

    Each piece leaves the same host whether it runs once or twice: a crash in the middle is followed by the same piece.
    """

    @property
    def steps(self) -> frozenset[str]:
        """The steps that a release takes on this kind of host: what comes from images is not built."""

    def live_slot(self) -> str | None:
        """The slot that serves (where `current` leads), None before the first release."""

    def slot_release(self, slot: str) -> str | None:
        """The release that a slot has, None if it has none."""

    def preflight(self, state: State) -> None:
        """Refuse what can't end well: no room or memory, routes nginx does not take, a backing service that is down."""

    def fetch(self, state: State) -> None:
        """Make the release's directory, and have the source of its commit or its images on this host."""

    def environment(self, state: State) -> None:
        """Give the release its own copy of the product's variables."""

    def install(self, state: State) -> None:
        """Install what the services need."""

    def build(self, state: State) -> None:
        """Build what the services are made of; the release is whole after this."""

    def jobs(self, state: State, when: str) -> None:
        """Run the product's jobs for this moment, each once, and dump the databases before what may change them."""

    def assign(self, slot: str, release: str | None) -> None:
        """Say which release a slot has."""

    def start(self, slot: str, role: str) -> None:
        """Start the slot's services of this role anew and return when they have been started."""

    def healthy(self, slot: str) -> None:
        """Wait until every web service of the slot answers steadily."""

    def ready(self, slot: str, role: str) -> None:
        """Wait until the slot's services of this role are ready."""

    def ensure(self, slot: str) -> None:
        """Start those of the slot's services that do not run, and wait until all are well."""

    def settle(self) -> None:
        """After a boot: start what serves, and nothing else. Whoever starts it by itself has nothing to do here."""

    def stop(self, slot: str, role: str | None = None) -> None:
        """Stop the slot's services of this role (None: all), each within its own time, and what they left behind."""

    def switch(self, slot: str) -> None:
        """Let `slot` serve, by one rename. Nothing changes if it does."""

    def follow(self) -> None:
        """Have nginx take the routes of what serves now, if they are others than those it had."""

    def withdraw(self) -> None:
        """Let no slot serve: the first release failed."""

    def remember(self, slot: str | None) -> None:
        """Say which slot served before."""

    def verify(self, state: State) -> None:
        """Ask for the product through nginx, by its name, until it answers steadily."""

    def drain(self) -> None:
        """Give requests that are under way the time to end."""

    def remove(self, release: str) -> None:
        """Remove the directory of a release; its log stays."""

    def prune(self, state: State) -> None:
        """Remove releases beyond those that are kept; never one that a slot has."""
