"""The certificate: a placeholder, then the authority's, renewed in time; a failure never stops an apply."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from scripts.host import certificate, haproxy, tls
from scripts.host.manifest import Certificate
from scripts.host.run import HostError, Result
from tests.host_scripts.fake_host import FakeHost

DOMAIN = "app.example.com"
WANTED = Certificate((DOMAIN, "www.example.com"), "ops@example.com", "https://ca.example.net/directory")
DAY = 24 * 3600
DATES = "notBefore={}\nnotAfter={}\n"


class Authority:
    """certbot and openssl: each certificate has a number, and lasts from now for as many days as is said."""

    def __init__(self) -> None:
        self.host: FakeHost | None = None
        self.number = 0
        self.days = 90
        self.refuses = ""
        self.dry_runs = 0

    def __call__(self, argv: list[str]) -> str | int | None:
        assert self.host is not None
        if argv[0] == "openssl" and "req" in argv:
            for option, text in (("-keyout", "own key"), ("-out", "own certificate")):
                Path(argv[argv.index(option) + 1]).write_text(text)
        elif argv[0] == "openssl":
            form = "%b %d %H:%M:%S %Y GMT"
            now = time.time()
            return DATES.format(*(time.strftime(form, time.gmtime(at)) for at in (now, now + self.days * DAY)))
        elif self.refuses:
            raise HostError(
                "certbot certonly failed (exit 1): Ask for help", ["Some problem", self.refuses, "Ask for help"]
            )
        elif "--dry-run" in argv:
            self.dry_runs += 1
        else:
            self.number += 1
            self.host.put(f"{tls.LIVE}/{DOMAIN}/privkey.pem", "key")
            self.host.put(f"{tls.LIVE}/{DOMAIN}/fullchain.pem", f"certificate {self.number}")
        return None

    def orders(self) -> list[list[str]]:
        """What certbot was asked for, without trials."""
        assert self.host is not None
        return [argv for argv in self.host.ran if argv[0] == "certbot" and "--dry-run" not in argv]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority()
    made.host = FakeHost(tmp_path, made)
    return made


@pytest.fixture
def host(authority: Authority) -> FakeHost:
    assert authority.host is not None
    return authority.host


def apply(host: FakeHost) -> None:
    """The two steps of an apply."""
    tls.placeholder(host, WANTED)
    certificate.ensure(host, WANTED)


def served(host: FakeHost) -> str:
    return host.text(f"{tls.TLS}/{DOMAIN}/fullchain.pem")


def record(host: FakeHost) -> dict[str, object]:
    found: dict[str, object] = json.loads(host.text(certificate.RECORD))
    return found


def age(host: FakeHost, **changes: object) -> None:
    """Change the record, as time would."""
    host.put(certificate.RECORD, json.dumps(record(host) | changes), 0o600)


def test_there_is_a_placeholder_before_the_authority_is_asked(host: FakeHost) -> None:
    tls.placeholder(host, WANTED)
    assert served(host) == "own certificate"
    assert host.mode(f"{tls.TLS}/{DOMAIN}/privkey.pem") == 0o640
    assert not Path(host.at(f"{tls.TLS}/{DOMAIN}/{tls.COMBINED}")).exists(), "which is for HAProxy alone"
    tls.placeholder(host, WANTED)
    assert host.changes == 1


def test_the_first_order_is_served_and_its_renewal_is_tried(host: FakeHost, authority: Authority) -> None:
    """FF9: renewal tried, not assumed."""
    apply(host)
    assert served(host) == "certificate 1"
    assert host.said[-2:] == [
        f"changed: certificate {DOMAIN}: from ca.example.net",
        "certificate: renewal tried: works",
    ]
    (order,) = authority.orders()
    assert order[order.index("--server") + 1] == WANTED.directory
    assert [order[index + 1] for index, word in enumerate(order) if word == "--domain"] == list(WANTED.domains)
    assert {"--reuse-key", "ecdsa", "--non-interactive"} <= set(order)


def test_a_certificate_that_lasts_costs_no_program(host: FakeHost) -> None:
    apply(host)
    before = len(host.ran)
    apply(host)
    certificate.try_renewal(host, WANTED)
    assert len(host.ran) == before


def test_a_failure_is_said_with_the_authority_s_words_and_stops_nothing(host: FakeHost, authority: Authority) -> None:
    authority.refuses = "  Detail: DNS problem: NXDOMAIN looking up A for app.example.com"
    apply(host)
    assert host.said[-1] == (
        "certificate: not yet: DNS problem: NXDOMAIN looking up A for app.example.com; retried every 10 minutes"
    )
    assert served(host) == "own certificate"
    assert host.changes == 1


def test_after_a_failure_the_authority_is_asked_again_when_it_is_time(host: FakeHost, authority: Authority) -> None:
    authority.refuses = "  Detail: no"
    apply(host)
    asked = len(host.ran)
    certificate.ensure(host, WANTED)
    assert len(host.ran) == asked  # too soon
    age(host, tried=time.time() - certificate.RETRY)
    authority.refuses = ""
    certificate.ensure(host, WANTED)
    assert served(host) == "certificate 1"


def test_after_many_failures_it_stays_within_the_authority_s_limit(host: FakeHost, authority: Authority) -> None:
    """Five failed validations an hour for a name; two an hour then."""
    authority.refuses = "  Detail: no"
    apply(host)
    asked = 1
    now = time.time()
    for minute in range(10, 24 * 60, 10):
        age(host, tried=float(str(record(host)["tried"])) - 600)
        before = len(host.ran)
        certificate.ensure(host, WANTED)
        asked += len(host.ran) > before
        assert asked <= 4 + minute / 60 * 3
    assert asked > 24
    assert time.time() - now < 600


def test_in_its_last_third_it_is_renewed(host: FakeHost, authority: Authority) -> None:
    apply(host)
    now = time.time()
    authority.days = 25
    age(host, not_before=now - 61 * DAY, not_after=now + 29 * DAY)
    certificate.ensure(host, WANTED)
    assert len(authority.orders()) == 1  # what is served is younger than the record: another renewed it

    authority.days = 90
    authority.host = host
    real, host.programs = host.programs, lambda argv: _old(argv, now) or authority(argv)
    age(host, not_before=now - 61 * DAY, not_after=now + 29 * DAY)
    certificate.ensure(host, WANTED)
    host.programs = real
    assert "--force-renewal" in authority.orders()[-1]
    assert served(host) == "certificate 2"


def _old(argv: list[str], now: float) -> str | None:
    if argv[:2] != ["openssl", "x509"]:
        return None
    form = "%b %d %H:%M:%S %Y GMT"
    return DATES.format(*(time.strftime(form, time.gmtime(at)) for at in (now - 61 * DAY, now + 29 * DAY)))


def test_another_authority_is_asked_even_while_the_certificate_lasts(host: FakeHost, authority: Authority) -> None:
    apply(host)
    other = Certificate(WANTED.domains, WANTED.email, "https://other.example.net/directory")
    certificate.ensure(host, other)
    assert "--force-renewal" in authority.orders()[-1]
    assert authority.dry_runs == 2


def test_a_certificate_that_was_taken_away_comes_back_from_what_certbot_keeps(
    host: FakeHost, authority: Authority
) -> None:
    apply(host)
    Path(host.at(f"{tls.TLS}/{DOMAIN}")).unlink()
    apply(host)
    assert served(host) == "certificate 1"
    assert len(authority.orders()) == 1


def test_a_reader_never_meets_a_pair_that_does_not_fit(
    host: FakeHost, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FF9, and check 8 of the rehearsal: the link changes once, when both files are there."""
    apply(host)
    seen = []
    real = os.replace

    def look(source: str, target: str) -> None:
        seen.append((served(host), host.text(f"{tls.TLS}/{DOMAIN}/privkey.pem")))
        real(source, target)

    monkeypatch.setattr(os, "replace", look)
    host.put(f"{tls.LIVE}/{DOMAIN}/privkey.pem", "key 2")
    host.put(f"{tls.LIVE}/{DOMAIN}/fullchain.pem", "certificate 2")
    assert tls.install(host, WANTED)
    assert seen == [("certificate 1", "key")]
    assert (served(host), host.text(f"{tls.TLS}/{DOMAIN}/privkey.pem")) == ("certificate 2", "key 2")
    assert not tls.install(host, WANTED)


