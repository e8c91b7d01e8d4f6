"""Load balancers: HAProxy on a server of the cloud's own, which takes new settings without dropping a connection."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.managed import haproxy
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.proxy import PROGRAM, Proxy
from rehearsal.managed.servers import Files, Servers
from rehearsal.model import Balancing, Server

KIND = "balancer"


@dataclass(frozen=True)
class Balancers:
    """Makes, changes and removes them."""

    servers: Servers
    certificates: Certificates

    @property
    def _proxy(self) -> Proxy:
        return Proxy(self.servers, haproxy.DIRECTORY, haproxy.MASTER)

    def create(self, name: str, network_id: str) -> Server:
        """A balancer with its addresses. It answers nobody until it is told what to do."""
        return self.servers.shown(self.servers.make(KIND, name, network_id))

    def all(self) -> list[Server]:
        """All balancers."""
        return self.servers.all(KIND)

    def delete(self, balancer_id: str) -> None:
        """Removes it. Absent: nothing to do."""
        self.servers.remove(balancer_id)

    def configure(self, balancer_id: str, balancing: Balancing) -> None:
        """Has it do this from now on. CloudError with HAProxy's words, and no change, for what it does not take."""
        container = self.servers.find(balancer_id).containers.get(PROGRAM)
        text = haproxy.configuration(balancing)
        if container is None:
            self._proxy.start(balancer_id, text, self._files(balancing, ""), f"UNIX-CONNECT:{haproxy.ADMIN}")
            return
        shown = self._proxy.ask(container, haproxy.ADMIN, "show servers state health")
        self._proxy.change(container, text, self._files(balancing, shown))

    def health(self, balancer_id: str) -> dict[str, bool]:
        """Which targets get requests, by name."""
        container = self.servers.find(balancer_id).containers.get(PROGRAM)
        if container is None:
            return {}
        lines = self._proxy.ask(container, haproxy.ADMIN, "show servers state health").splitlines()
        return {words[3]: words[5] == "2" for words in map(str.split, lines) if len(words) > 5 and words[0] != "#"}

    def _files(self, balancing: Balancing, shown: str) -> Files:
        names = {item.certificate for item in balancing.forwardings if item.certificate}
        certificates = {name: self.certificates.get(name) for name in names}
        states = haproxy.states(shown, balancing.targets, balancing.check.port)
        return [
            (haproxy.STATES, states.encode(), 0o600),
            *(
                (haproxy.certificate_file(name), f"{found.chain}{found.key}".encode(), 0o600)
                for name, found in certificates.items()
            ),
        ]
