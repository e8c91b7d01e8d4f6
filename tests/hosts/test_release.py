"""Releases of a tiny product on a local host: good, bad, killed, cut off from power, returned to (FF3, FF4, FF8)."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from rehearsal.cloud import LocalCloud
from tests.hosts import tiny_product
from tests.hosts.applying import AppliedHost
from tests.hosts.tiny_product import DOMAIN

pytestmark = pytest.mark.hosts

SERVICES = ("api", "beat", "echo", "worker")
PM2 = (
    "setpriv --reuid tiny --regid tiny --init-groups "
    "env -i HOME=/srv/tiny PM2_HOME=/srv/tiny/.pm2 PATH=/usr/local/bin:/usr/bin:/bin pm2"
)
OF_RELEASES = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep ^SLIPWAY_RELEASE= | sort -u"
"""Every release that any process on the host belongs to."""


class TinyHost:
    """A host with the tiny product applied, and what it says of itself."""

    def __init__(self, host: AppliedHost, directory: Path) -> None:
        self.host = host
        self.secret = secrets.token_urlsafe(50)
        self.commits = tiny_product.write_repository(directory / "repository")
        host.cloud.publish_repository(directory / "repository", "example/tiny")
        self.authority = directory / "authority.pem"
        self.authority.write_text(host.cloud.test_authority_pem())
        self.revision = 0

    def release(self, name: str, **request: Any) -> CompletedProcess[str]:
        """Release a version the way the program does."""
        return self.host.slipway("release", {**self.request(name), **request})

    def request(self, name: str) -> dict[str, Any]:
        """A request for a version, unlike any before."""
        self.revision += 1
        return {"commit": self.commits[name], "revision": str(self.revision), "owner": "alice@laptop"}

    def serving(self) -> dict[str, Any]:
        """What nginx's visitors get from the API."""
        answer: dict[str, Any] = json.loads(self.visit("/api/health/"))
        return answer

    def visit(self, path: str) -> str:
        """A page, as a browser on this machine gets it: by name, over TLS, the certificate verified."""
        address = f"{DOMAIN}:443:{self.host.host.public_address}"
        done = subprocess.run(
            ["curl", "-sSf", "--cacert", str(self.authority), "--resolve", address, f"https://{DOMAIN}{path}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def processes(self) -> dict[str, str]:
        """PM2's processes and their states."""
        listed = json.loads(self.host.console(f"{PM2} jlist"))
        return {process["name"]: process["pm2_env"]["status"] for process in listed}

    def whole(self) -> str:
        """The release that runs, after looking that it alone does: processes, links, pages, the service beside."""
        serving = self.serving()
        release, slot = str(serving["release"]), serving["slot"]
        assert self.processes() == {f"{name}-{slot}": "online" for name in SERVICES}
        assert self.host.console(OF_RELEASES) == f"SLIPWAY_RELEASE={release}"
        assert self.host.console("readlink -f /srv/tiny/current") == f"/srv/tiny/releases/{release}"
        assert json.loads(self.visit("/echo/"))["release"] == release
        assert self.visit("/") == f'{serving["commit"]} a "title"'
        assert not {"state.json", "lock"} & set(self.host.console("ls /var/lib/slipway").split())
        return release

    @contextmanager
    def load(self, least: int) -> Iterator[dict[str, Any]]:
        """GET and POST requests, on kept and new connections, while the block runs; the report is filled at its end."""
        targets = [{"method": method, "path": "/api/x/", "body": body, "marks": "release"} for method, body in METHODS]
        where = ["--address", self.host.host.public_address, "--name", DOMAIN, "--authority", str(self.authority)]
        much = ["--targets", json.dumps(targets), "--least", str(least), "--rate", "120"]
        argv = [sys.executable, "-m", "rehearsal.load", *where, *much]
        root = Path(__file__).parents[2]
        report: dict[str, Any] = {}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
            yield report
            printed, _ = process.communicate()
        report.update(json.loads(printed))

    def killed_at(self, step: str, name: str) -> None:
        """Begin a release and kill its process, with SIGKILL, in this step."""
        self.host.console("cat > /run/request", json.dumps(self.request(name)))
        self.host.console(KILL_AT % step)


METHODS = (("GET", ""), ("POST", "{}"))
KILL_AT = """
slipway release < /run/request > /run/said 2>&1 & pid=$!
until grep -q '"step": "%s"' /var/lib/slipway/state.json 2>/dev/null; do
  kill -0 $pid 2>/dev/null || { cat /run/said; exit 1; }
  sleep 0.02
done
kill -9 $pid
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyHost]:
    """A host with everything applied and nothing released."""
    directory = tmp_path_factory.mktemp("release")
    cloud = LocalCloud(directory / "cloud", "test-release")
    cloud.destroy_all()
    cloud.prepare()
    try:
        host = AppliedHost(cloud, directory, "tiny")
        host.lead_domain_here(DOMAIN)
        made = TinyHost(host, directory)
        host.wait_reachable()
        host.bootstrap()
        host.apply(tiny_product.manifest(made.secret, f"{cloud.admin_address}/32"))
        yield made
    finally:
        cloud.destroy_all()


@pytest.fixture(scope="module")
def first_release(tiny: TinyHost) -> CompletedProcess[str]:
    """A first release that fails leaves nothing; the next one serves."""
    failed = tiny.release("sick")
    assert failed.returncode == 1
    assert "release failed at step health: api: /api/health/ answered 503" in failed.stderr
    assert tiny.processes() == {}
    assert tiny.host.console("ls /srv/tiny/releases /srv/tiny/slots; ls -d /srv/tiny/current", check=False).split() == [
        "/srv/tiny/releases:",
        "/srv/tiny/slots:",
    ]
    return tiny.release("one")


@pytest.fixture
def released(tiny: TinyHost, first_release: CompletedProcess[str]) -> TinyHost:
    """The host with one release that serves, whichever it is."""
    assert first_release.returncode == 0, first_release.stdout + first_release.stderr
    return tiny


def test_everything_of_a_release_runs_under_its_unit_and_its_user(released: TinyHost) -> None:
    """FF3, FF4, FF10: what a release starts from an SSH session must not end with it, nor be root's."""
    released.whole()
    pids = released.host.console("cat /proc/$(cat /srv/tiny/.pm2/pm2.pid)/cgroup | tail -1")
    assert "pm2-tiny.service" in pids
    unit = "cat $(find /sys/fs/cgroup -path '*pm2-tiny.service/cgroup.procs' | head -1)"
    users = released.host.console(f"for pid in $({unit}); do stat -c %U /proc/$pid; done | sort -u")
    assert users == "tiny"
    servers = "for pid in $(pgrep -f gunicorn); do cat /proc/$pid/cgroup; done | grep -c pm2-tiny.service"
    assert int(released.host.console(servers)) >= 3


def test_no_secret_leaves_the_env_file(released: TinyHost) -> None:
    """FF7, ALL3: .env is 0600, and no log, list or file that others read has what is in it."""
    release = released.whole()
    modes = released.host.console(f"stat -c '%a %U' /srv/tiny/.env /srv/tiny/releases/{release}/.env")
    assert modes.split() == ["600", "tiny"] * 2
    released.host.console("cat > /run/secret; chmod 600 /run/secret", released.secret)
    places = "/var/lib/slipway /srv/tiny/logs /srv/tiny/.pm2 /srv/tiny/ecosystem.config.js /var/log /etc/systemd"
    assert released.host.console(f"grep -rlF -f /run/secret {places}", check=False) == ""
    assert released.host.console("journalctl --no-pager | grep -cF -f /run/secret", check=False) == "0"
    refused = released.host.console(f"runuser -u www-data -- cat /srv/tiny/releases/{release}/.env 2>&1", check=False)
    assert "Permission denied" in refused
    log = released.host.console(f"cat /var/lib/slipway/logs/{release}.log")
    assert "migrating with *** for" in log


def test_the_same_again_does_nothing(released: TinyHost) -> None:
    request = {"commit": released.commits["one"], "revision": "same", "owner": "alice@laptop"}
    first = released.host.slipway("release", request)
    assert first.returncode == 0, first.stderr
    lines = len(released.host.console("cat /var/lib/slipway/ledger.jsonl").splitlines())
    again = released.host.slipway("release", request)
    assert (again.returncode, again.stdout.strip()) == (0, f"already serving {released.whole()}")
    assert len(released.host.console("cat /var/lib/slipway/ledger.jsonl").splitlines()) == lines


def test_good_and_bad_releases_drop_no_request(released: TinyHost) -> None:
    """FF8: failing anywhere leaves the old release serving; GET and POST, kept and new connections, none fails."""
    before = released.whole()
    with released.load(least=3000) as load:
        for name, step in (("sick", "health"), ("bad-migration", "migrate"), ("bad-build", "build")):
            failed = released.release(name)
            assert failed.returncode == 1
            assert failed.stderr.splitlines()[0].startswith(f"release failed at step {step}: ")
            assert released.secret not in failed.stdout + failed.stderr
            assert released.whole() == before
        good = released.release("two")
        assert good.returncode == 0, good.stderr
    assert load["failures"] == []
    assert set(load["served_by"]) == {before, released.whole()}
    migrated = released.host.console("cat /srv/tiny/logs/migrated").splitlines()
    assert migrated.count(released.whole()) == 1


def test_what_is_under_way_ends_before_the_old_release_goes(released: TinyHost) -> None:
    """Workers finish their task (SIGTERM, not PM2's own SIGINT), and a slow request gets its answer."""
    slot = released.serving()["slot"]
    argv = ["curl", "-sS", "--cacert", str(released.authority), "-w", "%{http_code} ", "-o", "/dev/null"]
    argv += ["--resolve", f"{DOMAIN}:443:{released.host.host.public_address}", f"https://{DOMAIN}/api/slow/"]
    script = "import subprocess,sys\nfor _ in range(12): subprocess.run(sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", script, *argv], stdout=subprocess.PIPE, text=True) as slow:
        assert released.release("three").returncode == 0
        codes, _ = slow.communicate()
    assert codes.split() == ["200"] * 12
    for name in ("worker", "beat"):
        log = released.host.console(f"tail -n 1 /srv/tiny/logs/{name}-{slot}.log")
        assert log == f"{name} finished its task after SIGTERM"


