"""New files are looked at by the programs that will read them, all at once, at their final paths, before any is there.

In a mount namespace of its own the new files are laid over the directories they are meant for (overlay, read-only), and
what has to go is hidden. So `nginx -t` sees the whole configuration as it would be, and nobody else sees any of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile

from .accounts import gid, uid
from .context import Host
from .files import Change, Changes
from .run import HostError

PLACE = "/run/slipway"
"""Where the staged files are: in memory, root's alone, gone after a power cut."""

_MOUNT_AND_RUN = """
while [ "$1" != -- ]; do
    mount -t overlay overlay -o "ro,lowerdir=$1:$2" "$2" || exit 125
    shift 2
done
shift
exec "$@"
"""
"""Arguments: pairs of (what is laid over, the directory), `--`, the program with its arguments."""

_CANNOT_STAGE = 125


def check(changes: Changes) -> None:
    """Run what each new file names as its check. HostError if one refuses; nothing has changed then."""
    host = changes.host
    checks = _checks([change for change in changes.files if change.text])
    if not checks:
        return
    os.makedirs(PLACE, mode=0o700, exist_ok=True)
    _forget_interrupted()
    stage = tempfile.mkdtemp(prefix="stage-", dir=PLACE)
    try:
        pairs = _lay_out(host, changes, stage)
        for argv, path in checks:
            _run(host, pairs, argv, path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _forget_interrupted() -> None:
    """Remove stages of runs that were killed. The lock of apply is held, so no other run is using them."""
    for name in os.listdir(PLACE):
        if name.startswith("stage-"):
            shutil.rmtree(os.path.join(PLACE, name), ignore_errors=True)


def _checks(files: list[Change]) -> list[tuple[list[str], str]]:
    """Each check once, with the file that is blamed if it refuses: with `{}` one a file, else one a program."""
    checks: dict[tuple[str, ...], str] = {}
    for change in files:
        argv = tuple(argument.replace("{}", change.file.path) for argument in change.file.validate)
        if argv:
            checks.setdefault(argv, change.file.path)
    return [(list(argv), path) for argv, path in checks.items()]


def _lay_out(host: Host, changes: Changes, stage: str) -> list[str]:
    """Copy the new files into one tree per directory and return the (tree, directory) pairs, flat."""
    files = {change.file.path: change for change in changes.files}
    parents = {_real_parent(path) for path in [*files, *changes.absent]}
    tops = sorted(top for top in parents if not any(top.startswith(other + "/") for other in parents))
    pairs: list[str] = []
    trees: dict[str, str] = {}
    for number, top in enumerate(tops):
        trees[top] = os.path.join(stage, str(number))
        _like(top, trees[top])
        pairs += [trees[top], top]
    for path in [*files, *changes.absent]:
        target = _target(path, tops, trees)
        if path in files:
            _copy(files[path], target)
        else:
            os.mknod(target, 0o020000, os.makedev(0, 0))  # overlayfs: a character device 0/0 hides what lies below
    return pairs


def _real_parent(path: str) -> str:
    return os.path.realpath(os.path.dirname(path))


def _target(path: str, tops: list[str], trees: dict[str, str]) -> str:
    """Where `path` lies in its tree; the directories between are made with the attributes of the real ones."""
    parent = _real_parent(path)
    top = next(top for top in tops if parent == top or parent.startswith(top + "/"))
    tree, real = trees[top], top
    for part in parent[len(top) :].strip("/").split("/") if parent != top else ():
        tree, real = os.path.join(tree, part), os.path.join(real, part)
        if not os.path.isdir(tree):
            _like(real, tree)
    return os.path.join(tree, os.path.basename(path))


def _like(real: str, made: str) -> None:
    """Make the directory `made` with the mode and owner of `real`: in the overlay these are the ones that count."""
    status = os.stat(real)
    os.mkdir(made, 0o700)
    os.chown(made, status.st_uid, status.st_gid)
    os.chmod(made, status.st_mode & 0o7777)


def _copy(change: Change, target: str) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(change.file.content.encode())
        os.fchown(descriptor, uid(change.file.owner), gid(change.file.group))
        os.fchmod(descriptor, change.file.mode)


def _run(host: Host, pairs: list[str], argv: list[str], path: str) -> None:
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNT_AND_RUN, "sh", *pairs, "--", *argv]
    result = host.run(command, timeout=120, accept=tuple(range(256)))
    lines = [host.mask(line) for line in result.lines()]
    if result.code == _CANNOT_STAGE:
        raise HostError(f"{path} could not be laid out for its check: {lines[-1] if lines else 'mount failed'}")
    if result.code:
        said = next((line for line in lines if "error" in line.lower() or "emerg" in line.lower()), "")
        said = said or (lines[-1] if lines else f"exit {result.code}")
        raise HostError(f"{path} is refused by {argv[0]}, the old one stays: {said}", lines)
