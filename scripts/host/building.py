"""From source to something that runs: install, build, and the product's jobs, all as the service user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .commands import PATH, Commands
from .release_config import Config, Service
from .run import HostError

INSTALL_SECONDS = 1200
BUILD_SECONDS = 1200
STORE = ".pnpm-store"
"""In the user's home: releases share packages by hard links."""
CHOSEN_PYTHON = "/opt/slipway/bin/python3"


class Building:
    """The release in directory `home`, whose source is in `home/src` and whose Python environment is in `home/venv`."""

    def __init__(self, commands: Commands, config: Config, home: Path, marks: Mapping[str, str]) -> None:
        self.commands = commands
        self.config = config
        self.home = home
        self.marks = dict(marks)

    def directory(self, service: Service) -> Path:
        """Where a service's source is; HostError if the commit has no such directory."""
        path = self.home / "src" / service.directory
        if not path.is_dir():
            raise HostError(f"{service.name}: the source has no directory {service.directory!r}")
        return path

    def install(self) -> None:
        """Python into one virtual environment, Node's modules beside their source; once per directory and command.

        No secret of the product is in the environment here: packages of others run their own code while they install.
        """
        if any(service.runtime == "python" for service in self.config.services):
            self.commands.logged(
                [python(), "-m", "venv", str(self.home / "venv")],
                what="python -m venv",
                cwd=self.home,
                environment=self.commands.base() | self.marks,
            )
        done: set[tuple[str, str]] = set()
        for service in self.config.services:
            if service.install and (service.directory, service.install) not in done:
                done.add((service.directory, service.install))
                self._shell(service, service.install, {}, INSTALL_SECONDS)

    def build(self, variables: Mapping[str, str]) -> None:
        """Every build command, in the order of the services, with the product's variables."""
        for service in self.config.services:
            for command in service.build:
                self._shell(service, command, {**variables, **service.environment}, BUILD_SECONDS)
        for service in self.config.services:
            if service.role == "static" and service.output:
                self._check_output(service)

    def job(self, name: str, variables: Mapping[str, str]) -> None:
        """Run one job in its service's directory, at most for its timeout."""
        job = next(job for job in self.config.jobs if job.name == name)
        service = self.config.service(job.service)
        try:
            self._shell(service, job.command, {**variables, **service.environment}, job.timeout)
        except HostError as error:
            raise HostError(f"job {name}: {error.reason}", error.tail) from None

    def environment(self, service: Service) -> dict[str, str]:
        """The clean environment of a command of this service, without the product's variables."""
        search = [str(self.home / "venv" / "bin"), str(self.directory(service) / "node_modules" / ".bin"), PATH]
        return self.commands.base() | {
            "PATH": ":".join(search),
            "VIRTUAL_ENV": str(self.home / "venv"),
            "PYTHONUNBUFFERED": "1",
            "CI": "true",  # package managers must fail where they would ask
            "npm_config_store_dir": str(self.commands.home / STORE),
            **self.marks,
        }

    def _shell(self, service: Service, command: str, variables: Mapping[str, str], timeout: float) -> None:
        own = self.environment(service)
        marks = {key: value for key, value in own.items() if key == "PATH" or key.startswith("SLIPWAY_")}
        environment = {**own, **variables, **marks}  # by its marks a process is found and ended again
        self.commands.logged(
            ["bash", "-c", command],
            what=f"{service.directory}: {command}",
            cwd=self.directory(service),
            environment=environment,
            timeout=timeout,
        )

    def _check_output(self, service: Service) -> None:
        """A build that wrote nothing would be a release that shows nothing."""
        output = self.directory(service) / str(service.output)
        if not output.is_dir() or not any(output.iterdir()):
            raise HostError(f"{service.name}: the build left nothing in {service.directory}/{service.output}")


def python() -> str:
    """The Python of the product: the one that the host's toolchain chose, else the system's."""
    return CHOSEN_PYTHON if Path(CHOSEN_PYTHON).exists() else "/usr/bin/python3"
