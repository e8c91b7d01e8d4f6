"""System packages: nothing is asked of apt while nothing is missing, and no daemon starts before its configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts.host import packages
from scripts.host.packages import BEGUN, POLICY
from scripts.host.run import HostError
from tests.host_scripts.fake_host import ME, MY_GROUP, FakeHost


class Apt:
    """dpkg and apt-get with a set of packages that are installed, and names that apt-get cannot find yet.

    `half` are packages that were being unpacked when the power went: nothing is configured before they are reinstalled.
    `offered` are those that lists name once they have been fetched (None: all).
    """

    def __init__(
        self,
        installed: set[str],
        unknown_until_update: bool = False,
        half: frozenset[str] = frozenset(),
        offered: frozenset[str] | None = None,
    ) -> None:
        self.installed = installed
        self.offered = offered
        self.half = set(half)
        self.unknown = unknown_until_update
        self.host: FakeHost | None = None
        self.policy: list[bool] = []

    def __call__(self, argv: list[str]) -> str | int | None:
        if argv[0] == "dpkg-query" and not argv[4:]:
            return "".join(f"{name} reinstreq\n" for name in sorted(self.half)) + "nginx ok\n"
        if argv[0] == "dpkg" or "--fix-broken" in argv:
            return 1 if self.half else None
        if "--reinstall" in argv:
            self.half -= set(argv[argv.index("--reinstall") + 1 :])
            return None
        if argv[0] == "dpkg-query":
            return "".join(f"{name} installed\n" for name in argv[4:] if name in self.installed)
        if argv[:2] == ["apt-cache", "policy"]:
            return "".join(map(self._policy, argv[2:]))
        if argv[-1] == "update":
            self.unknown = False
        elif "install" in argv and "--fix-broken" not in argv:
            if self.unknown:
                return 100
            assert self.host is not None
            self.policy.append(Path(self.host.at(POLICY)).exists())
            asked = set(argv[argv.index("install") + 1 :])
            if self.offered is not None and not asked <= self.offered:
                return 100
            self.installed |= asked
        return None

    def _policy(self, name: str) -> str:
        """What apt-cache says: of a name that others provide it knows no version, of an unknown one nothing."""
        if self.unknown or (self.offered is not None and name not in self.offered | {"provided"}):
            return ""
        version = "(none)" if name == "provided" else "26.1.5+dfsg1-9"
        return f"{name}:\n  Installed: (none)\n  Candidate: {version}\n  Version table:\n"


@pytest.fixture(autouse=True)
def _root_is_me(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be root's belongs to whoever runs the tests."""
    monkeypatch.setattr("scripts.host.files.uid", lambda name: os.geteuid())
    monkeypatch.setattr("scripts.host.files.gid", lambda name: os.getegid())
    assert ME
    assert MY_GROUP


def a_host(root: Path, apt: Apt) -> FakeHost:
    apt.host = FakeHost(root, apt)
    apt.host.put("/usr/sbin/other", "")
    for name in ("a", "b", "c"):
        apt.host.put(f"/var/lib/apt/lists/{name}", "")
    return apt.host


def verbs(host: FakeHost) -> list[str]:
    """What was asked of apt-get and dpkg."""
    asked = ("dpkg-query", "apt-cache")
    return [argv[-1] if argv[-1] in ("update", "-a") else "install" for argv in host.ran if argv[0] not in asked]


def test_nothing_is_asked_of_apt_when_everything_is_there(tmp_path: Path) -> None:
    host = a_host(tmp_path, Apt({"nginx", "ufw"}))
    packages.packages(host, ["nginx", "ufw"])
    assert [argv[0] for argv in host.ran] == ["dpkg-query"]
    assert host.changes == 0


def test_what_is_missing_is_installed_under_the_policy_and_the_policy_goes(tmp_path: Path) -> None:
    """FF2: RabbitMQ must not listen publicly, not even briefly."""
    apt = Apt({"nginx"})
    host = a_host(tmp_path, apt)
    packages.packages(host, ["nginx", "rabbitmq-server"])
    assert apt.policy == [True]
    assert not Path(host.at(POLICY)).exists()
    assert not Path(host.at(BEGUN)).exists()
    assert host.said == ["changed: package rabbitmq-server"]
    assert verbs(host) == ["update", "install"]


def test_lists_that_were_fetched_today_are_used(tmp_path: Path) -> None:
    host = a_host(tmp_path, Apt(set()))
    packages.packages(host, ["nginx"])
    packages.packages(host, ["nginx", "ufw"])
    assert verbs(host) == ["update", "install", "install"]


def test_lists_that_name_what_is_gone_are_fetched_again(tmp_path: Path) -> None:
    apt = Apt(set())
    host = a_host(tmp_path, apt)
    packages.packages(host, ["nginx"])
    apt.unknown = True
    packages.packages(host, ["nginx", "ufw"])
    assert verbs(host) == ["update", "install", "install", "update", "install"]


def test_an_interrupted_installation_is_finished_first(tmp_path: Path) -> None:
    apt = Apt({"nginx"})
    host = a_host(tmp_path, apt)
    host.put(BEGUN, "")
    host.put(POLICY, packages._POLICY_TEXT, 0o755)
    packages.packages(host, ["nginx"])
    assert [argv[0] for argv in host.ran] == ["dpkg-query", "dpkg-query", "dpkg", "apt-get", "dpkg-query"]
    assert not Path(host.at(POLICY)).exists()
    assert not Path(host.at(BEGUN)).exists()


