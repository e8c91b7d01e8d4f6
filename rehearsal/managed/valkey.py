"""A Valkey server of the cloud's own."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.managed.image import HOME
from rehearsal.managed.servers import Servers
from rehearsal.model import Certificate, CloudError, DatabaseSpec

ADMIN = "default"
PORT = 25061
_CLOUD = "cloud"  # who changes settings here; customers may not
_PROGRAM = "valkey"
_ETC = "/etc/managed"
_SOCKET = "/run/valkey/socket"
# What a managed server lets nobody do (docs.digitalocean.com, Valkey limits).
_FORBIDDEN = "-config -acl -debug -module -replicaof -shutdown"


@dataclass(frozen=True)
class Valkey:
    """How the cloud runs it."""

    servers: Servers
    ports = str(PORT)
    admin = ADMIN
    passwords = (ADMIN, _CLOUD)

    def start(self, server_id: str, spec: DatabaseSpec, certificate: Certificate) -> None:
        """Starts it and waits for its answer."""
        passwords = self.servers.find(server_id).passwords
        settings = [
            "port 0",
            f"tls-port {PORT}",
            "bind * -::*",
            f"tls-cert-file {_ETC}/server.pem",
            f"tls-key-file {_ETC}/server.key",
            "tls-auth-clients no",
            f"aclfile {_ETC}/users.acl",
            f"unixsocket {_SOCKET}",
            "unixsocketperm 700",
            f"maxmemory {spec.memory_mib // 2}mb",
            f"maxmemory-policy {spec.eviction}",
            "dir /var/lib/valkey",
        ]
        users = f"{_user(ADMIN, passwords[ADMIN])}\nuser {_CLOUD} on >{passwords[_CLOUD]} ~* &* +@all\n"
        files = [
            (f"{_ETC}/server.pem", certificate.chain.encode(), 0o644),
            (f"{_ETC}/server.key", certificate.key.encode(), 0o600),
            (f"{_ETC}/valkey.conf", "\n".join([*settings, ""]).encode(), 0o600),
            (f"{_ETC}/users.acl", users.encode(), 0o600),
        ]
        container = self.servers.run(server_id, _PROGRAM, [f"{HOME}/valkey"], files)
        self.servers.wait(container, ["socat", "-u", "OPEN:/dev/null", f"UNIX-CONNECT:{_SOCKET}"])

    def resize(self, server_id: str, memory_mib: int) -> None:
        """Another size takes effect at once."""
        self._tell(server_id, f"CONFIG SET maxmemory {memory_mib // 2}mb")

    def set_eviction(self, server_id: str, policy: str) -> None:
        """What goes first when the memory is full."""
        self._tell(server_id, f"CONFIG SET maxmemory-policy {policy}")

    def add_user(self, server_id: str, user: str, password: str) -> None:
        """One who may do what the administrator may."""
        self._tell(server_id, f"ACL SETUSER {_user(user, password).removeprefix('user ')}", "ACL SAVE")

    def remove_user(self, server_id: str, user: str) -> None:
        """His connections end, too."""
        self._tell(server_id, f"ACL DELUSER {user}", "ACL SAVE")

    def _tell(self, server_id: str, *commands: str) -> None:
        # By standard input: an argument would show the password in the process list.
        record = self.servers.find(server_id)
        lines = [f"AUTH {_CLOUD} {record.passwords[_CLOUD]}", *commands, ""]
        cli = ["valkey-cli", "-e", "-s", _SOCKET]
        done = self.servers.docker.exec(record.containers[_PROGRAM], cli, input="\n".join(lines), check=False)
        errors = [
            line for line in done.stdout.splitlines() if line.startswith(("ERR", "(error)", "WRONGPASS", "NOAUTH"))
        ]
        if done.returncode or errors:
            raise CloudError(f"Valkey: {(errors or done.stderr.strip().splitlines() or ['no answer'])[0]}")


def _user(name: str, password: str) -> str:
    return f"user {name} on >{password} ~* &* +@all {_FORBIDDEN}"
