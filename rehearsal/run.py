"""A stack on the local cloud with the real engine: up, preview, refresh, destroy, and what the checks look at."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from rehearsal import made_secrets
from rehearsal.cloud import LocalCloud
from rehearsal.engine import find_engine
from rehearsal.model import CloudError, Host
from rehearsal.progress import Follower, Show, Summary, close_left_open, label
from rehearsal.provider import workshop
from rehearsal.provider.store import Store
from rehearsal.publishing import Variants, publish
from rehearsal.workspace import PROJECT, ROOT, Config, Workspace, overlaid, secrets_named_in, without_secrets
from settings import stackfile

Program = Callable[[], None]
_LAST_LINES = 40


class RehearsalError(Exception):
    """The rehearsal can't go on; the message says why in a few lines."""


def the_program() -> None:
    """What `pulumi up` runs (see __main__.py)."""
    from architectures import declare

    declare()


class Rehearsal:
    """One stack of this repository, rehearsed. A context manager: two at once would be in each other's way."""

    def __init__(
        self,
        stack: str,
        show: Show = print,
        program: Program = the_program,
        config: Mapping[str, Any] | None = None,
        home: Path | None = None,
        cloud: LocalCloud | None = None,
        beside: Rehearsal | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """In place of the stack file, of the place for rehearsals, of the local cloud: `config`, `home`, `cloud`.

        `beside` is another stack of the same account: its secrets and its names are for an operator to hand over.
        `changes` are values by their path that this machine wants otherwise than the stack file.
        """
        self.stack, self.show, self.program = stack, show, program
        self.workspace = Workspace(stack, home)
        if beside is not None:
            self.workspace.share(beside.workspace)
        self.cloud = cloud or LocalCloud(self.workspace.cloud, self.workspace.cloud_name, show)
        self._beside, self._changes = beside, dict(changes or {})
        self.commits: dict[str, str] = {}  # of the product, by variant
        self.images: Variants = {}  # by variant and name, each with its digest
        self._given = config
        self._secrets: list[str] = []
        self._engine: automation.Stack | None = None
        self._lock: int | None = None
        self._behind = workshop.LOCAL
        self._loops: list[asyncio.AbstractEventLoop] = []

    def on_paper(self) -> Rehearsal:
        """The same with a cloud on paper behind the plugins: no host runs, and nothing can be reached."""
        self._behind = workshop.PAPER
        return self

    def __enter__(self) -> Rehearsal:
        self.workspace.directory.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.workspace.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise RehearsalError(f"another process rehearses {self.stack} right now") from None
        self._lock = handle
        return self

    def __exit__(self, *_: object) -> None:
        while self._loops:
            close_left_open(self._loops.pop())
        if self._lock is not None:
            self.workspace.unlock()
            os.close(self._lock)
            self._lock = None

    def prepare(self) -> None:
        """Finds the engine, starts the local cloud, publishes the product, writes the configuration. Idempotent."""
        if self._engine is not None:
            return
        given = self._given if self._given is not None else self._stack_file()
        architecture = given.get(f"{PROJECT}:architecture")
        if isinstance(architecture, Mapping) and architecture.get("share") is not None:
            raise RehearsalError("slipway:architecture.share: the local cloud has no shares: leave it out to rehearse")
        with ThreadPoolExecutor() as pool:  # both take minutes the first time, and neither needs the other
            engine = pool.submit(find_engine, self.show)
            if self._behind == workshop.LOCAL:
                pool.submit(self.cloud.prepare).result()
            self.workspace.make(engine.result())
        if self.workspace.release_stale_lock():
            self.show("an earlier run of the engine was killed: its lock is removed")
        self._engine = self._open()
        self._configure(given)

    def _learn_secrets(self) -> None:
        """What may be in nothing that is shown."""
        assert self._engine is not None  # noqa: S101 - set before
        self._secrets = [item.value for item in self._engine.get_all_config().values() if item.secret]

    def _stack_file(self) -> Config:
        if not (file := ROOT / f"Pulumi.{self.stack}.yaml").exists():
            raise stackfile.missing(file)
        content = yaml.safe_load(file.read_text()) or {}
        return stackfile.whole(file, content.get("config") or {})

    def _open(self) -> automation.Stack:
        environment = self.workspace.environment(self._behind)
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.workspace.directory),
            pulumi_command=automation.PulumiCommand(root=str(self.workspace.engine_home), skip_version_check=True),
            env_vars=environment,
            secrets_provider="passphrase",
        )
        return automation.create_or_select_stack(self.stack, project_name=PROJECT, program=self._run, opts=options)

    def open_again(self) -> None:
        """Find the stack anew, or make it: somebody may have removed it by hand."""
        self._engine = self._open()

    def _run(self) -> None:
        self._loops.append(asyncio.get_running_loop())
        self.program()

    def _configure(self, given: Mapping[str, Any]) -> None:
        kept = {key: value for key, value in self.workspace.read_config().items() if _is_encrypted(value)}
        config = {**without_secrets(given), **kept}
        self.workspace.write_config(overlaid(config, self._overlay(config)))
        environment = self.workspace.environment(self._behind)
        for name in sorted(secrets_named_in(config.get(f"{PROJECT}:product", {}))):
            if f"{PROJECT}:{name}" not in kept and self._beside is None:
                self.workspace.set_secret(f"{PROJECT}:{name}", self._secret_for(name, config), environment)
        self._learn_secrets()
        if self._beside is None:
            self._let_hosts_pull(config.get(f"{PROJECT}:product") or {})

    def _secret_for(self, name: str, config: Config) -> str:
        database = self.cloud.create_external_postgres if self._behind == workshop.LOCAL else None
        return made_secrets.value(name, config.get(f"{PROJECT}:product") or {}, database)

    def _overlay(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What has to be otherwise on this machine: the address that one logs in from, the versions that there are."""
        if self._behind != workshop.LOCAL:
            return {}
        changes: dict[str, Any] = {}
        access = config.get(f"{PROJECT}:access") or {}
        if access:
            mine = f"{self.cloud.admin_address}/32"
            changes["access.admin_cidrs"] = [*(item for item in access.get("admin_cidrs", ()) if item != mine), mine]
        names = config.get(f"{PROJECT}:dns") or {}
        if names.get("provider") == "digitalocean" and self._beside is None:
            # nobody else has made the zone here, or has the names
            changes |= {"dns.create_zone": True, "dns.records": True}
        published = publish(self.cloud, self.workspace, config.get(f"{PROJECT}:product") or {}, self.show)
        self.commits, self.images = published.commits, published.images
        return {**changes, **published.changes, **self._changes}

    def _let_hosts_pull(self, product: Mapping[str, Any]) -> None:
        """The registry knows the one login that the stack has."""
        registry = product.get("registry")
        if registry and self._behind == workshop.LOCAL:
            assert self._engine is not None  # noqa: S101 - set before
            token = self._engine.get_config(f"{PROJECT}:{registry['token']['secret']}").value
            self.cloud.registry().set_login(registry["user"], token)

    # --- the engine's operations

    def set_config(self, path: str, value: Any) -> None:
        """Changes a value for the next operation: `set_config("product.release.commit", "…")`."""
        self.prepare()
        self.workspace.write_config(overlaid(self.workspace.read_config(), {path: value}))

    def up(self, overrides: Mapping[str, Any] | None = None) -> Summary:
        """`pulumi up`. `overrides` change the configuration first, and for good."""
        for path, value in (overrides or {}).items():
            self.set_config(path, value)
        return self._operate("up", lambda engine, follower: engine.up(on_event=follower, suppress_progress=True))

    def preview(self) -> Summary:
        """`pulumi preview`."""
        return self._operate("preview", lambda engine, follower: engine.preview(on_event=follower))

    def refresh(self) -> Summary:
        """`pulumi refresh`."""
        return self._operate("refresh", lambda engine, follower: engine.refresh(on_event=follower))

    def destroy_unprotected(self) -> Summary:
        """`pulumi destroy --exclude-protected`: what holds data stays, and what that needs."""
        return self._operate("destroy", lambda engine, told: engine.destroy(on_event=told, exclude_protected=True))

    def destroy(self) -> Summary:
        """`pulumi destroy`, after the protection of what holds data was taken away by name."""
        for resource in self.resources():
            if resource.get("protect"):
                self.show(f"unprotecting {label(resource['urn'])}, which is to go")
                self._ask("state", "unprotect", resource["urn"], "--yes")
        return self._operate("destroy", lambda engine, follower: engine.destroy(on_event=follower))

    def _operate(self, verb: str, act: Callable[[automation.Stack, Follower], Any]) -> Summary:
        self.prepare()
        engine = self._engine
        assert engine is not None  # noqa: S101 - prepare makes it
        if self._beside is not None:  # an operator may have handed some over since
            self._learn_secrets()
        follower = Follower(self.show, [value for value in self._secrets if len(value) >= 8])
        try:
            act(engine, follower)
        except automation.CommandError as error:
            reason = follower.errors[0] if follower.errors else follower.masked(str(error))
            if "release failed" not in reason:  # a release shows what its services said itself
                self._show_last_lines(follower)
            raise RehearsalError(f"{verb} of {self.stack} failed:\n{reason}") from None
        return follower.summary()

    def _show_last_lines(self, follower: Follower) -> None:
        """What the hosts said last, or what runs on the platform: most failures are theirs."""
        if self._behind != workshop.LOCAL:
            return
        for host in (each for each in self.cloud.hosts() if each.running):
            journal = self.cloud.exec(host.id, ["journalctl", "--no-pager", f"--lines={_LAST_LINES}"])
            self._show_lines(f"{host.name}'s journal", journal.stdout.splitlines(), follower)
        for app in self.cloud.managed.apps.all():
            lines = self.cloud.managed.apps.receivers.lines(app.id)
            self._show_lines(f"the logs of {app.name}", lines[-_LAST_LINES:], follower)

    def _show_lines(self, whose: str, lines: Sequence[str], follower: Follower) -> None:
        self.show(f"the last lines of {whose}:")
        for line in lines:
            self.show(f"  | {follower.masked(line)}")

    # --- what there is

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as plain values."""
        self.prepare()
        assert self._engine is not None  # noqa: S101 - prepare makes it
        return {key: output.value for key, output in self._engine.outputs().items()}

    def host(self, name: str) -> Host:
        """The host of this name. Raises RehearsalError where there is none."""
        there = {host.name: host for host in self.cloud.hosts()}
        if name not in there:
            raise RehearsalError(f"no host is called {name}; there are {', '.join(there) or 'none'}")
        return there[name]

    def connections(self) -> dict[str, int]:
        """How many SSH connections the engine has opened so far, by address."""
        return dict(Store(self.workspace.account).read()["counts"].get("connections", {}))

    def resources(self, show_secrets: bool = False) -> list[Mapping[str, Any]]:
        """The resources in the engine's state."""
        exported = self._ask("stack", "export", *(["--show-secrets"] if show_secrets else []))
        return list((json.loads(exported).get("deployment") or {}).get("resources") or [])

    def _ask(self, *arguments: str) -> str:
        """Runs the engine for something that is no deployment; its answer."""
        self.prepare()
        assert self._engine is not None  # noqa: S101 - prepare makes it
        command, directory = self._engine.workspace.pulumi_command, str(self.workspace.directory)
        done = command.run([*arguments, "--stack", self.stack], directory, self.workspace.environment(self._behind))
        return done.stdout

    def down(self) -> None:
        """The end: the engine destroys what it made, then container, networks and files go."""
        try:
            if self.workspace.exists:
                self.destroy()
        except CloudError as error:  # such as: this machine was restarted, and the hosts are gone with it
            self.show(f"the engine has nothing left to destroy: {error}")
        finally:
            if self._behind == workshop.LOCAL and self._beside is None:
                self.cloud.destroy_all()
            self.workspace.remove()


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}
