"""What is peculiar to hosts that run containers: replicas, streams, Docker's own rules, Docker's restart."""

from __future__ import annotations

import base64
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hostfiles import compose_host, nginx_proxy
from rehearsal.checks.check import Result, eventually
from rehearsal.checks.footing import live_slot, running, wanted
from rehearsal.checks.scene import Scene
from rehearsal.model import Host
from rehearsal.visitor import Visitor

MISTAKE = 9999
RETURN_SECONDS, BOOT_SECONDS = 60, 180
METRICS = "# TYPE "
"""Begins a line for each metric in what Prometheus reads."""
EVENTS, SOCKET = "events", "socket"
"""Below a route that streams, a sample sends an event a second, and says back what it is told."""


def streams_pass(scene: Scene, result: Result) -> None:
    """Server-sent events come one by one, and a WebSocket stays open (requirement DV3)."""
    for route in scene.settings.product.routes:
        if not route.streaming:
            continue
        visitor = scene.visitor_of(route.host or "")
        times = _event_times(visitor, route.path + EVENTS)
        steady = len(times) == 3 and all(later - earlier > 0.5 for earlier, later in itertools.pairwise(times))
        result.expect("server-sent events arrive as they are sent, one a second", steady, times)
        said = _said_back(visitor, route.path + SOCKET)
        result.expect("a WebSocket says back what it is told", said == b"hello", said)
    conf = scene.root("cat", "/etc/slipway/site.conf").stdout
    result.expect("nginx spreads by least connections", conf.count("least_conn;") >= 2, conf[:400])


def _event_times(visitor: Visitor, path: str, count: int = 3) -> list[float]:
    times: list[float] = []
    with _spoken(visitor, path, "Accept: text/event-stream") as lines:
        for line in lines:
            if line.startswith(b"data:"):
                times.append(time.monotonic())
            if len(times) == count:
                break
    return times


@contextmanager
def _spoken(visitor: Visitor, path: str, *headers: str) -> Iterator[Iterator[bytes]]:
    """The lines of an answer, as they arrive."""
    with visitor.connected() as connection:
        head = [f"GET {path} HTTP/1.1", f"Host: {visitor.name}", "Connection: close", *headers]
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        with connection.makefile("rb") as answer:
            yield iter(answer.readline, b"")


def _said_back(visitor: Visitor, path: str) -> bytes:
    """One text frame there and back (RFC 6455)."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = [f"GET {path} HTTP/1.1", f"Host: {visitor.name}", "Upgrade: websocket", "Connection: Upgrade"]
    head += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    with visitor.connected() as connection, connection.makefile("rb") as answer:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        if b" 101 " not in answer.readline():
            return b"no upgrade"
        while answer.readline().strip():
            pass
        mask, text = os.urandom(4), b"hello"
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
        connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
        length = answer.read(2)[1]
        return answer.read(length)


def nothing_is_published_by_mistake(scene: Scene, result: Result) -> None:
    """Docker's own rules open a published port to everybody; the host's guard shuts it again, on every host."""
    for host in scene.hosts:
        _published_by_mistake(scene, result, host)


def _published_by_mistake(scene: Scene, result: Result, host: Host) -> None:
    image = max(scene.runs(host), key=lambda running: "backend" in running)  # the one that has Python
    program = "import http.server as s; s.HTTPServer(('', 80), s.SimpleHTTPRequestHandler).serve_forever()"
    flags = ["--detach", "--rm", f"--publish={MISTAKE}:80", "--entrypoint=python3", "--user=0:0"]
    made = scene.root("docker", "run", *flags, image, "-c", program, host=host)
    container = made.stdout.strip()
    try:
        asked = ("curl", "-s", "-o", "/dev/null", "-m", "3", "-w", "%{http_code}")
        url = f"http://127.0.0.1:{MISTAKE}/"
        inside = eventually(lambda: scene.root(*asked, url, host=host).stdout == "200", 20)
        told = f"{host.name}: a port that is published by mistake answers on the host"
        result.expect(told, inside, made.stdout + made.stderr)
        for address in sorted({host.public_address, scene.visitor.address}):
            seen = scene.outside(*asked, f"http://{address}:{MISTAKE}/").stdout
            result.expect(f"and not from outside, at {address}", seen == "000", seen)
        shielded = scene.root("nft", "list", "table", "inet", "slipway_forward", host=host).stdout
        result.expect("the host's own guard shuts it, without the cloud's firewall", "drop" in shielded, shielded)
    finally:
        scene.root("docker", "rm", "--force", container, host=host)


def metrics_are_kept(scene: Scene, result: Result) -> None:
    """What Prometheus reads, it reads from the service's own port; no visitor gets it."""
    product, slot = scene.settings.product, live_slot(scene)
    for service, given in product.services_of("web").items():
        if given.metrics is None:
            continue
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        address = _of_first_container(scene, service, slot, form).split()[0]
        page = scene.root("curl", "-s", "-m", "5", f"http://{address}:{given.port}{given.metrics}").stdout
        result.expect(f"{service}: {given.metrics} is there to be read on the host", METRICS in page, page[:200])
        for name in sorted({product.name_of(route) for route in product.routes if route.service == service}):
            for path in (given.metrics, f"{given.metrics}/", f"/{given.metrics}", f"{given.metrics}?x=1"):
                answer = scene.visitor_of(name).https(path)
                kept = answer.status == 404 and METRICS.encode() not in answer.body
                result.expect(f"https://{name}{path} answers a visitor 404", kept, (answer.status, answer.body[:200]))


