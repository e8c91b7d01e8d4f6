"""The product's containers, as Docker tells of them and as it is told about them. Everything here is root's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .commands import Commands
from .run import HostError, run

RELEASE = "slipway.release"
"""The label of what runs once for a release: a job, a dump."""
SLOT_UP = "unless-stopped"
"""How what serves is started again: also after a boot."""
SLOT_DOWN = "on-failure"
"""As compose.yaml starts everything: after a boot it stays down."""
START_SECONDS = 300
MARGIN_SECONDS = 30
"""What stopping may take beyond the services' own time."""
READY_SECONDS = 10.0
"""One run of a `ready` command."""

OBJECTS_UNIT = "slipway-docker.service"
"""Makes the product's network and volumes at boot."""

_EXTERNAL = ("network", "volume")
_PROJECT, _SERVICE = "com.docker.compose.project", "com.docker.compose.service"
_ONCE = "com.docker.compose.oneoff"


@dataclass(frozen=True)
class Container:
    """A container as Docker sees it. `status` is Docker's: created, running, restarting, exited, …

    `health` is None where it has no check. `once` is what Compose ran for one command.
    """

    id: str
    service: str
    status: str
    restarts: int = 0
    health: str | None = None
    policy: str = SLOT_DOWN
    once: bool = False

    def check_alive(self) -> None:
        """HostError if it has ended, or was started again twice: it is new, and one fault at its start is forgiven."""
        if self.status in ("exited", "dead", "paused") or self.restarts >= 2:
            raise HostError(f"{self.service} does not stay up ({self.status}, {self.restarts} restarts)")


