"""Files and directories: what is right is not touched, what is not is replaced whole, nobody leads us elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.host import files
from scripts.host.manifest import File
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost, a_directory, a_file


def land(host: FakeHost, *wanted: File, absent: Sequence[str] = (), refuse: bool = False) -> list[str]:
    """Bring the files there; the actions that were remembered."""
    remembered: list[str] = []

    def check(changes: files.Changes) -> None:
        if refuse:
            raise HostError("refused")

    changes = files.Changes(host, wanted, absent)
    try:
        if changes:
            changes.land(check, remembered.extend)
    finally:
        changes.close()
    return remembered


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_a_new_file_has_its_text_and_mode_and_its_parents(host: FakeHost) -> None:
    land(host, a_file("/etc/new/deep/a.conf", "a\n", 0o640))
    assert host.text("/etc/new/deep/a.conf") == "a\n"
    assert host.mode("/etc/new/deep/a.conf") == 0o640
    assert host.said == ["changed: file /etc/new/deep/a.conf"]


def test_a_file_that_is_right_is_not_touched(host: FakeHost) -> None:
    before = host.put("/etc/a.conf", "a\n").stat()
    assert land(host, a_file("/etc/a.conf", "a\n", then=("reload a.service",))) == []
    after = Path(host.at("/etc/a.conf")).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert host.changes == 0


def test_a_text_of_the_same_length_is_noticed(host: FakeHost) -> None:
    host.put("/etc/a.conf", "a\n")
    land(host, a_file("/etc/a.conf", "b\n"))
    assert host.text("/etc/a.conf") == "b\n"


def test_a_wrong_mode_alone_is_set_right_and_has_its_actions(host: FakeHost) -> None:
    inode = host.put("/etc/a.conf", "a\n", 0o666).stat().st_ino
    assert land(host, a_file("/etc/a.conf", "a\n", 0o600, then=("restart a.service",))) == ["restart a.service"]
    assert host.mode("/etc/a.conf") == 0o600
    assert Path(host.at("/etc/a.conf")).stat().st_ino == inode


def test_nothing_lands_when_one_file_is_refused(host: FakeHost) -> None:
    host.put("/etc/a.conf", "old\n")
    with pytest.raises(HostError, match="refused"):
        land(host, a_file("/etc/a.conf", "new\n"), a_file("/etc/b.conf", "new\n"), refuse=True)
    assert host.text("/etc/a.conf") == "old\n"
    assert [path.name for path in Path(host.at("/etc")).iterdir()] == ["a.conf"]


def test_what_has_to_go_goes_and_is_said_once(host: FakeHost) -> None:
    host.put("/etc/default", "")
    land(host, absent=["/etc/default", "/etc/never/there"])
    land(host, absent=["/etc/default", "/etc/never/there"])
    assert host.said == ["changed: removed /etc/default"]


def test_a_directory_is_never_removed(host: FakeHost) -> None:
    host.put("/etc/default/inside", "")
    with pytest.raises(HostError, match="/etc/default has to go but is a directory"):
        land(host, absent=["/etc/default"])


def test_a_directory_where_a_file_has_to_be_is_said(host: FakeHost) -> None:
    host.put("/etc/a.conf/inside", "")
    with pytest.raises(HostError, match=r"^/etc/a\.conf is a directory; a file has to be there$"):
        land(host, a_file("/etc/a.conf", ""))


def test_a_link_in_the_place_of_a_file_is_replaced_and_its_target_stays(host: FakeHost) -> None:
    host.put("/etc/target", "theirs")
    Path(host.at("/etc/a.conf")).symlink_to("target")
    land(host, a_file("/etc/a.conf", "ours"))
    assert host.text("/etc/target") == "theirs"
    assert not Path(host.at("/etc/a.conf")).is_symlink()


def test_a_link_put_where_the_new_file_is_written_is_not_followed(host: FakeHost) -> None:
    """A service user owns the directory of its .env, and may put there what it likes (FF7)."""
    victim = host.put("/etc/shadow", "theirs")
    Path(host.at("/srv")).mkdir()
    Path(host.at("/srv/..env.slipway-new")).symlink_to(victim)
    land(host, a_file("/srv/.env", "ours", 0o600))
    assert victim.read_text() == "theirs"
    assert host.text("/srv/.env") == "ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of another user")
def test_a_link_of_another_user_on_the_way_is_refused(host: FakeHost) -> None:
    host.put("/etc/cron.d/job", "theirs")
    Path(host.at("/srv")).mkdir()
    link = Path(host.at("/srv/app"))
    link.symlink_to("../etc/cron.d")
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(HostError, match=r"^/srv/app is a link that root did not make"):
        land(host, a_file("/srv/app/job", "ours"))


def test_a_link_of_the_system_on_the_way_is_followed(host: FakeHost) -> None:
    host.put("/usr/lib/units/x", "")
    Path(host.at("/lib")).symlink_to("usr/lib")
    land(host, a_file("/lib/units/a.service", "ours"))
    assert host.text("/usr/lib/units/a.service") == "ours"


def test_what_an_interrupted_run_left_goes_even_if_nothing_changes(host: FakeHost) -> None:
    """It may hold a secret (FF7)."""
    host.put("/srv/.env", "a", 0o600)
    left = host.put("/srv/..env.slipway-new", "half of it")
    land(host, a_file("/srv/.env", "a", 0o600))
    assert not left.exists()
    assert host.changes == 0


def test_a_pipe_in_the_place_of_a_file_does_not_block(host: FakeHost) -> None:
    Path(host.at("/srv")).mkdir()
    os.mkfifo(host.at("/srv/.env"), 0o600)
    land(host, a_file("/srv/.env", "a", 0o600))
    assert host.text("/srv/.env") == "a"


def test_directories_are_made_and_set_right(host: FakeHost) -> None:
    wanted = [a_directory("/srv/app/logs", 0o750), a_directory("/srv/app", 0o1771)]
    files.directories(host, wanted)
    assert (host.mode("/srv/app/logs"), host.mode("/srv/app")) == (0o750, 0o1771)
    assert host.said == ["changed: directory /srv/app/logs", "changed: directory /srv/app"]
    files.directories(host, wanted)
    assert host.changes == 2
    Path(host.at("/srv/app")).chmod(0o777)
    files.directories(host, wanted)
    assert host.mode("/srv/app") == 0o1771


def test_a_directory_that_is_a_link_is_not_followed(host: FakeHost) -> None:
    host.put("/etc/keep/file", "")
    Path(host.at("/srv")).mkdir()
    Path(host.at("/srv/app")).symlink_to("../etc/keep")
    with pytest.raises(HostError, match=r"^/srv/app is there and is not a directory$"):
        files.directories(host, [a_directory("/srv/app", 0o777)])


def test_an_owner_that_does_not_exist_is_one_line(host: FakeHost) -> None:
    with pytest.raises(HostError, match=r"^there is no user nobody-of-this-name on this host$"):
        land(host, File("/etc/a", "", 0o644, "nobody-of-this-name", "root", (), ()))
