"""Bare git repositories that the rehearsal's github.com serves."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rehearsal.model import CloudError

_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
# Fixed, so that the same files make the same commit wherever they are published.
_WHEN = "2026-01-01T00:00:00+00:00"
_WHO = {
    "GIT_AUTHOR_NAME": "Rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@example.com",
    "GIT_AUTHOR_DATE": _WHEN,
    "GIT_COMMITTER_NAME": "Rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@example.com",
    "GIT_COMMITTER_DATE": _WHEN,
}


def publish(root: Path, path: Path, repository: str) -> str:
    """Copies `path` into the bare repository `<root>/<repository>.git`; the commit of its main branch."""
    if not _NAME.match(repository):
        raise CloudError(f"{repository!r} is no repository's name (owner/name)")
    if not path.is_dir():
        raise CloudError(f"{path} is no directory")
    bare = root / f"{repository}.git"
    if not (bare / "HEAD").exists():
        bare.parent.mkdir(parents=True, exist_ok=True)
        bare.parent.chmod(0o755)
        _git("init", "--quiet", "--bare", "--template=", "--shared=0644", "--initial-branch=main", str(bare))
    if (path / ".git").exists() or ((path / "HEAD").exists() and (path / "objects").exists()):
        return _publish_repository(bare, path)
    return _publish_directory(bare, path)


def _publish_repository(bare: Path, path: Path) -> str:
    """All branches and tags as they are; `main` is the source's main, else the branch it stands on."""
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git("-C", str(bare), "fetch", "--quiet", "--prune", "--no-write-fetch-head", str(path.resolve()), *refs)
    branches = _git("-C", str(bare), "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    if not branches:
        raise CloudError(f"{path} is a git repository without a commit")
    if "main" not in branches:
        current = _git("-C", str(path), "symbolic-ref", "--short", "HEAD").strip()
        _git("-C", str(bare), "symbolic-ref", "HEAD", f"refs/heads/{current}")
    return _git("-C", str(bare), "rev-parse", "HEAD").strip()


def _publish_directory(bare: Path, path: Path) -> str:
    """The files as a commit on main, unless they are what main holds already. What .gitignore names stays out."""
    with tempfile.TemporaryDirectory() as work:
        environment = {"GIT_DIR": str(bare), "GIT_WORK_TREE": str(path.resolve()), "GIT_INDEX_FILE": f"{work}/index"}
        _git("add", "--all", ".", environment=environment, directory=path)
        tree = _git("write-tree", environment=environment).strip()
    parent = _git("-C", str(bare), "for-each-ref", "--format=%(objectname)", "refs/heads/main").strip()
    if parent and _git("-C", str(bare), "rev-parse", f"{parent}^{{tree}}").strip() == tree:
        return parent
    parents = ["-p", parent] if parent else []
    message = ("-m", "Publish for a rehearsal")
    commit = _git("-C", str(bare), "commit-tree", tree, *parents, *message, environment=_WHO).strip()
    _git("-C", str(bare), "update-ref", "refs/heads/main", commit)
    return commit


def _git(*arguments: str, environment: Mapping[str, str] | None = None, directory: Path | None = None) -> str:
    """Runs git without this machine's or this person's settings, which would change the commits."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    base |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, **(environment or {})}
    # The repository to publish may belong to another user than the one who rehearses.
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    done = subprocess.run(
        ["git", *arguments], env=base | safe, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CloudError(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
