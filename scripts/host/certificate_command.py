"""`slipway certificate`: what the timer runs; --force renews now, --install is what certbot calls after it renewed."""

from __future__ import annotations

import sys

from . import certificate, tls
from .context import Host
from .kept import kept_manifest
from .run import HostError


def main(arguments: list[str]) -> int:
    """Obtain the certificate or renew it when it is time. --force renews at once and fails if that fails."""
    if arguments not in ([], ["--force"], ["--install"]):
        raise HostError("usage: slipway certificate [--force | --install]")
    host = Host(out=sys.stdout)
    wanted = kept_manifest(host).certificate
    if wanted is None:
        raise HostError("the manifest of this host asks for no certificate")
    if arguments == ["--install"]:
        # Called by certbot, maybe from within a run of ours that holds the lock: one rename, so it needs none.
        if tls.install(host, wanted):
            host.changed(f"certificate {wanted.domains[0]}")
        tls.tell(host, wanted)
        return 0
    with host.lock():
        if arguments == ["--force"]:
            certificate.renew_now(host, wanted)
        else:
            certificate.ensure(host, wanted)
            certificate.try_renewal(host, wanted)
    return 0
