"""A cloud on paper: every host has an address and nothing runs. For tests of the plugins, and for previews."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rehearsal.model import AppPart, AppSpec, Balancing, DatabaseSpec, DeploymentError, Pool
from rehearsal.provider.backend import Addresses, Machine, Name, Opening, rules_of
from rehearsal.provider.store import Store


class PaperCloud:
    """Keeps what it was asked for in the store, in tables of its own that begin with `paper_`."""

    def __init__(self, directory: Path) -> None:
        self._store = Store(directory)

    def add_network(self, network: str, name: str, cidr: str) -> None:
        with self._store.transaction() as account:
            account["paper_networks"][network] = {"name": name, "cidr": cidr}

    def remove_network(self, network: str) -> None:
        with self._store.transaction() as account:
            account["paper_networks"].pop(network, None)

    def boot(self, host: str, machine: Machine) -> Addresses:
        with self._store.transaction() as account:
            place = len(account["paper_hosts"]) + 10
            account["paper_hosts"][host] = {"name": machine.name, "cpus": machine.cpus, "memory": machine.memory}
        return Addresses(public=f"198.51.100.{place}", private=f"10.0.0.{place}")

    def exists(self, host: str) -> bool:
        return host in self._store.read()["paper_hosts"]

    def resize(self, host: str, cpus: int, memory: int) -> None:
        with self._store.transaction() as account:
            account["paper_hosts"][host].update(cpus=cpus, memory=memory)

    def remove(self, host: str) -> None:
        with self._store.transaction() as account:
            account["paper_hosts"].pop(host, None)

    def shield(self, host: str, inbound: Sequence[Opening] | None, outbound: Sequence[Opening]) -> None:
        with self._store.transaction() as account:
            row = account["paper_hosts"][host]
            row["inbound"] = None if inbound is None else rules_of(inbound)
            row["outbound"] = rules_of(outbound)

    def reserve(self) -> str:
        with self._store.transaction() as account:
            address = f"203.0.113.{len(account['paper_addresses']) + 10}"
            account["paper_addresses"][address] = {"host": None}
        return address

    def release(self, address: str) -> None:
        with self._store.transaction() as account:
            account["paper_addresses"].pop(address, None)

    def assign(self, address: str, host: str | None) -> None:
        with self._store.transaction() as account:
            account["paper_addresses"][address] = {"host": host}

    def certify(self, name: str, domains: Sequence[str]) -> None:
        with self._store.transaction() as account:
            account["paper_certificates"][name] = {"domains": list(domains)}

    def keep_certificate(self, name: str, chain: str, key: str) -> None:
        with self._store.transaction() as account:
            account["paper_certificates"][name] = {"chain": chain}

    def forget_certificate(self, name: str) -> None:
        with self._store.transaction() as account:
            account["paper_certificates"].pop(name, None)

    def add_balancer(self, balancer: str, name: str, network: str) -> Addresses:
        return self._add_server(balancer, {"name": name, "network": network})

    def _add_server(self, server: str, row: dict[str, object]) -> Addresses:
        with self._store.transaction() as account:
            place = len(account["paper_servers"]) + 150
            account["paper_servers"][server] = row
        return Addresses(public=f"198.51.100.{place}", private=f"10.0.0.{place}")

    def balance(self, balancer: str, balancing: Balancing) -> None:
        with self._store.transaction() as account:
            account["paper_servers"][balancer]["balancing"] = asdict(balancing)

    def serves(self, server: str) -> bool:
        return server in self._store.read()["paper_servers"]

    def remove_server(self, server: str) -> None:
        with self._store.transaction() as account:
            account["paper_servers"].pop(server, None)

    def add_app(self, app: str, name: str, network: str) -> Addresses:
        return self._add_server(app, {"name": name, "network": network})

    def deploy(self, app: str, spec: AppSpec, deployment: str, admit: Callable[[Sequence[str]], None]) -> None:
        """Fails for the images in `paper_bad_images`, each with its step and its code."""
        bad = self._store.read()["paper_bad_images"]
        for part in spec.parts:
            if part.image in bad:
                raise DeploymentError(bad[part.image]["step"], part.name, bad[part.image]["code"], "on paper")
        running = [part for part in spec.parts for _ in range(part.instances) if part.role in ("service", "worker")]
        admit([f"10.0.1.{place}" for place, _ in enumerate(running, 10)])
        with self._store.transaction() as account:
            account["paper_servers"][app].update(parts={part.name: _of_part(part) for part in spec.parts})

    def receive_logs(self, app: str, endpoint: str) -> str:
        return "198.51.100.250"

    def add_database(self, database: str, spec: DatabaseSpec) -> Addresses:
        return self._add_server(database, {**asdict(spec), "trusted": None, "users": {}, "schemas": {}, "pools": []})

    def _change(self, database: str, **values: object) -> None:
        with self._store.transaction() as account:
            account["paper_servers"][database].update(values)

    def _put(self, database: str, what: str, name: str, there: bool) -> None:
        with self._store.transaction() as account:
            rows = account["paper_servers"][database][what]
            if there:
                rows[name] = {}
            else:
                rows.pop(name, None)

    def resize_database(self, database: str, memory: int, connections: int) -> None:
        self._change(database, memory_mib=memory, connections=connections)

    def trust(self, database: str, sources: Sequence[str] | None) -> None:
        self._change(database, trusted=None if sources is None else list(sources))

    def set_eviction(self, database: str, policy: str) -> None:
        self._change(database, eviction=policy)

    def password(self, database: str, user: str | None = None) -> str:
        # the same every time, and in no table: ids are random
        return hashlib.sha256(f"{database} {user}".encode()).hexdigest()[:24]

    def add_user(self, database: str, user: str) -> str:
        self._put(database, "users", user, there=True)
        return self.password(database, user)

    def remove_user(self, database: str, user: str) -> None:
        self._put(database, "users", user, there=False)

    def add_schema(self, database: str, name: str) -> None:
        self._put(database, "schemas", name, there=True)

    def remove_schema(self, database: str, name: str) -> None:
        self._put(database, "schemas", name, there=False)

    def set_pools(self, database: str, pools: Sequence[Pool]) -> None:
        self._change(database, pools=[asdict(pool) for pool in pools])

    def authority(self, engine: str) -> str:
        return f"the authority of {engine}\n"

    def add_bucket(self, bucket: str) -> None:
        with self._store.transaction() as account:
            account["paper_buckets"][bucket] = {}

    def remove_bucket(self, bucket: str) -> None:
        with self._store.transaction() as account:
            account["paper_buckets"].pop(bucket, None)

    def set_key(self, key: str, secret: str | None, grants: Sequence[Mapping[str, str]]) -> None:
        with self._store.transaction() as account:
            account["paper_keys"][key] = {"grants": [dict(grant) for grant in grants]}

    def remove_key(self, key: str) -> None:
        with self._store.transaction() as account:
            account["paper_keys"].pop(key, None)

    def publish_names(self, names: Sequence[Name]) -> None:
        with self._store.transaction() as account:
            account["paper_names"] = {f"{item.name} {item.type} {item.value}": {"ttl": item.ttl} for item in names}


def _of_part(part: AppPart) -> dict[str, object]:
    """A component as it was asked for; of a variable only a hash, which tells whether it was this one."""
    hashes = {key: hashlib.sha256(value.encode()).hexdigest() for key, value in part.variables.items()}
    return {**asdict(part), "variables": hashes, "credentials": None}
