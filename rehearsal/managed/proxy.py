"""HAProxy in front of whatever the cloud runs: started once, and told new settings without dropping a connection."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.managed.servers import Files, Servers
from rehearsal.model import CloudError

PROGRAM = "haproxy"


def defaults(idle: int, kept: int, to_targets: str = "http-keep-alive") -> list[str]:
    """What holds for all that is forwarded. An answer may take `idle` seconds, a kept connection waits `kept`."""
    return [
        "defaults",
        "  log global",
        "  mode http",
        "  balance roundrobin",
        "  retries 2",
        "  option redispatch 1",
        "  option dontlognull",
        f"  option {to_targets}",
        "  option idle-close-on-response",  # at a reload: a kept connection ends with an answer, not under a request
        "  timeout connect 2s",
        f"  timeout client {idle}s",
        f"  timeout server {idle}s",
        f"  timeout tunnel {idle}s",
        f"  timeout http-keep-alive {kept}s",
        "  timeout http-request 30s",
    ]


@dataclass(frozen=True)
class Proxy:
    """The HAProxy of a server, with its settings in `directory` and the socket of its master process."""

    servers: Servers
    directory: str
    master: str

    def start(self, server_id: str, settings: str, files: Files, ready: str) -> None:
        """Run it. Returns once `ready`, an address as socat has it, answers."""
        place = f"{self.directory}/haproxy.cfg"
        command = [PROGRAM, "-W", "-S", self.master, "-f", place]
        container = self.servers.run(server_id, PROGRAM, command, [(place, settings.encode(), 0o600), *files])
        self.servers.wait(container, ["socat", "-u", "OPEN:/dev/null", ready])

    def change(self, container: str, settings: str, files: Files) -> None:
        """Have it do this from now on. CloudError with HAProxy's words, and no change, for what it does not take."""
        new, docker = f"{self.directory}/haproxy.new", self.servers.docker
        self.servers.put(container, [(new, settings.encode(), 0o600), *files])
        checked = docker.exec(container, [PROGRAM, "-c", "-q", "-f", new], check=False)
        if checked.returncode:
            raise CloudError(f"HAProxy does not take the settings: {_brief(checked.stdout + checked.stderr)}")
        docker.exec(container, ["mv", new, f"{self.directory}/haproxy.cfg"])
        said = self.ask(container, self.master, "reload")
        if "Success=1" not in said:
            raise CloudError(f"HAProxy did not reload: {_brief(said)}")

    def ask(self, container: str, socket: str, command: str) -> str:
        """What it answers at one of its sockets."""
        argv = ["socat", "-t30", "-", f"UNIX-CONNECT:{socket}"]
        return self.servers.docker.exec(container, argv, input=f"{command}\n").stdout


def _brief(text: str) -> str:
    return " · ".join(text.strip().splitlines()[-3:])
