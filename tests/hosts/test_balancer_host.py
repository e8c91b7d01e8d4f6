"""The balancer's manifest on a local host: HAProxy with few rights, its certificate, and reloads that nobody notices.

The web hosts are stand-ins on addresses of the same machine (DV6, FF9, FF10).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hostfiles import balancer_host, nginx_proxy
from rehearsal.cloud import LocalCloud
from rehearsal.model import Record
from tests.hostfiles.compose_stacks import stack
from tests.hosts.applying import AppliedHost, Manifest, file_of

pytestmark = pytest.mark.hosts

DOMAIN = "devora.ai"
TLS = f"/etc/slipway/tls/{DOMAIN}"
WEB = {"one": "127.0.0.2", "two": "127.0.0.3", "three": "127.0.0.4"}
MOST_EXPOSURE = 4.0

_WEB = """
import http.server, os, socket, sys
name, address = sys.argv[1:]

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        drained = self.path == "/.slipway/health" and os.path.exists("/run/drained-" + name)
        broken = self.path.startswith("/broken")
        body = name.encode()
        self.send_response(503 if drained or broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments):
        pass

class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # HAProxy has the port on every address
        super().server_bind()

Server((address, 80), Answers).serve_forever()
"""
_VISITS = """
import collections, http.client, json, ssl, sys, time
context = ssl.create_default_context()
answers, until, number = collections.Counter(), time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < until:
    number += 1
    try:
        connection = http.client.HTTPSConnection("devora.ai", context=context, timeout=10)
        connection.request("GET" if number % 2 else "POST", "/")
        answer = connection.getresponse()
        answers[answer.read().decode() if answer.status == 200 else str(answer.status)] += 1
        connection.close()
    except Exception as error:
        answers[type(error).__name__] += 1
