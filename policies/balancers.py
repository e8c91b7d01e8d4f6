"""Rules on balancers: that they end TLS, and that there is something to balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.network import LOAD_BALANCER
from policies.rule import Context, Violation, rule

_OVER_TLS = frozenset({"https", "http2", "http3"})


@rule("bare-balancer", "error", "A balancer ends TLS with a certificate, or hands it through to who does.")
def bare_balancer(context: Context) -> Iterator[Violation]:
    for balancer in context.graph.of(LOAD_BALANCER):
        forwards = balancer.blocks("forwardingRules")
        over_tls = [forward for forward in forwards if forward.get("entryProtocol") in _OVER_TLS]
        for forward in over_tls:
            if not _has_certificate(forward):
                what = f"has no certificate for {forward.get('entryProtocol')} on {forward.get('entryPort')}"
                yield Violation(balancer.name, what, "certificate_name, or tls_passthrough=True", balancer.urn)
        if not over_tls and any(forward.get("entryProtocol") == "http" for forward in forwards):
            right = "a forwarding rule for https with a certificate"
            yield Violation(balancer.name, "serves HTTP alone", right, balancer.urn)


@rule("lone-host", "note", "A balancer has more than one host to choose from.")
def lone_host(context: Context) -> Iterator[Violation]:
    settings = context.settings
    if settings is not None and getattr(settings.architecture, "hosts", None) == 1:
        what = "is 1: while that host is lost, restarted or exchanged, nothing serves"
        yield Violation("slipway:architecture.hosts", what, "2 or more")
        return
    for balancer in context.graph.of(LOAD_BALANCER):
        hosts = balancer.inputs.get("dropletIds")
        if isinstance(hosts, list) and len(hosts) == 1:
            what = "has one host behind it: while that is lost, restarted or exchanged, nothing serves"
            yield Violation(balancer.name, what, "2 or more", balancer.urn)


@rule("plain-inside", "note", "What passes between a balancer and its hosts is encrypted, too.")
def plain_inside(context: Context) -> Iterator[Violation]:
    what = "ends TLS, and speaks HTTP to its hosts: in clear within the VPC"
    for balancer in context.graph.of(LOAD_BALANCER):
        for forward in balancer.blocks("forwardingRules"):
            if forward.get("entryProtocol") in _OVER_TLS and forward.get("targetProtocol") == "http":
                yield Violation(balancer.name, what, "encrypt_to_hosts: true", balancer.urn)
    architecture = context.settings.architecture if context.settings is not None else None
    if getattr(getattr(architecture, "balancer", None), "provider", None) == "haproxy":
        right = "a managed one with encrypt_to_hosts: true, where that must not be"
        yield Violation("slipway:architecture.balancer", what, right)


def _has_certificate(forward: Mapping[str, Any]) -> bool:
    return bool(forward.get("certificateName") or forward.get("certificateId") or forward.get("tlsPassthrough"))


RULES = (bare_balancer, lone_host, plain_inside)
