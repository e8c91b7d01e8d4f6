"""Repositories that the rehearsal's github.com serves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.model import CloudError
from rehearsal.repositories import publish

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(directory: Path, *arguments: str) -> str:
    """Runs git there."""
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def product(directory: Path, text: str = "one\n") -> Path:
    """A product with something that git ignores."""
    directory.mkdir(exist_ok=True)
    (directory / "README").write_text(text)
    (directory / ".gitignore").write_text("*.pyc\n")
    (directory / "x.pyc").write_text("cached")
    return directory


def test_a_directory_becomes_one_commit_and_the_same_wherever_it_lies(tmp_path: Path) -> None:
    commits = {
        publish(tmp_path / root, product(tmp_path / source), "example/product")
        for root, source in (("git1", "here"), ("git2", "there"))
    }
    (commit,) = commits
    bare = tmp_path / "git1" / "example" / "product.git"
    assert git(bare, "ls-tree", "-r", "--name-only", commit).split() == [".gitignore", "README"]


def test_a_changed_directory_becomes_the_next_commit_and_an_unchanged_one_none(tmp_path: Path) -> None:
    root, source = tmp_path / "git", product(tmp_path / "source")
    first = publish(root, source, "example/product")
    assert publish(root, source, "example/product") == first
    second = publish(root, product(source, "two\n"), "example/product")
    assert git(root / "example" / "product.git", "rev-parse", f"{second}^") == first


def test_a_repository_keeps_its_branches_tags_and_hashes(tmp_path: Path) -> None:
    source = product(tmp_path / "source")
    git(source, "init", "-q", "-b", "trunk")
    git(source, "add", ".")
    git(source, "commit", "-qm", "First")
    git(source, "tag", "v1")
    git(source, "branch", "other")
    commit = git(source, "rev-parse", "HEAD")
    assert publish(tmp_path / "git", source, "example/product") == commit
    git(source, "branch", "-D", "other")
    git(source, "commit", "-q", "--amend", "-m", "Another")
    assert publish(tmp_path / "git", source, "example/product") == git(source, "rev-parse", "HEAD")
    bare = tmp_path / "git" / "example" / "product.git"
    assert git(bare, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/trunk", "refs/tags/v1"]


def test_a_web_server_may_read_it(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        publish(tmp_path / "git", product(tmp_path / "source"), "example/product")
    finally:
        os.umask(former)
    owner = tmp_path / "git" / "example"
    for path in [owner, *owner.rglob("*")]:
        wanted = 0o055 if path.is_dir() else 0o044
        assert path.stat().st_mode & wanted == wanted, path


@pytest.mark.parametrize("name", ["product", "../product", "a/b/c", "a/", "-x/y"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CloudError, match="is no repository's name"):
        publish(tmp_path, tmp_path, name)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="is no directory"):
        publish(tmp_path, tmp_path / "absent", "example/product")
