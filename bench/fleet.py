"""What a fleet costs: a plan of many hosts, and the time of a release as their number grows."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path

import yaml

from bench.ratio import ROOT, Ratio, python, seconds
from rehearsal.checks.fleet import HOSTS
from rehearsal.checks.scene import Scene

STACK = "prod"
MANY = 50
SIZES = (2, 4, 8)
WAITS = frozenset({"health", "verify", "drain", "stop"})
"""Steps that a release waits in on purpose, for what starts, what is watched and what ends: a bare start has none."""
DATA = frozenset({"migrate"})
"""The step that dumps the databases and migrates them: a bare start does neither."""
ROUNDS = 3

CHANGES = {
    "product.services.backend.pool.workers": 1,
    "product.services.backend.environment.WEB_CONCURRENCY": "1",
}
"""With one process of the backend on each host, the database has connections for eight hosts."""

_PLAN = """
import sys, gc
gc.disable()
from pathlib import Path
from plan.build import make_plan
make_plan(sys.argv[2], Path(sys.argv[1]))
"""


def planning() -> Iterator[Ratio]:
    """A plan of fifty hosts against one of two."""
    with tempfile.TemporaryDirectory() as work:
        few, many = (_planned(Path(work), hosts) for hosts in (2, MANY))
    yield Ratio(f"plan of {MANY} hosts / of 2", many, few, MANY / 2)


def ratios(scene: Scene) -> Iterator[Ratio]:
    """A release of 1 to 8 hosts, staged side by side; and of one host against the same by hand."""
    scene.rehearsal.up({HOSTS: 1})
    scene.look_again()
    rounds = [_alone(scene) for _ in range(ROUNDS)]
    alone, worked, data, bare, by_hand = (statistics.median(column) for column in zip(*rounds, strict=True))
    what = "release on one host, without its waits"
    yield Ratio(f"{what} and data / bare pull and compose up", worked - data, bare, 1.5)
    yield Ratio(f"{what} / pull, dump, migration and compose up", worked, by_hand, 1.5)
    for hosts in SIZES:
        scene.rehearsal.up({HOSTS: hosts})
        scene.look_again()
        yield Ratio(f"release on {hosts} hosts / on one", _release(scene), alone, float(hosts))


def _alone(scene: Scene) -> tuple[float, float, float, float, float]:
    """Seconds of a release on one host: in all, its work, its work on data; and by hand without data, and with."""
    return (
        _release(scene),
        _worked(scene),
        _worked(scene, DATA),
        _by_hand(scene, whole=False),
        _by_hand(scene, whole=True),
    )


def _planned(work: Path, hosts: int) -> float:
    file = yaml.safe_load((ROOT / f"Pulumi.{STACK}.yaml").read_text())
    file["config"]["slipway:architecture"]["hosts"] = hosts
    for service in file["config"]["slipway:product"]["services"].values():
        service.pop("pool", None)  # no plan has connections for so many
    (work / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(file))
    run = python("-W", "ignore", "-c", _PLAN, str(work), STACK)
    run()
    return min(seconds(run) for _ in range(3))


def _release(scene: Scene) -> float:
    """Seconds of a release of a version that the hosts have not pulled yet, as the engine counts them."""
    version = scene.another()
    for host in scene.hosts:
        scene.root("docker", "image", "rm", "--force", *scene.versions[version].values(), host=host)
    summary = scene.rehearsal.up({scene.version_key: scene.versions[version]})
    return next(step.seconds for step in summary.steps if step.name.endswith("-fleet-release"))


def _worked(scene: Scene, steps: Container[str] | None = None) -> float:
    """Seconds of these steps of the last release; without them, of all but those in which it waits."""
    told = [json.loads(line) for line in scene.root("slipway", "ledger", "--json").stdout.splitlines()]
    last = next(entry["release"] for entry in reversed(told) if entry["event"] == "released")
    return sum(
        float(entry["seconds"])
        for entry in told
        if entry["event"] == "step" and entry["release"] == last
        and (entry["step"] not in WAITS if steps is None else entry["step"] in steps)
    )  # fmt: skip


def _by_hand(scene: Scene, whole: bool) -> float:
    """Seconds of `docker pull` and `docker compose up` of a version that the host has not pulled, and nothing else; or
    `whole`, with the dump of its databases and its migration between them, as a script of a few lines does it.
    """
    name = scene.settings.product.name
    images = scene.versions[scene.another()]
    place = f"/opt/{name}/bench"
    scene.root("docker", "image", "rm", "--force", *images.values())
    scene.root("sh", "-c", f"rm -rf {place}; cp -rL /opt/{name}/current {place}")
    told = "".join(f"{image.upper()}_IMAGE={digest}\n" for image, digest in images.items())
    ports = "".join(f"{image.upper()}_PORTS={25000 + index}\n" for index, image in enumerate(images))
    rest = "COMPOSE_PROJECT_NAME=bench\nSLIPWAY_RELEASE=bench\nSLIPWAY_SLOT=bench\nSLIPWAY_HOST=bench\n"
    scene.root("sh", "-c", f"cat > {place}/.env", input=told + ports + rest)
    compose = f"docker compose --project-directory {place}"
    commands = [f"docker pull --quiet {digest}" for digest in images.values()]
    commands += _before_the_start(scene, place, compose) if whole else []
    script = " && ".join([*commands, f"{compose} up --detach"])

    def start() -> None:
        done = scene.root("sh", "-ec", script)
        if done.returncode:
            raise RuntimeError(f"the start by hand failed: {done.stderr.strip()[-800:]}")

    try:
        return seconds(start)
    finally:
        scene.root("sh", "-c", f"{compose} down; rm -rf {place}")


def _before_the_start(scene: Scene, place: str, compose: str) -> list[str]:
    """A dump of each database, and the jobs that come before the switch."""
    config = json.loads(scene.root("cat", f"{place}/release.json").stdout)
    network = scene.settings.product.name
    dumps = [
        f"docker run --rm --network {network} --env-file {dump['env_file']} --entrypoint pg_dump {dump['image']} "
        f"--format=custom --no-password > {place}/{dump['name']}.dump"
        for dump in config["dumps"]
    ]
    jobs = [
        f"{compose} run --rm --no-deps -T {job['service']} {job['command']}"
        for job in config["jobs"]
        if job["when"] == "before-switch"
    ]
    return [*dumps, *jobs]
