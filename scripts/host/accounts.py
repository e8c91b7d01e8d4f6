"""Users of the host: made if missing, brought back if they differ."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterable

from .context import Host
from .manifest import User
from .run import HostError


def uid(name: str) -> int:
    """The number of a user. HostError if there is none of this name."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise HostError(f"there is no user {name} on this host") from None


def gid(name: str) -> int:
    """The number of a group. HostError if there is none of this name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise HostError(f"there is no group {name} on this host") from None


def users(host: Host, wanted: Iterable[User], ours: Callable[[], frozenset[str]]) -> None:
    """Make each user, or set home, shell and groups of one that differs. Its home is made (0750), never moved.

    `ours` are the names of the users that were made by an earlier apply. HostError for one that somebody else made:
    what it is there for would end if it became another's.
    """
    for user in wanted:
        if _user(host, user, ours):
            host.changed(f"user {user.name}")
        home = host.at(user.home)
        if not os.path.isdir(home):
            os.makedirs(os.path.dirname(home), mode=0o755, exist_ok=True)
            os.mkdir(home, 0o700)
            os.chown(home, uid(user.name), pwd.getpwnam(user.name).pw_gid)
            os.chmod(home, 0o750)  # noqa: S103  (its group is the user's own)


def _user(host: Host, user: User, ours: Callable[[], frozenset[str]]) -> bool:
    groups = ",".join(user.groups)
    try:
        found = pwd.getpwnam(user.name)
    except KeyError:
        kind = ["--system"] if user.system else []
        # --user-group: a system user would otherwise share the group "nogroup" or "users" with others.
        host.run(
            [
                *["useradd", *kind, "--user-group", "--no-create-home", "--home-dir", user.home],
                *["--shell", user.shell, "--groups", groups, user.name],
            ]
        )
        return True
    if (found.pw_dir, found.pw_shell) != (user.home, user.shell) and user.name not in ours():
        raise HostError(
            f"the host has a user {user.name} of its own (home {found.pw_dir}, shell {found.pw_shell}), "
            "which is left alone: the product needs another name"
        )
    command: list[str] = []
    if found.pw_dir != user.home:
        command += ["--home", user.home]
    if found.pw_shell != user.shell:
        command += ["--shell", user.shell]
    if {group.gr_name for group in grp.getgrall() if user.name in group.gr_mem} != set(user.groups):
        command += ["--groups", groups]
    if command:
        host.run(["usermod", *command, user.name])
    return bool(command)
