"""The local cloud's memory, its locks, and what it refuses before it makes anything."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rehearsal.cache import locked
from rehearsal.cloud import LocalCloud
from rehearsal.model import CloudError, Record
from rehearsal.state import CloudState, HostState, ServerState, Store


def test_what_was_changed_is_read_by_another(tmp_path: Path) -> None:
    with Store(tmp_path).change() as state:
        state.reserved["198.18.0.200"] = None
        state.records["a.example.com"] = [Record("A", "192.0.2.1")]
    assert Store(tmp_path).read() == state
    assert (tmp_path / "cloud.json").stat().st_mode & 0o777 == 0o600


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail() -> None:
        with store.change() as state:
            state.reserved["198.18.0.200"] = None
            raise CloudError("no")

    with pytest.raises(CloudError, match="no"):
        fail()
    assert store.read() == CloudState()


def test_changes_from_many_sides_are_all_kept(tmp_path: Path) -> None:
    def reserve(number: int) -> None:
        with Store(tmp_path).change() as state:
            state.reserved[str(number)] = None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(reserve, range(100)))
    assert len(Store(tmp_path).read().reserved) == 100


def test_a_state_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text("{")
    with pytest.raises(CloudError, match=r"cloud\.json is not the state"):
        Store(tmp_path).read()


def test_a_lock_is_free_again_when_its_holder_was_killed(tmp_path: Path) -> None:
    hold = (
        "import sys, pathlib, rehearsal.cache as c\n"
        "with c.locked(pathlib.Path(sys.argv[1])):\n  print('held', flush=True)\n  sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said: list[str] = []

        def wait_and_kill() -> None:
            said.append("waiting")
            holder.kill()

        with locked(tmp_path / "lock", wait_and_kill):
            assert said == ["waiting"]


def test_hosts_and_servers_share_the_addresses_of_a_network(tmp_path: Path) -> None:
    with Store(tmp_path).change() as state:
        state.hosts["h"] = HostState("h", "web", "198.18.0.10", "10.0.0.2", "net", 1, 512, "")
        state.hosts["alone"] = HostState("alone", "alone", "198.18.0.11", None, None, 1, 512, "")
        state.servers["s"] = ServerState("s", "front", "balancer", "net", "198.18.0.12", "10.0.0.3")
        state.servers["t"] = ServerState("t", "data", "postgres", "other", "198.18.0.13", "10.0.0.3")
    read = Store(tmp_path).read()
    assert read.members("net") == {"10.0.0.2": "web", "10.0.0.3": "front"}
    assert read.public_addresses() == {f"198.18.0.{last}" for last in (10, 11, 12, 13)}


def test_a_cloud_that_was_not_started_says_so(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path / "absent", "paper")
    acts = [cloud.outsider, cloud.reserve_address, cloud.test_authority_pem, cloud.authorities_pem]
    acts += [lambda: cloud.set_records({}), lambda: cloud.managed.balancers.create("front", "net")]
    for act in acts:
        with pytest.raises(CloudError, match="has not been started"):
            act()
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "-a", "a" * 33])
def test_a_name_that_no_label_can_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CloudError, match="is no name for a local cloud"):
        LocalCloud(tmp_path, name)
