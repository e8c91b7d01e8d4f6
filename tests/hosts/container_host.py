"""A local host with the tiny product of containers applied, and what it says of itself."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

from rehearsal.cloud import LocalCloud
from tests.hosts import tiny_containers
from tests.hosts.applying import AppliedHost
from tests.hosts.test_release import TinyHost
from tests.hosts.tiny_containers import DOMAIN, REGISTRY, SERVICES

NAMES = "docker ps --all --format '{{.Names}} {{.Status}}'"
POLICIES = "docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' $(docker ps --quiet) | sort -u"
ABSENT = f"{REGISTRY}/app@sha256:" + "1" * 64
OWNER = "alice (alice@laptop)"


class ContainerHost(TinyHost):
    """A host with the tiny product of containers applied, and what it says of itself."""

    def __init__(self, host: AppliedHost, directory: Path) -> None:
        self.host = host
        self.secret = secrets.token_urlsafe(50)
        self.authority = directory / "authority.pem"
        self.authority.write_text(host.cloud.test_authority_pem())
        self.revision = 0
        self.images: dict[str, str] = {}
        self.fleets = 0

    def manifest(self) -> dict[str, Any]:
        """What is applied."""
        stack = tiny_containers.settings({"app": self.images.get("one", ABSENT)})
        return tiny_containers.manifest(stack, self.secret, f"{self.host.cloud.admin_address}/32")

    def make_images(self) -> None:
        """Have every version in the registry."""
        self.host.console("cat > /run/app.py", tiny_containers.APP)
        self.host.console("cat > /run/tool.py", tiny_containers.TOOL)
        said = self.host.console(tiny_containers.MAKE_IMAGES)
        self.images = dict(line.split() for line in said.splitlines())
        self.images["absent"] = ABSENT

    def request(self, name: str) -> dict[str, Any]:
        """A request for a version, unlike any before."""
        self.revision += 1
        asked = {"images": {"app": self.images[name]}, "services": dict.fromkeys(SERVICES, "app")}
        return {**asked, "versions": {"app": name}, "revision": str(self.revision), "owner": "alice@laptop"}

    def containers(self) -> dict[str, str]:
        """Every container of the product, and its status."""
        return dict(line.split(" ", 1) for line in self.host.console(NAMES).splitlines())

    def whole(self) -> str:
        """The version that runs, after looking that it alone does: containers, links, pages, what comes back."""
        serving = self.serving()
        slot = str(serving["slot"])
        counts = {"api": 2, "beat": 1, "worker": 1}
        names = {f"tiny-{slot}-{name}-{number + 1}" for name in SERVICES for number in range(counts[name])}
        found = self.containers()
        assert set(found) == names
        assert all(status.startswith("Up ") for status in found.values()), found
        assert self.host.console(POLICIES) == "unless-stopped"
        assert self.host.console("readlink /opt/tiny/current") == f"slots/{slot}"
        status = json.loads(self.host.console("slipway status --json"))
        assert (status["versions"], status["under_way"], status["lock"]) == ({"app": serving["version"]}, None, None)
        assert status["serving"] == serving["release"]
        assert not {"state.json", "lock"} & set(self.host.console("ls /var/lib/slipway").split())
        return str(serving["version"])

    def migrated(self) -> list[str]:
        """The versions that have migrated, in their order."""
        return self.host.console("cat /opt/tiny/data/_volumes/kept/migrated").split()

    def power_cycle(self) -> None:
        """Cut the power, and have the host back with all that starts by itself."""
        host = self.host
        host.cloud.power_off(host.host.id)
        host.cloud.power_on(host.host.id)
        host.cloud.wait_booted(host.host.id)
        host.wait_reachable()
        until = time.monotonic() + 60
        while not self.answers():
            assert time.monotonic() < until, self.containers()
            time.sleep(0.5)

    def answers(self) -> bool:
        """Whether both replicas are well, by Docker's own check."""
        found = [status for name, status in self.containers().items() if "-api-" in name]
        return len(found) == 2 and all("(healthy)" in status for status in found)

    def fleet(self, verb: str, **changes: Any) -> dict[str, Any]:
        """A verb of the fleet's release that is under way; the last line that it says."""
        call = {"fleet": f"20261121T100000-{self.fleets:08x}", "owner": OWNER, "leader": True, "expires_in": 60}
        done = self.host.slipway(f"fleet {verb}", {**call, **changes})
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == ("error" in answer), done.stderr
        return answer


def prepared(cloud: LocalCloud, directory: Path) -> ContainerHost:
    """A host with everything applied, a registry with every version, and nothing released."""
    host = AppliedHost(cloud, directory, "tiny")
    host.lead_domain_here(DOMAIN)
    made = ContainerHost(host, directory)
    host.wait_reachable()
    host.bootstrap()
    host.apply(made.manifest())
    made.make_images()
    return made
