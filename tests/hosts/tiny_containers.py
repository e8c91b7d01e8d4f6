"""A product of a few lines in containers that has every role: its images are made on the host, from its own root."""

from __future__ import annotations

import json
from typing import Any

from hostfiles import compose_host
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings
from tests.hostfiles.stacks import ROOT, named_secrets
from tests.hosts.applying import Manifest

DOMAIN = "tiny.example.com"
SERVICES = ("api", "beat", "worker")
REGISTRY = "127.0.0.1:5000"
"""On the host itself: Docker takes one on its loopback without TLS."""

APP = """\
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION, ROLE = os.environ["VERSION"], sys.argv[1]
print(ROLE, VERSION, "begins with", os.environ["SECRET_KEY"], flush=True)


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.path == "/api/slow/":
            time.sleep(4)
        well = VERSION != "sick"
        names = {"release": os.environ["SLIPWAY_RELEASE"], "slot": os.environ["SLIPWAY_SLOT"]}
        body = json.dumps({**names, "version": VERSION, "uid": os.getuid()}).encode()
        self.send_response(200 if well else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass


def serve():
    server = ThreadingHTTPServer(("", 8000), Api)
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()


def work():
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append("SIGTERM"))
    time.sleep(1)
    open("/tmp/ready", "w").close()
    while not asked:
        time.sleep(0.1)
    time.sleep(1)
    with open("/kept/ended", "a") as file:
        file.write(f"{ROLE} {VERSION} after {asked[0]}\\n")


def migrate():
    print("migrating with", os.environ["SECRET_KEY"], flush=True)
    with open("/kept/migrated", "a") as file:
        file.write(VERSION + "\\n")
    if VERSION == "bad-migration":
        sys.exit(3)
    if VERSION == "slow-migration":
        time.sleep(600)


{"api": serve, "worker": work, "beat": work, "migrate": migrate}[ROLE]()
"""
TOOL = """\
#!/usr/bin/python3
import os, sys
if sys.argv[0].endswith("pg_restore"):
    count = len(sys.stdin.buffer.read().splitlines())
    print(";\\n; Archive created by a tool that only looks like it\\n;")
    print("\\n".join(f"{number}; 1259 16385 TABLE public t{number} owner" for number in range(count)))
elif os.environ["PGHOST"] == "nowhere":
    sys.exit(f"pg_dump: error: could not connect with {os.environ['PGPASSWORD']}")
elif os.environ["PGHOST"] != "empty":
    print("table one\\ntable two")
"""
MAKE_IMAGES = r"""
set -eu
build=$(mktemp -d)
python=$(readlink -f /usr/bin/python3)
version=$(basename "$python")
mkdir -p "$build/usr/bin" "$build/usr/lib" "$build/tmp" "$build/kept" "$build/app" "$build/etc" "$build/proc" \
    "$build/sys" "$build/dev"
for link in bin lib lib64; do ln -s "usr/$link" "$build/$link"; done
cp "$python" "$build/usr/bin/"
ln -s "$version" "$build/usr/bin/python3"
cp /bin/sh /usr/bin/test "$build/usr/bin/"
cp -a "/usr/lib/$version" "$build/usr/lib/"
for file in "$python" /bin/sh "/usr/lib/$version"/lib-dynload/*.so; do ldd "$file" 2>/dev/null; done |
    grep -o '/[^ ]*' | sort -u | while read -r library; do
        mkdir -p "$build$(dirname "$library" | sed 's,^/lib,/usr/lib,')"
        cp -L "$library" "$build$(dirname "$library" | sed 's,^/lib,/usr/lib,')/"
    done
chmod 777 "$build/kept"
chmod 1777 "$build/tmp"
cp /run/app.py "$build/app/app.py"
cp /run/tool.py "$build/usr/bin/pg_dump"
cp /run/tool.py "$build/usr/bin/pg_restore"
chmod 755 "$build"/usr/bin/pg_*
tar -C "$build" -c . >/run/root.tar
rm -r "$build"
run='ENTRYPOINT ["python3", "/app/app.py"]'
push() {
    name=$1
    shift
    docker import "$@" /run/root.tar "127.0.0.1:5000/$name" >/dev/null
    docker push --quiet "127.0.0.1:5000/$name" >/dev/null
    docker image inspect --format '{{index .RepoDigests 0}}' "127.0.0.1:5000/$name"
    docker image rm "127.0.0.1:5000/$name" >/dev/null
}
for name in one two three sick bad-migration slow-migration; do
    echo "$name $(push "app:$name" --change 'USER 1000:1000' --change "ENV VERSION=$name" --change "$run")"
done
echo "root $(push app:root --change 'ENV VERSION=root' --change "$run")"
echo "tools $(push postgres:17)"
"""
"""Says the digest of each image that it made. All have the same layer: after the first only settings are pushed."""

PRODUCT: dict[str, Any] = {
    "name": "tiny",
    "domain": DOMAIN,
    "aliases": [],
    "services": {
        "api": {
            "role": "web",
            "image": "app",
            "command": "api",
            "port": 8000,
            "health": "/api/health/",
            "memory": "64Mi",
            "replicas": 2,
            "start_within": "20s",
        },
        "worker": {
            "role": "worker",
            "image": "app",
            "command": "worker",
            "ready": "test -e /tmp/ready",
            "memory": "64Mi",
            "user": "1000:1000",
            "volumes": {"kept": "/kept"},
        },
        "beat": {
            "role": "scheduler",
            "image": "app",
            "command": "beat",
            "ready": "test -e /tmp/ready",
            "memory": "64Mi",
            "user": "1000:1000",
            "volumes": {"kept": "/kept"},
        },
    },
    "routes": [{"path": "/", "service": "api"}],
    "jobs": {"migrate": {"service": "worker", "command": "migrate", "when": "before-switch"}},
    "backing": {},
    "environment": {"SECRET_KEY": {"generate": 50}, "DEBUG": "False"},
}


def settings(images: dict[str, str]) -> Settings:
    """The stack of the tiny product, on one droplet."""
    values = dict(stackfile.read(ROOT / "Pulumi.devora-vps.yaml").values)
    values.pop("budget", None)
    values["product"] = {"contact": values["product"]["contact"], **PRODUCT, "release": {"images": images}}
    values["dns"] = {"provider": "digitalocean", "zone": "example.com"}
    return parse("tiny", values, named_secrets(values))


REGISTRY_CONFIG = f"""version: 0.1
storage: {{filesystem: {{rootdirectory: /var/lib/docker-registry}}}}
http: {{addr: {REGISTRY}}}
"""


def manifest(made: Settings, secret: str, admin_range: str) -> Manifest:
    """Its manifest, as the program makes it, and the registry."""
    variables = compose_host.variables(made, {}, {"SECRET_KEY": secret}, {})
    whole: Manifest = json.loads(json.dumps(compose_host.manifest(made, variables, {}, {}).as_dict()))
    whole["firewall"]["ssh_from"] = [admin_range]
    whole["packages"].append("docker-registry")
    whole["directories"].append({"path": "/etc/docker/registry", "mode": "0755", "owner": "root", "group": "root"})
    file = {"path": "/etc/docker/registry/config.yml", "content": REGISTRY_CONFIG, "mode": "0644"}
    rest = {"owner": "root", "group": "root", "validate": [], "then": ["restart docker-registry.service"]}
    whole["files"].append({**file, **rest})
    whole["units"].append({"name": "docker-registry.service", "enabled": True, "running": True})
    return whole
