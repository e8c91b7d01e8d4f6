"""`slipway apply`: bring this host to what a manifest says, in an order in which each step finds what it needs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence

from . import (
    accounts,
    certificate,
    deadman,
    files,
    firewall_guard,
    machine,
    packages,
    reboot,
    staging,
    tls,
    toolchain,
    units,
    volumes,
)
from .actions import Pending, private
from .context import Host
from .kept import MANIFEST, kept_text
from .manifest import Manifest, read
from .meanwhile import Meanwhile
from .run import HostError

Check = Callable[[files.Changes], None]

READ_ONLY = "/etc/slipway/read-only"
"""See read_only.py, which takes longer to load than most of what is applied."""


def main(arguments: list[str]) -> int:
    """Apply the manifest on standard input, or with --again the one that was applied last."""
    if arguments not in ([], ["--again"]):
        raise HostError("usage: slipway apply [--again] (the manifest comes on standard input)")
    host = Host(out=sys.stdout)
    text = kept_text(host) if arguments else sys.stdin.read()
    apply(host, text)
    print(f"{host.changes} changed", flush=True)
    if os.path.exists(host.at(READ_ONLY)):
        print("this host is read-only, and stays so until `slipway read-only off`", flush=True)
    if waiting := reboot.note(host.at(reboot.ASKED)):
        print(f"this host {waiting}", flush=True)
    return 0


def apply(host: Host, text: str, check: Check = staging.check) -> None:
    """Apply the manifest `text`. What it changes is said line by line; HostError stops it where it is.

    Applying again is always safe and goes on where a run ended, however it ended. `check` looks at new files before
    they land.
    """
    manifest = read(text)
    _keep_private(host, manifest)
    os.umask(0o022)
    with host.lock():
        _apply(host, manifest, text, check)


def _apply(host: Host, manifest: Manifest, text: str, check: Check) -> None:
    _confirm_host_key(host)
    firewall_guard.refuse_lockout(host, manifest.firewall)
    volumes.refuse_hiding(host, manifest.files)
    machine.hostname(host, manifest.hostname)
    machine.swap(host, manifest.swap_mib)
    # Node comes over the network while apt-get unpacks: together they take little longer than the longer one.
    tools = Meanwhile(lambda: toolchain.toolchain(host, manifest.toolchain))
    packages.packages(host, manifest.packages, toolchain.NEEDS, tools.start)
    accounts.users(host, manifest.users, lambda: _made_before(host))
    files.directories(host, manifest.directories)
    tools.finish()
    tls.placeholder(host, manifest.certificate)
    pending = Pending(host)
    _files(host, manifest, text, pending, check)
    pending.before_units()
    units.units(host, manifest.units)
    volumes.grow(host, manifest.files)
    pending.perform()
    # Last but for the firewall: an order can take minutes, and new rules wait two for their confirmation. Before the
    # first rules port 80 is open, and after them it stays so.
    certificate.ensure(host, manifest.certificate)
    if firewall_guard.apply(host, manifest.firewall):
        firewall_guard.wait_for_confirmation(host)


def _made_before(host: Host) -> frozenset[str]:
    """The users of the manifest that was applied last; it may be of another version, so only their names are read."""
    try:
        entries = json.loads(kept_text(host))["users"]
        return frozenset(str(entry["name"]) for entry in entries)
    except (HostError, ValueError, KeyError, TypeError):
        return frozenset()


def _confirm_host_key(host: Host) -> None:
    """A manifest comes over a connection after the first, so the host's own SSH key is known where it comes from."""
    if os.path.isdir(host.at(deadman.kept("host-key"))):
        from . import bootstrap

        bootstrap.confirm(host)


def _keep_private(host: Host, manifest: Manifest) -> None:
    """Whoever may not read a file may not read its words in an error either."""
    public = [manifest.product, manifest.hostname, *manifest.packages, *(unit.name for unit in manifest.units)]
    public += [file.path for file in manifest.files] + [directory.path for directory in manifest.directories]
    public += [file.content for file in manifest.files if file.mode & 0o004]
    if manifest.certificate is not None:
        public += [*manifest.certificate.domains, manifest.certificate.directory]
    host.keep_private((file.content for file in manifest.files if not file.mode & 0o004), public)


def _files(host: Host, manifest: Manifest, text: str, pending: Pending, check: Check) -> None:
    kept = private(MANIFEST, text)

    def remember(actions: Sequence[str]) -> None:
        pending.add(actions)
        # Kept once its files have been found good, before the first of them lands: `--again` then finishes this one.
        files.write(host, kept)

    changes = files.Changes(host, manifest.files, manifest.absent)
    try:
        if changes:
            changes.land(check, remember)
        else:
            remember(())
    finally:
        changes.close()
