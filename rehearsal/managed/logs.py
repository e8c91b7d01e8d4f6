"""Who receives an app's logs: a stand-in for the service that collects them, on a server of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rehearsal.managed import authority
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.servers import Servers
from rehearsal.model import Server
from rehearsal.state import ServerState

KIND = "logs"
GUEST = Path(__file__).parents[1] / "guest" / "platform"
_PROGRAM = "receiver"
_LINES = "/var/log/received"
_RECEIVE, _CERTIFICATE = "/etc/platform/receive.py", "/etc/platform/server.pem"


@dataclass(frozen=True)
class LogReceivers:
    """Makes them and reads what they got."""

    servers: Servers
    certificates: Certificates

    def create(self, app: ServerState, endpoint: str) -> Server:
        """One that takes syslog at this endpoint, once its name leads to it. The same again for the same endpoint."""
        place = urlsplit(endpoint)
        host, port = place.hostname or "", place.port or 514
        for record in self._of(app.id):
            if record.name == host:
                return self.servers.shown(record)
        record = self.servers.make(KIND, host, app.network_id, source=app.id, names=(host,))
        certificate = authority.issue(self.certificates.acme(), [host])
        files = [
            (_RECEIVE, (GUEST / "receive.py").read_bytes(), 0o644),
            (_CERTIFICATE, f"{certificate.chain}{certificate.key}".encode(), 0o600),
        ]
        container = self.servers.run(record.id, _PROGRAM, ["python3", _RECEIVE, str(port), _CERTIFICATE, _LINES], files)
        self.servers.wait(container, ["socat", "-u", "OPEN:/dev/null", f"TCP:127.0.0.1:{port}"])
        return self.servers.shown(self.servers.find(record.id))

    def lines(self, app_id: str) -> list[str]:
        """All that came, from all components."""
        texts = [
            self.servers.docker.exec(record.containers[_PROGRAM], ["cat", _LINES]).stdout for record in self._of(app_id)
        ]
        return "".join(texts).splitlines()

    def _of(self, app_id: str) -> list[ServerState]:
        found = self.servers.store.read().servers.values()
        return [record for record in found if record.source == app_id and record.kind == KIND]
