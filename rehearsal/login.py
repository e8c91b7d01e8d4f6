"""How one logs in to a rehearsed host: as the program does, with its own key, the host's key checked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.workspace import write_private
from scripts.pulumi_cli import plain


def command(rehearsal: Rehearsal, host: str = "") -> list[str]:
    """The `ssh` that leads to the host of this name; to the stack's first where none is named.

    RehearsalError where nothing is rehearsed, no host is there, none is called so, or this machine has no `ssh`.
    """
    if not rehearsal.workspace.exists:
        raise RehearsalError(
            f"{rehearsal.stack} is not rehearsed now: `make rehearse STACK={rehearsal.stack}` brings it up"
        )
    if shutil.which("ssh") is None:
        raise RehearsalError("ssh is not installed: `apt-get install openssh-client`")
    outputs = rehearsal.outputs()
    hosts = rehearsal.cloud.hosts()
    if "known_hosts" not in outputs or not hosts:
        raise RehearsalError(f"{rehearsal.stack} has no host to log in to")
    there: Mapping[str, str] = outputs.get("hosts") or {hosts[0].name: outputs["address"]}
    name = host or next(iter(there))
    if name not in there:
        raise RehearsalError(f"HOST is {name!r}, should be {' or '.join(there)}")
    identity, known = (rehearsal.workspace.directory / file for file in ("identity", "known_hosts"))
    write_private(identity, _deploy_key(rehearsal))
    write_private(known, f"{outputs['known_hosts']}\n")
    checked = ("StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=none")
    options = [word for option in (*checked, "IdentitiesOnly=yes") for word in ("-o", option)]
    return ["ssh", "-F", "none", "-i", str(identity), *options, f"deploy@{there[name]}"]


def _deploy_key(rehearsal: Rehearsal) -> str:
    made = rehearsal.resources(show_secrets=True)
    keys = [each for each in made if each["type"] == "tls:index/privateKey:PrivateKey"]
    return str(plain(next(each["outputs"]["privateKeyOpenssh"] for each in keys if each["urn"].endswith("-deploy"))))
