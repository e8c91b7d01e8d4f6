"""System packages. Installing starts no daemon: it would listen with its defaults before our files are there.

A package that systems name differently is `a|b`: the first of these names that apt knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from .context import STATE, Host
from .files import write
from .manifest import File
from .run import HostError, Result

BEGUN = STATE + "/packages-begun"
"""There while packages are being installed: if it is found later, dpkg was interrupted."""

UPDATED = STATE + "/packages-updated"
"""Its time says when the lists of packages were last fetched by us."""

LISTS_LAST = 24 * 3600
LOCK_WAIT = 600
"""Seconds: the first boot's own upgrade holds the locks for minutes."""

POLICY = "/usr/sbin/policy-rc.d"
_POLICY_MARK = "# Slipway: nothing starts while Slipway installs."
_POLICY_TEXT = f"""#!/bin/sh
{_POLICY_MARK}
# It holds for the installation that set the variable and for nothing else, even if this file were left behind.
[ "$SLIPWAY_INSTALLS" = yes ] && exit 101
exit 0
"""
_POLICY_KEPT = POLICY + ".before-slipway"

_APT = ["apt-get", "--yes", "--quiet", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT}"]
_APT += ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0"]
_CONFIGURE = ["dpkg", "--force-confdef", "--force-confold", "--configure"]
_ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_MODE": "l",  # Ubuntu: list what would need a restart, never ask or restart by itself
    "SLIPWAY_INSTALLS": "yes",
}


def packages(
    host: Host, wanted: Sequence[str], early: Sequence[str] = (), when_early: Callable[[], None] = lambda: None
) -> None:
    """Install what is missing. One question to dpkg if nothing is. An interrupted installation is finished first.

    `when_early` is called as soon as the packages in `early` are there and others are still to be installed.
    """
    interrupted = os.path.exists(host.at(BEGUN))
    # An alternative may have come as a part of what was cut off, and not for itself: then only the first name is sure.
    missing = _missing(host, wanted, _names if not interrupted else _first)
    if not missing and not interrupted:
        return
    _begin(host)
    if (broken := _half_unpacked(host)) or interrupted:  # somebody else's upgrade may have been cut off as well
        _finish_interrupted(host, broken)
    if missing:
        _install(host, missing, early, when_early)
    left = _missing(host, wanted)
    _end(host)
    if left:
        raise HostError(f"apt-get left {', '.join(left)} out: is it the name of an actual package?")
    for name in missing:
        host.changed(f"package {name}")


def _finish_interrupted(host: Host, broken: Sequence[str]) -> None:
    """Configure what was unpacked. What was cut off while it was being unpacked has to be unpacked again first: dpkg
    refuses to configure it ("a very bad inconsistent state") or passes over it, and apt-get calls it the newest.
    """
    if broken:
        _patient(host, [*_CONFIGURE, "-a"], accept=(0, 1))  # brings dpkg's journal in, else apt-get refuses to start
        _get(host, ["--reinstall", *broken], again=True)
    _patient(host, [*_CONFIGURE, "-a"])
    _patient(host, [*_APT, "--fix-broken", "install"])


def _half_unpacked(host: Host) -> list[str]:
    """Packages that dpkg itself says must be installed again."""
    show = "${binary:Package} ${db:Status-Eflag}\n"
    answer = host.run(["dpkg-query", "--show", "--showformat", show], accept=(0, 1))
    return [line.split(" ")[0] for line in answer.stdout.splitlines() if line.endswith(" reinstreq")]


def _names(package: str) -> list[str]:
    return package.split("|")


def _first(package: str) -> list[str]:
    return _names(package)[:1]


def _missing(host: Host, wanted: Sequence[str], names: Callable[[str], list[str]] = _names) -> list[str]:
    """Which of the packages have none of their names installed."""
    if not wanted:
        return []
    show = "${Package} ${db:Status-Status}\n"
    asked = list(dict.fromkeys(name for package in wanted for name in names(package)))
    answer = host.run(["dpkg-query", "--show", "--showformat", show, *asked], accept=(0, 1))
    installed = {line.split(" ")[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if installed.isdisjoint(names(package))]


def _chosen(host: Host, packages: Sequence[str]) -> list[str]:
    """Of each package the first name that apt can install; where it knows none, the first, so that apt says so."""
    asked = [name for package in packages if "|" in package for name in _names(package)]
    if not asked:
        return list(packages)
    known, named = set(), ""
    for line in host.run(["apt-cache", "policy", *asked]).stdout.splitlines():
        if not line.startswith(" "):
            named = line.removesuffix(":")
        elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
            known.add(named)
    chosen = [next((name for name in _names(package) if name in known), _names(package)[0]) for package in packages]
    return list(dict.fromkeys(chosen))


def _begin(host: Host) -> None:
    """Note that an installation has begun, and keep daemons from starting in it."""
    write(host, File(BEGUN, "", 0o600, "root", "root", (), ()))
    policy, kept = host.at(POLICY), host.at(_POLICY_KEPT)
    if os.path.exists(policy) and not _ours(policy):
        os.rename(policy, kept)
    write(host, File(POLICY, _POLICY_TEXT, 0o755, "root", "root", (), ()))


def _end(host: Host) -> None:
    os.unlink(host.at(POLICY))
    if os.path.exists(host.at(_POLICY_KEPT)):
        os.rename(host.at(_POLICY_KEPT), host.at(POLICY))
    os.unlink(host.at(BEGUN))


def _ours(policy: str) -> bool:
    with open(policy, encoding="utf-8", errors="replace") as opened:
        return _POLICY_MARK in opened.read()


def _install(host: Host, missing: Sequence[str], early: Sequence[str], when_early: Callable[[], None]) -> None:
    """Install with the lists we have if they are fresh; with new ones if they are old or what they name is gone."""
    fresh = _lists_are_fresh(host)
    if not fresh:
        _update(host)
    first = [name for name in missing if name in early]
    rest = [name for name in missing if name not in early]
    if first:
        _get(host, first, again=fresh)
    if rest:
        when_early()
        _get(host, rest, again=fresh)


def _get(host: Host, arguments: Sequence[str], *, again: bool) -> None:
    """`apt-get install`; `again`: once more with new lists, if what the old ones name is gone."""
    try:
        _patient(host, [*_APT, "install", *_chosen(host, arguments)])
    except HostError:
        if not again:
            raise
        _update(host)
        _patient(host, [*_APT, "install", *_chosen(host, arguments)])


def _lists_are_fresh(host: Host) -> bool:
    try:
        age = time.time() - os.stat(host.at(UPDATED)).st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age < LISTS_LAST and len(os.listdir(host.at("/var/lib/apt/lists"))) > 2


def _update(host: Host) -> None:
    # Error-Mode=any: a list that could not be fetched is a failure here, not a warning that shows up as an old version.
    _patient(host, [*_APT, "-o", "APT::Update::Error-Mode=any", "update"])
    write(host, File(UPDATED, "", 0o600, "root", "root", (), ()))
    os.utime(host.at(UPDATED))


def _patient(host: Host, argv: list[str], accept: Sequence[int] = (0,)) -> Result:
    """Run apt-get or dpkg; while another holds a lock that it does not wait for by itself, try again."""
    until = time.monotonic() + LOCK_WAIT
    while True:
        try:
            return host.run(argv, environment=_ENVIRONMENT, timeout=1800, accept=accept)
        except HostError as error:
            locked = any("lock" in line.lower() for line in (error.reason, *error.tail))
            if not locked or time.monotonic() > until:
                raise
            time.sleep(3)
