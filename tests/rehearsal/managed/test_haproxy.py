"""A balancer's settings as text; tests/hosts/test_local_balancer.py has HAProxy read them."""

from __future__ import annotations

from dataclasses import replace

from rehearsal.managed.haproxy import certificate_file, configuration, states
from rehearsal.model import Balancing, Forwarding, HealthCheck

HTTP = Forwarding("http", 80, "http", 8080)
HTTPS = Forwarding("https", 443, "http", 8080, "site")
CHECK = HealthCheck("http", 8080, "/health", 10, 5, 2, 3)
BALANCING = Balancing((HTTP, HTTPS), CHECK, {"two": "10.0.0.3", "one": "10.0.0.2"})


def section(text: str, name: str) -> list[str]:
    """The lines of one section."""
    found = text.partition(f"\n{name}\n")[2].splitlines()
    return [line.strip() for line in found[: next((at for at, line in enumerate(found) if line[0] != " "), len(found))]]


def test_each_target_is_checked_once_however_many_ports_lead_to_it() -> None:
    """DV6: the interval and the thresholds are those of the program."""
    text = configuration(BALANCING)
    assert section(text, "backend health")[-2:] == [
        "server one 10.0.0.2:8080 check inter 10s fall 2 rise 3",
        "server two 10.0.0.3:8080 check inter 10s fall 2 rise 3",
    ]
    assert text.count(" check inter ") == 2
    assert section(text, "backend to-443") == [
        "server one 10.0.0.2:8080 track health/one",
        "server two 10.0.0.3:8080 track health/two",
    ]


def test_a_health_check_succeeds_as_the_cloud_says() -> None:
    lines = section(configuration(BALANCING), "backend health")
    assert "http-check send meth GET uri /health ver HTTP/1.1 hdr Host balancer hdr Connection close" in lines
    assert "http-check expect status 200-399" in lines
    tcp = section(configuration(replace(BALANCING, check=replace(CHECK, protocol="tcp"))), "backend health")
    assert not [line for line in tcp if "http" in line]
    secure = section(configuration(replace(BALANCING, check=replace(CHECK, protocol="https"))), "backend health")
    assert secure[-1].endswith("check-ssl verify none")


def test_targets_learn_who_came_and_how() -> None:
    lines = section(configuration(BALANCING), "frontend from-443")
    assert f"bind :443 ssl crt {certificate_file('site')} alpn http/1.1" in lines
    assert "option forwardfor" in lines
    assert "http-request set-header X-Forwarded-Proto https" in lines
    assert "http-request set-header X-Forwarded-Port 443" in lines


def test_http_is_sent_to_https_where_that_was_asked_for() -> None:
    assert not [line for line in section(configuration(BALANCING), "frontend from-80") if "redirect" in line]
    lines = section(configuration(replace(BALANCING, redirect=True)), "frontend from-80")
    assert "http-request redirect scheme https code 307" in lines
    assert not [
        line
        for line in section(configuration(replace(BALANCING, redirect=True)), "frontend from-443")
        if "redirect" in line
    ]


def test_what_is_passed_through_is_not_looked_into() -> None:
    passed = replace(BALANCING, forwardings=(Forwarding("https", 443, "https", 8443, passthrough=True),), cookie="seen")
    text = configuration(passed)
    assert section(text, "frontend from-443") == ["bind :443", "mode tcp", "default_backend to-443"]
    assert section(text, "backend to-443")[1] == "server one 10.0.0.2:8443 track health/one"


def test_targets_are_reached_by_tls_and_the_proxy_protocol_where_that_was_asked_for() -> None:
    secure = replace(BALANCING, forwardings=(replace(HTTPS, target="https", target_port=8443),), proxy_protocol=True)
    (first, _) = section(configuration(secure), "backend to-443")
    assert first == "server one 10.0.0.2:8443 track health/one ssl verify none alpn http/1.1 send-proxy"
    assert "check-send-proxy" not in configuration(secure), "the check goes to another port"
    same = replace(secure, check=replace(CHECK, port=8443))
    assert section(configuration(same), "backend health")[-1].endswith("check-send-proxy")


def test_a_cookie_keeps_a_visitor_at_one_target() -> None:
    lines = section(configuration(replace(BALANCING, cookie="seen", cookie_seconds=60)), "backend to-80")
    assert lines[0] == "cookie seen insert indirect nocache maxlife 60s"
    assert lines[1].endswith("cookie one")


def test_visitors_are_let_in_by_their_address() -> None:
    lines = section(
        configuration(replace(BALANCING, allow=("203.0.113.7",), deny=("198.51.100.0/24",))), "frontend from-80"
    )
    assert lines[1:3] == [
        "tcp-request connection reject if { src 198.51.100.0/24 }",
        "tcp-request connection reject unless { src 203.0.113.7 }",
    ]


def test_a_target_keeps_its_health_over_a_reload_and_a_new_one_begins_down() -> None:
    up = "2 health 1 one 10.0.0.2 2 0 1 1 99 15 3 4 6 0 0 0 - 8080 - 0 0 - - 0"
    shown = f"1\n# be_id be_name\n{up}\n4 to-80 1 two 10.0.0.3 2 0\n"
    version, header, one, two = states(shown, BALANCING.targets, 8080).splitlines()
    assert version == "1"
    assert header.startswith("# be_id be_name srv_id srv_name srv_addr srv_op_state")
    assert one == up
    assert two.split()[1:6] == ["health", "0", "two", "10.0.0.3", "0"]
    assert len(two.split()) == len(header.split()) - 1