class Docker:
    """The Docker Engine of this host and its Compose."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands

    def up(self) -> None:
        """Have the engine running; HostError if it does not answer."""
        if run(["systemctl", "is-active", "--quiet", "docker.service"], accept=(0, 3, 4)).code:
            run(["systemctl", "reset-failed", "docker.service"], accept=(0, 1, 5))
            run(["systemctl", "start", "docker.service"], timeout=120)
        self("version", "--format", "{{.Server.Version}}")

    def __call__(self, *arguments: str, timeout: float = 60) -> str:
        """What `docker` wrote; HostError with its last line if it failed."""
        code, stdout, stderr = self.answer(*arguments, timeout=timeout)
        if code:
            said = [line for line in stderr.splitlines() if line.strip()] or ["it wrote nothing"]
            raise HostError(f"docker {arguments[0]} failed: {said[-1].strip()}")
        return stdout

    def answer(self, *arguments: str, timeout: float = 60) -> tuple[int, str, str]:
        """The exit code of `docker`, its standard output and standard error."""
        return self.commands.output(["docker", *arguments], Path("/"), self.commands.base(), timeout)

    def logged(self, arguments: Sequence[str], what: str, timeout: float, target: IO[bytes] | None = None) -> None:
        """Run `docker` with its output in the release's log; what it writes as data goes to `target`."""
        base = self.commands.base()
        self.commands.logged(["docker", *arguments], what, Path("/"), base, timeout, gentle=False, target=target)

    def of_project(self, project: str) -> list[Container]:
        """Every container of a Compose project."""
        return self._labelled(_PROJECT, project)

    def of_release(self, release: str) -> list[Container]:
        """What runs once for a release."""
        return self._labelled(RELEASE, release)

    def _labelled(self, label: str, value: str) -> list[Container]:
        """Every container of this label, whatever its status."""
        ids = self("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}={value}").split()
        return [_container(data) for data in self._inspect(ids)]

    def _inspect(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """What is known of these containers. One that has gone meanwhile is left out, so the exit code says nothing."""
        if not ids:
            return []
        _, stdout, _ = self.answer("container", "inspect", *ids)
        found: list[dict[str, Any]] = json.loads(stdout or "[]")
        return found

    def addresses(self, network: str) -> dict[str, str]:
        """Where the containers of a network are, by each of their names there."""
        found: dict[str, str] = {}
        for data in self._inspect(self("ps", "--quiet", "--no-trunc", "--filter", f"network={network}").split()):
            joined = data["NetworkSettings"]["Networks"].get(network) or {}
            names = [data["Name"].lstrip("/"), *(joined.get("Aliases") or ()), *(joined.get("DNSNames") or ())]
            if joined.get("IPAddress"):
                found |= dict.fromkeys(names, joined["IPAddress"])
        return found

    def end(self, containers: Sequence[Container], seconds: Mapping[str, int]) -> None:
        """Stop and remove containers, all at once; each service's have their `seconds`, what runs once has none."""
        if not containers:
            return
        with ThreadPoolExecutor(len(containers)) as pool:
            list(pool.map(lambda one: self._end(one, 0 if one.once else seconds.get(one.service, 30)), containers))

    def _end(self, container: Container, seconds: int) -> None:
        if container.status in ("running", "restarting") and seconds:
            self.answer("stop", "-t", str(seconds), container.id, timeout=seconds + MARGIN_SECONDS)
        code, _, stderr = self.answer("rm", "--force", "--volumes", container.id, timeout=MARGIN_SECONDS)
        if code and "No such container" not in stderr and "already in progress" not in stderr:
            raise HostError(f"{container.service} can't be removed: {stderr.strip()}")

    def start_again(self, containers: Sequence[Container], policy: str) -> None:
        """Have these containers started again as `policy` says, those that are not already."""
        ids = [container.id for container in containers if container.policy != policy and not container.once]
        if ids:
            self("update", "--restart", policy, *ids)

    def written(self, container: Container, lines: int) -> list[str]:
        """The last lines that a container wrote."""
        _, stdout, stderr = self.answer("logs", "--tail", str(lines), container.id)
        return [line for line in (stdout + stderr).splitlines() if line.strip()]

    def succeeds(self, container: Container, command: str) -> bool:
        """Whether a command in a container does."""
        try:
            code, _, _ = self.answer("exec", container.id, *shlex.split(command), timeout=READY_SECONDS)
        except HostError:  # it took too long
            return False
        return code == 0


class Compose:
    """One release's compose.yaml, as the project of its slot."""

    def __init__(self, docker: Docker, home: Path, project: str) -> None:
        self.docker = docker
        self.project = project
        files = ["--file", str(home / "compose.yaml"), "--env-file", str(home / ".env")]
        self._options = ["compose", "--project-name", project, "--project-directory", str(home), *files]

    def model(self) -> dict[str, Any]:
        """All of it, resolved, with the secrets of the product: not to be shown."""
        model: dict[str, Any] = json.loads(self.docker(*self._options, "config", "--format", "json"))
        return model

    def start(self, services: Sequence[str], anew: bool) -> None:
        """Start these services, and none that they name as theirs; from images that are here.

        `anew`: whatever runs of them. Else what runs goes on, and what is missing beside it is started.
        """
        recreate = "--force-recreate" if anew else "--no-recreate"
        options = ["--detach", "--no-deps", "--no-build", "--pull", "never", recreate]
        self.docker(*self._options, "up", *options, *services, timeout=START_SECONDS)

    def run(self, service: str, command: str, name: str, release: str, timeout: float) -> None:
        """Run one command in a container of its own, at most `timeout` seconds; nothing of it is left after."""
        name = f"{self.project}-{name}"
        self.docker.answer("rm", "--force", name)  # an interrupted release may have left it
        how = ["--rm", "--no-deps", "-T", "--name", name, "--label", f"{RELEASE}={release}"]
        argv = [*self._options, "run", *how, service, *shlex.split(command)]
        try:
            self.docker.logged(argv, f"{service}: {command}", timeout)
        except BaseException:
            self.docker.answer("rm", "--force", name)
            raise

    def make_externals(self, model: Mapping[str, Any]) -> None:
        """Make the networks and volumes that are not the project's own, where they are missing: both slots use them.

        The unit that makes them knows where they lie; what it does not know of is made as Docker makes it.
        """
        if any(self._absent(model, kind) for kind in _EXTERNAL):
            run(["systemctl", "restart", OBJECTS_UNIT], timeout=120, accept=range(256))
        for kind in _EXTERNAL:
            for name in self._absent(model, kind):
                self.docker(kind, "create", name)

    def _absent(self, model: Mapping[str, Any], kind: str) -> list[str]:
        named = {entry["name"] for entry in model.get(f"{kind}s", {}).values() if entry.get("external")}
        return sorted(named - set(self.docker(kind, "ls", "--format", "{{.Name}}").split()))


def _container(data: Mapping[str, Any]) -> Container:
    labels = data["Config"].get("Labels") or {}
    state = data["State"]
    return Container(
        id=data["Id"],
        service=labels.get(_SERVICE, data["Name"].lstrip("/")),
        status=state["Status"],
        restarts=int(data.get("RestartCount", 0)),
        health=(state.get("Health") or {}).get("Status"),
        policy=data["HostConfig"]["RestartPolicy"]["Name"],
        once=labels.get(_ONCE) == "True" or RELEASE in labels,
    )
