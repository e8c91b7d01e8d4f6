"""Where a kind's host keeps what the checks look at: variables, logs, and what runs of the slot that serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.checks.scene import Scene
from rehearsal.model import Host
from settings.kinds import DropletPm2


@dataclass(frozen=True)
class Footing:
    """`variables` are files of variables by whose they are; `logs` commands whose output may hold no secret."""

    variables: Mapping[str, str]
    logs: Mapping[str, str]


def footing(scene: Scene) -> Footing:
    """That of the kind which is rehearsed."""
    name = scene.settings.product.name
    if isinstance(scene.settings.architecture, DropletPm2):
        home = f"/srv/{name}"
        return Footing(
            {f"{home}/.env": name},
            {
                "PM2's and the services' logs": f"cat {home}/logs/* {home}/.pm2/*.log 2>/dev/null",
                "what PM2 knows of its processes": f"runuser -u {name} -- env PM2_HOME={home}/.pm2 pm2 jlist",
                "the releases' logs": "cat /var/lib/slipway/logs/* /var/lib/slipway/ledger.jsonl",
            },
        )
    home = f"/opt/{name}"
    services = scene.settings.product.services_of("web", "worker", "scheduler")
    return Footing(
        {f"{home}/env/{service}.env": "root" for service in services},
        {
            "the containers' logs": "for id in $(docker ps --all --quiet); do docker logs $id 2>&1; done",
            "the compose files": f"cat {home}/compose/*.y*ml {home}/releases/*/compose.yaml",
            "the containers' commands": "docker ps --all --no-trunc --format '{{.Command}} {{.Labels}}'",
            "the releases' logs": f"cat {home}/logs/* /var/lib/slipway/ledger.jsonl",
        },
    )


def running(scene: Scene, host: Host | None = None) -> list[str]:
    """The product's processes or containers that run on a host, each as `<service>-<slot>`."""
    name = scene.settings.product.name
    if isinstance(scene.settings.architecture, DropletPm2):
        as_user = ["runuser", "-u", name, "--", "env", f"PM2_HOME=/srv/{name}/.pm2", "pm2", "jlist"]
        listed = json.loads(scene.root(*as_user, host=host).stdout)
        return sorted(process["name"] for process in listed if process["pm2_env"]["status"] == "online")
    form = '{{.Label "com.docker.compose.service"}} {{.Label "com.docker.compose.project"}}'
    lines = scene.root("docker", "ps", "--format", form, host=host).stdout.splitlines()
    found = (line.split() for line in lines)
    slots = {f"{name}-{slot}": slot for slot in ("blue", "green")}
    return sorted(f"{words[0]}-{slots[words[1]]}" for words in found if len(words) == 2 and words[1] in slots)


def wanted(scene: Scene, slot: str, host: Host | None = None) -> list[str]:
    """What of the product should run on a host while `slot` serves; a scheduler on the first host alone."""
    product = scene.settings.product
    in_containers = not isinstance(scene.settings.architecture, DropletPm2)
    first = host is None or host.name == scene.host.name
    roles = ("web", "worker", "scheduler") if first else ("web", "worker")
    counted = {
        service: given.replicas if in_containers or given.role == "worker" else 1
        for service, given in product.services_of(*roles).items()
    }
    return sorted(f"{service}-{slot}" for service, count in counted.items() for _ in range(count))


def live_slot(scene: Scene, host: Host | None = None) -> str:
    """The slot that serves on a host, by its own link."""
    pm2 = isinstance(scene.settings.architecture, DropletPm2)
    home = f"/{'srv' if pm2 else 'opt'}/{scene.settings.product.name}"
    return scene.root("readlink", f"{home}/current", host=host).stdout.strip().rpartition("/")[2]
