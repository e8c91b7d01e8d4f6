"""A real HAProxy with the rendered configuration, moved to ports and directories of a test, before stand-ins."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hostfiles import haproxy
from scripts.host import haproxy as on_host
from scripts.host.context import Host
from settings.product import Product
from tests.hostfiles.container_site import container
from tests.hostfiles.site import Site, certificate
from tests.ports import free_port

PROGRAM = "/usr/sbin/haproxy"
ADDRESSES = {f"devora-fleet-{number}": f"10.100.0.{number + 1}" for number in (1, 2, 3)}
MEMORY = 1024
_GOOD = "0 hosts 0 {} 127.0.0.1 2 0 1 1 0 15 3 3 6 0 0 0 - {} - 0 0 - - 0\n"
_OF_THE_SYSTEM = re.compile(r"^    (?:chroot|user|group|bind \[::\]:\d+) ?.*\n", re.MULTILINE)
"""What needs root, or another address than the tests have."""


@dataclass
class Balancer(Site):
    """A running HAProxy: where it looks for each host, and for challenges."""

    product: Product | None = None
    ports: dict[str, int] = field(default_factory=dict)
    challenges: int = 0
    interval: str = "10s"
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> Host:
        """The host as the scripts there know it."""
        return Host(str(self.root))

    @property
    def log_text(self) -> str:
        """All that it wrote."""
        return (self.root / "log").read_text()

    def write(self, names: list[str]) -> None:
        """The configuration with these hosts."""
        assert self.product is not None
        text = haproxy.config(self.product, {name: ADDRESSES[name] for name in names}, MEMORY)
        text = _OF_THE_SYSTEM.sub("", text)
        text = text.replace("bind 0.0.0.0:80", f"bind 127.0.0.1:{self.plain_port}")
        text = text.replace("bind 0.0.0.0:443", f"bind 127.0.0.1:{self.tls_port}")
        text = text.replace("/etc/slipway/tls", f"{self.root}/etc/slipway/tls")
        text = text.replace("/run/slipway-balancer", f"{self.root}/run/slipway-balancer")
        text = text.replace(haproxy.CHALLENGES, f"127.0.0.1:{self.challenges}")
        for name in names:
            text = text.replace(f"{ADDRESSES[name]}:80", f"127.0.0.1:{self.ports[name]}")
        path = self.root / "etc" / "haproxy" / "haproxy.cfg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("inter 10s", f"inter {self.interval}"))

    def reload(self, names: list[str]) -> None:
        """What its unit does, with these hosts; returns when the new process has taken over."""
        assert self.process is not None
        before = self.ask("show info").partition("\nPid: ")[2].split()[0]
        self.write(names)
        on_host.write_states(self.host)
        self._until_other_than(before, signal.SIGUSR2)

    def ask(self, command: str) -> str:
        """What it says on its socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.root / "run" / "slipway-balancer" / "admin.sock"))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def well(self) -> set[str]:
        """The hosts that get requests."""
        lines = [line.split() for line in self.ask(f"show servers state {haproxy.BACKEND}").splitlines()[2:]]
        return {words[3] for words in lines if words and words[5] == "2"}

    def until_well(self, names: set[str], seconds: float = 20) -> None:
        """Return once these hosts get requests, and no other does."""
        until = time.monotonic() + seconds
        while self.well() != names:
            assert time.monotonic() < until, f"{self.well()} are well, and not {names}"
            time.sleep(0.02)

    def stop(self) -> None:
        """It may be starting, and lose a signal."""
        assert self.process is not None
        for _ in range(10):
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=2)
                return
        raise AssertionError(f"HAProxy did not stop: {self.log_text}")

    def _until_other_than(self, before: str, by: signal.Signals | None = None) -> None:
        """A signal that comes while it is still starting is lost, so it is sent again."""
        assert self.process is not None
        until, sent = time.monotonic() + 20, 0.0
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log_text
            if by is not None and time.monotonic() > sent + 3:
                self.process.send_signal(by)
                sent = time.monotonic()
            try:
                if self.ask("show info").partition("\nPid: ")[2].split()[0] != before:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"HAProxy did not start: {self.log_text}")


@contextmanager
def balancing(
    product: Product, ports: Mapping[str, int] | None = None, interval: str = "10s", count: int = 2
) -> Iterator[Balancer]:
    """HAProxy before `count` hosts on ports that are free, or on these; stopped at the end.

    It begins as one that has found all of them good, so that two checks have to fail before one is left out.
    """
    ports = dict(ports or {name: free_port() for name in ADDRESSES})
    with TemporaryDirectory(prefix="balancer-") as directory:  # the path of a socket has to be short
        root = Path(directory)
        made = Balancer(root, free_port(), free_port(), product.domain, product, ports, free_port(), interval)
        pair = root / "etc" / "slipway" / "tls" / product.domain
        certificate(pair, product.domain)
        (root / "tls").symlink_to(pair.parent)
        (pair / haproxy.COMBINED).write_text((pair / "fullchain.pem").read_text() + (pair / "privkey.pem").read_text())
        (root / "run" / "slipway-balancer").mkdir(parents=True)
        made.write(list(ADDRESSES)[:count])
        states = [_GOOD.format(name, ports[name]) for name in list(ADDRESSES)[:count]]
        (root / "run" / "slipway-balancer" / "hosts.state").write_text("1\n" + "".join(states))
        with (root / "log").open("wb") as log:
            command = [PROGRAM, "-W", "-f", str(root / "etc" / "haproxy" / "haproxy.cfg")]
            made.process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                made._until_other_than("")
                yield made
            finally:
                made.stop()


@contextmanager
def serving(balancer: Balancer, *names: str) -> Iterator[None]:
    """Stand-ins for these hosts, each of which answers with its name."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(container(balancer.ports[name], name))
        yield


def who(balancer: Balancer, method: str = "GET") -> str | int:
    """The host that answers, or what else came of it."""
    try:
        answer = balancer.get("/", method=method)
    except OSError as error:
        return type(error).__name__
    return str(json.loads(answer.body)["container"]) if answer.status == 200 else answer.status


def many(balancer: Balancer, count: int = 40) -> Counter[str | int]:
    """Who answers many requests at once, every other one a POST."""
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda number: who(balancer, ("GET", "POST")[number % 2]), range(count)))
