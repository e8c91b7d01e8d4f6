"""Instances of an app: each a container with an address of its own in the app's network, and the limits of its size."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import firewall, machines
from rehearsal.addresses import INTERNET, at
from rehearsal.managed.servers import Servers
from rehearsal.model import AppPart, CloudError, InboundRule
from rehearsal.state import ServerState

PROGRAM = "program"
LOG_PORT = 5514
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Instances:
    """Makes, looks at and removes them."""

    servers: Servers

    def place(self, app: ServerState, part: AppPart, deployment: str, kind: str = "instance") -> ServerState:
        """One with its addresses, in which nothing runs yet; only the app's way in reaches it."""
        name = f"{app.name}-{part.name}"
        marks = {"source": app.id, "part": part.name, "deployment": deployment, "image": part.image}
        record = self.servers.make(kind, name, app.network_id, **marks)
        rules = [InboundRule("tcp", str(part.port), (f"{app.private_address}/32",))] if part.port else []
        docker = self.servers.docker
        docker.exec(record.anchor, ["nft", "-f", "-"], input=firewall.ruleset(rules, None))
        self.resolve(record.anchor)
        return record

    def resolve(self, anchor: str) -> None:
        """Everything in this namespace asks the rehearsal's resolver."""
        resolver = at(self.servers.store.read().subnet, INTERNET)
        text = f"nameserver {resolver}\noptions timeout:2 attempts:5\n"
        self.servers.docker.exec(anchor, ["sh", "-c", "cat > /etc/resolv.conf"], input=text)

    def start(self, record: ServerState, app: ServerState, part: AppPart, image: str) -> str:
        """Its program, with its variables; the container. One that ends is started again, a job's is not."""
        docker = self.servers.docker
        entry, command = ("--entrypoint=/bin/sh",), ("-c", part.command) if part.command else ()
        with _file(_variables(part)) as variables:
            container = docker.create(
                image,
                command,
                *self.servers.labels,
                f"--name={self.servers.prefix}-{record.id}",
                f"--network=container:{record.anchor}",
                f"--restart={'no' if record.kind == 'job' else 'always'}",
                *machines.size_flags(part.cpus, part.memory_mib),
                f"--memory-swap={part.memory_mib}m",
                f"--env-file={variables}",
                "--security-opt=no-new-privileges",
                *_logging(app, part),
                *(entry if part.command else ()),
            )
        self.servers.note(record.id, containers={PROGRAM: container})
        docker.call("start", container)
        return container

    def of(self, app_id: str, *kinds: str) -> list[ServerState]:
        """Those of an app, of these kinds (else all)."""
        found = self.servers.store.read().servers.values()
        return [record for record in found if record.source == app_id and (not kinds or record.kind in kinds)]

    def condition(self, record: ServerState) -> Mapping[str, Any]:
        """What the container engine says of its program: Running, ExitCode, RestartCount."""
        found = self.servers.docker.inspect(record.containers.get(PROGRAM, record.id))
        return {**found["State"], "RestartCount": found["RestartCount"]} if found else {}

    def remove(self, records: Sequence[ServerState]) -> None:
        """At once, whatever they do."""
        for record in records:
            self.servers.remove(record.id)

    def retire(self, records: Sequence[ServerState], drain: int, grace: int) -> None:
        """In a process of its own, since nobody waits for it: no new requests reach them any more."""
        if not records:
            return
        store, docker = self.servers.store, self.servers.docker
        told = [str(store.directory), docker.socket or "", str(drain), str(grace), *(record.id for record in records)]
        subprocess.Popen(
            [sys.executable, "-m", "rehearsal.managed.retire", *told],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _variables(part: AppPart) -> str:
    """As `docker --env-file` reads them. The platform itself says which port it is that it will ask."""
    own = {"PORT": str(part.port)} if part.port else {}
    lines = []
    for name, value in {**own, **part.variables}.items():
        if "\n" in value:
            raise CloudError(f"{part.name}: the variable {name} has more than one line, which can't be passed on here")
        lines.append(f"{name}={value}\n")
    return "".join(lines)


def _logging(app: ServerState, part: AppPart) -> tuple[str, ...]:
    """Over UDP to what forwards them: whoever takes the logs or does not, the app is not held up."""
    if not part.logs_to:
        return ()
    return (
        "--log-driver=syslog",
        f"--log-opt=syslog-address=udp://{app.public_address}:{LOG_PORT}",
        "--log-opt=syslog-format=rfc5424",
        f"--log-opt=tag={part.name}",
    )


@contextmanager
def _file(text: str) -> Iterator[str]:
    """A file for nobody else's eyes, for as long as it takes."""
    handle, name = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)
