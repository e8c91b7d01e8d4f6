"""A Pulumi CLI, an SSH client and a Python that write down what is asked, and do it to files of one folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from components.release_parts import FLEET_RELEASE, RELEASE_COMMAND

KEY = "slipway:product.release"
_FAKE = """#!{python}
import json, os, pathlib, signal, sys, time
here = pathlib.Path({home!r})
arguments = sys.argv[1:]
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([{name!r}, *arguments]) + "\\n")

def read(name):
    return json.loads((here / name).read_text())

def write(name, data):
    (here / name).write_text(json.dumps(data))

def interrupted():
    # as in a terminal: whoever waits for this hears it as well
    if (here / "ctrl-c").exists() and (here / "ctrl-c").read_text() == arguments[0 if {name!r} == "pulumi" else -1]:
        os.kill(os.getppid(), signal.SIGINT)
        if {name!r} == "ssh":
            os.kill(os.getpid(), signal.SIGINT)  # it would go, and the host on
        time.sleep(0.6)
        (here / "in order").write_text("")
        sys.exit(1)

def go_back():
    interrupted()
    write("serving", read("before"))
    if (here / "rollback fails").exists():
        sys.exit(1)

if {name!r} == "ssh":
    if (here / "unreachable").exists():
        sys.exit(255)
    serving = read("serving")
    if arguments[-1] == "rollback":
        go_back()
    elif arguments[-2] == "read-only":
        write("read-only", arguments[-1])
    elif arguments[-2:] == ["status", "--json"]:
        print(json.dumps({{"serving": "R", "commit": serving.get("commit") or "of images"}}))
    elif arguments[-2:] == ["ledger", "--json"]:
        for entry in ({{"release": "Q"}}, {{"release": "R", **serving}}):
            print(json.dumps({{"event": "started", "images": {{}}, "versions": {{}}, **entry}}))
        print(json.dumps({{"event": "step", "release": "R"}}))
elif {name!r} == "python":
    order = json.loads(sys.stdin.read())
    write(f"order of {{arguments[2]}}", order)
    if (here / "unreachable").exists():
        sys.exit(1)
    if arguments[2] == "rollback":
        go_back()
    elif arguments[2] == "read-only":
        write("read-only", arguments[3])
    elif arguments[2] == "status":
        print(json.dumps(read("hosts") if (here / "hosts").exists() else {{"web-1": read("serving")}}))
elif arguments[:4] == ["config", "get", "--path", "slipway:architecture.kind"]:
    kinds = {{"fleet": "fleet-compose", "app": "app-platform"}}
    print(*[kind for name, kind in kinds.items() if (here / name).exists()] or ["droplet-pm2"])
elif arguments[:2] == ["config", "get"]:
    print(json.dumps(read("release")))
elif arguments[:3] == ["stack", "export", "--show-secrets"]:
    print(json.dumps({{"version": 3, "deployment": {{"resources": read("state")}}}}))
elif arguments[0] == "preview":
    interrupted()
    print(json.dumps(read("preview")))
    sys.exit(255 if (here / "preview fails").exists() else 0)
elif arguments[:2] in (["config", "set"], ["config", "rm"]):
    release, path = read("release"), arguments[3].removeprefix({key!r} + ".").split(".")
    inner = release if len(path) == 1 else release.setdefault(path[0], {{}})
    if arguments[1] == "rm":
        del inner[path[-1]]
    else:
        inner[path[-1]] = arguments[4]
    write("release", release)
elif arguments[:2] == ["stack", "output"]:
    print(json.dumps(read("outputs")))
elif arguments[0] == "up":
    interrupted()
    fails = (here / "fails").exists()
    if not fails or (here / "fails").read_text() == "after the release":
        write("serving", read("release"))
    sys.exit(255 if fails else 0)
"""


SIGN = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def state(order: Any, members: list[str], prepared: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """What the engine exports of a fleet whose last update that went well released `order`. The one after it declared
    `members`; of those that are `prepared`, the address and the machine."""

    def secret(value: Any) -> dict[str, Any]:
        return {**SIGN, "plaintext": json.dumps(value)}

    def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"type": kind, "urn": f"urn:pulumi:prod::slipway::{kind}::{name}", **more}

    command = {"create": RELEASE_COMMAND, "stdin": secret(json.dumps(order))}
    found = [
        resource("pulumi:pulumi:Stack", "slipway-prod"),
        resource(FLEET_RELEASE, "prod-fleet", outputs={"members": members}),
        resource("command:local:Command", "prod-fleet-release", inputs=command),
        resource("command:local:Command", "web-1-leaving-wait", inputs={"create": "true"}),
    ]
    for name, (address, machine) in prepared.items():
        connection = {"host": address, "hostKey": f"key of {machine}", "privateKey": secret("a key")}
        for part in ("bootstrap", "apply", "firewall-confirm"):
            inputs = {"triggers": [machine], "connection": connection, "create": "a command"}
            found.append(resource("command:remote:Command", f"{name}-host-{part}", inputs=inputs))
    return found


class Programs:
    """The folder. `release` is in the stack file, `serving` on the hosts, `before` what they served before."""

    def __init__(self, home: Path, release: dict[str, Any]) -> None:
        self.home = home
        self.put("release", release)
        self.put("serving", release)
        self.put("outputs", {"address": "192.0.2.9", "known_hosts": "192.0.2.9 ssh-ed25519 AAAA"})
        self.put("preview", {"steps": []})
        for name in ("pulumi", "ssh", "python"):
            program = home / name
            program.write_text(_FAKE.format(python=sys.executable, home=str(home), name=name, key=KEY))
            program.chmod(0o755)

    def put(self, name: str, data: Any) -> None:
        """Write a file."""
        (self.home / name).write_text(json.dumps(data))

    def get(self, name: str) -> Any:
        """Read a file."""
        return json.loads((self.home / name).read_text())

    def happens(self, name: str, text: str = "") -> None:
        """Something goes wrong."""
        (self.home / name).write_text(text)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.home / name).exists()

    def calls(self) -> list[list[str]]:
        """What was run, each with its arguments."""
        file = self.home / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def programs(home: Path, monkeypatch: pytest.MonkeyPatch, release: dict[str, Any]) -> Programs:
    """The programs, before all others on the PATH."""
    found = Programs(home, release)
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("scripts.on_hosts.sys.executable", str(home / "python"))
    return found
