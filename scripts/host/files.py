"""Files and directories: compare, write beside, have it checked, rename. A reader sees the old or the new, whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence

from .accounts import gid, uid
from .context import Host
from .manifest import Directory, File
from .run import HostError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def beside(name: str) -> str:
    """The name a file has until it is whole. It starts with a dot, so that no `include *` reads it."""
    return f".{name}.slipway-new"


def open_directory(host: Host, path: str, *, make: bool = False) -> int | None:
    """A descriptor of the directory `path`, or None where it is not there and `make` is false.

    It is opened part by part: a link on the way is followed only if root put it there, since part of what we write lies
    below directories of a service user, who could otherwise lead us anywhere.
    """
    current = os.open(host.root, _DIRECTORY)
    walked = ""
    try:
        for part in path.strip("/").split("/") if path.strip("/") else ():
            walked += "/" + part
            following = _enter(current, part, walked, make=make)
            if following is None:
                return None
            os.close(current)
            current = following
        found, current = current, -1
        return found
    finally:
        if current >= 0:
            os.close(current)


def _enter(parent: int, part: str, walked: str, *, make: bool) -> int | None:
    try:
        return os.open(part, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            return None
        os.mkdir(part, 0o755, dir_fd=parent)
        return os.open(part, _DIRECTORY, dir_fd=parent)
    except OSError:
        status = os.stat(part, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            raise HostError(f"{walked} is not a directory") from None
        if status.st_uid not in (0, os.geteuid()):
            raise HostError(f"{walked} is a link that root did not make: it is not followed") from None
        return os.open(part, _DIRECTORY & ~os.O_NOFOLLOW, dir_fd=parent)


def directories(host: Host, wanted: Iterable[Directory]) -> None:
    """Make each directory with its mode and owner, parents first (0755, root)."""
    for directory in wanted:
        parent_path, _, name = directory.path.rpartition("/")
        parent = open_directory(host, parent_path, make=True)
        assert parent is not None  # noqa: S101  (make=True always gives one)
        try:
            if _directory(parent, name, directory):
                host.changed(f"directory {directory.path}")
        finally:
            os.close(parent)


def _directory(parent: int, name: str, wanted: Directory) -> bool:
    changed = False
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        changed = True
    except FileExistsError:
        pass
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    except OSError:
        raise HostError(f"{wanted.path} is there and is not a directory") from None
    try:
        return _attributes(descriptor, wanted.mode, uid(wanted.owner), gid(wanted.group)) or changed
    finally:
        os.close(descriptor)


def _attributes(descriptor: int, mode: int, owner: int, group: int) -> bool:
    """Set mode and owner of what is open. True if they were others. The owner comes first: chown drops set-id bits."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (owner, group):
        os.fchown(descriptor, owner, group)
    elif stat.S_IMODE(status.st_mode) == mode:
        return False
    os.fchmod(descriptor, mode)
    return True


class Change:
    """A file that is not as it has to be: the open directory it lies in, and whether its text differs."""

    def __init__(self, file: File, parent: int, *, text: bool) -> None:
        self.file = file
        self.parent = parent
        self.text = text
        self.name = file.path.rpartition("/")[2]


class Changes:
    """The files that differ and the paths that have to go, found by comparing. Close it when done."""

    def __init__(
        self, host: Host, files: Sequence[File], absent: Sequence[str], say: Callable[[str], None] | None = None
    ) -> None:
        self.host = host
        self.say = say or host.changed
        self.files: list[Change] = []
        self.absent = [path for path in absent if os.path.lexists(host.at(path))]
        self._open: dict[str, int] = {}
        for file in files:
            change = self._compare(file)
            if change is not None:
                self.files.append(change)

    def __bool__(self) -> bool:
        return bool(self.files or self.absent)

    def close(self) -> None:
        """Give the directories back."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _parent(self, path: str, *, make: bool) -> int | None:
        parent_path = path.rpartition("/")[0]
        if parent_path not in self._open:
            descriptor = open_directory(self.host, parent_path, make=make)
            if descriptor is None:
                return None
            self._open[parent_path] = descriptor
        return self._open[parent_path]

    def _compare(self, file: File) -> Change | None:
        parent = self._parent(file.path, make=True)
        assert parent is not None  # noqa: S101
        change = Change(file, parent, text=False)
        _remove(parent, beside(change.name))  # what an interrupted run left
        try:
            status = os.stat(change.name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            change.text = True
            return change
        if stat.S_ISDIR(status.st_mode):
            raise HostError(f"{file.path} is a directory; a file has to be there")
        content = file.content.encode()
        change.text = not (
            stat.S_ISREG(status.st_mode) and status.st_size == len(content) and _read(parent, change.name) == content
        )
        same = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (
            file.mode,
            uid(file.owner),
            gid(file.group),
        )
        return None if same and not change.text else change

    def land(self, check: Callable[[Changes], None], remember: Callable[[Sequence[str]], None]) -> None:
        """Write what differs beside, have `check` look at it, `remember` what has to happen after, then rename it all.

        `check` raises if the new files are not fit: none of them has landed then, and none stays beside.
        """
        texts = [change for change in self.files if change.text]
        try:
            for change in texts:
                _write_beside(change)
            check(self)
        except HostError:
            for change in texts:
                _remove(change.parent, beside(change.name))
            raise
        remember([action for change in self.files for action in change.file.then])
        for change in self.files:
            if change.text:
                os.rename(beside(change.name), change.name, src_dir_fd=change.parent, dst_dir_fd=change.parent)
            else:
                self._set_attributes(change)
            self.say(f"file {change.file.path}")
        for path in self.absent:
            self._drop(path)
        for descriptor in {change.parent for change in self.files}:
            os.fsync(descriptor)

    def _set_attributes(self, change: Change) -> None:
        descriptor = os.open(change.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=change.parent)
        try:
            _attributes(descriptor, change.file.mode, uid(change.file.owner), gid(change.file.group))
        finally:
            os.close(descriptor)

    def _drop(self, path: str) -> None:
        parent = self._parent(path, make=False)
        if parent is None:
            return
        try:
            if _remove(parent, path.rpartition("/")[2]):
                self.say(f"removed {path}")
        except IsADirectoryError:
            raise HostError(f"{path} has to go but is a directory: remove it by hand") from None


def _read(parent: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    with open(descriptor, "rb") as opened:
        return opened.read()


def _remove(parent: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    return True


def _write_beside(change: Change) -> None:
    """Write the text beside, readable by nobody else until owner and mode are right, and have it on the disk."""
    name = beside(change.name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=change.parent)
    with open(descriptor, "wb") as opened:
        opened.write(change.file.content.encode())
        opened.flush()
        _attributes(descriptor, change.file.mode, uid(change.file.owner), gid(change.file.group))
        os.fsync(descriptor)


def write(host: Host, file: File) -> bool:
    """Write one file of our own in the same way, without a check or a word. True if it was not so before."""
    changes = Changes(host, [file], [], say=lambda _: None)
    try:
        if changes:
            changes.land(lambda _: None, lambda _: None)
        return bool(changes)
    finally:
        changes.close()
