"""The cloud's load balancer for real: TLS, forwarded headers, health checks, and who reaches the hosts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from rehearsal.cloud import LocalCloud
from rehearsal.provider.values import Properties
from tests.hosts.looking import eventually, reaches
from tests.hosts.provided import DO, Account, opened_account

pytestmark = pytest.mark.hosts

BALANCER = "loadBalancer:LoadBalancer"
DOMAIN = "balanced.example.com"
INTERVAL, TIMEOUT, FAILURES_OUT = 3, 3, 2
SERVER = """import json, pathlib, socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    came_from = None

    def parse_request(self):
        if self.raw_requestline.startswith(b"PROXY "):
            self.came_from = self.raw_requestline.split()[2].decode()
            self.raw_requestline = self.rfile.readline()
        return super().parse_request()

    def do_GET(self):
        leaving = self.path == "/health" and pathlib.Path("/srv/leaving").exists()
        headers = {key.lower(): value for key, value in self.headers.items()}
        said = {"host": socket.gethostname(), "headers": headers, "came_from": self.came_from}
        body = json.dumps(said).encode()
        self.send_response(503 if leaving else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""
USER_DATA = "#cloud-config\n" + json.dumps(
    {
        "write_files": [{"path": "/srv/server.py", "content": SERVER}],
        "runcmd": [["systemd-run", "--unit=site", "python3", "/srv/server.py"]],
    }
)
# One new connection per request, as many visitors make them; prints how often each answer came.
VISITS = """import collections, http.client, json, pathlib, ssl, sys
seen, context = collections.Counter(), ssl.create_default_context()
while not pathlib.Path("/tmp/visited-enough").exists():
    try:
        connection = http.client.HTTPSConnection(sys.argv[1], context=context, timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        seen[str(answer.status)] += 1
        answer.read()
        connection.close()
    except OSError as error:
        seen[repr(error)] += 1
print(json.dumps(seen))
"""


@dataclass
class Site:
    """Two hosts behind a balancer; both serve."""

    account: Account
    hosts: dict[str, str]
    balancer: str
    state: Properties
    inputs: Properties

    @property
    def cloud(self) -> LocalCloud:
        return self.account.cloud

    @contextmanager
    def changed(self, **changes: Any) -> Iterator[None]:
        """The balancer with other inputs, as long as the block lasts."""
        update = self.account.plugin.update
        update(DO + BALANCER, self.balancer, self.state, {**self.inputs, **changes})
        try:
            yield
        finally:
            update(DO + BALANCER, self.balancer, self.state, self.inputs)

    def healthy(self) -> set[str]:
        """The names of the hosts that get requests."""
        up = self.cloud.managed.balancers.health(self.account.local(self.balancer))
        return {name for name, droplet in self.hosts.items() if up.get(f"droplet-{droplet}")}

    def ask(self, *flags: str, scheme: str = "https") -> str:
        """What curl prints for a request from the internet."""
        return self.cloud.outsider().run(["curl", "-sS", "-m", "20", *flags, f"{scheme}://{DOMAIN}/"]).stdout

    @contextmanager
    def visitors(self) -> Iterator[Future[dict[str, int]]]:
        """Visitors who come as long as the block lasts; the answers that they got are the future's."""
        outsider = self.cloud.outsider()
        outsider.run(["rm", "-f", "/tmp/visited-enough"])

        def visit() -> dict[str, int]:
            done = outsider.run(["python3", "-c", VISITS, DOMAIN], timeout=90)
            answers: dict[str, int] = json.loads(done.stdout)
            return answers

        with ThreadPoolExecutor() as pool:
            visits = pool.submit(visit)
            try:
                yield visits
            finally:
                outsider.run(["touch", "/tmp/visited-enough"])


@pytest.fixture(scope="module")
def site(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened_account(local_cloud, tmp_path_factory.mktemp("account")) as account:
        network, _ = account.make("vpc:Vpc", name="balanced", region="nyc3", ipRange="10.61.0.0/24")
        account.make("tag:Tag", name="balanced")
        account.make("domain:Domain", name=DOMAIN)
        account.make("certificate:Certificate", name="site", type="lets_encrypt", domains=[DOMAIN])
        rule: Properties = {"entryProtocol": "http", "entryPort": 80, "targetProtocol": "http", "targetPort": 80}
        secure = {**rule, "entryProtocol": "https", "entryPort": 443, "certificateName": "site"}
        inputs: dict[str, Any] = {
            "name": "front",
            "region": "nyc3",
            "vpcUuid": network,
            "dropletTag": "balanced",
            "forwardingRules": [rule, secure],
            "redirectHttpToHttps": True,
            "healthcheck": {
                "protocol": "http",
                "port": 80,
                "path": "/health",
                "checkIntervalSeconds": INTERVAL,
                "responseTimeoutSeconds": TIMEOUT,
                "unhealthyThreshold": FAILURES_OUT,
                "healthyThreshold": 2,
            },
        }
        balancer, state = account.make(BALANCER, **inputs)
        web = {"protocol": "tcp", "portRange": "80", "sourceLoadBalancerUids": [balancer]}
        out = {"protocol": "tcp", "portRange": "all", "destinationAddresses": ["0.0.0.0/0"]}
        account.make("firewall:Firewall", name="web", tags=["balanced"], inboundRules=[web], outboundRules=[out])
        hosts = account.droplets(network, {"one": ["balanced"], "two": ["balanced"]}, USER_DATA)
        made = Site(account, hosts, balancer, state, inputs)
        assert eventually(lambda: made.healthy() == {"one", "two"}, 30)
        yield made


def test_tls_ends_at_the_balancer_and_hosts_learn_who_came(site: Site) -> None:
    """DV6: the certificate is one that everybody here trusts; the name leads to the balancer by itself."""
    answers = [json.loads(site.ask()) for _ in range(4)]
    assert {answer["host"] for answer in answers} == {"one", "two"}
    headers = answers[0]["headers"]
    assert headers["x-forwarded-for"] == site.cloud.outsider().address
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
    assert headers["host"] == DOMAIN


def test_http_is_sent_to_https(site: Site) -> None:
    """VU7"""
    said = site.ask("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", scheme="http")
    assert said == f"307 https://{DOMAIN}/"


def test_only_the_balancer_reaches_the_hosts(site: Site) -> None:
    """VU1: neither the internet nor a neighbour in the network does."""
    one, two = (site.cloud.host(site.account.local(droplet)) for droplet in site.hosts.values())
    assert reaches(site.cloud, str(site.state["ip"]), 443)
    assert not reaches(site.cloud, one.public_address, 80)
    for address in (two.private_address, two.public_address):
        done = site.account.on(site.hosts["one"], f"curl -sS -m 2 http://{address}/")
        assert done.returncode == 28, done.stdout + done.stderr


def test_whatever_else_a_balancer_can_do_it_does(site: Site) -> None:
    """HTTP/2, TCP, TLS that ends at the hosts, cookies, the PROXY protocol, and visitors that are turned away."""
    http, secure = site.inputs["forwardingRules"]
    tcp = {"entryProtocol": "tcp", "entryPort": 9000, "targetProtocol": "tcp", "targetPort": 80}
    passed = {"entryProtocol": "https", "entryPort": 8443, "targetProtocol": "https", "targetPort": 80}
    rules = [http, {**secure, "entryProtocol": "http2"}, tcp, {**passed, "tlsPassthrough": True}]
    cookies = {"type": "cookies", "cookieName": "seen", "cookieTtlSeconds": 60}
    with site.changed(forwardingRules=rules, stickySessions=cookies, enableBackendKeepalive=True):
        jar = "/tmp/jar"
        assert site.ask("-o", "/dev/null", "-w", "%{http_version}", "-c", jar) == "2"
        answers = [json.loads(site.ask("-b", jar)) for _ in range(4)]
        assert len({answer["host"] for answer in answers}) == 1
        assert not [answer for answer in answers if "cookie" in answer["headers"]], "no host sees the balancer's cookie"
        plain = site.cloud.outsider().run(["curl", "-sS", f"http://{DOMAIN}:9000/"]).stdout
        assert "x-forwarded-for" not in json.loads(plain)["headers"]
        assert reaches(site.cloud, DOMAIN, 8443)
    outsider = site.cloud.outsider().address
    for sources, code in (({"denies": [f"ip:{outsider}"]}, ""), ({"allows": [f"cidr:{outsider}/32"]}, "200")):
        with site.changed(firewall=sources):
            assert site.ask("-o", "/dev/null", "-w", "%{http_code}").replace("000", "") == code
    with site.changed(enableProxyProtocol=True):
        assert json.loads(site.ask())["came_from"] == outsider


def test_a_host_that_was_drained_first_is_missed_by_nobody(site: Site) -> None:
    """DV4: drained by its own health check, then stopped; the balancer takes new settings meanwhile."""
    two = site.hosts["two"]
    with site.visitors() as visits:
        site.account.on(two, "touch /srv/leaving")
        assert eventually(lambda: site.healthy() == {"one"}, 15)
        site.account.on(two, "systemctl stop site")
        with site.changed(httpIdleTimeoutSeconds=120):
            assert site.healthy() == {"one"}, "a host that was down stays down over a change of the settings"
        site.account.on(two, "rm /srv/leaving; systemd-run --unit=site python3 /srv/server.py")
        assert eventually(lambda: site.healthy() == {"one", "two"}, 15)
    answers = visits.result()
    assert list(answers) == ["200"], answers
    assert answers["200"] > 100


def test_a_host_that_is_lost_leaves_within_two_checks(site: Site) -> None:
    """DV6: it is cut off without a word; whoever comes after that is served by the other one."""
    two = site.account.local(site.hosts["two"])
    site.cloud.cut_off(two)
    try:
        lost = time.monotonic()
        assert eventually(lambda: site.healthy() == {"one"}, 20)
        # the first check that fails begins within an interval, and the last one takes its whole timeout to fail
        assert time.monotonic() - lost < FAILURES_OUT * INTERVAL + TIMEOUT + 3
        assert {json.loads(site.ask())["host"] for _ in range(4)} == {"one"}
    finally:
        site.cloud.cut_off(two, cut=False)