def test_what_was_cut_off_while_it_was_unpacked_is_unpacked_again(tmp_path: Path) -> None:
    apt = Apt({"nginx"}, half=frozenset({"python-apt-common"}))
    host = a_host(tmp_path, apt)
    host.put(BEGUN, "")
    packages.packages(host, ["nginx"])
    assert apt.half == set()
    assert [argv[0] for argv in host.ran[2:]] == ["dpkg", "apt-get", "dpkg", "apt-get", "dpkg-query"]
    assert not Path(host.at(BEGUN)).exists()


def test_what_somebody_else_left_half_unpacked_is_unpacked_again_before_anything_is_installed(tmp_path: Path) -> None:
    """unattended-upgrades can lose its power too."""
    apt = Apt({"nginx"}, half=frozenset({"logrotate"}))
    host = a_host(tmp_path, apt)
    packages.packages(host, ["nginx", "ufw"])
    assert (apt.half, "ufw" in apt.installed) == (set(), True)


def test_somebody_else_s_policy_is_kept(tmp_path: Path) -> None:
    host = a_host(tmp_path, Apt(set()))
    host.put(POLICY, "#!/bin/sh\nexit 101\n", 0o755)
    packages.packages(host, ["nginx"])
    assert host.text(POLICY) == "#!/bin/sh\nexit 101\n"


@pytest.mark.parametrize(("installing", "code"), [("yes", 101), ("", 0)])
def test_the_policy_holds_for_our_installation_only(tmp_path: Path, installing: str, code: int) -> None:
    """Left behind by a power cut, it must not keep an upgrade from restarting a daemon."""
    script = tmp_path / "policy"
    script.write_text(packages._POLICY_TEXT)
    done = subprocess.run(["sh", str(script), "nginx", "start"], env={"SLIPWAY_INSTALLS": installing}, check=False)
    assert done.returncode == code


def test_a_name_that_apt_installs_nothing_for_is_said(tmp_path: Path) -> None:
    apt = Apt(set())
    host = a_host(tmp_path, apt)
    host.programs = lambda argv: None
    with pytest.raises(HostError, match=r"^apt-get left mail-transport-agent out"):
        packages.packages(host, ["mail-transport-agent"])
    assert not Path(host.at(POLICY)).exists()


def test_a_lock_that_somebody_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first boot's own upgrade holds it for minutes, and apt-get update does not wait by itself."""
    slept: list[float] = []
    monkeypatch.setattr("scripts.host.packages.time.sleep", slept.append)
    apt = Apt(set())
    host = a_host(tmp_path, apt)
    real_run = host.run

    def busy_twice(argv: list[str], **options: object) -> object:
        if argv[-1] == "update" and len(slept) < 2:
            raise HostError(
                "apt-get failed", ["E: Could not get lock /var/lib/apt/lists/lock. It is held by process 9"]
            )
        return real_run(argv, **options)

    monkeypatch.setattr(host, "run", busy_twice)
    packages.packages(host, ["nginx"])
    assert len(slept) == 2
    assert "nginx" in apt.installed


def test_what_needs_a_package_can_begin_while_the_others_are_installed(tmp_path: Path) -> None:
    """A first apply takes little longer than apt-get alone."""
    host = a_host(tmp_path, Apt(set()))
    begun: list[list[str]] = []
    packages.packages(host, ["nginx", "python3-venv"], ["python3-venv"], lambda: begun.append(verbs(host)))
    assert begun == [["update", "install"]]
    assert verbs(host) == ["update", "install", "install"]
    packages.packages(host, ["nginx", "python3-venv"], ["python3-venv"], lambda: begun.append([]))
    assert len(begun) == 1


COMPOSE = "provided|docker-compose-v2|docker-compose"
"""As systems name it: the first is only provided by others, the second is Ubuntu's, the third Debian's."""


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [({"docker-compose-v2", "docker-compose"}, "docker-compose-v2"), ({"docker-compose"}, "docker-compose")],
    ids=["Ubuntu", "Debian"],
)
def test_of_alternatives_the_first_that_apt_knows_is_installed(tmp_path: Path, offered: set[str], chosen: str) -> None:
    """Asked after the lists are there: a fresh host has none."""
    apt = Apt(set(), unknown_until_update=True, offered=frozenset({"nginx", *offered}))
    host = a_host(tmp_path, apt)
    packages.packages(host, ["nginx", COMPOSE])
    assert apt.installed == {"nginx", chosen}
    assert verbs(host) == ["update", "install"]
    assert host.said[-1] == f"changed: package {COMPOSE}"


def test_any_alternative_that_is_there_is_enough(tmp_path: Path) -> None:
    host = a_host(tmp_path, Apt({"docker-compose"}))
    packages.packages(host, [COMPOSE])
    assert [argv[0] for argv in host.ran] == ["dpkg-query"]


def test_alternatives_of_which_apt_knows_none_are_said(tmp_path: Path) -> None:
    host = a_host(tmp_path, Apt(set(), offered=frozenset()))
    with pytest.raises(HostError, match="apt-get"):
        packages.packages(host, ["docker-compose-v2|docker-compose"])
    assert host.ran[-1][-1] == "docker-compose-v2"


def test_two_packages_that_are_one_here_are_asked_for_once(tmp_path: Path) -> None:
    apt = Apt(set(), offered=frozenset({"docker.io"}))
    host = a_host(tmp_path, apt)
    packages.packages(host, ["docker.io", "docker-cli|docker.io"])
    assert host.ran[-2][-2:] == ["install", "docker.io"]


def test_an_interrupted_installation_takes_no_other_s_package_for_an_alternative(tmp_path: Path) -> None:
    """docker.io came before the power went, docker-cli, which has the command here, did not."""
    apt = Apt({"docker.io"}, offered=frozenset({"docker.io", "docker-cli"}))
    host = a_host(tmp_path, apt)
    host.put(BEGUN, "")
    packages.packages(host, ["docker.io", "docker-cli|docker.io"])
    assert apt.installed == {"docker.io", "docker-cli"}
