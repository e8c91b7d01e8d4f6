"""What has to be true of a product that the cloud's platform runs, looked at from outside."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from rehearsal.checks.changes import written
from rehearsal.checks.check import Result, eventually
from rehearsal.checks.deployments import deployed
from rehearsal.checks.exposure import DATABASE_PORTS, TRY_PORTS, is_secret, open_from_outside
from rehearsal.checks.scene import Scene
from rehearsal.managed.instances import PROGRAM
from rehearsal.visitor import Visitor
from settings.backing import ObjectStorage

ARRIVES_WITHIN = 20
"""Seconds until a line of log has come to who collects them."""
FOUNDATION = ("Vpc", "Domain", "DatabaseCluster", "DatabaseDb", "SpacesBucket", "SpacesKey")
"""What a change of the kind must not touch, by the last word of its type."""
BACK_WITHIN = 60
"""Seconds until an instance that died serves again."""


def answers_over_https(scene: Scene, result: Result) -> None:
    """Check 1."""
    product = scene.settings.product
    health = scene.health()
    result.expect(
        f"https://{scene.health_name}{scene.health_path} answers 200, its certificate is the test authority's",
        health.status == 200,
        health.body,
    )
    asked = [name for name, backing in product.backing.items() if not isinstance(backing, ObjectStorage)]
    unnamed = [name for name in asked if name not in health.body.decode()]
    result.expect(f"the health names what backs it: {', '.join(asked)}", not unnamed, health.body)
    for name in product.domains:
        page = scene.visitor_of(name).https("/")
        result.expect(f"https://{name}/ answers 200", page.status == 200, (page.status, page.body[:200]))
    plain = scene.visitor.http("/some/path?x=1")
    location = plain.headers.get("location", "")
    moved = plain.status in (301, 307, 308) and location == f"https://{scene.visitor.name}/some/path?x=1"
    result.expect("http:// redirects to https:// and keeps the path", moved, (plain.status, location))
    stranger = Visitor("stranger.example.net", scene.visitor.address, scene.visitor.authority)
    try:
        answered = stranger.https("/").status
    except OSError:
        answered = 0
    result.expect("a name that is not the product's gets no answer", answered == 0, answered)
    ran = scene.visitor.https("/migrations")
    result.expect("the database has been migrated before anybody was let in", ran.status == 200, ran.body)


def only_the_app_reaches_the_data(scene: Scene, result: Result) -> None:
    """Check 3."""
    apps, docker = scene.cloud.managed.apps, scene.cloud.docker
    outside = open_from_outside(scene, scene.visitor.address)
    result.expect("from anywhere only 80 and 443 answer at the app", outside == {80, 443}, sorted(outside))
    serving = apps.serving(scene.app.id)
    for record in serving:
        seen = open_from_outside(scene, record.public_address)
        result.expect(f"{record.id}: from anywhere nothing answers at an instance", not seen, sorted(seen))
    ports = [str(port) for port in DATABASE_PORTS]
    for server in scene.cloud.managed.databases.all():
        inside = docker.exec(
            serving[0].containers[PROGRAM], ["python3", "-c", TRY_PORTS, server.private_address, *ports]
        )
        result.expect(f"{server.name}: an instance of the app reaches it", bool(inside.stdout.split()), inside.stdout)
        # by its public address: nothing leads to a private one from outside
        reached = scene.outside("python3", "-c", TRY_PORTS, server.public_address, *ports).stdout.split()
        result.expect(f"{server.name}: nobody else does", not reached, reached)


def secrets_stay_secret(scene: Scene, result: Result) -> None:
    """Check 4."""
    product, instances = scene.settings.product, scene.cloud.managed.apps.serving(scene.app.id)
    found: dict[str, str] = {}
    for record in instances:
        environment = dict(product.environment) | dict(product.services[record.part].environment)
        given = dict(line.partition("=")[::2] for line in _environment(scene, record.containers[PROGRAM]))
        complete = all(given.get(key) for key in environment)
        missing = sorted(key for key in environment if not given.get(key))
        result.expect(f"{record.part} has the {len(environment)} variables of the stack file", complete, missing)
        found |= {key: given[key] for key, value in environment.items() if is_secret(value) and len(given[key]) >= 8}
    result.expect("there are secrets to look for", bool(found), sorted(found))
    places = {
        "the engine's state, in clear": scene.state_text(),
        "the rehearsal's progress": scene.progress,
        "the stack's outputs": json.dumps(scene.outputs, default=str),
        "the logs that were forwarded": "\n".join(_lines(scene)),
        "what the platform answers": (scene.rehearsal.workspace.account / "account.json").read_text(),
    }
    for where, text in places.items():
        seen = sorted(key for key, value in found.items() if value in text)
        result.expect(f"no secret in {where}", bool(text) and not seen, seen or "nothing could be read")


def _environment(scene: Scene, container: str) -> list[str]:
    inspected = scene.cloud.docker.inspect(container)
    return list(inspected["Config"]["Env"]) if inspected else []


def logs_arrive(scene: Scene, result: Result) -> None:
    """Requirement SF7: what a component prints comes to who collects the logs, over TLS."""
    mark = secrets.token_hex(12)
    answer = scene.visitor.https("/release", headers={"X-Request-ID": mark})
    result.expect("a request is answered", answer.status == 200, answer.body)
    arrived = eventually(lambda: any(mark in line for line in _lines(scene)), ARRIVES_WITHIN)
    result.expect("its line of log arrives where the stack file says", arrived, _lines(scene)[-3:])
    lines = [line for line in _lines(scene) if mark in line]
    named = bool(lines) and f" {scene.settings.name} " in lines[0]
    result.expect("it says which app it is of", named, lines)
    jobs = list(scene.settings.product.jobs)
    told = [job for job in jobs if any(f" {job} " in line for line in _lines(scene))]
    result.expect(f"so do those of the jobs: {', '.join(jobs)}", told == jobs, told)


def _lines(scene: Scene) -> list[str]:
    return scene.cloud.managed.apps.receivers.lines(scene.app.id)


def an_instance_that_dies_returns(scene: Scene, result: Result) -> None:
    """Check 5: a process that ends is started again, and until then the others answer."""
    apps, docker = scene.cloud.managed.apps, scene.cloud.docker
    victim = apps.serving(scene.app.id)[0]
    before = apps.instances.condition(victim)
    os.kill(int(before["Pid"]), signal.SIGKILL)
    again = eventually(lambda: apps.instances.condition(victim)["RestartCount"] == before["RestartCount"] + 1, 20)
    result.expect("an instance that was killed is started again", again, apps.instances.condition(victim))
    statuses = {scene.health().status for _ in range(20)}
    result.expect("the others answer meanwhile", statuses == {200}, statuses)
    probe = ["python3", "-c", TRY_PORTS, "127.0.0.1", str(scene.settings.product.services[victim.part].port)]
    back = eventually(lambda: bool(docker.exec(victim.containers[PROGRAM], probe).stdout.split()), BACK_WITHIN)
    result.expect("it serves again", back, apps.instances.condition(victim))


def second_up_changes_nothing(scene: Scene, result: Result) -> None:
    """Check 7 and requirement SF5: no deployment without a reason."""
    before = deployed(scene)
    summary = scene.rehearsal.up()
    result.expect("a second `up`: all the same", summary.nothing_changed, (summary.changes, summary.changed()))
    drifted = scene.rehearsal.refresh().changed()  # the provider reads no alert's destination back
    result.expect("a refresh finds no drift but in the app", set(drifted) <= {f"{scene.settings.name}-app"}, drifted)
    third = scene.rehearsal.up()
    result.expect("an `up` after it: all the same", third.nothing_changed, (third.changes, third.changed()))
    result.expect("nothing was deployed", deployed(scene) == before, deployed(scene))


def one_change_changes_one_thing(scene: Scene, result: Result) -> None:
    """Check 7, the rest: each change is one deployment, and the update after it is none."""
    service = next(iter(scene.settings.product.services_of("web")))
    key, count = f"product.services.{service}.replicas", scene.settings.product.services[service].replicas
    scene.rehearsal.set_config(key, count - 1)
    _expect_one_deployment(scene, result, "one instance fewer")
    running = len([each for each in scene.cloud.managed.apps.serving(scene.app.id) if each.part == service])
    result.expect(f"one instance fewer: {count - 1} run", running == count - 1, running)
    scene.rehearsal.set_config(key, count)
    _expect_one_deployment(scene, result, "one instance more")

    workspace = scene.rehearsal.workspace
    value = f"https://{secrets.token_hex(16)}@errors.example.com/2"
    workspace.set_secret("slipway:SENTRY_DSN", value, workspace.environment())
    _expect_one_deployment(scene, result, "another secret")
    _expect_given(scene, result, "another secret", value)

    database = next(server for server in scene.cloud.managed.databases.all() if server.kind == "postgres")
    scene.cloud.managed.databases.reset_password(database.id)
    scene.rehearsal.refresh()
    _expect_one_deployment(scene, result, "another password of the database")
    _expect_given(scene, result, "another password", scene.cloud.managed.databases.password(database.id))
    health = scene.health()
    result.expect("another password: the product is well", health.status == 200, health.body)


def _expect_one_deployment(scene: Scene, result: Result, what: str) -> None:
    before, app = deployed(scene), f"{scene.settings.name}-app"
    changed = scene.rehearsal.up().changed()
    result.expect(f"{what}: the app changes, and nothing else", changed == [app], changed)
    result.expect(f"{what}: one deployment", len(deployed(scene)) == len(before) + 1, deployed(scene))
    again = scene.rehearsal.up()
    result.expect(f"{what}: the `up` after it: all the same", again.nothing_changed, again.changed())


def _expect_given(scene: Scene, result: Result, what: str, value: str) -> None:
    """Never shown: only whether every instance has it."""
    serving = scene.cloud.managed.apps.serving(scene.app.id)
    has = [value in "\n".join(_environment(scene, record.containers[PROGRAM])) for record in serving]
    result.expect(f"{what}: every instance has it", bool(has) and all(has), has)


def the_kind_changes(scene: Scene, result: Result) -> None:
    """Check 7: to a fleet of one host and back. What runs is replaced, and nothing that holds data."""
    foundation, data = _foundation(scene), written(scene)
    app = scene.rehearsal.workspace.read_config()
    for kind, config in (("fleet-compose", _as_fleet(scene, app)), ("app-platform", app)):
        scene.rehearsal.workspace.write_config(config)
        scene.rehearsal.up()
        scene.look_again()
        now = _foundation(scene)
        result.expect(f"{kind}: network, zone, databases and bucket are the same", now == foundation, now)
        health = scene.health()
        result.expect(
            f"{kind}: it serves", (health.status, scene.has_app) == (200, kind == "app-platform"), health.body
        )
        result.expect(f"{kind}: with the data that there was", written(scene) == data, data)
    again = scene.rehearsal.up()
    result.expect("once it is back, an `up` changes nothing", again.nothing_changed, again.changed())


def _foundation(scene: Scene) -> dict[str, str]:
    """What has to outlive the kind, by its name: the cloud's id of each."""
    resources = [each for each in scene.rehearsal.resources() if str(each["type"]).rpartition(":")[2] in FOUNDATION]
    return {str(each["urn"]).rpartition("::")[2]: str(each["id"]) for each in resources}


def _as_fleet(scene: Scene, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a person changes: the kind and its keys, and who may log in to the hosts that there are then."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    product = {
        name: value for name, value in config["slipway:product"].items() if name != "logs"
    }  # hosts ship none yet
    return {
        **config,
        "slipway:product": product,
        "slipway:architecture": {"kind": "fleet-compose", "region": "nyc3", "size": "s-2vcpu-4gb", "hosts": 1},
        "slipway:access": {"admin_cidrs": [f"{scene.cloud.admin_address}/32"], "ssh_keys": [f"{line} ops"]},
    }
