"""The local cloud: hosts, private networks, addresses, firewalls, names, the rest of the internet.

Several processes use one cloud at once (the engine starts a provider plugin per provider), so all that is known about
it lies in its state directory, and every change is made under a lock.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from rehearsal import dns, machines, network, repositories
from rehearsal.addresses import GATEWAY, INTERNET, at, reserved_address
from rehearsal.cache import locked
from rehearsal.container_engine import find_container_engine
from rehearsal.docker import Docker
from rehearsal.hosts import Hosts
from rehearsal.image import host_image
from rehearsal.internet import Internet, Outsider, internet_image
from rehearsal.managed import Managed
from rehearsal.model import CloudError, Host, HostSpec, InboundRule, Network, OutboundRule, Record
from rehearsal.registry import Registry
from rehearsal.state import CloudState, Store

Progress = Callable[[str], None]

_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")
_LABEL = "slipway.rehearsal"
__all__ = [
    "CloudError", "Host", "HostSpec", "InboundRule", "LocalCloud", "Network", "OutboundRule", "Outsider", "Record",
]  # fmt: skip


class LocalCloud:
    """One rehearsal's cloud. Making the object makes nothing; `prepare()` starts the cloud or finds it started."""

    def __init__(self, directory: Path, name: str, progress: Progress = lambda line: None) -> None:
        """`directory` holds its state and is removed by `destroy_all`; `name` ([a-z0-9-]) labels all that it makes."""
        if not _NAME.match(name):
            raise CloudError(f"{name!r} is no name for a local cloud (a-z, 0-9, -, at most 32 characters)")
        self.directory = directory.absolute()
        self.name = name
        self.progress = progress
        self._store = Store(self.directory)
        self._prefix = f"slipway-{name}"
        self._labels = [f"--label={_LABEL}={name}"]

    @cached_property
    def docker(self) -> Docker:
        """The container engine."""
        return find_container_engine(self.progress)

    @cached_property
    def _hosts(self) -> Hosts:
        return Hosts(self.docker, self._store, self._prefix, self._labels)

    @cached_property
    def managed(self) -> Managed:
        """The cloud's load balancers and databases."""
        return Managed(self.docker, self._store, self._prefix, tuple(self._labels), self.progress)

    # --- the cloud as a whole -------------------------------------------------------------------------------------
    def prepare(self) -> None:
        """Finds or starts a container engine, makes the images, the public network and the internet. Idempotent."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.directory / "prepare.lock", lambda: self.progress("waiting for the local cloud")):
            state = self._store.read()
            if state.outsider:
                if not (self.docker.running(state.internet) and self.docker.running(state.outsider)):
                    raise CloudError(
                        f"the local cloud {self.name} was stopped (by a restart of this machine?): take it down first"
                    )
                return
            self._remove_all()  # what an interrupted start has left
            host = host_image(self.docker, self.progress)
            internet = internet_image(self.docker, host, self.progress)
            self.progress("starting the local cloud")
            with self._store.change() as state:
                state.host_image, state.internet_image = host, internet
                state.public_network, state.subnet = network.create_public(self.docker, self._prefix, self._labels)
            self._start_internet(state)
            self._start_outsider()

    def _start_internet(self, state: CloudState) -> None:
        flags = [*self._labels, f"--name={self._prefix}-internet"]
        internet = Internet.launch(
            self.docker, state.internet_image, flags, state.subnet, state.public_network, self.directory / "git"
        )
        authorities = internet.start(at(state.subnet, INTERNET))
        with self._store.change() as changed:
            changed.internet, changed.authorities = internet.container, authorities

    def _start_outsider(self) -> None:
        state = self._store.read()
        flags = [*self._labels, f"--name={self._prefix}-outsider"]
        outsider = Outsider.launch(
            self.docker, state.internet_image, flags, state.subnet, state.public_network, state.authorities
        )
        with self._store.change() as changed:
            changed.outsider = outsider.container

    def destroy_all(self) -> None:
        """Removes every container, network, volume and file of this cloud. Idempotent."""
        self._remove_all()
        shutil.rmtree(self.directory / "git", ignore_errors=True)
        for file in ("cloud.json", "cloud.new", "cloud.lock", "prepare.lock"):
            (self.directory / file).unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def _remove_all(self) -> None:
        label = f"{_LABEL}={self.name}"
        containers = self.docker.labelled("container", label)
        if containers:
            self.docker.call("rm", "--force", "--volumes", *containers, check=False)
            self.docker.remove(self.docker.labelled("container", label))
        for kind in ("network", "volume"):
            for found in self.docker.labelled(kind, label):
                self.docker.call(kind, "rm", found)
        if self._store.read() != CloudState():
            with self._store.change() as state:
                vars(state).update(vars(CloudState()))

    def _state(self) -> CloudState:
        state = self._store.read()
        if not state.outsider:
            raise CloudError(f"the local cloud {self.name} has not been started (prepare)")
        return state

    @property
    def admin_address(self) -> str:
        """The address from which this machine reaches the hosts: what belongs in `admin_cidrs`, with /32."""
        return at(self._state().subnet, GATEWAY)

    @property
    def resolver_address(self) -> str:
        """The address of the resolver that all hosts use."""
        return at(self._state().subnet, INTERNET)

    def outsider(self) -> Outsider:
        """A machine on the internet that is not in the admin range. The same one every time."""
        state = self._state()
        return Outsider(self.docker, state.outsider, state.subnet)

    # --- networks -------------------------------------------------------------------------------------------------
    def create_network(self, name: str, cidr: str) -> Network:
        """Makes a private network. CloudError for a bad or too small CIDR."""
        self._state()
        return self._hosts.create_network(name, cidr)

    def delete_network(self, network_id: str) -> None:
        """Removes it. CloudError while a host is in it. Absent: nothing to do."""
        self._hosts.delete_network(network_id)

    def networks(self) -> list[Network]:
        """All private networks."""
        return list(self._store.read().networks.values())

    # --- hosts ----------------------------------------------------------------------------------------------------
    def create_host(self, spec: HostSpec) -> Host:
        """Makes a host and starts it; returns when it has its addresses, not when it has booted (as a cloud does)."""
        self._state()
        return self._hosts.create(spec)

    def host(self, host_id: str) -> Host:
        """One host. CloudError when there is none of that id."""
        return self._hosts.get(host_id)

    def hosts(self) -> list[Host]:
        """All hosts."""
        return self._hosts.all()

    def wait_booted(self, host_id: str, timeout: float = 180) -> str:
        """Waits until systemd and cloud-init are done; returns running or degraded. CloudError if late."""
        return machines.wait_booted(self.docker, self._container(host_id), timeout)

    def resize_host(self, host_id: str, cpus: int, memory_mib: int) -> Host:
        """Powers off, changes the size, powers on. The disk and the addresses stay."""
        return self._hosts.resize(host_id, cpus, memory_mib)

    def reboot(self, host_id: str) -> None:
        """Restarts the host in order, as `reboot` would; returns when it has been started again."""
        machines.shut_down(self.docker, self._container(host_id))
        self.power_on(host_id)

    def power_off(self, host_id: str, hard: bool = True) -> None:
        """Takes the power away (`hard`), or shuts down in order."""
        (machines.cut_power if hard else machines.shut_down)(self.docker, self._container(host_id))

    def power_on(self, host_id: str) -> None:
        """Starts a host that is off. Running already: nothing to do."""
        self.docker.call("start", self._container(host_id))

    def cut_off(self, host_id: str, cut: bool = True) -> None:
        """Pulls the network cable of a host that goes on running, or (`cut` False) puts it back."""
        self._hosts.cut_off(host_id, cut)

    def delete_host(self, host_id: str) -> None:
        """Removes host, disk and addresses (reserved ones stay reserved). Absent: nothing to do."""
        self._hosts.delete(host_id)

    def exec(
        self,
        host_id: str,
        argv: Sequence[str],
        input: str | None = None,  # noqa: A002 # as subprocess.run calls it
        timeout: float = 120,
    ) -> CompletedProcess[str]:
        """Runs a program as root on the host's console. Never raises for the program's own exit code."""
        container = self._container(host_id)
        done = self.docker.exec(container, argv, input=input, timeout=timeout, check=False)
        if done.returncode and not self.docker.running(container):
            raise CloudError(f"host {self.host(host_id).name} is off")
        return done

    def _container(self, host_id: str) -> str:
        return self._hosts.state_of(host_id).container

    # --- addresses ------------------------------------------------------------------------------------------------
    def reserve_address(self) -> str:
        """Reserves a public address that outlives hosts."""
        self._state()
        with self._store.change() as state:
            address = reserved_address(state.subnet, state.reserved)
            state.reserved[address] = None
        return address

    def assign_address(self, address: str, host_id: str | None) -> None:
        """Leads a reserved address to a host (away from any other), or nowhere."""
        self._hosts.assign(address, host_id)

    def assign_reserved_address(self, host_id: str) -> str:
        """Reserves an address and leads it to the host."""
        address = self.reserve_address()
        self.assign_address(address, host_id)
        return address

    def release_address(self, address: str) -> None:
        """Gives a reserved address back. Absent: nothing to do."""
        if address in self._store.read().reserved:
            self.assign_address(address, None)
            with self._store.change() as state:
                state.reserved.pop(address, None)

    # --- firewall and names ---------------------------------------------------------------------------------------
    def set_firewall(
        self, host_id: str, inbound: Sequence[InboundRule], outbound: Sequence[OutboundRule] | None = None
    ) -> None:
        """Puts the cloud's firewall before the host: what no rule lets in is dropped. `outbound` None lets all out."""
        self._hosts.set_firewall(host_id, inbound, outbound)

    def clear_firewall(self, host_id: str) -> None:
        """Takes the firewall away: everything reaches the host."""
        self._hosts.clear_firewall(host_id)

    def set_records(self, records: Mapping[str, Sequence[Record]]) -> None:
        """What the resolver answers with: all records of all zones, by whole name without the dot at the end."""
        self._state()
        new = {name: list(values) for name, values in records.items()}
        with self._store.change() as state:  # one at a time: two records of a stack are made at once
            if new != state.records:
                Internet(self.docker, state.internet).set_records(dns.configuration(new))
                state.records = new

    # --- the rest of the internet ---------------------------------------------------------------------------------
    def test_authority_pem(self) -> str:
        """Root certificates, in PEM, of the authority that issues by ACME here. Another one in every rehearsal."""
        return self._state().authorities["acme"]

    def authorities_pem(self) -> str:
        """All root certificates that hosts and visitors of this rehearsal trust, in PEM."""
        return "".join(self._state().authorities.values())

    def publish_repository(self, path: Path, repository: str) -> str:
        """Puts a directory or git repository at https://github.com/<repository>.git; returns its main branch's commit.

        A plain directory becomes a commit on top of what was published before (none when nothing changed).
        """
        self._state()
        return repositories.publish(self.directory / "git", path, repository)

    def registry(self) -> Registry:
        """The registries at ghcr.io and docker.io."""
        return Registry(self.docker, self._state().internet)

    def objects(self, verb: str, name: str, told: Mapping[str, Any] | None = None) -> None:
        """What the object storage at digitaloceanspaces.com is told of a bucket or a key (see Internet.objects)."""
        Internet(self.docker, self._state().internet).objects(verb, name, told)

    def create_external_postgres(self, name: str) -> str:
        """The URL of a PostgreSQL database outside of all hosts, by TLS: a secret. The same name gives the same one."""
        with self._store.change() as state:
            if name not in state.databases:
                state.databases[name] = Internet(self.docker, self._state().internet).create_database(name)
            return state.databases[name]