def _of_first_container(scene: Scene, service: str, slot: str, form: str) -> str:
    """What Docker knows of the first container of a service in a slot."""
    labels = {"service": service, "project": f"{scene.settings.product.name}-{slot}"}
    filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
    first = scene.root("docker", "ps", "--quiet", *filters).stdout.split()[0]
    return scene.root("docker", "inspect", "--format", form, first).stdout.strip()


def replicas_stand_in(scene: Scene, result: Result) -> None:
    """Of several replicas one may be killed; Docker itself may restart."""
    services = [service for service, given in scene.settings.product.services_of("web").items() if given.replicas > 1]
    slot = live_slot(scene)
    for service in services:
        with scene.load(least=5000) as load:
            pid = _of_first_container(scene, service, slot, "{{.State.Pid}}")
            killed = time.time()
            scene.root("kill", "-9", pid)
            back = eventually(lambda: running(scene) == wanted(scene, slot), RETURN_SECONDS)
        # what it had begun is gone with it: nobody may send a POST again
        load.expect_no_failures(result, f"{service}: a replica is killed: ", outside=(killed - 1, killed + 1))
        result.expect(f"{service}: the replica runs again by itself", back, running(scene))
    with scene.load(least=5000) as load:
        begun = time.time()
        done = scene.root("systemctl", "restart", "docker")
        result.expect("Docker restarts", done.returncode == 0, done.stderr)
        returned = time.time() + 1
        time.sleep(5)
    # what leads to the containers is Docker's, and is away while Docker is; the containers themselves go on
    load.expect_no_failures(result, "Docker restarts under load: ", outside=(begun - 1, returned))


def everything_returns(scene: Scene, result: Result) -> None:
    """After a reboot of a host, the last where there are several, and the death of its containers all is as before."""
    host = scene.hosts[-1]
    slot, before = live_slot(scene, host), scene.serving()

    def well() -> bool:
        return _is_well(scene, host) and running(scene, host) == wanted(scene, slot, host)

    for container in scene.root("docker", "ps", "--quiet", host=host).stdout.split():
        pid = scene.root("docker", "inspect", "--format", "{{.State.Pid}}", container, host=host).stdout.strip()
        scene.root("kill", "-9", pid, host=host)
    back = eventually(well, RETURN_SECONDS)
    result.expect("after kill -9 of every container all is well again", back, running(scene, host))
    scene.root("pkill", "-9", "-f", "nginx: master", host=host)
    result.expect("after kill -9 of nginx, too", eventually(lambda: _is_well(scene, host), RETURN_SECONDS))
    begun = time.monotonic()
    scene.cloud.reboot(host.id)
    back = eventually(well, BOOT_SECONDS)
    result.expect(f"after a reboot all is well again ({time.monotonic() - begun:.0f} s)", back, running(scene, host))
    result.expect("the same release serves", scene.serving()["release"] == before["release"], scene.serving())
    failed = scene.root("systemctl", "--failed", "--no-legend", "--plain", host=host).stdout.strip()
    result.expect("no unit has failed", not failed, failed)


def _is_well(scene: Scene, host: Host) -> bool:
    """Whether a host serves: by what it tells its balancer, since of several another one would answer a visitor."""
    if compose_host.front(scene.settings) is None:
        return scene.health().status == 200
    asked = ("curl", "-s", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", f"http://127.0.0.1{nginx_proxy.HEALTH}")
    return scene.root(*asked, host=host).stdout == "200"