def test_a_second_release_waits_for_nobody_and_can_take_over(released: TinyHost) -> None:
    before = released.whole()
    released.host.console("cat > /run/request", json.dumps({**released.request("one"), "owner": "bob@desk"}))
    begun = "until test -e /var/lib/slipway/state.json; do sleep 0.1; done"
    released.host.console(f"setsid slipway release < /run/request > /run/said 2>&1 & {begun}")
    refused = released.release("two")
    assert refused.returncode == 1
    assert "release in progress: bob@desk since" in refused.stderr
    taken = released.release("two", take_over=True)
    assert taken.returncode == 0, taken.stderr
    assert "took over the lock of bob@desk" in taken.stdout
    assert before in taken.stdout, "what was under way was undone first"
    assert released.serving()["commit"] == released.commits["two"]
    released.whole()


@pytest.mark.parametrize(
    ("step", "new"), [("install", False), ("workers", False), ("scheduler", False), ("verify", True), ("drain", True)]
)
def test_a_killed_release_is_undone_before_the_switch_and_finished_after(
    released: TinyHost, step: str, new: bool
) -> None:
    """Killed by kill -9 in this step: not a request fails, and the next command sets everything right."""
    before = released.serving()
    other = "one" if before["commit"] != released.commits["one"] else "three"
    with released.load(least=500) as load:
        released.killed_at(step, other)
        said = released.host.slipway("recover").stdout
    assert ("finished" if new else "undid") + " the interrupted release" in said
    assert load["failures"] == []
    assert (released.whole() == before["release"]) is not new
    assert released.serving()["commit"] == (released.commits[other] if new else before["commit"])


