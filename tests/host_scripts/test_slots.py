"""Slots as links: a switch is one rename, nothing that serves is removed, root is not led astray."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.host.release_config import Layout
from scripts.host.slots import Slots, read_private

RELEASES = [f"2026112{day}T100000-{day * 8}" for day in "1234567"]


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    """A product with seven releases, none of which serves."""
    layout = Layout(tmp_path, tmp_path / "state", tmp_path / "etc")
    for release in RELEASES:
        (layout.release(release) / "src").mkdir(parents=True)
    return Slots(layout)


def test_a_switch_names_the_slot_before_and_then_the_one_that_serves(slots: Slots, tmp_path: Path) -> None:
    assert (slots.live(), slots.idle()) == (None, "blue")
    slots.assign("blue", RELEASES[0])
    slots.switch("blue")
    assert (slots.live(), slots.idle()) == ("blue", "green")
    assert not (tmp_path / "previous").exists()
    slots.assign("green", RELEASES[1])
    slots.switch("green")
    assert (slots.live(), slots.release("green")) == ("green", RELEASES[1])
    assert (tmp_path / "current").resolve() == tmp_path / "releases" / RELEASES[1]
    assert (tmp_path / "previous").resolve() == tmp_path / "releases" / RELEASES[0]
    assert (tmp_path / "slots" / "serving").resolve() == tmp_path / "releases" / RELEASES[1]
    slots.switch("green")  # once more changes nothing
    assert (tmp_path / "previous").resolve() == tmp_path / "releases" / RELEASES[0]


def test_a_slot_whose_release_is_gone_has_none(slots: Slots) -> None:
    slots.assign("blue", "20200101T000000-00000000")
    assert slots.release("blue") is None


def test_pruning_keeps_the_newest_and_whatever_a_slot_has(slots: Slots, tmp_path: Path) -> None:
    """The last 5 releases stay (FF8); an old one that serves after a rollback does too."""
    slots.assign("blue", RELEASES[0])
    slots.assign("green", RELEASES[6])
    slots.switch("blue")
    (tmp_path / "releases" / ".half.gone").mkdir()
    assert slots.prune(5) == [RELEASES[1], RELEASES[2]]
    assert slots.kept() == [RELEASES[0], *RELEASES[3:]]
    assert sorted(entry.name for entry in (tmp_path / "releases").iterdir()) == slots.kept()
    assert slots.prune(5) == []
    assert slots.prune(2) == RELEASES[3:6]


def test_removing_twice_is_no_mistake(slots: Slots) -> None:
    slots.remove(RELEASES[3])
    slots.remove(RELEASES[3])
    assert RELEASES[3] not in slots.kept()


def test_root_reads_no_file_that_the_user_put_in_the_place_of_its_own(tmp_path: Path) -> None:
    """The user could read anything of root's, were a link or a second name followed."""
    private = tmp_path / "shadow"
    private.write_text("root's")
    (tmp_path / "link").symlink_to(private)
    (tmp_path / "second").hardlink_to(private)
    mine = tmp_path / ".env"
    mine.write_text("A=1\n")
    assert read_private(mine, os.getuid()) == "A=1\n"
    assert read_private(mine, os.getuid(), 2) == "1\n"
    for path in (tmp_path / "link", tmp_path / "second"):
        with pytest.raises(OSError):
            read_private(path, os.getuid())
