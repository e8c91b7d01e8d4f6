"""A deployment, step by step: what runs before what, and what is left where one step fails."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from rehearsal.managed import authority
from rehearsal.managed.apps import Apps
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.instances import Instances
from rehearsal.managed.servers import Servers
from rehearsal.model import AppPart, AppSpec, AppWay, Certificate, CloudError, DeploymentError, Network, Probe
from rehearsal.state import Store

GOOD, BAD = f"ghcr.io/owner/app@sha256:{1:064x}", f"ghcr.io/owner/app@sha256:{2:064x}"
SECRET = secrets.token_hex(12)
PROBE = Probe("/health", 8000, period=1, timeout=1, failures=1)
NETWORK = "net-1"


@dataclass
class Engine:
    """A container engine that runs nothing: it says of an image of BAD that it is not well, or ends with code 3."""

    socket: str | None = None
    did: list[str] = field(default_factory=list)
    made: dict[str, tuple[str, Sequence[str], Sequence[str]]] = field(default_factory=dict)  # image, command, flags
    files: dict[str, str] = field(default_factory=dict)  # of variables, as they were while a container was made
    rules: dict[str, str] = field(default_factory=dict)  # of firewalls
    missing: bool = False  # an image that the registry does not know

    def _named(self, flags: Sequence[str]) -> str:
        return next(flag for flag in flags if flag.startswith("--name=")).removeprefix("--name=")

    def run(self, image: str, command: Sequence[str] = (), *flags: str) -> str:
        return self._named(flags)

    def create(self, image: str, command: Sequence[str] = (), *flags: str) -> str:
        name = self._named(flags)
        self.made[name] = (image, command, flags)
        for flag in flags:
            if flag.startswith("--env-file="):
                self.files[name] = Path(flag.removeprefix("--env-file=")).read_text()
        return name

    def copy_in(self, container: str, archive: bytes) -> None:
        pass

    def running(self, container: str) -> bool:
        return container in self.made

    def inspect(self, thing: str, kind: str = "container") -> dict[str, Any]:
        return {"State": {"Running": True}, "RestartCount": 0}

    def remove(self, containers: Sequence[str]) -> None:
        for container in containers:
            if self.made.pop(container, None):
                self.did.append(f"remove {_kind(container)}")

    def call(self, *words: str, timeout: float = 120, check: bool = True) -> CompletedProcess[str]:
        said = ""
        if words[0] == "wait":
            said = "3" if self.made[words[1]][0] == _id(BAD) else "0"
        if words[0] == "start":
            self.did.append(f"start {_kind(words[1])}")
        return CompletedProcess(words, 0, said, "")

    def exec(
        self, container: str, command: Sequence[str], input: str | None = None, check: bool = True  # noqa: A002
    ) -> CompletedProcess[str]:  # fmt: skip
        code, said = 0, ""
        if command[0] == "nft":
            self.rules[container] = input or ""
        elif command[-1] == "/etc/platform/authorities.pem":
            wanted = json.loads(input or "")
            found = f"ghcr.io/{wanted['repository']}@{wanted['digest']}"
            said = json.dumps({"error": "not found"} if self.missing else {"image": _id(found)})
        elif command[0] == "curl":
            code = int(any(image == _id(BAD) for image, _, _ in self.made.values()))
            self.did.append("ask")
        elif command[0] == "socat" and "-t30" in command:
            self.did.append("switch")
            said = "Success=1"
        return CompletedProcess(command, code, said, "")


def _id(image: str) -> str:
    return f"id of {image}"


def _kind(container: str) -> str:
    """Which of the cloud's things a container is: its name ends with a random part."""
    return container.removeprefix("cloud-").partition("-")[0] if "haproxy" not in container else "way in"


@dataclass
class Platform:
    """The platform on the engine that runs nothing, with one app."""

    engine: Engine
    apps: Apps
    app: str
    admitted: list[int] = field(default_factory=list)
    retired: list[list[str]] = field(default_factory=list)

    def deploy(self, spec: AppSpec, name: str) -> None:
        self.engine.did.clear()
        self.apps.deploy(self.app, spec, name, lambda addresses: self._admit(addresses))

    def _admit(self, addresses: Sequence[str]) -> None:
        self.admitted.append(len(addresses))
        self.engine.did.append("admit")

    def instances(self, *kinds: str) -> list[str]:
        return [record.deployment for record in self.apps.instances.of(self.app, *kinds)]


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    signer, engine, store = authority.new_authority("test"), Engine(), Store(tmp_path)
    with store.change() as state:
        state.subnet, state.public_network, state.authorities = "198.18.0.0/24", "public", {"acme": signer.chain}
        state.networks[NETWORK] = Network(NETWORK, "net", "10.100.0.0/24")
        state.carriers[NETWORK] = "carrier"
    servers = Servers(engine, store, "cloud", (), lambda: "managed")  # type: ignore[arg-type]
    apps = Apps(servers, _Certificates(engine, store, signer))
    made = Platform(engine, apps, apps.create("app", NETWORK).id)

    def retire(self: Instances, records: Sequence[Any], drain: int, grace: int) -> None:
        made.retired.append([record.deployment for record in records])
        self.remove(records)

    monkeypatch.setattr(Instances, "retire", retire)
    return made


