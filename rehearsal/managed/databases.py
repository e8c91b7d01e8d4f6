"""Managed databases: servers of the cloud's own that ask for TLS and a password, and let in whom they trust."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rehearsal import firewall, machines
from rehearsal.engines.stand_in import mongodb_program
from rehearsal.image import Progress
from rehearsal.managed import authority
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.mongodb import MongoDB
from rehearsal.managed.postgres import Postgres
from rehearsal.managed.servers import Servers
from rehearsal.managed.valkey import Valkey
from rehearsal.model import Certificate, CloudError, DatabaseSpec, InboundRule, Pool, Server
from rehearsal.state import ServerState

_EVERYBODY = ("0.0.0.0/0",)
# By an authority of the cloud's own, which nobody trusts unasked; the others' come from the one that everybody trusts.
_OWN_AUTHORITY = ("postgres",)
Engine = Postgres | Valkey | MongoDB


@dataclass(frozen=True)
class Databases:
    """Makes, changes and removes them."""

    servers: Servers
    certificates: Certificates
    progress: Progress

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        return {
            "postgres": Postgres(self.servers),
            "valkey": Valkey(self.servers),
            "mongodb": MongoDB(self.servers, lambda: mongodb_program(self.progress)),
        }

    def create(self, spec: DatabaseSpec) -> Server:
        """A server that answers everybody who has the password. CloudError for an engine that there is not."""
        engine = self._engines.get(spec.engine)
        if engine is None:
            raise CloudError(f"{spec.name}: the cloud has no engine {spec.engine}")
        passwords = {user: secrets.token_urlsafe(24) for user in engine.passwords}
        if spec.source:
            passwords = dict(self.servers.find(spec.source).passwords)
        record = self.servers.make(
            spec.engine, spec.name, spec.network_id, names=spec.names, passwords=passwords, source=spec.source
        )
        try:
            self._shield(record.id)
            if spec.source:
                self._shield(spec.source)  # whatever it trusts, it lets its replica in
            engine.start(record.id, spec, self._certificate(spec.engine, spec.names))
            self._limit(record.id, spec.memory_mib)
        except CloudError:
            self.servers.remove(record.id)
            raise
        return self.servers.shown(self.servers.find(record.id))

    def all(self) -> list[Server]:
        """All databases."""
        return self.servers.all(*self._engines)

    def delete(self, database_id: str) -> None:
        """Removes it with its data. Absent: nothing to do."""
        source = next((record.source for record in self._records() if record.id == database_id), None)
        self.servers.remove(database_id)
        if source and any(record.id == source for record in self._records()):
            self._shield(source)

    def trust(self, database_id: str, sources: Sequence[str] | None) -> None:
        """Who reaches it, by CIDR; None: everybody, who still needs the password."""
        self.servers.note(database_id, trusted=None if sources is None else list(sources))
        self._shield(database_id)

    def resize(self, database_id: str, memory_mib: int, connections: int) -> None:
        """Another plan."""
        engine = self._engine(database_id)
        self._limit(database_id, memory_mib)
        if isinstance(engine, Postgres):
            engine.resize(database_id, connections)
        elif isinstance(engine, Valkey):
            engine.resize(database_id, memory_mib)

    def set_eviction(self, database_id: str, policy: str) -> None:
        """What Valkey throws away first."""
        engine = self._engine(database_id)
        if isinstance(engine, Valkey):
            engine.set_eviction(database_id, policy)

    def password(self, database_id: str, user: str | None = None) -> str:
        """A user's password; the administrator's where none is named."""
        name = user or self._engine(database_id).admin
        try:
            return self.servers.find(database_id).passwords[name]
        except KeyError:
            raise CloudError(f"the database has no user {name}") from None

    def reset_password(self, database_id: str) -> None:
        """Another password for PostgreSQL's administrator, as a customer may ask the cloud for one."""
        engine = self._engine(database_id)
        if not isinstance(engine, Postgres):
            raise CloudError("the rehearsal resets passwords of PostgreSQL alone")
        password = secrets.token_urlsafe(24)
        engine.set_password(database_id, engine.admin, password)
        passwords = self.servers.find(database_id).passwords
        self.servers.note(database_id, passwords={**passwords, engine.admin: password})

    def add_user(self, database_id: str, user: str) -> str:
        """Another user; the password."""
        password = secrets.token_urlsafe(24)
        self._engine(database_id).add_user(database_id, user, password)
        passwords = self.servers.find(database_id).passwords
        self.servers.note(database_id, passwords={**passwords, user: password})
        return password

    def remove_user(self, database_id: str, user: str) -> None:
        """CloudError while the user owns something."""
        self._engine(database_id).remove_user(database_id, user)
        passwords = dict(self.servers.find(database_id).passwords)
        passwords.pop(user, None)
        self.servers.note(database_id, passwords=passwords)

    def add_schema(self, database_id: str, name: str) -> None:
        """Another database on the server."""
        self._holding(database_id).add_database(database_id, name)

    def remove_schema(self, database_id: str, name: str) -> None:
        """Removes one with all that is in it."""
        self._holding(database_id).remove_database(database_id, name)

    def set_pools(self, database_id: str, pools: Sequence[Pool]) -> None:
        """All pools that it has from now on."""
        record = self.servers.find(database_id)
        certificate = self._certificate(record.kind, record.names)
        engine = self._engine(database_id)
        if not isinstance(engine, Postgres):
            raise CloudError("only PostgreSQL has pools")
        engine.set_pools(database_id, pools, certificate)

    def authority_pem(self, engine: str) -> str:
        """The root that a server's certificate goes back to."""
        return self._authority().chain if engine in _OWN_AUTHORITY else self.servers.store.read().authorities["acme"]

    def _holding(self, database_id: str) -> Postgres | MongoDB:
        engine = self._engine(database_id)
        if isinstance(engine, Valkey):
            raise CloudError("Valkey has no databases by name")
        return engine

    def _engine(self, database_id: str) -> Engine:
        return self._engines[self.servers.find(database_id).kind]

    def _records(self) -> list[ServerState]:
        return list(self.servers.store.read().servers.values())

    def _certificate(self, engine: str, names: Sequence[str]) -> Certificate:
        signer = self._authority() if engine in _OWN_AUTHORITY else self.certificates.acme()
        return authority.issue(signer, names)

    def _authority(self) -> Certificate:
        with self.servers.store.change() as state:
            if state.database_authority is None:
                state.database_authority = authority.new_authority("Databases of the local cloud")
            return state.database_authority

    def _shield(self, database_id: str) -> None:
        """In the namespace that the server's programs share: what is not for them does not arrive."""
        record = self.servers.find(database_id)
        sources = list(_EVERYBODY if record.trusted is None else record.trusted)
        sources += [f"{other.private_address}/32" for other in self._records() if other.source == database_id]
        rules = [InboundRule("tcp", self._engines[record.kind].ports, tuple(sources))] if sources else []
        self.servers.docker.exec(record.anchor, ["nft", "-f", "-"], input=firewall.ruleset(rules, None))

    def _limit(self, database_id: str, memory_mib: int) -> None:
        flags = machines.size_flags(1, memory_mib)
        for container in self.servers.find(database_id).containers.values():
            self.servers.docker.call("update", *flags, f"--memory-swap={memory_mib * 2}m", container)
