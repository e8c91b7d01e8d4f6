"""Checks 3 and 4: what can be reached from where, and where secrets are to be found."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from rehearsal.checks.check import Result
from rehearsal.checks.footing import footing
from rehearsal.checks.scene import Scene, run_quietly
from settings.kinds import DropletPm2
from settings.variables import EnvironmentValue, Generated, Secret, Wired

PORTS = (
    21,
    22,
    25,
    53,
    80,
    111,
    443,
    1883,
    3000,
    4369,
    5432,
    5671,
    5672,
    6379,
    8000,
    8080,
    9000,
    9615,
    15672,
    25672,
    27017,
)
"""The ports of everything that this product could have left open, and of what is scanned for first."""
DATABASE_PORTS = (5432, 6379, 25060, 25061, 27017)
TRY_PORTS = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def answers(port):
    try:
        socket.create_connection((sys.argv[1], port), timeout=3).close()
        return True
    except OSError:
        return False
ports = list(map(int, sys.argv[2:]))
with ThreadPoolExecutor(len(ports)) as pool:
    print(*(port for port, answered in zip(ports, pool.map(answers, ports)) if answered))
"""
"""For a host's own python3: an address and ports, of which it prints those that answer."""


def open_from_outside(scene: Scene, address: str) -> set[int]:
    """The ports that answer somebody who is in no admin range."""
    tried = scene.outside("python3", "-c", TRY_PORTS, address, *map(str, PORTS))
    return {int(port) for port in tried.stdout.split()}


def _open_from_admin(address: str) -> set[int]:
    tried = run_quietly([sys.executable, "-c", TRY_PORTS, address, *map(str, PORTS)])
    return {int(port) for port in tried.stdout.split()}


def only_what_should_be_open(scene: Scene, result: Result) -> None:
    """Check 3."""
    for address in {scene.host.public_address, scene.visitor.address}:
        outside, admin = open_from_outside(scene, address), _open_from_admin(address)
        result.expect(f"from anywhere only 80 and 443 answer at {address}", outside == {80, 443}, sorted(outside))
        result.expect(f"from the admin range 22, 80 and 443 answer at {address}", admin == {22, 80, 443}, sorted(admin))
    listening = scene.root("ss", "--no-header", "-ltn").stdout
    public = {
        line.split()[3].rpartition(":")[2]
        for line in listening.splitlines()
        if not re.match(r"(127\.|\[::1\]|\[::ffff:127\.)", line.split()[3])
    }
    result.expect(
        "on the host itself only 22, 80 and 443 listen beyond loopback", public <= {"22", "80", "443"}, listening
    )
    _logins(scene, result)
    rules = scene.root("ufw", "status", "verbose").stdout
    result.expect(
        "UFW is active and denies what comes in", "Status: active" in rules and "deny (incoming)" in rules, rules
    )


def only_from_inside(scene: Scene, result: Result) -> None:
    """Check 3 for a fleet: visitors reach the balancer, the balancer the hosts, hosts the data, admins SSH."""
    address = scene.visitor.address
    outside = open_from_outside(scene, address)
    result.expect(f"from anywhere only 80 and 443 answer at the balancer, {address}", outside == {80, 443}, outside)
    for host in scene.rehearsal.cloud.hosts():
        # a balancer may be a host of its own, with an address besides the one that visitors know
        balances = address in (host.public_address, *host.reserved_addresses)
        web: set[int] = {80, 443} if balances else set()
        visitors, admins = ("only the web", "SSH and the web") if balances else ("nothing", "SSH")
        seen = open_from_outside(scene, host.public_address)
        result.expect(f"{host.name}: from anywhere {visitors} answers", seen == web, sorted(seen))
        admin = _open_from_admin(host.public_address)
        result.expect(f"{host.name}: from the admin range only {admins} answers", admin == {22, *web}, sorted(admin))
    _logins(scene, result)
    for server in scene.cloud.managed.databases.all():
        ports = [str(port) for port in DATABASE_PORTS]
        inside = scene.root("python3", "-c", TRY_PORTS, server.private_address, *ports).stdout.split()
        result.expect(f"{server.name}: a host of the product reaches it", bool(inside), server)
        # by its public address: nothing leads to a private one from outside, least of all a connection of ours
        reached = scene.outside("python3", "-c", TRY_PORTS, server.public_address, *ports).stdout.split()
        result.expect(f"{server.name}: nobody else does", not reached, reached)


def _logins(scene: Scene, result: Result) -> None:
    effective = scene.root("sshd", "-T").stdout.lower()
    for setting in (
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin no",
        "pubkeyauthentication yes",
    ):
        result.expect(
            f"sshd: {setting}",
            f"\n{setting}\n" in f"\n{effective}",
            [line for line in effective.splitlines() if setting.split()[0] in line],
        )
    offered = run_quietly(
        [
            "ssh",
            "-v",
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "PreferredAuthentications=none",
            "-o",
            "ConnectTimeout=10",
            f"root@{scene.host.public_address}",
            "true",
        ]
    ).stderr
    methods = re.findall(r"Authentications that can continue: (\S+)", offered)
    result.expect("sshd offers keys and nothing else", set(methods) == {"publickey"}, methods or offered[-300:])
    if isinstance(scene.settings.architecture, DropletPm2):
        _service_user(scene, result)


