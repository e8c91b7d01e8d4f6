"""What HAProxy is told on the balancer's host: a new certificate, and how the hosts were before a reload."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hostfiles import haproxy as rendered
from scripts.host import haproxy, tls
from scripts.host.context import Host
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.site import certificate

PATH = "/etc/slipway/tls/devora.ai/combined.pem"
CONFIG = rendered.config(stack("devora-fleet").product, {"one": "10.100.0.2", "two": "10.100.0.3"}, 1024)
UP = "3 hosts 1 {} {} 2 0 1 1 99 15 3 4 6 0 0 0 - 80 - 0 0 - - 0"
UNWELL = "3 hosts 2 {} {} 0 0 1 1 99 15 2 0 6 0 0 0 - 80 - 0 0 - - 0"
SHOWN = (
    "1\n# be_id be_name srv_id srv_name\n{}\n4 challenges 1 nginx 127.0.0.1 2 0 1 1 99 1 0 3 0 0 0 0 - 81 - 0 0 - - 0\n"
)


def _pair() -> str:
    """A certificate and its key, with an empty line between, as some authorities have it."""
    with TemporaryDirectory() as directory:
        certificate(Path(directory) / "made", "devora.ai")
        return "\n".join((Path(directory) / "made" / name).read_text() for name in ("fullchain.pem", "privkey.pem"))


PAIR = _pair()


def _states(*shown: str) -> list[str]:
    version, *lines = haproxy.states(CONFIG, SHOWN.format("\n".join(shown))).splitlines()
    assert version == "1"
    return lines


def test_what_the_program_renders_is_what_the_host_reads() -> None:
    names = (rendered.CONFIG, f"/run/{rendered.RUN}", rendered.BACKEND, rendered.COMBINED)
    assert names == (haproxy.CONFIG, haproxy.RUN, haproxy.BACKEND, tls.COMBINED)
    assert f"stats socket {haproxy.SOCKET} " in CONFIG
    assert f"server-state-file {haproxy.STATES}\n" in CONFIG


def test_each_host_keeps_how_it_was() -> None:
    one, two = UP.format("one", "10.100.0.2"), UNWELL.format("two", "10.100.0.3")
    assert _states(one, two) == [one, two]


def test_a_host_that_is_new_begins_as_down() -> None:
    one = UP.format("one", "10.100.0.2")
    for known in ([one], [one, UP.format("two", "10.100.0.99")], [one, UP.format("three", "10.100.0.4")]):
        kept, new = _states(*known)
        assert kept == one
        assert new.split()[1:6] == ["hosts", "0", "two", "10.100.0.3", "0"]
        assert len(new.split()) == len(one.split())


@pytest.mark.parametrize("shown", [[], [UNWELL.format("one", "10.100.0.2")], [UP.format("gone", "10.100.0.9")]])
def test_where_none_is_known_to_be_good_nothing_is_said(shown: list[str]) -> None:
    assert _states(*shown) == []


def test_before_haproxy_runs_there_is_nothing_to_remember(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.put(haproxy.CONFIG, CONFIG)
    host.put(haproxy.STATES, "of a process that is gone")
    haproxy.write_states(host)
    assert (host.text(haproxy.STATES), host.mode(haproxy.STATES)) == ("1\n", 0o600)


def test_it_says_which_hosts_get_requests(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = SHOWN.format("\n".join([UP.format("one", "10.100.0.2"), UNWELL.format("two", "10.100.0.3")]))
    with _told(shown) as (host, _):
        host.put(haproxy.CONFIG, CONFIG)
        monkeypatch.setattr(haproxy, "Host", lambda **given: Host(host.root, **given))
        assert haproxy.remember([]) == 0
    assert capsys.readouterr().out == "one 10.100.0.2: gets requests\ntwo 10.100.0.3: gets none\n"
    with pytest.raises(HostError, match=r"^usage: slipway balancer-states$"):
        haproxy.remember(["--now"])


@contextmanager
def _told(*answers: str) -> Iterator[tuple[FakeHost, list[str]]]:
    """A host with a certificate, and something on HAProxy's socket that gives these answers, and what it is told."""
    heard: list[str] = []
    with TemporaryDirectory(prefix="host-") as directory, socket.socket(socket.AF_UNIX) as listening:
        host = FakeHost(Path(directory))
        host.put(PATH, PAIR)
        Path(host.at(haproxy.RUN)).mkdir(parents=True)
        listening.bind(host.at(haproxy.SOCKET))
        listening.listen()

        def answer() -> None:
            for text in answers:
                connection, _ = listening.accept()
                with connection:
                    heard.append(connection.recv(65536).decode())
                    connection.sendall(text.encode())

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield host, heard
        finally:
            thread.join(10)


def test_a_new_certificate_is_given_in_two_steps() -> None:
    with _told("SHA1 FingerPrint: 00\n", "Transaction created\n", "Committing\nSuccess!\n") as (host, heard):
        haproxy.serve(host, PATH)
        real = host.at(PATH)
    assert heard[0] == f"show ssl cert {real}\n"
    head, *lines = heard[1].splitlines()
    assert head == f"set ssl cert {real} <<"
    assert (lines[0], lines[-2], lines[-1]) == ("-----BEGIN CERTIFICATE-----", "-----END PRIVATE KEY-----", "")
    assert "" not in lines[:-1], "an empty line would be the end of it"
    assert heard[2] == f"commit ssl cert {real}\n"


def test_one_that_it_has_already_is_not_given_again() -> None:
    print_of = x509.load_pem_x509_certificate(PAIR.encode()).fingerprint(hashes.SHA1())  # noqa: S303  # as HAProxy shows it
    with _told(f"SHA1 FingerPrint: {print_of.hex().upper()}\n") as (host, heard):
        haproxy.serve(host, PATH)
    assert len(heard) == 1


def test_one_that_it_does_not_take_is_an_error_without_the_key() -> None:
    with (
        _told("none", "unable to load certificate\n", "No ongoing transaction!\n") as (host, _),
        pytest.raises(HostError) as caught,
    ):
        haproxy.serve(host, PATH)
    assert caught.value.reason == "HAProxy still serves the certificate before: No ongoing transaction!"


def test_one_that_does_not_run_reads_it_when_it_starts(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.put(PATH, "certificate")
    haproxy.serve(host, PATH)
