"""One release at a time: who holds the lock is known, a dead owner is noticed, a living one is ended on purpose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.host import lock as locks
from scripts.host.lock import TOKEN_VARIABLE, Lease, Lock, LockError
from scripts.host.procfs import process_start

HOLD = """
import subprocess, sys, os
from pathlib import Path
from scripts.host.lock import Lock
lock = Lock(Path(sys.argv[1]))
lock.acquire("alice@laptop")
lock.at("build")
child = subprocess.Popen(["sleep", "600"], env={**os.environ, "%s": lock.mine.token}, start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that has the lock, in its step `build`, and the process of a command that it started."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD % TOKEN_VARIABLE, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    with process:
        yield process, child
        process.kill()
    with_signal(child)


def with_signal(pid: int) -> None:
    """End what a test left."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def running(pid: int) -> bool:
    """Whether a process runs (a zombie, whose parent may be anybody, does not)."""
    return process_start(pid) is not None


def test_a_second_release_is_refused_by_name_age_and_step(
    tmp_path: Path, holder: tuple[subprocess.Popen[str], int]
) -> None:
    with pytest.raises(LockError, match=r"release in progress: alice@laptop since \d+ s \(step build\); .*--take-over"):
        Lock(tmp_path).acquire("bob@desk")
    assert running(holder[0].pid)


def test_taking_over_ends_the_former_release_and_its_commands(
    tmp_path: Path, holder: tuple[subprocess.Popen[str], int]
) -> None:
    """Whoever takes over must be alone: a build that goes on would write into what is being removed."""
    process, child = holder
    lock = Lock(tmp_path)
    former = lock.acquire("bob@desk", take_over=True)
    assert former is not None
    assert former.owner == "alice@laptop"
    assert process.wait(10) == -9
    assert not running(child)
    lock.check()


def test_the_lock_of_a_dead_process_is_stale(tmp_path: Path, holder: tuple[subprocess.Popen[str], int]) -> None:
    holder[0].kill()
    holder[0].wait()
    former = Lock(tmp_path).acquire("bob@desk")
    assert former is not None
    assert former.step == "build"
    assert not running(holder[1])


@pytest.mark.parametrize("change", [{"boot": "another"}, {"ticks": 1}], ids=["another boot", "number given again"])
def test_the_lock_of_another_life_is_stale(tmp_path: Path, change: dict[str, object]) -> None:
    """The number of a process alone says nothing: it may be another's by now."""
    Lock(tmp_path).acquire("alice@laptop")
    file = tmp_path / "lock" / "owner.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert Lock(tmp_path).acquire("bob@desk") is not None


def test_a_lock_is_given_back_by_its_owner_only(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.acquire("alice@laptop")
    shutil.rmtree(second.path)
    second.acquire("bob@desk")
    first.release()
    second.check()
    with pytest.raises(LockError):
        first.check()
    second.release()
    assert second.holder() is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock.guard"]


def test_two_that_come_at_once_do_not_both_get_it(tmp_path: Path) -> None:
    """Both find the same stale lock; breaking it must not break the other's new one."""
    script = """
import sys, time
from pathlib import Path
from scripts.host.lock import Lock, LockError
while not Path(sys.argv[1], "go").exists():
    time.sleep(0.001)
try:
    Lock(Path(sys.argv[1])).acquire("one of many")
except LockError:
    sys.exit(1)
time.sleep(3)
"""
    Lock(tmp_path).acquire("stale")
    file = tmp_path / "lock" / "owner.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "ticks": 1}))
    argv = [sys.executable, "-c", script, str(tmp_path)]
    many = [subprocess.Popen(argv, cwd=Path(__file__).parents[2]) for _ in range(4)]
    time.sleep(0.5)
    (tmp_path / "go").touch()
    assert sorted(process.wait() for process in many) == [0, 1, 1, 1]


def test_unlock_removes_what_nobody_holds_and_ends_a_holder_only_by_force(
    tmp_path: Path, holder: tuple[subprocess.Popen[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert locks.main([], tmp_path) == 1
    assert "release in progress: alice@laptop" in capsys.readouterr().err
    assert locks.main(["--force"], tmp_path) == 0
    assert holder[0].wait(10) == -9
    assert locks.main([], tmp_path) == 0
    assert "nobody holds the lock" in capsys.readouterr().out


def test_a_step_leaves_the_lock_as_long_as_it_was_renewed(tmp_path: Path) -> None:
    """Whoever waits takes a time that moves for an owner that lives; a step of a killed one's verb is none."""
    lock, lease = Lock(tmp_path), Lease("20261121T100000-22222222", 45.0)
    lock.acquire("alice", lease=lease)
    Lock(tmp_path).renew("alice", Lease(lease.fleet, 300.0))
    renewed = Lock(tmp_path).holder()
    lock.at("environment")
    holder = Lock(tmp_path).holder()
    assert renewed is not None
    assert holder is not None
    assert (holder.expires, holder.step) == (renewed.expires, "environment")
