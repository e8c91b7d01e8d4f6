"""A cloud on paper: every host has an address and nothing runs. For tests of the plugins, and for previews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rehearsal.model import Balancing
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

    def publish_names(self, names: Sequence[Name]) -> None:
        with self._store.transaction() as account:
            account["paper_names"] = {f"{item.name} {item.type} {item.value}": {"ttl": item.ttl} for item in names}
