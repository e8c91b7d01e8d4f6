"""A MongoDB server of the cloud's own: the stand-in of rehearsal.engines, with TLS before it.

A replica set of one member whatever was asked for. Its member is called by the name that its customers use, at the same
port: what comes from outside is led to the one who ends TLS, what the server says to itself is not.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rehearsal.managed.image import HOME
from rehearsal.managed.servers import Servers
from rehearsal.model import Certificate, CloudError, DatabaseSpec

ADMIN = "doadmin"
PORT, _TLS_PORT = 27017, 27016
_PROGRAM, _TLS = "mongod", "tls"
_ETC = "/etc/managed"
_TO_TLS = f"""table ip tls {{
  chain inbound {{
    type nat hook prerouting priority dstnat
    iifname {{ "eth0", "eth1" }} tcp dport {PORT} redirect to :{_TLS_PORT}
  }}
}}
"""
_FRONT = f"""global
  maxconn 5000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen mongodb
  bind :{_TLS_PORT} ssl crt {_ETC}/server.pem
  server here 127.0.0.1:{PORT}
"""


@dataclass(frozen=True)
class MongoDB:
    """How the cloud runs it. `program` gives the directory with the stand-in."""

    servers: Servers
    program: Callable[[], Path]
    ports = str(PORT)
    admin = ADMIN
    passwords = (ADMIN,)

    def start(self, server_id: str, spec: DatabaseSpec, certificate: Certificate) -> None:
        """Starts it, makes it a set, and waits until that has a primary."""
        record = self.servers.find(server_id)
        names = f"{record.private_address} {' '.join(spec.names)}\n"
        # in place: the container engine binds this file into all containers of the namespace
        self.servers.docker.exec(record.anchor, ["sh", "-c", "cat >> /etc/hosts"], input=names)
        self.servers.docker.exec(record.anchor, ["nft", "-f", "-"], input=_TO_TLS)
        files = [
            ("/usr/local/bin/mongod", (self.program() / "mongodb").read_bytes(), 0o755),
            ("/usr/local/bin/mongosh", (self.program() / "mongodb").read_bytes(), 0o755),
            (f"{_ETC}/password", record.passwords[ADMIN].encode(), 0o600),
            (f"{_ETC}/key", secrets.token_urlsafe(64).encode(), 0o600),
        ]
        container = self.servers.run(server_id, _PROGRAM, [f"{HOME}/mongodb", spec.name], files)
        self.servers.wait(container, ["mongosh", "--quiet", "--port", str(PORT), "--eval", "1"])
        member = {"_id": 0, "host": f"{spec.names[-1]}:{PORT}"}
        self._tell(server_id, f"rs.initiate({json.dumps({'_id': spec.name, 'members': [member]})})")
        front = [
            (f"{_ETC}/haproxy.cfg", _FRONT.encode(), 0o600),
            (f"{_ETC}/server.pem", f"{certificate.chain}{certificate.key}".encode(), 0o600),
        ]
        container = self.servers.run(server_id, _TLS, ["haproxy", "-db", "-f", f"{_ETC}/haproxy.cfg"], front)
        self.servers.wait(container, ["socat", "-u", "OPEN:/dev/null", f"TCP:127.0.0.1:{_TLS_PORT}"])

    def add_user(self, server_id: str, user: str, password: str) -> None:
        """One who reads and writes everywhere."""
        made = {"user": user, "pwd": password, "roles": ["readWriteAnyDatabase"]}
        self._tell(server_id, f"db.getSiblingDB('admin').createUser({json.dumps(made)})")

    def remove_user(self, server_id: str, user: str) -> None:
        """Takes the user away."""
        self._tell(server_id, f"db.getSiblingDB('admin').dropUser({json.dumps(user)})")

    def add_database(self, server_id: str, name: str) -> None:
        """A database is there when something is written to it."""

    def remove_database(self, server_id: str, name: str) -> None:
        """With all that is in it."""
        self._tell(server_id, f"db.getSiblingDB({json.dumps(name)}).dropDatabase()")

    def _tell(self, server_id: str, script: str) -> None:
        # By standard input: an argument would show the password in the process list.
        record = self.servers.find(server_id)
        login = f"db.getSiblingDB('admin').auth({json.dumps(ADMIN)}, {json.dumps(record.passwords[ADMIN])});\n"
        shell = ["mongosh", "--quiet", "--port", str(PORT)]
        done = self.servers.docker.exec(record.containers[_PROGRAM], shell, input=f"{login}{script};\n", check=False)
        if done.returncode:
            raise CloudError(f"MongoDB: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