class _Certificates(Certificates):
    """With an authority of the test's own."""

    def __init__(self, engine: Engine, store: Store, signer: Certificate) -> None:
        super().__init__(engine, store)  # type: ignore[arg-type]
        self._signer = signer

    def acme(self) -> Certificate:
        return self._signer


def app(image: str = GOOD, migration: str = GOOD, instances: int = 2, after: str | None = None) -> AppSpec:
    """Two instances of a service, and a job before them."""
    service = AppPart(
        "web",
        "service",
        image,
        1,
        1024,
        instances=instances,
        port=8000,
        probe=PROBE,
        drain=30,
        grace=30,
        variables={"SECRET": SECRET},
    )
    parts = [AppPart("migrate", "before", migration, 1, 512, command="migrate it all"), service]
    if after:
        parts.append(AppPart("tell", "after", after, 1, 512))
    return AppSpec("app", ("app.example.com",), (AppWay("/", "web"),), tuple(parts))


def test_a_deployment_migrates_starts_asks_and_only_then_switches(platform: Platform) -> None:
    """SF1, SF2"""
    platform.deploy(app(), "first")
    platform.deploy(app(), "second")
    assert platform.engine.did == [
        *("admit", "start job", "remove job"),
        *("admit", "start instance", "start instance"),
        *("ask", "ask"),
        *("switch", "remove instance", "remove instance"),
    ]
    assert platform.retired == [[], ["first", "first"]]
    assert platform.admitted[-2:] == [3, 4], "the old ones may connect for as long as they run"
    assert [each.deployment for each in platform.apps.serving(platform.app)] == ["second"] * 2


def test_an_instance_has_the_limits_of_its_size_and_its_variables_by_no_command_line(platform: Platform) -> None:
    platform.deploy(app(), "first")
    name, (image, _, flags) = next(each for each in platform.engine.made.items() if _kind(each[0]) == "instance")
    assert image == _id(GOOD)
    assert {"--memory=1024m", "--memory-swap=1024m", "--restart=always"} <= set(flags)
    assert platform.engine.files[name] == f"PORT=8000\nSECRET={SECRET}\n"
    assert SECRET not in str(platform.engine.made)
    path = next(flag for flag in flags if flag.startswith("--env-file=")).removeprefix("--env-file=")
    assert not Path(path).exists()


def test_an_instance_is_reached_by_its_way_in_alone(platform: Platform) -> None:
    platform.deploy(app(), "first")
    way_in = platform.apps.servers.find(platform.app).private_address
    for record in platform.apps.serving(platform.app):
        assert f"ip saddr {{ {way_in}/32 }} tcp dport 8000 accept" in platform.engine.rules[record.anchor]
    assert len(platform.engine.rules) == 4, "the app's own, a job's, two instances'"


@pytest.mark.parametrize(
    ("spec", "step", "part", "code"),
    [
        (app(BAD), "deploy", "web", "DeployContainerHealthChecksFailed"),
        (app(migration=BAD), "pre-deploy", "migrate", "DeployContainerExitNonZero"),
    ],
    ids=["not well", "migration fails"],
)
def test_a_deployment_that_fails_says_where_and_leaves_what_served(
    platform: Platform, spec: AppSpec, step: str, part: str, code: str
) -> None:
    """SF1, SF2"""
    platform.deploy(app(), "first")
    with pytest.raises(DeploymentError) as caught:
        platform.deploy(spec, "second")
    assert (caught.value.step, caught.value.part, caught.value.code) == (step, part, code)
    assert platform.instances("instance") == ["first"] * 2
    assert platform.instances("job") == []
    assert "switch" not in platform.engine.did
    assert [each.deployment for each in platform.apps.serving(platform.app)] == ["first"] * 2


def test_an_image_that_the_registry_lacks_is_named_before_anything_runs(platform: Platform) -> None:
    platform.deploy(app(), "first")
    platform.engine.missing = True
    with pytest.raises(DeploymentError, match=f"{GOOD}: not found"):
        platform.deploy(app(), "second")
    assert platform.engine.did == []


def test_a_job_after_the_deployment_runs_once_the_new_ones_serve(platform: Platform) -> None:
    platform.deploy(app(after=GOOD), "first")
    assert platform.engine.did[-2:] == ["start job", "remove job"]
    with pytest.raises(DeploymentError, match="tell: DeployContainerExitNonZero"):
        platform.deploy(app(after=BAD), "second")
    assert [each.deployment for each in platform.apps.serving(platform.app)] == ["second"] * 2


def test_a_variable_of_several_lines_is_refused_by_its_name(platform: Platform) -> None:
    part = AppPart("web", "service", GOOD, 1, 1024, port=8000, variables={"KEY": "one\ntwo"})
    with pytest.raises(CloudError, match="the variable KEY has more than one line"):
        platform.deploy(AppSpec("app", ("app.example.com",), (AppWay("/", "web"),), (part,)), "first")
    assert platform.instances("instance") == []


def test_an_app_that_is_deleted_takes_its_instances_along(platform: Platform) -> None:
    platform.deploy(app(), "first")
    platform.apps.delete(platform.app)
    assert not platform.engine.made
    assert not platform.apps.servers.store.read().servers