def _service_user(scene: Scene, result: Result) -> None:
    shell = scene.root("getent", "passwd", scene.settings.product.name).stdout.strip()
    result.expect("the service user has no shell", shell.endswith(("/nologin", "/false")), shell)
    sudo = scene.root("sudo", "-l", "-U", scene.settings.product.name).stdout
    result.expect("the service user may run nothing as root", "not allowed" in sudo, sudo)


def secrets_stay_secret(scene: Scene, result: Result) -> None:
    """Check 4."""
    secrets: dict[str, str] = {}
    for file, owner in footing(scene).variables.items():
        mode = scene.root("stat", "--format", "%a %U", file).stdout.strip()
        result.expect(f"{file} is 600 and {owner}'s", mode == f"600 {owner}", mode)
        variables = _variables(scene.root("cat", file).stdout)
        wanted = _wanted(scene, file)
        complete = wanted.keys() <= variables.keys() and all(variables[key] for key in wanted)
        missing = sorted(wanted.keys() - variables.keys())
        result.expect(f"{file} has the {len(wanted)} variables of the stack file, none empty", complete, missing)
        secrets |= {
            f"{file}: {key}": variables[key]
            for key, value in wanted.items()
            if key in variables and is_secret(value) and len(variables[key]) >= 8
        }
    result.expect("there are secrets to look for", bool(secrets), sorted(secrets))
    for where, text in _places(scene).items():
        found = sorted(key for key, value in secrets.items() if value in text)
        result.expect(f"no secret in {where}", bool(text) and not found, found or "nothing could be read")
    files = scene.root(*_NOBODY, "find", *_READABLE).stdout.split("\n")
    leaks = _files_with(scene, files, set(secrets.values()))
    result.expect("no file that others may read holds a secret", not leaks, leaks)
    result.expect("there are files that others may read", len(files) > 100, len(files))


_NOBODY = ("runuser", "-u", "nobody", "--")
_LEFT_OUT = ("/proc/*", "/sys/*", "*/node_modules/*", "*/site-packages/*")
_READABLE = (
    *("/", "-xdev", "-type", "f", "-readable", "-newer", "/etc/hostname", "-size", "-2000k"),
    *(word for path in _LEFT_OUT for word in ("-not", "-path", path)),
)


def _variables(text: str) -> dict[str, str]:
    pairs = (line.partition("=")[::2] for line in text.splitlines() if line and not line.startswith("#"))
    return {key: value.strip("'\"") for key, value in pairs}


def _wanted(scene: Scene, file: str) -> dict[str, EnvironmentValue]:
    """What a file of variables has to have: the product's, and those of the service that it is named after."""
    product = scene.settings.product
    service = product.services.get(Path(file).stem)
    return {**product.environment, **(service.environment if service else {})}


def is_secret(value: EnvironmentValue) -> bool:
    """Whether nobody may read it."""
    return isinstance(value, Secret | Generated) or (
        isinstance(value, Wired) and value.source != "domain" and value.field in ("url", "password", "secret_key")
    )


def _places(scene: Scene) -> dict[str, str]:
    kept = {what: scene.root("bash", "-c", command).stdout for what, command in footing(scene).logs.items()}
    return {
        "the journal": scene.root("journalctl", "--no-pager", "--quiet").stdout,
        "the process list": scene.root("ps", "-eww", "-o", "args").stdout,
        **kept,
        "nginx's logs": scene.root("bash", "-c", "cat /var/log/nginx/*.log").stdout,
        "user data": scene.root("bash", "-c", "cat /var/lib/cloud/instance/user-data.txt").stdout,
        "cloud-init's logs": scene.root("bash", "-c", "cat /var/log/cloud-init*.log").stdout,
        "the engine's state, in clear": scene.state_text(),
        "the rehearsal's progress": scene.progress,
        "the stack's outputs": json.dumps(scene.outputs, default=str),
    }


_SEARCH = """
import json, sys
values, files = json.load(sys.stdin)
for name in files:
    try:
        text = open(name, errors="replace").read()
    except OSError:
        continue
    if any(value in text for value in values):
        print(name)
"""


def _files_with(scene: Scene, files: list[str], values: set[str]) -> list[str]:
    """Names of the files that hold one of the values. The values go by standard input: a command line is public."""
    wanted = json.dumps([sorted(values), [file for file in files if file]])
    return scene.root(*_NOBODY, "python3", "-c", _SEARCH, input=wanted).stdout.split()
