"""The authorities that this machine trusts."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from pathlib import Path

HOST_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # Debian's and Ubuntu's, made by update-ca-certificates
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def split(bundle: str) -> list[str]:
    """The certificates of a PEM bundle, each ending in a newline, without what stands between them."""
    return [found + "\n" for found in _CERTIFICATE.findall(bundle)]


def unique(certificates: Iterable[str]) -> tuple[str, ...]:
    """Without duplicates, in a fixed order, so that the same trust gives the same image."""
    return tuple(sorted({"\n".join(certificate.split("\r\n")) for certificate in certificates}))


def certificates() -> tuple[str, ...]:
    """Every certificate of the machine's bundle, and of the bundle that SSL_CERT_FILE names."""
    places = [os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, HOST_BUNDLE]
    found: list[str] = []
    for place in dict.fromkeys(filter(None, places)):
        path = Path(str(place))
        if path.is_file():
            found += split(path.read_text(errors="replace"))
    return unique(found)