def test_pairs_that_are_two_renewals_old_go(host: FakeHost) -> None:
    apply(host)
    for number in range(5):
        host.put(f"{tls.LIVE}/{DOMAIN}/fullchain.pem", f"next {number}")
        tls.install(host, WANTED)
    assert len([path for path in Path(host.at(tls.TLS)).iterdir() if not path.is_symlink()]) == 2


def test_haproxy_gets_both_in_one_file_that_is_roots_alone(host: FakeHost, authority: Authority) -> None:
    wanted = dataclasses.replace(WANTED, served_by="haproxy")
    combined = f"{tls.TLS}/{DOMAIN}/{tls.COMBINED}"
    tls.placeholder(host, wanted)
    assert (host.text(combined), host.mode(combined)) == ("own certificate\nown key\n", 0o600)
    certificate.ensure(host, wanted)
    assert (host.text(combined), host.mode(combined)) == ("certificate 1\nkey\n", 0o600)
    certificate.renew_now(host, wanted)
    assert host.text(combined) == "certificate 2\nkey\n"
    Path(host.at(combined)).unlink()
    tls.placeholder(host, wanted)
    assert host.text(combined) == "certificate 2\nkey\n"
    assert served(host) == "certificate 2"


def test_haproxy_is_told_each_time_and_a_failure_stops_nothing(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may have been killed after the new pair was there and before HAProxy was told."""
    wanted = dataclasses.replace(WANTED, served_by="haproxy")
    told: list[str] = []

    def refuse(host: FakeHost, path: str) -> None:
        told.append(host.text(path))
        raise HostError("HAProxy still serves the certificate before: no")

    monkeypatch.setattr(haproxy, "serve", refuse)
    tls.placeholder(host, wanted)
    assert told == []
    certificate.ensure(host, wanted)
    assert set(told) == {"own certificate\nown key\n", "certificate 1\nkey\n"}
    told.clear()
    certificate.ensure(host, wanted)
    assert told == ["certificate 1\nkey\n"]
    assert host.said[-1] == (
        "certificate: HAProxy still serves the certificate before: no; told again every 10 minutes"
    )


def test_by_hand_it_is_renewed_at_once_and_a_failure_is_one(host: FakeHost, authority: Authority) -> None:
    certificate.renew_now(host, WANTED)
    certificate.renew_now(host, WANTED)
    assert served(host) == "certificate 2"
    assert "--force-renewal" in authority.orders()[-1]
    authority.refuses = "  Detail: too many"
    with pytest.raises(HostError, match=r"^too many$"):
        certificate.renew_now(host, WANTED)


def test_a_renewal_that_did_not_work_is_tried_again_a_day_later(host: FakeHost, authority: Authority) -> None:
    real = host.run

    def no_trials(argv: list[str], **options: object) -> Result:
        if "--dry-run" in argv:
            raise HostError("no trials today", [])
        return real(argv, **options)

    host.run = no_trials  # type: ignore[method-assign]
    apply(host)
    assert record(host)["renewal"] == "no trials today"
    host.run = real  # type: ignore[method-assign]
    certificate.try_renewal(host, WANTED)
    assert authority.dry_runs == 0
    age(host, renewal_tried=time.time() - 2 * DAY)
    certificate.try_renewal(host, WANTED)
    assert record(host)["renewal"] == "works"