print(json.dumps(answers))
"""


def _manifest(admin_range: str, *names: str) -> Manifest:
    settings = stack("devora-fleet", access={"admin_cidrs": [admin_range]})
    made = balancer_host.manifest(settings, {name: WEB[name] for name in names}, "devora-fleet-balancer")
    return dict(json.loads(json.dumps(made.as_dict())))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppliedHost]:
    """A balancer with two hosts behind it, and a third beside them."""
    directory = tmp_path_factory.mktemp("balancer")
    cloud = LocalCloud(directory / "cloud", "test-balancer")
    cloud.destroy_all()
    cloud.prepare()
    try:
        made = AppliedHost(cloud, directory, "balancer")
        cloud.set_records({name: [Record("A", made.host.public_address)] for name in (DOMAIN, f"www.{DOMAIN}")})
        made.wait_reachable()
        made.bootstrap()
        made.console("cat > /root/web.py", text=_WEB)
        made.console("cat > /root/visits.py", text=_VISITS)
        for name, address in WEB.items():
            made.console(f"systemd-run --quiet --unit=web-{name} python3 /root/web.py {name} {address}")
        made.apply(_manifest(f"{cloud.admin_address}/32", "one", "two"))
        yield made
    finally:
        cloud.destroy_all()


@pytest.fixture
def balancer(host: AppliedHost) -> Iterator[AppliedHost]:
    """The same, brought back to two hosts after the test."""
    yield host
    host.console("rm -f /run/drained-*")
    host.apply(_with(host, "one", "two"))
    _until_well(host, "one", "two")


def _with(host: AppliedHost, *names: str) -> Manifest:
    return _manifest(f"{host.cloud.admin_address}/32", *names)


def _ask(host: AppliedHost, command: str) -> str:
    """What HAProxy says."""
    script = (
        "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/slipway-balancer/admin.sock'); "
        "s.sendall(sys.argv[1].encode() + b'\\n'); print(b''.join(iter(lambda: s.recv(65536), b'')).decode())"
    )
    return host.console(f'python3 -c "{script}" "{command}"')


def _well(host: AppliedHost) -> set[str]:
    lines = [line.split() for line in _ask(host, "show servers state hosts").splitlines()[2:]]
    return {words[3] for words in lines if words and words[5] == "2"}


def _until_well(host: AppliedHost, *names: str, seconds: float = 45) -> float:
    """Seconds until these hosts, and no others, get requests."""
    began = time.monotonic()
    while _well(host) != set(names):
        assert time.monotonic() - began < seconds, f"{_well(host)} are well, and not {names}"
        time.sleep(0.5)
    return time.monotonic() - began


def _visits(host: AppliedHost, seconds: float, meanwhile: str = "true") -> Counter[str]:
    """Who answers requests over these seconds, one after the other, while a command runs."""
    visits = f"python3 /root/visits.py {seconds} > /root/answers.json"
    host.console(f"{visits} & sleep 1; {meanwhile} >&2; wait")
    return Counter(json.loads(host.console("cat /root/answers.json")))


def _serial(host: AppliedHost) -> str:
    ask = f"openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} </dev/null 2>/dev/null | openssl x509 -noout "
    assert "Pebble" in host.console(ask + "-issuer")
    return host.console(ask + "-serial")


def test_a_visitor_from_outside_is_answered_by_a_host_over_a_certificate_that_is_trusted(balancer: AppliedHost) -> None:
    """DV6, FF9."""
    outsider = balancer.cloud.outsider()
    for name in (DOMAIN, f"www.{DOMAIN}"):
        done = outsider.run(["curl", "-sS", "--fail", f"https://{name}/"])
        assert done.stdout in ("one", "two"), done.stderr
    moved = outsider.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{DOMAIN}/x?y=1"]
    )
    assert moved.stdout == f"301 https://{DOMAIN}/x?y=1"
    assert outsider.run(["curl", "-sS", "--fail", f"https://{DOMAIN}{nginx_proxy.HEALTH}"]).returncode == 22


def test_a_second_apply_changes_nothing(balancer: AppliedHost) -> None:
    assert balancer.changes(_with(balancer, "one", "two")) == []


def test_haproxy_runs_with_few_rights(balancer: AppliedHost) -> None:
    """FF10."""
    said = balancer.console("systemd-analyze security --no-pager haproxy.service | tail -1")
    assert float(said.split(":")[1].split()[0]) <= MOST_EXPOSURE
    workers = balancer.console("ps -o user= -C haproxy").split()
    assert sorted(workers) == ["haproxy", "root"]
    assert (
        balancer.console("stat -c '%a %U' /run/slipway-balancer /run/slipway-balancer/admin.sock")
        == "700 root\n600 root"
    )
    modes = balancer.console(f"stat -L -c '%a %U:%G %n' {TLS}/*.pem").splitlines()
    assert modes[0] == f"600 root:root {TLS}/combined.pem"
    assert balancer.console("systemctl --failed --no-legend") == ""


def test_only_ssh_and_the_web_are_open(balancer: AppliedHost) -> None:
    listening = balancer.console("ss --no-header -ltnH | awk '{print $4}'").split()
    outside = {place.rpartition(":")[2] for place in listening if not place.startswith("127.")}
    assert outside - {"22", "80", "443", "5355"} == set()


def test_a_host_that_stands_aside_leaves_and_comes_back(balancer: AppliedHost) -> None:
    """DV4, DV6: within two checks, each ten seconds after the other."""
    _until_well(balancer, "one", "two")
    balancer.console("touch /run/drained-two")
    assert _until_well(balancer, "one") <= 21
    assert set(_visits(balancer, 3)) == {"one"}
    balancer.console("rm /run/drained-two")
    assert _until_well(balancer, "one", "two") <= 21


def test_a_host_that_enters_gets_nobody_before_its_checks_and_no_request_is_lost(balancer: AppliedHost) -> None:
    """VU10: 2 -> 3 -> 2."""
    _until_well(balancer, "one", "two")
    changed = balancer.changes(_with(balancer, "one", "two", "three"))
    assert changed == ["file /etc/haproxy/haproxy.cfg"]
    assert _well(balancer) == {"one", "two"}
    assert set(_visits(balancer, 2)) == {"one", "two"}
    _until_well(balancer, "one", "two", "three")
    assert set(_visits(balancer, 2)) == {"one", "two", "three"}
    balancer.changes(_with(balancer, "one", "two"))
    assert set(_visits(balancer, 2)) == {"one", "two"}


def test_reloads_lose_no_request_and_forget_nothing(balancer: AppliedHost) -> None:
    _until_well(balancer, "one", "two")
    balancer.console("touch /run/drained-two")
    _until_well(balancer, "one")
    reload = "for n in 1 2 3 4 5; do systemctl reload haproxy.service; sleep 0.5; done"
    answers = _visits(balancer, 6, f"sh -c '{reload}'")
    assert set(answers) == {"one"}
    assert answers["one"] > 50
    assert balancer.console("systemctl show --property NRestarts --value haproxy.service") == "0"


def test_an_upgraded_library_is_taken_without_losing_a_request(balancer: AppliedHost) -> None:
    before = _ask(balancer, "show info").partition("\nPid: ")[2].split()[0]
    answers = _visits(balancer, 3, "/etc/needrestart/restart.d/haproxy.service")
    assert set(answers) <= {"one", "two"}
    assert _ask(balancer, "show info").partition("\nPid: ")[2].split()[0] != before


def test_a_configuration_that_haproxy_refuses_does_not_land(balancer: AppliedHost) -> None:
    broken = _with(balancer, "one", "two")
    entry = file_of(broken, "/etc/haproxy/haproxy.cfg")
    entry["content"] = entry["content"].replace("balance leastconn", "balance leastcon")
    done = balancer.slipway("apply", broken)
    assert done.returncode == 1
    assert "/etc/haproxy/haproxy.cfg is refused by /usr/sbin/haproxy, the old one stays" in done.stderr
    assert set(_visits(balancer, 1)) <= {"one", "two"}


def test_a_renewed_certificate_is_served_by_the_same_process(balancer: AppliedHost) -> None:
    """FF9."""
    process, before = _ask(balancer, "show info").partition("\nPid: ")[2].split()[0], _serial(balancer)
    answers = _visits(balancer, 8, "slipway certificate --force")
    assert set(answers) <= {"one", "two"}
    assert _serial(balancer) != before
    assert _ask(balancer, "show info").partition("\nPid: ")[2].split()[0] == process


def test_the_timer_s_service_can_tell_haproxy_with_the_few_rights_it_has(balancer: AppliedHost) -> None:
    """FF9: as after a run that was killed between the new pair and HAProxy's hearing of it."""
    other = f"{TLS}/combined.pem"
    pair = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN={DOMAIN}"
    names = f"-addext subjectAltName=DNS:{DOMAIN},DNS:www.{DOMAIN}"
    balancer.console(
        f"cp {other} /root/kept; {pair} {names} -keyout /root/k -out /root/c 2>&1; cat /root/c /root/k > {other}"
    )
    try:
        balancer.console("systemctl start slipway-certificate.service")
        told = _ask(balancer, f"show ssl cert {other}")
        assert "notAfter" in told
        print_of = balancer.console("openssl x509 -noout -fingerprint -sha1 -in /root/c").partition("=")[2]
        assert print_of.replace(":", "") in told
    finally:
        balancer.console(
            f"cat /root/kept > {other}; rm /root/kept /root/k; systemctl start slipway-certificate.service"
        )
    assert _serial(balancer)


def test_haproxy_comes_back_when_it_is_killed(balancer: AppliedHost) -> None:
    balancer.console("systemctl kill --signal=KILL haproxy.service; sleep 3")
    assert set(_visits(balancer, 1)) <= {"one", "two"}


def test_what_went_wrong_is_in_the_journal_without_its_query(balancer: AppliedHost) -> None:
    """ALL3."""
    outsider = balancer.cloud.outsider()
    outsider.run(["curl", "-sS", f"https://{DOMAIN}/broken?token=s3cret-of-a-visitor"])
    until = time.monotonic() + 10
    while not (found := [entry for entry in _logged(balancer) if entry["path"] == "/broken"]):
        assert time.monotonic() < until, _logged(balancer)
    assert [(entry["status"], entry["client"]) for entry in found] == [(503, outsider.address)]
    assert "s3cret" not in _journal(balancer)


def _journal(host: AppliedHost) -> str:
    return host.console("journalctl --unit haproxy.service --output cat --no-pager")


def _logged(host: AppliedHost) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _journal(host).splitlines() if line.startswith("{")]
