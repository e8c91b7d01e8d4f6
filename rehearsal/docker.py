"""A thin, typed wrapper over the docker command line. It raises DockerError with the engine's own words."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, Any

from rehearsal.model import CloudError


class DockerError(CloudError):
    """The container engine refused or could not be asked."""


@dataclass(frozen=True)
class Docker:
    """Talks to one engine: `socket` is its address (unix:///…), None the one that the docker program would use."""

    socket: str | None = None

    def _environment(self) -> dict[str, str]:
        # BuildKit is a part that an engine may lack, and one of its builders sees no image of this engine.
        return {**os.environ, "DOCKER_BUILDKIT": "0", **({"DOCKER_HOST": self.socket} if self.socket else {})}

    def call(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 # as subprocess.run calls it
        timeout: float = 120,
        check: bool = True,
    ) -> CompletedProcess[str]:
        """Runs `docker <arguments>`. With `check`, an exit code other than 0 is a DockerError."""
        try:
            done = subprocess.run(
                ["docker", *arguments],
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                env=self._environment(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise DockerError("the docker program is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise DockerError(f"docker {_words(arguments)}: no answer in {timeout:.0f} s") from error
        if check and done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
            raise DockerError(f"docker {_words(arguments)}: {' · '.join(said[-3:])}")
        return done

    def pipe(self, source: Sequence[str], target: Sequence[str], timeout: float = 600) -> str:
        """Runs `docker <source> | docker <target>`: images are large, and need no file in between. What target says."""

        def start(arguments: Sequence[str], stdin: IO[bytes] | int) -> subprocess.Popen[bytes]:
            command = ["docker", *arguments]
            pipe = subprocess.PIPE
            return subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, env=self._environment())

        with start(source, subprocess.DEVNULL) as first, start(target, first.stdout or subprocess.DEVNULL) as second:
            if first.stdout:
                first.stdout.close()  # so that it ends when nobody reads on
            try:
                said, complaint = second.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                first.kill()
                second.kill()
                raise DockerError(f"docker {_words(target)}: not done in {timeout:.0f} s") from error
            first_complaint = first.stderr.read() if first.stderr else b""
        if first.returncode or second.returncode:
            words = (first_complaint + complaint).decode(errors="replace").strip().splitlines()
            raise DockerError(f"docker {_words(target)}: {' · '.join(words[-3:])}")
        return said.decode()

    def build(self, context: Path, tag: str, arguments: Mapping[str, str], labels: Sequence[str] = ()) -> None:
        """Makes an image of the Containerfile in `context`, with the builder that every engine has."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        file = f"--file={context / 'Containerfile'}"
        marks = [f"--label={label}" for label in labels]
        self.call("build", "--quiet", file, f"--tag={tag}", *marks, *given, str(context), timeout=900)

    def answers(self) -> bool:
        """Whether an engine is there."""
        try:
            return self.call("version", "--format", "{{.Server.Version}}", check=False, timeout=15).returncode == 0
        except DockerError:
            return False

    def run(self, image: str, command: Sequence[str] = (), *flags: str) -> str:
        """Starts a container in the background; its id."""
        return self.call("run", "--detach", *flags, image, *command).stdout.strip()

    def create(self, image: str, command: Sequence[str] = (), *flags: str) -> str:
        """Makes a container without starting it; its id."""
        return self.call("create", *flags, image, *command).stdout.strip()

    def exec(
        self,
        container: str,
        command: Sequence[str],
        input: str | None = None,  # noqa: A002 # as subprocess.run calls it
        timeout: float = 120,
        check: bool = True,
    ) -> CompletedProcess[str]:
        """Runs a program in a container. Without `check` its exit code is the caller's to read."""
        flags = ["--interactive"] if input is not None else []
        return self.call("exec", *flags, container, *command, input=input, timeout=timeout, check=check)

    def copy_in(self, container: str, archive: bytes) -> None:
        """Unpacks a tar archive at the root of a container, running or not."""
        done = subprocess.run(
            ["docker", "cp", "-", f"{container}:/"],
            input=archive,
            env=self._environment(),
            capture_output=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise DockerError(f"docker cp: {done.stderr.decode(errors='replace').strip()}")

    def inspect(self, thing: str, kind: str = "container") -> dict[str, Any] | None:
        """What the engine knows of a container, image, network or volume; None when there is none."""
        done = self.call("inspect", "--type", kind, thing, check=False)
        if done.returncode:
            if "no such" in done.stderr.lower() or "not found" in done.stderr.lower():
                return None
            raise DockerError(f"docker inspect {thing}: {done.stderr.strip()}")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0] if found else None

    def running(self, container: str) -> bool:
        """Whether a container is there and runs."""
        found = self.inspect(container)
        return bool(found and found["State"]["Running"])

    def labelled(self, kind: str, label: str) -> list[str]:
        """The ids of all containers, networks or volumes with a label."""
        listing = {
            "container": ("ps", "--all", "--quiet", "--no-trunc"),
            "network": ("network", "ls", "--quiet", "--no-trunc"),
            "volume": ("volume", "ls", "--quiet"),
        }[kind]
        return self.call(*listing, "--filter", f"label={label}").stdout.split()

    def remove(self, containers: Sequence[str]) -> None:
        """Removes containers by force, with the volumes that belong to them alone. Absent ones are no error."""
        for container in containers:
            done = self.call("rm", "--force", "--volumes", container, check=False)
            if done.returncode and "no such container" not in done.stderr.lower():
                raise DockerError(f"docker rm {container}: {done.stderr.strip()}")


def _words(arguments: Sequence[str]) -> str:
    """The command in brief: what was asked and of whom, without flags, which may be long."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    return " ".join(words[:2])
