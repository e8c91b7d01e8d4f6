"""A rehearsal's private directory: the engine's state, the plugins, the passphrase, the local cloud's files."""

from __future__ import annotations

import copy
import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rehearsal.provider import local, workshop

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "slipway"
Config = dict[str, Any]


def state_home() -> Path:
    """Where rehearsals live: under `$XDG_STATE_HOME`, else in the repository's own cache."""
    given = os.environ.get("XDG_STATE_HOME")
    return Path(given) / "slipway" / "rehearsal" if given else ROOT / ".cache" / "rehearsal"


class Workspace:
    """The directory of one stack's rehearsal, for nobody else's eyes. Everything in it goes with `remove`."""

    def __init__(self, stack: str, home: Path | None = None) -> None:
        self.stack = stack
        self.directory = (home or state_home()) / stack
        self.lock = self.directory.with_suffix(".lock")
        self.account = self.directory / "account"
        self.cloud = self.directory / "cloud"
        self.product = self.directory / "product"
        self._backend = self.directory / "backend"
        self._plugins = self.directory / "plugins"
        self._passphrase = self.directory / "passphrase"
        self._tokens = self.directory / "tokens"
        self.engine_home = self.directory / "engine"
        self.stack_file = self.directory / f"Pulumi.{stack}.yaml"
        self._neighbour: Workspace | None = None

    def share(self, other: Workspace) -> None:
        """Be another stack of the same account, in the same cloud."""
        self.account, self.cloud, self._neighbour = other.account, other.cloud, other

    @property
    def cloud_name(self) -> str:
        """The local cloud's name: two checkouts of the same stack on one machine must not take each other's hosts."""
        if self._neighbour is not None:
            return self._neighbour.cloud_name
        return f"{self.stack}-{hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:4]}"

    @property
    def exists(self) -> bool:
        """Whether there is something of an earlier rehearsal."""
        return self._passphrase.exists()

    def make(self, engine: Path) -> None:
        """Makes what is missing. `engine` is the program to run."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        for directory in (self.account, self._backend, self.engine_home / "bin"):
            directory.mkdir(parents=True, exist_ok=True)
        workshop.install_plugins(self._plugins)
        for file in (self._passphrase, self._tokens):
            if not file.exists():
                write_private(file, secrets.token_urlsafe(32))
        _link(self.engine_home / "bin" / "pulumi", engine.resolve())
        _link(self.directory / "scripts", ROOT / "scripts")  # as in a checkout, where `pulumi up` runs
        # The engine's library keeps a second file beside each, and writes that one in place: a stack that reads its own
        # outputs (architectures.revision) finds it empty now and then ("failed to load checkpoint: EOF"). Without it,
        # the state is one file that is replaced by a rename.
        project = {"name": PROJECT, "runtime": "python", "backend": {"url": f"file://{self._backend}?metadata=skip"}}
        (self.directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))

    def environment(self, cloud: str = workshop.LOCAL) -> dict[str, str]:
        """What the engine and its plugins find in their environment. `cloud` names what is behind the plugins."""
        token = self._tokens.read_text()
        return {
            "PATH": f"{self._plugins}:{os.environ['PATH']}",
            "PULUMI_HOME": str(self.engine_home / "home"),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            workshop.STATE: str(self.account),
            workshop.CLOUD: cloud,
            local.DIRECTORY: str(self.cloud),
            local.NAME: self.cloud_name,
            # what an operator has for the real cloud; the stand-ins only want them to be there
            "DIGITALOCEAN_TOKEN": token,
            "SPACES_ACCESS_KEY_ID": "DO801" + secrets.token_hex(6),
            "SPACES_SECRET_ACCESS_KEY": token,
        }

    def read_config(self) -> Config:
        """The configuration as it will be used, secrets encrypted."""
        if not self.stack_file.exists():
            return {}
        content = yaml.safe_load(self.stack_file.read_text()) or {}
        return dict(content.get("config") or {})

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replaces the configuration; what the engine keeps beside it (its salt) stays."""
        content = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        write_private(self.stack_file, yaml.safe_dump({**(content or {}), "config": dict(config)}, sort_keys=False))

    def set_secret(self, key: str, value: str, environment: Mapping[str, str]) -> None:
        """Sets a secret of the stack; the value travels on standard input, never as an argument."""
        command = [str(self.engine_home / "bin" / "pulumi"), "config", "set", "--secret", key, "--stack", self.stack]
        done = subprocess.run(
            [*command, "--non-interactive"],
            input=value,
            text=True,
            capture_output=True,
            cwd=self.directory,
            env={**os.environ, **environment},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the engine did not take the secret {key}: {done.stderr.strip()}")

    def release_stale_lock(self) -> bool:
        """Removes the lock that a killed engine left; the caller holds the rehearsal's own, so it is nobody's."""
        locks = list((self._backend / ".pulumi" / "locks").rglob("*.json"))
        for lock in locks:
            lock.unlink(missing_ok=True)
        return bool(locks)

    def state_files(self) -> list[Path]:
        """Where the engine keeps the state: for looking whether a secret is in it."""
        return [file for file in self._backend.rglob("*") if file.is_file()]

    def remove(self) -> None:
        """Removes the directory with all that is in it."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def unlock(self) -> None:
        """Removes the file that keeps two rehearsals of one stack apart, and the directories that are empty then."""
        self.lock.unlink(missing_ok=True)
        for parent in (self.directory.parent, self.directory.parent.parent):
            if parent.name in ("rehearsal", "slipway") and parent.exists() and not any(parent.iterdir()):
                parent.rmdir()


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def write_private(file: Path, text: str) -> None:
    """Writes a file for its owner alone; nobody ever sees half of it."""
    beside = file.with_name(f".{file.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    beside.replace(file)


def overlaid(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> Config:
    """The configuration with other values at some paths: `access.admin_cidrs` is `admin_cidrs` in `slipway:access`."""
    result: Config = copy.deepcopy(dict(config))
    for path, value in overrides.items():
        block, *keys = path.removeprefix(f"{PROJECT}:").split(".")
        place, last = result, f"{PROJECT}:{block}"
        for key in keys:
            place, last = place.setdefault(last, {}), key
        place[last] = copy.deepcopy(value)
    return result


def without_secrets(config: Mapping[str, Any]) -> Config:
    """What of a real stack's file can be used here: its secrets are encrypted for somebody else."""
    return {
        key: value for key, value in config.items() if not (isinstance(value, Mapping) and set(value) == {"secure"})
    }


def secrets_named_in(value: Any) -> set[str]:
    """Every NAME that the product refers to as `{secret: NAME}`."""
    if isinstance(value, Mapping):
        if set(value) == {"secret"} and isinstance(value["secret"], str):
            return {value["secret"]}
        return {name for item in value.values() for name in secrets_named_in(item)}
    if isinstance(value, list):
        return {name for item in value for name in secrets_named_in(item)}
    return set()
