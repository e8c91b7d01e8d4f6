"""Checks 3 and 4: what can be reached from where, and where secrets are to be found."""

from __future__ import annotations

import json
import re
import sys

from rehearsal.checks.check import Result
from rehearsal.checks.scene import Scene, run_quietly
from settings.variables import Generated, Secret, Wired

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
_TRY = """
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


def _open_from_outside(scene: Scene, address: str) -> set[int]:
    tried = scene.outside("python3", "-c", _TRY, address, *map(str, PORTS))
    return {int(port) for port in tried.stdout.split()}


def _open_from_admin(address: str) -> set[int]:
    tried = run_quietly([sys.executable, "-c", _TRY, address, *map(str, PORTS)])
    return {int(port) for port in tried.stdout.split()}


def only_what_should_be_open(scene: Scene, result: Result) -> None:
    """Check 3."""
    for address in {scene.host.public_address, scene.visitor.address}:
        outside, admin = _open_from_outside(scene, address), _open_from_admin(address)
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
            f"root@{scene.visitor.address}",
            "true",
        ]
    ).stderr
    methods = re.findall(r"Authentications that can continue: (\S+)", offered)
    result.expect("sshd offers keys and nothing else", set(methods) == {"publickey"}, methods or offered[-300:])
    shell = scene.root("getent", "passwd", scene.settings.product.name).stdout.strip()
    result.expect("the service user has no shell", shell.endswith(("/nologin", "/false")), shell)
    sudo = scene.root("sudo", "-l", "-U", scene.settings.product.name).stdout
    result.expect("the service user may run nothing as root", "not allowed" in sudo, sudo)


def secrets_stay_secret(scene: Scene, result: Result) -> None:
    """Check 4."""
    name = scene.settings.product.name
    mode = scene.root("stat", "--format", "%a %U", f"/srv/{name}/.env").stdout.strip()
    result.expect(".env is 600 and the service user's", mode == f"600 {name}", mode)
    variables = _variables(scene.root("cat", f"/srv/{name}/.env").stdout)
    wanted = set(scene.settings.product.environment)
    result.expect(
        f".env has the {len(wanted)} variables of the stack file, none empty",
        wanted <= variables.keys() and all(variables[key] for key in wanted),
        sorted(wanted - variables.keys()),
    )
    secrets = {
        key: variables[key] for key in wanted & variables.keys() if _is_secret(scene, key) and len(variables[key]) >= 8
    }
    result.expect("there are secrets to look for", len(secrets) >= 4, sorted(secrets))
    for where, text in _places(scene).items():
        found = sorted(key for key, value in secrets.items() if value in text)
        result.expect(f"no secret in {where}", bool(text) and not found, found or "nothing could be read")
    others = scene.root(
        "find",
        "/",
        "-xdev",
        "-type",
        "f",
        "-perm",
        "/0044",
        "-newer",
        "/etc/hostname",
        "-size",
        "-2000k",
        "-not",
        "-path",
        "/proc/*",
        "-not",
        "-path",
        "/sys/*",
        "-not",
        "-path",
        "*/node_modules/*",
        "-not",
        "-path",
        "*/site-packages/*",
    ).stdout
    leaks = _files_with(scene, others.split("\n"), set(secrets.values()))
    result.expect("no file that others may read holds a secret", not leaks, leaks)


def _variables(text: str) -> dict[str, str]:
    pairs = (line.partition("=")[::2] for line in text.splitlines() if line and not line.startswith("#"))
    return {key: value.strip("'\"") for key, value in pairs}


def _is_secret(scene: Scene, variable: str) -> bool:
    value = scene.settings.product.environment[variable]
    return isinstance(value, Secret | Generated) or (
        isinstance(value, Wired) and value.source != "domain" and value.field in ("url", "password", "secret_key")
    )


def _places(scene: Scene) -> dict[str, str]:
    name = scene.settings.product.name
    return {
        "the journal": scene.root("journalctl", "--no-pager", "--quiet").stdout,
        "PM2's and the services' logs": scene.root(
            "bash", "-c", f"cat /srv/{name}/logs/* /srv/{name}/.pm2/*.log 2>/dev/null"
        ).stdout,
        "the process list": scene.root("ps", "-eww", "-o", "args").stdout,
        "what PM2 knows of its processes": scene.root(
            "runuser", "-u", name, "--", "env", f"PM2_HOME=/srv/{name}/.pm2", "pm2", "jlist"
        ).stdout,
        "the releases' logs": scene.root(
            "bash", "-c", "cat /var/lib/slipway/logs/* /var/lib/slipway/ledger.jsonl"
        ).stdout,
        "nginx's logs": scene.root("bash", "-c", "cat /var/log/nginx/*.log").stdout,
        "user data": scene.root("bash", "-c", "cat /var/lib/cloud/instance/user-data.txt").stdout,
        "cloud-init's logs": scene.root("bash", "-c", "cat /var/log/cloud-init*.log").stdout,
        "the engine's state, in clear": scene.state_text(),
        "the rehearsal's progress": "\n".join(scene.said),
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
    return scene.root("python3", "-c", _SEARCH, input=wanted).stdout.split()
