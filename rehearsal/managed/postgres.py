"""A PostgreSQL server of the cloud's own, with PgBouncer before it where there are pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.managed.image import HOME
from rehearsal.managed.servers import Files, Servers
from rehearsal.model import Certificate, CloudError, DatabaseSpec, Pool

ADMIN, DATABASE = "doadmin", "defaultdb"
REPLICATOR = "replicator"
PORT, POOL_PORT = 25060, 25061
_PROGRAM, _POOLS = "postgres", "pgbouncer"
_ETC = "/etc/managed"
_SOCKET = ("--host=/run/postgresql", f"--port={PORT}")


@dataclass(frozen=True)
class Postgres:
    """How the cloud runs it. The version is the one of the image's distribution, whatever was asked for."""

    servers: Servers
    ports = f"{PORT}-{POOL_PORT}"
    admin = ADMIN
    passwords = (ADMIN, REPLICATOR)

    def start(self, server_id: str, spec: DatabaseSpec, certificate: Certificate) -> None:
        """Starts it and waits for its answer; a new primary gets its administrator and its database."""
        files = [*_tls(certificate), *_settings(spec.connections)]
        arguments: tuple[str, ...] = ()
        if spec.source:
            source = self.servers.find(spec.source)
            password = source.passwords[REPLICATOR]
            files.append((f"{_ETC}/.pgpass", f"*:*:*:{REPLICATOR}:{password}\n".encode(), 0o600))
            arguments = (source.private_address, str(PORT))
        # a shutdown that waits for nobody to be connected any more would take for ever
        fast = "--stop-signal=SIGINT"
        container = self.servers.run(server_id, _PROGRAM, [f"{HOME}/postgres", *arguments], files, fast)
        self.servers.wait(container, ["pg_isready", "--quiet", *_SOCKET])
        if not spec.source:
            passwords = self.servers.find(server_id).passwords
            self._sql(
                server_id,
                f"CREATE ROLE {ADMIN} LOGIN CREATEDB CREATEROLE BYPASSRLS REPLICATION PASSWORD '{passwords[ADMIN]}';\n"
                f"CREATE ROLE {REPLICATOR} LOGIN REPLICATION PASSWORD '{passwords[REPLICATOR]}';\n"
                f"CREATE DATABASE {DATABASE} OWNER {ADMIN};\n",
            )

    def resize(self, server_id: str, connections: int) -> None:
        """Another number of connections takes a restart."""
        container = self.servers.find(server_id).containers[_PROGRAM]
        self.servers.put(container, _settings(connections))
        self.servers.docker.call("restart", container)
        self.servers.wait(container, ["pg_isready", "--quiet", *_SOCKET])

    def add_user(self, server_id: str, user: str, password: str) -> None:
        """One who may log in, and may do nothing else until somebody lets him."""
        self._sql(server_id, f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}';\n")

    def set_password(self, server_id: str, user: str, password: str) -> None:
        """Who is connected stays connected."""
        self._sql(server_id, f"ALTER ROLE \"{user}\" PASSWORD '{password}';\n")

    def remove_user(self, server_id: str, user: str) -> None:
        """CloudError while he owns something."""
        self._sql(server_id, f'DROP ROLE IF EXISTS "{user}";\n')

    def add_database(self, server_id: str, name: str) -> None:
        """Its owner is the administrator."""
        self._sql(server_id, f'CREATE DATABASE "{name}" OWNER {ADMIN};\n')

    def remove_database(self, server_id: str, name: str) -> None:
        """With all that is in it, whoever is connected."""
        self._sql(server_id, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);\n')

    def set_pools(self, server_id: str, pools: Sequence[Pool], certificate: Certificate) -> None:
        """These pools and no others; who uses one that stays keeps the connection."""
        record = self.servers.find(server_id)
        files = _pool_settings(pools, record.passwords)
        container = record.containers.get(_POOLS)
        if container and pools:
            self.servers.put(container, files)
            self.servers.docker.exec(container, ["chown", "-R", "postgres:postgres", _ETC])
            self.servers.docker.call("kill", "--signal=HUP", container)
        elif pools:
            container = self.servers.run(server_id, _POOLS, [f"{HOME}/pgbouncer"], [*_tls(certificate), *files])
            self.servers.wait(container, ["pg_isready", "--quiet", "--host=127.0.0.1", f"--port={POOL_PORT}"])
        else:
            self.servers.stop(server_id, _POOLS)

    def _sql(self, server_id: str, text: str) -> None:
        # By standard input: an argument would show the password in the process list. Terse: an error quotes no line.
        psql = ["psql", "-qX", *_SOCKET, "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"]
        container = self.servers.find(server_id).containers[_PROGRAM]
        command = ["runuser", "-u", "postgres", "--", *psql]
        done = self.servers.docker.exec(container, command, input=text, check=False)
        if done.returncode:
            raise CloudError(f"PostgreSQL: {done.stderr.strip().splitlines()[-1]}")


def _tls(certificate: Certificate) -> Files:
    return [
        (f"{_ETC}/server.pem", certificate.chain.encode(), 0o644),
        (f"{_ETC}/server.key", certificate.key.encode(), 0o600),
    ]


def _settings(connections: int) -> Files:
    lines = {
        "listen_addresses": "'*'",
        "port": PORT,
        "unix_socket_directories": "'/run/postgresql'",
        "ssl": "on",
        "ssl_cert_file": f"'{_ETC}/server.pem'",
        "ssl_key_file": f"'{_ETC}/server.key'",
        "ssl_min_protocol_version": "'TLSv1.2'",
        "max_connections": connections,
        "superuser_reserved_connections": 3,
        "fsync": "off",  # a rehearsal's data outlives no power cut
    }
    text = "".join(f"{name} = {value}\n" for name, value in lines.items())
    # TLS and a password for everybody who comes by the network
    access = "local all postgres peer\nhostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\n"
    return [
        (f"{_ETC}/postgresql.conf", text.encode(), 0o600),
        (f"{_ETC}/pg_hba.conf", access.encode(), 0o600),
    ]


def _pool_settings(pools: Sequence[Pool], passwords: dict[str, str]) -> Files:
    lines = ["[databases]"]
    for pool in pools:
        user = f" user={pool.user}" if pool.user else ""
        lines.append(
            f"{pool.name} = host=127.0.0.1 port={PORT} dbname={pool.database}{user} "
            f"pool_size={pool.size} pool_mode={pool.mode}"
        )
    lines += [
        "[pgbouncer]",
        "listen_addr = *",
        f"listen_port = {POOL_PORT}",
        "unix_socket_dir =",
        "auth_type = scram-sha-256",
        f"auth_file = {_ETC}/users.txt",
        "client_tls_sslmode = require",
        f"client_tls_cert_file = {_ETC}/server.pem",
        f"client_tls_key_file = {_ETC}/server.key",
        "server_tls_sslmode = require",
        "max_client_conn = 5000",
        "ignore_startup_parameters = extra_float_digits",
    ]
    users = "".join(f'"{user}" "{password}"\n' for user, password in sorted(passwords.items()))
    return [
        (f"{_ETC}/pgbouncer.ini", "\n".join([*lines, ""]).encode(), 0o600),
        (f"{_ETC}/users.txt", users.encode(), 0o600),
    ]
