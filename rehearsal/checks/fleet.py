"""Releases across a fleet, lost hosts, a changed number of hosts: what a visitor sees of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rehearsal import locust
from rehearsal.checks import site
from rehearsal.checks.check import Result, eventually
from rehearsal.checks.footing import live_slot
from rehearsal.checks.releases import one_slot_runs
from rehearsal.checks.scene import Scene
from rehearsal.model import Host

BACK_WITHIN = 30
"""Seconds from the last failed probe until every host serves the previous release."""
TWO_CHECKS = 25
"""Seconds in which a lost host may still be sent requests: two health checks of ten seconds, and an answer's time."""
UNTIL_IT_IS_DARK = 5
"""Seconds in which a host loses its power: our own balancer sends whoever comes later to another."""
BACK_IN_ROTATION = 150
"""Seconds from a host's boot until it is sent requests: its containers start, and it passes two health checks."""
HOSTS = "architecture.hosts"


def releases_reach_all_or_none(scene: Scene, result: Result) -> None:
    """Good and bad releases under load: every host on one version after each."""
    _good(scene, result)
    _bad(scene, result, "unhealthy on the second host", "health", lambda: _deaf(scene.hosts[1], scene), "good")
    for variant, step in (("health-fails", "health"), ("migration-fails", "migrate")):
        if variant in scene.versions:  # not every product has migrations
            _bad(scene, result, variant, step, nullcontext, variant)
    _missing_digest(scene, result)
    _registry_down(scene, result)


def _good(scene: Scene, result: Result) -> None:
    wanted = scene.another()
    with scene.load() as load, locust.users(scene.settings, scene.visitor, scene.directory) as seen:
        said = scene.release(wanted)
    load.expect_no_failures(result, "good release: ")
    seen.expect_no_failures(result, "good release: ")
    result.expect("good release: every host serves it", scene.serves(wanted), said[-800:] or versions_of(scene))
    one_slot_runs(scene, result, "good release")


def _bad(
    scene: Scene, result: Result, what: str, step: str, fault: Callable[[], AbstractContextManager[None]], variant: str
) -> None:
    before = scene.current()
    if before == variant:
        variant = "main"
    with scene.load() as load, _noted(scene) as times, fault():
        said = scene.release(variant)
    load.expect_no_failures(result, f"{what}: ")
    named = f"failed at step {step}: " in said.partition("the release failed: ")[2].partition("\n")[0]
    result.expect(f"{what}: the update fails and names the step {step!r}", named, said[-800:] or "it succeeded")
    result.expect(f"{what}: every host serves what it did before", scene.serves(before), versions_of(scene))
    seconds = times.get("back", float("inf")) - times.get("failed", 0)
    result.expect(f"{what}: back {seconds:.0f} s after the failure", seconds <= BACK_WITHIN, times)
    one_slot_runs(scene, result, what)


def _missing_digest(scene: Scene, result: Result) -> None:
    before = scene.current()
    images = {name: f"{image.partition('@')[0]}@sha256:{'0' * 64}" for name, image in scene.versions[before].items()}
    with scene.load() as load:
        said = scene.release_version(images)
    load.expect_no_failures(result, "missing digest: ")
    result.expect("missing digest: the update fails and names it", f"sha256:{'0' * 12}" in said, said[-800:])
    result.expect("missing digest: every host serves what it did before", scene.serves(before), versions_of(scene))


def _registry_down(scene: Scene, result: Result) -> None:
    before = scene.current()
    for host in scene.hosts:  # what a host still has, it need not pull
        scene.root("sh", "-c", "docker image prune --all --force", host=host)
    with scene.load() as load, scene.cloud.registry().down():
        said = scene.release(scene.another())
    load.expect_no_failures(result, "registry down: ")
    result.expect("registry down: the update fails and says so", "failed at step fetch: " in said, said[-800:])
    result.expect("registry down: every host serves what it did before", scene.serves(before), versions_of(scene))


def lost_hosts_are_left_out(scene: Scene, result: Result) -> None:
    """At rest: a host that is gone gets no more requests after two health checks, and gets some when it is back."""
    last = scene.hosts[-1]
    with scene.load() as load:
        cut = time.time()
        scene.cloud.power_off(last.id)
        time.sleep(TWO_CHECKS + 10)
        scene.cloud.power_on(last.id)
        scene.cloud.wait_booted(last.id)
        booted, before = time.monotonic(), _asked(scene, last)
        again = eventually(lambda: _asked(scene, last) > before + 100, BACK_IN_ROTATION)
        seconds = time.monotonic() - booted
        time.sleep(5)
    load.expect_those_on_their_way(result, "a host is lost: ", cut, noticed_within(scene))
    result.expect(
        f"it is sent requests again, {seconds:.0f} s after it has booted", again, _asked(scene, last) - before
    )


