"""Keys, random values and Cloudflare's records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncssh
import bcrypt
import pytest
from cryptography.hazmat.primitives import serialization

from rehearsal.provider.values import Properties, Secret, is_secret

KEY = "tls:index/privateKey:PrivateKey"
PASSWORD = "random:index/randomPassword:RandomPassword"
STRING = "random:index/randomString:RandomString"
IDENTIFIER = "random:index/randomId:RandomId"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
ZONE = "0123456789abcdef0123456789abcdef"
PROXIED: Properties = {
    "zoneId": ZONE,
    "name": "app.example.com",
    "type": "A",
    "content": "198.51.100.1",
    "ttl": 1,
    "proxied": True,
}
Start = Callable[[str], Any]


@pytest.mark.parametrize(
    "inputs",
    [{"algorithm": "ED25519"}, {"algorithm": "ECDSA", "ecdsaCurve": "P256"}, {"algorithm": "RSA", "rsaBits": 2048}],
    ids=lambda inputs: inputs["algorithm"],
)
def test_a_key_pair_fits_together_in_every_form(start_plugin: Start, inputs: Properties) -> None:
    _, outputs = start_plugin("tls").create(KEY, inputs)
    private = asyncssh.import_private_key(outputs["privateKeyOpenssh"].value)
    public = asyncssh.import_public_key(outputs["publicKeyOpenssh"])
    assert private.export_public_key() == public.export_public_key()
    assert outputs["publicKeyFingerprintSha256"] == public.get_fingerprint()
    assert outputs["publicKeyFingerprintMd5"] == public.get_fingerprint("md5").removeprefix("MD5:")
    loaded = serialization.load_pem_private_key(outputs["privateKeyPem"].value.encode(), None)
    pem = loaded.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert pem.decode() == outputs["publicKeyPem"]


def test_only_the_private_parts_of_a_key_are_secret(start_plugin: Start) -> None:
    """ALL3"""
    _, outputs = start_plugin("tls").create(KEY, {"algorithm": "ED25519"})
    secret = {name for name, value in outputs.items() if is_secret(value)}
    assert secret == {"privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"}


def test_an_algorithm_that_there_is_not_is_refused(start_plugin: Start) -> None:
    with pytest.raises(Exception, match="value must be one of"):
        start_plugin("tls").create(KEY, {"algorithm": "DSA"})


def test_a_password_is_a_secret_with_a_hash_that_fits(start_plugin: Start) -> None:
    """ALL3"""
    identifier, outputs = start_plugin("random").create(PASSWORD, {"length": 24, "minNumeric": 3, "special": False})
    assert identifier == "none"
    assert isinstance(outputs["result"], Secret)
    text = outputs["result"].value
    assert len(text) == 24
    assert text.isalnum()
    assert sum(character.isdigit() for character in text) >= 3
    assert bcrypt.checkpw(text.encode(), outputs["bcryptHash"].value.encode())


def test_a_random_string_is_no_secret(start_plugin: Start) -> None:
    _, outputs = start_plugin("random").create(STRING, {"length": 8, "upper": False, "special": False})
    assert outputs["result"] == outputs["result"].lower()


def test_minima_that_do_not_fit_are_refused(start_plugin: Start) -> None:
    with pytest.raises(Exception, match="at least sum of minimums"):
        start_plugin("random").create(STRING, {"length": 2, "minLower": 3})


def test_the_forms_of_a_random_id_say_the_same(start_plugin: Start) -> None:
    _, outputs = start_plugin("random").create(IDENTIFIER, {"byteLength": 4, "prefix": "x-"})
    assert outputs["hex"].startswith("x-")
    assert int(outputs["hex"].removeprefix("x-"), 16) == int(outputs["dec"].removeprefix("x-"))


def test_a_changed_keeper_makes_another_value(start_plugin: Start) -> None:
    old = {"length": 8, "keepers": {"version": "1"}}
    answer = start_plugin("random").diff(PASSWORD, old, {**old, "keepers": {"version": "2"}})
    assert list(answer.replaces) == ["keepers"]


def test_cloudflares_records_reach_the_resolver_too(start_plugin: Start) -> None:
    plugin = start_plugin("cloudflare")
    plugin.create(RECORD, PROXIED)
    assert list(plugin.store.read()["paper_names"]) == ["app.example.com A 198.51.100.1"]


@pytest.mark.parametrize(
    ("changes", "wording"),
    [
        ({"zoneId": "example.com"}, "Could not route"),
        ({"type": "TXT"}, "cannot be proxied"),
        ({"ttl": 300}, "cannot be proxied with a TTL"),
        ({"ttl": 5}, "between 30 and 86400"),
    ],
)
def test_it_refuses_what_cloudflare_refuses(start_plugin: Start, changes: Properties, wording: str) -> None:
    with pytest.raises(Exception, match=wording):
        start_plugin("cloudflare").create(RECORD, {**PROXIED, **changes})


@pytest.mark.parametrize(("name", "replaces"), [("type", True), ("zoneId", True), ("content", False), ("name", False)])
def test_a_cloudflare_records_change_replaces_or_not(start_plugin: Start, name: str, replaces: bool) -> None:
    changed = {**PROXIED, name: {"type": "CNAME", "zoneId": ZONE[::-1]}.get(name, "other.example.com")}
    assert list(start_plugin("cloudflare").diff(RECORD, PROXIED, changed).replaces) == ([name] if replaces else [])
