"""Certificates of the rehearsal's authorities, as OpenSSL sees them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal.managed import authority
from rehearsal.model import CloudError


def verified(directory: Path, chain: str, root: str, *flags: str) -> bool:
    """Whether OpenSSL trusts the first certificate of a chain by a root."""
    (directory / "chain.pem").write_text(chain)
    (directory / "root.pem").write_text(root)
    files = ["-CAfile", str(directory / "root.pem"), "-untrusted", str(directory / "chain.pem")]
    command = ["openssl", "verify", "-x509_strict", *files, *flags, str(directory / "chain.pem")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_certificate_is_for_its_names_and_addresses_alone(tmp_path: Path) -> None:
    root = authority.new_authority("ours")
    made = authority.issue(root, ["www.example.com", "10.0.0.2"])
    assert verified(tmp_path, made.chain, root.chain, "-verify_hostname", "www.example.com")
    assert verified(tmp_path, made.chain, root.chain, "-verify_ip", "10.0.0.2")
    assert not verified(tmp_path, made.chain, root.chain, "-verify_hostname", "example.com")
    assert not verified(tmp_path, made.chain, authority.new_authority("another").chain)


def test_a_certificate_that_was_brought_has_to_fit_its_key() -> None:
    one, other = (authority.issue(authority.new_authority("ours"), ["example.com"]) for _ in range(2))
    assert authority.fitting(one.chain, one.key) == one
    with pytest.raises(CloudError, match="does not fit"):
        authority.fitting(one.chain, other.key)
    with pytest.raises(CloudError, match="not in PEM"):
        authority.fitting("nothing", one.key)


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    """ALL3"""
    made = authority.new_authority("ours")
    assert "PRIVATE" in made.key
    assert "PRIVATE" not in repr(made)
