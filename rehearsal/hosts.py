"""Hosts of the local cloud: each is two containers, one that holds the network namespace, one that is the machine."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from rehearsal import firewall, machines, network
from rehearsal.addresses import GATEWAY, INTERNET, at, host_address, private_address, private_network
from rehearsal.docker import Docker
from rehearsal.model import CloudError, Host, HostSpec, InboundRule, Network, OutboundRule
from rehearsal.state import CloudState, HostState, Store

_NAME = re.compile(r"^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$")
_LEAST_MEMORY = 256  # MiB; systemd, sshd and cloud-init together need about 120


class Hosts:
    """Makes, changes and removes hosts, networks and addresses; the state says what there is."""

    def __init__(self, docker: Docker, store: Store, prefix: str, labels: Sequence[str]) -> None:
        self.docker = docker
        self.store = store
        self.prefix = prefix
        self.labels = tuple(labels)

    # --- networks -------------------------------------------------------------------------------------------------
    def create_network(self, name: str, cidr: str) -> Network:
        """See LocalCloud."""
        made = Network(f"net-{secrets.token_hex(4)}", name, str(private_network(cidr)))
        carrier = network.create_carrier(self.docker, f"{self.prefix}-{made.id}", self.labels)
        with self.store.change() as state:
            state.networks[made.id] = made
            state.carriers[made.id] = carrier
        return made

    def delete_network(self, network_id: str) -> None:
        """See LocalCloud."""
        with self.store.change() as state:
            if network_id not in state.networks:
                return
            members = state.members(network_id)
            if members:
                names = ", ".join(members.values())
                raise CloudError(f"network {state.networks[network_id].name} still has members: {names}")
            self.docker.call("network", "rm", state.carriers[network_id])
            del state.networks[network_id], state.carriers[network_id]

    # --- hosts ----------------------------------------------------------------------------------------------------
    def create(self, spec: HostSpec) -> Host:
        """See LocalCloud."""
        if not _NAME.match(spec.name):
            raise CloudError(f"{spec.name!r} is no name for a host")
        if spec.memory_mib < _LEAST_MEMORY or spec.cpus < 1:
            raise CloudError(f"{spec.name}: {spec.cpus} processors and {spec.memory_mib} MiB are too little to boot")
        with self.store.change() as state:
            record = self._allocate(state, spec)
        try:
            self._build(spec, record)
        except CloudError:
            self.delete(record.id)
            raise
        return self.get(record.id)

    def _allocate(self, state: CloudState, spec: HostSpec) -> HostState:
        private = None
        if spec.network_id is not None:
            if spec.network_id not in state.networks:
                raise CloudError(f"{spec.name}: there is no network {spec.network_id}")
            private = private_address(state.networks[spec.network_id].cidr, state.members(spec.network_id))
        record = HostState(
            id=f"host-{secrets.token_hex(4)}",
            name=spec.name,
            public_address=host_address(state.subnet, state.public_addresses()),
            private_address=private,
            network_id=spec.network_id,
            cpus=spec.cpus,
            memory_mib=spec.memory_mib,
            image=spec.image,
        )
        state.hosts[record.id] = record
        return record

    def _build(self, spec: HostSpec, record: HostState) -> None:
        state = self.store.read()
        name = f"{self.prefix}-{record.id}"
        anchor = machines.start_anchor(
            self.docker,
            state.host_image,
            f"{name}-net",
            record.name,
            state.public_network,
            record.public_address,
            self.labels,
        )
        self._set(record.id, anchor=anchor)
        if record.network_id and record.private_address:
            network.join_private(
                self.docker,
                anchor,
                state.carriers[record.network_id],
                record.private_address,
                state.networks[record.network_id].cidr,
                at(state.subnet, GATEWAY),
            )
        container = machines.create(
            self.docker,
            state.host_image,
            spec,
            record.id,
            anchor,
            at(state.subnet, INTERNET),
            state.authorities,
            name,
            self.labels,
        )
        self._set(record.id, container=container)
        self.docker.call("start", container)

    def _set(self, host_id: str, **values: str | None) -> None:
        with self.store.change() as state:
            host = self._find(state, host_id)
            for key, value in values.items():
                setattr(host, key, value)

    def get(self, host_id: str) -> Host:
        """See LocalCloud."""
        state = self.store.read()
        return self._public(state, self._find(state, host_id))

    def all(self) -> list[Host]:
        """See LocalCloud."""
        state = self.store.read()
        return [self._public(state, host) for host in state.hosts.values()]

    def state_of(self, host_id: str) -> HostState:
        """What is kept of a host. CloudError when there is none of that id."""
        return self._find(self.store.read(), host_id)

    @staticmethod
    def _find(state: CloudState, host_id: str) -> HostState:
        try:
            return state.hosts[host_id]
        except KeyError:
            raise CloudError(f"there is no host {host_id}") from None

    def _public(self, state: CloudState, host: HostState) -> Host:
        return Host(
            id=host.id,
            name=host.name,
            public_address=host.public_address,
            private_address=host.private_address,
            network_id=host.network_id,
            cpus=host.cpus,
            memory_mib=host.memory_mib,
            image=host.image,
            reserved_addresses=tuple(address for address, owner in state.reserved.items() if owner == host.id),
            running=bool(host.container) and self.docker.running(host.container),
        )

    def resize(self, host_id: str, cpus: int, memory_mib: int) -> Host:
        """See LocalCloud."""
        host = self.state_of(host_id)
        if memory_mib < _LEAST_MEMORY or cpus < 1:
            raise CloudError(f"{host.name}: {cpus} processors and {memory_mib} MiB are too little to boot")
        machines.shut_down(self.docker, host.container)
        # The swap limit goes with the memory's: the engine refuses memory above it.
        swap = f"--memory-swap={memory_mib * 2}m"
        self.docker.call("update", *machines.size_flags(cpus, memory_mib), swap, host.container)
        with self.store.change() as state:
            state.hosts[host_id] = replace(self._find(state, host_id), cpus=cpus, memory_mib=memory_mib)
        self.docker.call("start", host.container)
        return self.get(host_id)

    def delete(self, host_id: str) -> None:
        """See LocalCloud."""
        host = self.store.read().hosts.get(host_id)
        if host is None:
            return
        self.docker.remove([found for found in (host.container, host.anchor) if found])
        with self.store.change() as state:
            state.hosts.pop(host_id, None)
            for address, owner in state.reserved.items():
                if owner == host_id:
                    state.reserved[address] = None

    # --- addresses ------------------------------------------------------------------------------------------------
    def assign(self, address: str, host_id: str | None) -> None:
        """See LocalCloud."""
        with self.store.change() as state:
            if address not in state.reserved:
                raise CloudError(f"{address} is not reserved")
            former = state.reserved[address]
            new = self._find(state, host_id) if host_id is not None else None
            if former is not None and former != host_id and former in state.hosts:
                network.remove_address(self.docker, state.hosts[former].anchor, address)
            if new is not None:
                network.add_address(self.docker, new.anchor, address)
            state.reserved[address] = host_id

    # --- firewall -------------------------------------------------------------------------------------------------
    def set_firewall(
        self, host_id: str, inbound: Sequence[InboundRule], outbound: Sequence[OutboundRule] | None
    ) -> None:
        """See LocalCloud."""
        text = firewall.ruleset(inbound, outbound)
        self._filter(self.state_of(host_id), text)
        self._set(host_id, firewall=text)

    def clear_firewall(self, host_id: str) -> None:
        """See LocalCloud."""
        self._filter(self.state_of(host_id), firewall.removal())
        self._set(host_id, firewall=None)

    def cut_off(self, host_id: str, cut: bool) -> None:
        """See LocalCloud."""
        self._filter(self.state_of(host_id), firewall.severed() if cut else firewall.removal(firewall.SEVERED))

    def _filter(self, host: HostState, text: str) -> None:
        """From the anchor, whose network namespace the host shares, in one transaction."""
        self.docker.exec(host.anchor, ["nft", "-f", "-"], input=text)