@pytest.mark.parametrize(("step", "new"), [("health", False), ("verify", True)])
def test_a_power_cut_leaves_one_release_that_serves_after_the_boot(released: TinyHost, step: str, new: bool) -> None:
    """FF4: systemd brings PM2 and every process back, of one release."""
    before = released.serving()
    other = "one" if before["commit"] != released.commits["one"] else "three"
    released.killed_at(step, other)
    host = released.host
    host.cloud.power_off(host.host.id)
    host.cloud.power_on(host.host.id)
    host.cloud.wait_booted(host.host.id)
    host.wait_reachable()
    until = time.monotonic() + 60
    while set(released.processes().values()) != {"online"}:
        assert time.monotonic() < until, released.processes()
        time.sleep(1)
    assert (released.whole() == before["release"]) is not new
    assert host.console("systemctl --failed --no-legend") == ""


def test_a_rollback_returns_without_building_and_rebuilds_what_is_gone(released: TinyHost) -> None:
    """FF8: make rollback, to the release before or to one that was pruned."""
    released.release("one")
    one = released.whole()
    assert released.release("two").returncode == 0
    two = released.whole()
    back = released.host.slipway("rollback")
    assert f"returned to {one}" in back.stdout, back.stderr
    assert "build" not in back.stdout
    assert released.whole() == one
    released.host.console(f"rm -rf /srv/tiny/releases/{two}")
    again = released.host.slipway(f"rollback {two}")
    assert again.returncode == 0, again.stderr
    assert "build" in again.stdout
    assert "migrate" not in again.stdout
    assert released.whole() == two
    assert released.serving()["commit"] == released.commits["two"]
    assert len(released.host.console("ls /srv/tiny/releases").split()) <= 5
