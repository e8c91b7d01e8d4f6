"""A product of a few lines that has every role: what a release does to it shows in what it answers and writes."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from hostfiles import droplet_pm2
from settings.stack import Settings
from tests.hostfiles.stacks import stack
from tests.hosts.applying import Manifest

DOMAIN = "tiny.example.com"
REPOSITORY = "https://github.com/example/tiny.git"

API = """\
import json, os, time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/api/slow/":
        time.sleep(4)
    well = not os.path.exists("sick")
    names = ("SLIPWAY_RELEASE", "SLIPWAY_COMMIT", "SLIPWAY_SLOT")
    body = json.dumps({name[8:].lower(): os.environ[name] for name in names} | {"well": well}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK" if well else "503 Service Unavailable", headers)
    return [body]
"""
WORK = """\
import os, signal, sys, time

asked = []
signal.signal(signal.SIGTERM, lambda number, frame: asked.append("SIGTERM"))
signal.signal(signal.SIGINT, lambda number, frame: os._exit(3))
time.sleep(2)
open(f"{sys.argv[1]}-is-ready", "w").close()
print(sys.argv[1], "begins", os.environ["SLIPWAY_RELEASE"], flush=True)
while not asked:
    time.sleep(0.1)
time.sleep(1)
print(sys.argv[1], "finished its task after", *asked, flush=True)
"""
MIGRATE = """\
echo "migrating with $SECRET_KEY for $SLIPWAY_RELEASE"
echo "$SLIPWAY_RELEASE" >> "$HOME/logs/migrated"
test ! -e bad-migration
"""
ECHO = """\
const http = require("http");
const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ release: process.env.SLIPWAY_RELEASE }));
});
server.listen(process.env.PORT, process.env.HOST);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"""
BUILD = """\
const fs = require("fs");
if (fs.existsSync("bad-build")) {
  console.error(`cannot build with ${process.env.SECRET_KEY}`);
  process.exit(2);
}
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/index.html", `${process.env.SLIPWAY_COMMIT} ${process.env.VITE_TITLE}`);
"""
LOCK = """\
lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .: {}
"""
FILES = {
    "backend/app.py": API,
    "backend/work.py": WORK,
    "backend/migrate.sh": MIGRATE,
    "backend/requirements.txt": "gunicorn>=23\n",
    "frontend/server.js": ECHO,
    "frontend/build.js": BUILD,
    "frontend/package.json": json.dumps({"name": "tiny", "private": True, "scripts": {"build": "node build.js"}}),
    "frontend/pnpm-lock.yaml": LOCK,
}
BAD = {"sick": "backend/sick", "bad-migration": "backend/bad-migration", "bad-build": "frontend/bad-build"}
"""Each bad version, and the file that makes it bad."""

PRODUCT: dict[str, Any] = {
    "name": "tiny",
    "domain": DOMAIN,
    "source": {"repository": REPOSITORY},
    "services": {
        "api": {
            "role": "web",
            "runtime": "python",
            "directory": "backend",
            "command": "gunicorn app:app --workers 2 --threads 4",
            "port": 8000,
            "health": "/api/health/",
            "memory": "128Mi",
            "start_within": "20s",
        },
        "echo": {
            "role": "web",
            "runtime": "node",
            "directory": "frontend",
            "command": "node server.js",
            "port": 8100,
            "health": "/echo/",
            "memory": "128Mi",
        },
        "worker": {
            "role": "worker",
            "runtime": "python",
            "directory": "backend",
            "command": "python work.py worker",
            "ready": "test -e worker-is-ready",
            "memory": "64Mi",
        },
        "beat": {
            "role": "scheduler",
            "runtime": "python",
            "directory": "backend",
            "command": "python work.py beat",
            "ready": "test -e beat-is-ready",
            "memory": "64Mi",
        },
        "site": {"role": "static", "runtime": "node", "directory": "frontend", "build": "pnpm build", "output": "dist"},
    },
    "routes": [
        {"path": "/api", "service": "api"},
        {"path": "/echo", "service": "echo"},
        {"path": "/", "service": "site"},
    ],
    "jobs": {"migrate": {"service": "api", "command": "bash migrate.sh", "when": "before-switch"}},
    "backing": {},
    "environment": {"SECRET_KEY": {"generate": 50}, "VITE_TITLE": 'a "title"', "DEBUG": "False"},
}


def settings() -> Settings:
    """The stack of the tiny product."""
    return stack(copy.deepcopy(PRODUCT))


def manifest(secret: str, admin_range: str) -> Manifest:
    """Its manifest, as the program makes it."""
    variables = {"SECRET_KEY": secret, "VITE_TITLE": 'a "title"', "DEBUG": "False"}
    made: Manifest = json.loads(json.dumps(droplet_pm2.manifest(settings(), variables, {}).as_dict()))
    made["firewall"]["ssh_from"] = [admin_range]
    return made


def write_repository(directory: Path) -> dict[str, str]:
    """A repository with good versions (one, two, three) and the bad ones, each bad in its own way; commit by name."""
    directory.mkdir()
    _git(directory, "init", "--quiet", "--initial-branch=main")
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    commits = {"one": _commit(directory, "one")}
    for name, bad in BAD.items():
        (directory / bad).touch()
        commits[name] = _commit(directory, name)
        (directory / bad).unlink()
    for name in ("two", "three"):
        commits[name] = _commit(directory, name)
    return commits


def _commit(directory: Path, message: str) -> str:
    _git(directory, "add", "--all")
    _git(directory, "commit", "--quiet", "--allow-empty", "--message", message)
    return _git(directory, "rev-parse", "HEAD")


def _git(directory: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