def noticed_within(scene: Scene) -> float:
    """Seconds in which a lost host may still be sent a request that nobody answers. Our own HAProxy tries another host
    where it can't connect; of the cloud's balancer we know that it asks its hosts twice."""
    return UNTIL_IT_IS_DARK if _balancer_host(scene) is not None else TWO_CHECKS


def _balancer_host(scene: Scene) -> Host | None:
    """The host of the balancer, where it is one of the stack's own."""
    address = scene.visitor.address
    known = ((host, (host.public_address, *host.reserved_addresses)) for host in scene.cloud.hosts())
    return next((host for host, addresses in known if address in addresses), None)


def certificate_renews(scene: Scene, result: Result) -> None:
    """Where HAProxy ends TLS. The cloud's balancer renews its certificate by itself, and no host tries to."""
    balancer = _balancer_host(scene)
    if balancer is not None:
        site.certificate_renews(scene, result, balancer)
        return
    for host in scene.hosts:
        timer = scene.root("systemctl", "is-active", "slipway-certificate.timer", host=host).stdout.strip()
        result.expect(f"{host.name} renews no certificate: the cloud's balancer has it", timer != "active", timer)


def _asked(scene: Scene, host: Host) -> int:
    """How many requests the host's nginx has answered since its log was begun."""
    counted = scene.root("sh", "-c", "cat /var/log/nginx/access.log | wc -l", host=host).stdout.strip()
    return int(counted or 0)


def the_number_of_hosts_changes(scene: Scene, result: Result) -> None:
    """VU10: 2 → 3 → 2 under load; what stays is not touched."""
    few = len(scene.hosts)
    kept = {host.name: host.id for host in scene.hosts}
    with scene.load() as load:
        grown = scene.rehearsal.up({HOSTS: few + 1})
        scene.look_again()
        versions = versions_of(scene)
        result.expect(f"{few + 1} hosts serve one version", len(set(versions.values())) == 1, versions)
        shrunk = scene.rehearsal.up({HOSTS: few})
        scene.look_again()
    load.expect_no_failures(result, f"{few} → {few + 1} → {few} hosts: ")
    result.expect("the hosts that stay are the same", {host.name: host.id for host in scene.hosts} == kept, kept)
    replaced = [summary.changes for summary in (grown, shrunk) if summary.changes.get("replace")]
    result.expect("nothing is replaced", not replaced, replaced)


def versions_of(scene: Scene, hosts: list[Host] | None = None) -> Mapping[str, str]:
    """What runs on each host, short enough to be shown."""
    found = {}
    for host in hosts or scene.hosts:
        found[host.name] = " ".join(sorted(image.rpartition(":")[2][:12] for image in scene.runs(host)))
    return found


@contextmanager
def _deaf(host: Host, scene: Scene) -> Iterator[None]:
    """The host's idle slot can't be reached: only this host finds the new release unhealthy."""
    ports = "30000-30999" if live_slot(scene, host) == "blue" else "20000-20999"
    rule = f"oifname lo tcp dport {ports} reject with tcp reset"
    table = f"table inet fault {{ chain out {{ type filter hook output priority -150; {rule}; }}; }}"
    made = scene.root("nft", "-f", "-", input=table, host=host)
    if made.returncode:
        raise RuntimeError(f"nft: {made.stderr}")
    try:
        yield
    finally:
        scene.root("nft", "delete", "table", "inet", "fault", host=host)


@contextmanager
def _noted(scene: Scene) -> Iterator[dict[str, float]]:
    """When the failure was told, and when every host was back."""
    times: dict[str, float] = {}

    def note(line: str) -> None:
        if "the release failed" in line:
            times.setdefault("failed", time.monotonic())

    with heard(scene, note):
        yield times
        times["back"] = time.monotonic()


@contextmanager
def heard(scene: Scene, note: Callable[[str], None]) -> Iterator[None]:
    """Give each line that the rehearsal shows to `note` as well."""
    show = scene.rehearsal.show

    def noting(line: str) -> None:
        note(line)
        show(line)

    scene.rehearsal.show = noting
    try:
        yield
    finally:
        scene.rehearsal.show = show
