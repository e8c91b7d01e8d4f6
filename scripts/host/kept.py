"""The manifest that was applied last, which this host keeps."""

from __future__ import annotations

from .context import Host
from .manifest import Manifest, read
from .run import HostError

MANIFEST = "/etc/slipway/manifest.json"


def kept_manifest(host: Host) -> Manifest:
    """The manifest that was applied last. HostError if there was none."""
    return read(kept_text(host))


def kept_text(host: Host) -> str:
    """The same as it was sent."""
    try:
        with open(host.at(MANIFEST), encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        raise HostError("nothing has been applied to this host yet") from None
