"""Load balancers: HAProxy on a server of the cloud's own, which takes new settings without dropping a connection."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.managed import haproxy
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.servers import Files, Servers
from rehearsal.model import Balancing, CloudError, Server

KIND = "balancer"
_PROGRAM = "haproxy"
_CONFIGURATION = f"{haproxy.DIRECTORY}/haproxy.cfg"
_NEW = f"{haproxy.DIRECTORY}/haproxy.new"


@dataclass(frozen=True)
class Balancers:
    """Makes, changes and removes them."""

    servers: Servers
    certificates: Certificates

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
        container = self.servers.find(balancer_id).containers.get(_PROGRAM)
        text = haproxy.configuration(balancing)
        if container is None:
            files = self._files(balancing, "", [(_CONFIGURATION, text.encode(), 0o600)])
            self._start(balancer_id, files)
            return
        docker = self.servers.docker
        shown = self._ask(container, haproxy.ADMIN, "show servers state health")
        files = self._files(balancing, shown, [(_NEW, text.encode(), 0o600)])
        self.servers.put(container, files)
        checked = docker.exec(container, ["haproxy", "-c", "-q", "-f", _NEW], check=False)
        if checked.returncode:
            raise CloudError(f"HAProxy does not take the settings: {_brief(checked.stdout + checked.stderr)}")
        docker.exec(container, ["mv", _NEW, _CONFIGURATION])
        said = self._ask(container, haproxy.MASTER, "reload")
        if "Success=1" not in said:
            raise CloudError(f"HAProxy did not reload: {_brief(said)}")

    def health(self, balancer_id: str) -> dict[str, bool]:
        """Which targets get requests, by name."""
        container = self.servers.find(balancer_id).containers.get(_PROGRAM)
        if container is None:
            return {}
        lines = self._ask(container, haproxy.ADMIN, "show servers state health").splitlines()
        return {words[3]: words[5] == "2" for words in map(str.split, lines) if len(words) > 5 and words[0] != "#"}

    def _start(self, balancer_id: str, files: Files) -> None:
        command = [_PROGRAM, "-W", "-S", haproxy.MASTER, "-f", _CONFIGURATION]
        container = self.servers.run(balancer_id, _PROGRAM, command, files)
        self.servers.wait(container, ["socat", "-u", "OPEN:/dev/null", f"UNIX-CONNECT:{haproxy.ADMIN}"])

    def _files(self, balancing: Balancing, shown: str, files: Files) -> Files:
        names = {item.certificate for item in balancing.forwardings if item.certificate}
        certificates = {name: self.certificates.get(name) for name in names}
        states = haproxy.states(shown, balancing.targets, balancing.check.port)
        return [
            *files,
            (haproxy.STATES, states.encode(), 0o600),
            *(
                (haproxy.certificate_file(name), f"{found.chain}{found.key}".encode(), 0o600)
                for name, found in certificates.items()
            ),
        ]

    def _ask(self, container: str, socket: str, command: str) -> str:
        docker = self.servers.docker
        return docker.exec(container, ["socat", "-t30", "-", f"UNIX-CONNECT:{socket}"], input=f"{command}\n").stdout


def _brief(text: str) -> str:
    return " · ".join(text.strip().splitlines()[-3:])
