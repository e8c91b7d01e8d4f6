"""This machine's package settings, as files for a local host: apt, pip, npm, proxies and the authorities it trusts.

Nothing about any machine is written down: what is found is copied, and paths that would mean nothing on the host are
left out. The certificate store of the host is the one place where trust lies; programs with one of their own are led
to it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.machine import apt, node, python, trust

# The names under which programs outside of the system's own TLS libraries look for the bundle.
_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# What stays inside of the rehearsal even where everything else goes through a proxy.
_OURS = ("github.com", "ghcr.io", ".docker.io", ".letsencrypt.org", ".supabase.com")
_NEVER_BY_PROXY = ("localhost", "127.0.0.1", "198.18.0.0/15", *_OURS)


@dataclass(frozen=True)
class MachineSettings:
    """What a host inherits: file texts by path, apt sources (none: the distribution's own), certificates in PEM."""

    files: Mapping[str, str]
    apt_sources: tuple[str, ...]
    certificates: tuple[str, ...]

    def digest(self) -> str:
        """Changes when a host made today would differ from one made before."""
        text = repr((sorted(self.files.items()), self.apt_sources, self.certificates))
        return hashlib.sha256(text.encode()).hexdigest()


def read(distribution: str, codename: str) -> MachineSettings:
    """This machine's settings for a host that runs `distribution` (debian, ubuntu) `codename` (trixie, noble)."""
    variables = {**programs(), **proxies()}
    files = {
        "/etc/apt/apt.conf.d/90machine": apt.configuration(),
        "/etc/pip.conf": python.configuration(),
        "/etc/npmrc": node.configuration(os.environ),
        # /etc/environment is read at login (ssh, su, cron), DefaultEnvironment by everything that systemd starts.
        "/etc/environment": "".join(f'{name}="{value}"\n' for name, value in variables.items()),
        "/etc/systemd/system.conf.d/90-machine.conf": "[Manager]\n"
        + "".join(f'DefaultEnvironment="{name}={value}"\n' for name, value in variables.items()),
    }
    return MachineSettings(files, apt.sources(distribution, codename), trust.certificates())


def programs() -> dict[str, str]:
    """The variables by which programs find the host's trust and settings."""
    return {**dict.fromkeys(_BUNDLE_VARIABLES, trust.HOST_BUNDLE), "NPM_CONFIG_GLOBALCONFIG": "/etc/npmrc"}


def proxies() -> dict[str, str]:
    """This machine's proxies, in both spellings."""
    found = {}
    for name in _PROXY_VARIABLES:
        value = os.environ.get(name) or os.environ.get(name.upper())
        if value:
            found[name] = value
    if found:
        found["no_proxy"] = ",".join([*filter(None, [found.get("no_proxy")]), *_NEVER_BY_PROXY])
    return found | {name.upper(): value for name, value in found.items()}
