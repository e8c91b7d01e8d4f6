"""The cloud's firewall as text, and as nft reads it."""

from __future__ import annotations

import os
import subprocess

import pytest

from rehearsal.firewall import SEVERED, removal, ruleset, severed
from rehearsal.model import CloudError, InboundRule, OutboundRule

EVERYBODY = ("0.0.0.0/0", "::/0")
INBOUND = [
    InboundRule("tcp", "22", ("203.0.113.7/32", "203.0.113.0/24", "2001:db8::/32")),
    InboundRule("tcp", "80", EVERYBODY),
    InboundRule("udp", "8000-8010", ("198.51.100.0/24",)),
    InboundRule("icmp", "", EVERYBODY),
    InboundRule("tcp", "all", ("10.100.0.0/24",)),
]


def test_rules_say_who_may_reach_which_port() -> None:
    """FF2."""
    text = ruleset(INBOUND, None)
    assert "policy drop" in text
    for line in (
        "ip saddr { 203.0.113.0/24 } tcp dport 22 accept",
        "ip6 saddr { 2001:db8::/32 } tcp dport 22 accept",
        "meta nfproto ipv4 tcp dport 80 accept",
        "meta nfproto ipv6 tcp dport 80 accept",
        "ip saddr { 198.51.100.0/24 } udp dport 8000-8010 accept",
        "meta nfproto ipv6 meta l4proto icmpv6 accept",
        "ip saddr { 10.100.0.0/24 } meta l4proto tcp accept",
    ):
        assert f"    {line}\n" in text


def test_no_outbound_list_lets_all_out_and_an_empty_one_nothing() -> None:
    assert "postrouting" not in ruleset(INBOUND, None)
    closed = ruleset([], [])
    assert closed.count("policy drop") == 2
    assert "dport" not in closed


def test_a_new_ruleset_replaces_the_old_in_one_transaction() -> None:
    assert ruleset([], None).startswith(removal())


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (InboundRule("sctp", "22", EVERYBODY), "none of tcp, udp, icmp"),
        (InboundRule("tcp", "22", ()), "names no addresses"),
        (InboundRule("tcp", "22", ("203.0.113.7/24",)), "is no CIDR"),
        (InboundRule("tcp", "ssh", EVERYBODY), "neither a port, a range, nor all"),
        (InboundRule("tcp", "70000", EVERYBODY), "neither a port, a range, nor all"),
        (InboundRule("tcp", "90-80", EVERYBODY), "neither a port, a range, nor all"),
    ],
)
def test_a_rule_that_a_cloud_would_refuse_is_refused(rule: InboundRule, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        ruleset([rule], None)


def test_a_severed_host_has_another_table_than_its_firewall() -> None:
    assert severed().startswith(removal(SEVERED))
    assert "table inet cloud" not in severed()


@pytest.mark.skipif(os.geteuid() != 0, reason="nft answers only root")
def test_nft_understands_it() -> None:
    text = severed() + ruleset(
        INBOUND, [OutboundRule("tcp", "all", EVERYBODY), OutboundRule("udp", "53", ("192.0.2.0/24",))]
    )
    done = subprocess.run(["nft", "-c", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
