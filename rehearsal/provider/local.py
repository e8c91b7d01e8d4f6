"""The local cloud under the handlers: which of its hosts and networks belongs to which id of the provider."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rehearsal.cloud import LocalCloud
from rehearsal.managed.databases import Databases
from rehearsal.model import (
    AppSpec,
    Balancing,
    CloudError,
    DatabaseSpec,
    HostSpec,
    InboundRule,
    OutboundRule,
    Pool,
    Record,
    Server,
)
from rehearsal.provider.backend import Addresses, Machine, Name, Opening
from rehearsal.provider.store import Store

DIRECTORY = "SLIPWAY_REHEARSAL_CLOUD_DIRECTORY"
"""Environment variable: where the local cloud keeps its state."""
NAME = "SLIPWAY_REHEARSAL_CLOUD_NAME"
"""Environment variable: what labels everything that it makes."""


class LocalHosts:
    """A `rehearsal.provider.backend.Cloud` made of containers. Its tables: `local_hosts`, `_networks`, `_servers`."""

    def __init__(self, cloud: LocalCloud, store: Store) -> None:
        self._cloud, self._store = cloud, store

    def add_network(self, network: str, name: str, cidr: str) -> None:
        made = self._cloud.create_network(name, cidr)
        with self._store.transaction() as account:
            account["local_networks"][network] = {"local": made.id}

    def remove_network(self, network: str) -> None:
        with self._store.transaction() as account:
            row = account["local_networks"].pop(network, None)
        if row:
            self._cloud.delete_network(row["local"])

    def boot(self, host: str, machine: Machine) -> Addresses:
        made = self._cloud.create_host(
            HostSpec(
                name=machine.name,
                cpus=machine.cpus,
                memory_mib=machine.memory,
                user_data=machine.user_data,
                network_id=self._network(machine.network),
                image=machine.image,
                ssh_keys=machine.ssh_keys,
            )
        )
        with self._store.transaction() as account:
            account["local_hosts"][host] = {"local": made.id}
        return Addresses(public=made.public_address, private=made.private_address or "")

    def exists(self, host: str) -> bool:
        row = self._store.read()["local_hosts"].get(host)
        if row is None:
            return False
        return any(found.id == row["local"] for found in self._cloud.hosts())

    def resize(self, host: str, cpus: int, memory: int) -> None:
        self._cloud.resize_host(self._local(host), cpus, memory)

    def remove(self, host: str) -> None:
        with self._store.transaction() as account:
            row = account["local_hosts"].pop(host, None)
        if row:
            self._cloud.delete_host(row["local"])

    def shield(self, host: str, inbound: Sequence[Opening] | None, outbound: Sequence[Opening]) -> None:
        if inbound is None:
            self._cloud.clear_firewall(self._local(host))
            return
        self._cloud.set_firewall(
            self._local(host),
            [InboundRule(item.protocol, item.ports, item.others) for item in inbound],
            [OutboundRule(item.protocol, item.ports, item.others) for item in outbound],
        )

    def reserve(self) -> str:
        return self._cloud.reserve_address()

    def release(self, address: str) -> None:
        self._cloud.release_address(address)

    def assign(self, address: str, host: str | None) -> None:
        self._cloud.assign_address(address, self._local(host) if host else None)

    def certify(self, name: str, domains: Sequence[str]) -> None:
        self._cloud.managed.certificates.issue(name, domains)

    def keep_certificate(self, name: str, chain: str, key: str) -> None:
        self._cloud.managed.certificates.bring(name, chain, key)

    def forget_certificate(self, name: str) -> None:
        self._cloud.managed.certificates.forget(name)

    def add_balancer(self, balancer: str, name: str, network: str) -> Addresses:
        return self._added(balancer, self._cloud.managed.balancers.create(name, self._network(network)))

    def _added(self, identifier: str, made: Server) -> Addresses:
        with self._store.transaction() as account:
            account["local_servers"][identifier] = {"local": made.id}
        return Addresses(public=made.public_address, private=made.private_address)

    def balance(self, balancer: str, balancing: Balancing) -> None:
        self._cloud.managed.balancers.configure(self._server(balancer), balancing)

    def serves(self, server: str) -> bool:
        row = self._store.read()["local_servers"].get(server)
        return row is not None and self._cloud.managed.servers.exists(row["local"])

    def remove_server(self, server: str) -> None:
        with self._store.transaction() as account:
            row = account["local_servers"].pop(server, None)
        if row:
            self._cloud.managed.apps.delete(row["local"])

    def add_app(self, app: str, name: str, network: str) -> Addresses:
        return self._added(app, self._cloud.managed.apps.create(name, self._network(network)))

    def deploy(self, app: str, spec: AppSpec, deployment: str, admit: Callable[[Sequence[str]], None]) -> None:
        self._cloud.managed.apps.deploy(self._server(app), spec, deployment, admit)

    def receive_logs(self, app: str, endpoint: str) -> str:
        return self._cloud.managed.apps.receive_logs(self._server(app), endpoint).public_address

    def add_database(self, database: str, spec: DatabaseSpec) -> Addresses:
        source = self._server(spec.source) if spec.source else None
        here = replace(spec, network_id=self._network(spec.network_id), source=source)
        return self._added(database, self._databases.create(here))

    def resize_database(self, database: str, memory: int, connections: int) -> None:
        self._databases.resize(self._server(database), memory, connections)

    def trust(self, database: str, sources: Sequence[str] | None) -> None:
        self._databases.trust(self._server(database), sources)

    def set_eviction(self, database: str, policy: str) -> None:
        self._databases.set_eviction(self._server(database), policy)

    def password(self, database: str, user: str | None = None) -> str:
        return self._databases.password(self._server(database), user)

    def add_user(self, database: str, user: str) -> str:
        return self._databases.add_user(self._server(database), user)

    def remove_user(self, database: str, user: str) -> None:
        self._databases.remove_user(self._server(database), user)

    def add_schema(self, database: str, name: str) -> None:
        self._databases.add_schema(self._server(database), name)

    def remove_schema(self, database: str, name: str) -> None:
        self._databases.remove_schema(self._server(database), name)

    def set_pools(self, database: str, pools: Sequence[Pool]) -> None:
        self._databases.set_pools(self._server(database), pools)

    def authority(self, engine: str) -> str:
        return self._databases.authority_pem(engine)

    @property
    def _databases(self) -> Databases:
        return self._cloud.managed.databases

    def add_bucket(self, bucket: str) -> None:
        self._cloud.objects("bucket", bucket)

    def remove_bucket(self, bucket: str) -> None:
        self._cloud.objects("forget-bucket", bucket)

    def set_key(self, key: str, secret: str | None, grants: Sequence[Mapping[str, str]]) -> None:
        told = {"grants": [dict(grant) for grant in grants], **({"secret": secret} if secret else {})}
        self._cloud.objects("key", key, told)

    def remove_key(self, key: str) -> None:
        self._cloud.objects("forget-key", key)

    def publish_names(self, names: Sequence[Name]) -> None:
        records: defaultdict[str, list[Record]] = defaultdict(list)
        for item in names:
            records[item.name].append(Record(item.type, item.value, item.ttl))
        self._cloud.set_records(records)

    def _local(self, host: str) -> str:
        row = self._store.read()["local_hosts"].get(host)
        if row is None:
            raise CloudError(f"the local cloud has no host for the droplet {host}")
        return str(row["local"])

    def _network(self, network: str) -> str:
        return str(self._store.read()["local_networks"][network]["local"])

    def _server(self, server: str) -> str:
        row = self._store.read()["local_servers"].get(server)
        if row is None:
            raise CloudError(f"the local cloud has no server for {server}")
        return str(row["local"])


def open_local(state: Path) -> LocalHosts:
    """The cloud of the rehearsal that the environment names."""
    return LocalHosts(LocalCloud(Path(os.environ[DIRECTORY]), os.environ[NAME]), Store(state))
