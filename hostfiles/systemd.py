"""Units of ours, each with no more rights than it needs (`systemd-analyze security`: 4.0 or less)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hostfiles.manifest import File
from hostfiles.text import HEADER, joined

Section = dict[str, str | list[str]]
"""A section's settings. One with several values is a line for each."""

NGINX = "nginx.service.d/10-slipway.conf"
_UNITS = "/etc/systemd/system"

SANDBOX: Section = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "KeyringMode": "private",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "SystemCallErrorNumber": "EPERM",
}
_CERTIFICATE_PATHS = (
    "/etc/slipway",
    "-/etc/letsencrypt",
    "-/var/lib/letsencrypt",
    "-/var/log/letsencrypt",
    "-/var/www/acme",
    "/var/lib/slipway",
)
METADATA = "169.254.0.0/16"
"""Link-local addresses: there the cloud tells whoever asks from the host what it was made with, its user data."""
NO_RIGHTS: Section = {"CapabilityBoundingSet": "", "AmbientCapabilities": ""}
AT_BOOT: tuple[str, Section] = ("Install", {"WantedBy": "multi-user.target"})


@dataclass(frozen=True)
class Volume:
    """A volume that outlives the machine: its name in the cloud, and its size in GiB."""

    name: str
    gib: int


def files(units: Mapping[str, str], *again: str) -> list[File]:
    """Unit files by name. Those named in `again` run again when their text changes."""
    return [
        File(f"{_UNITS}/{name}", text, then=("daemon-reload", *((f"restart {name}",) if name in again else ())))
        for name, text in units.items()
    ]


def common(recover: str) -> dict[str, str]:
    """What every host has whose nginx serves a product. `recover` is the text of slipway-recover.service."""
    return {
        "slipway-recover.service": recover,
        **certificates(),
        NGINX: always(),
    }


def certificates() -> dict[str, str]:
    """What every host has that obtains a certificate."""
    return {"slipway-certificate.service": _certificate(), "slipway-certificate.timer": _certificate_timer()}


def always() -> str:
    """The distributions start a server again after an upgrade, but not after it was killed."""
    return drop_in({"Restart": "always", "RestartSec": "1"})


def drop_in(service: Section) -> str:
    """What a package's unit is told on top of its own."""
    return joined([f"# {HEADER}", "[Service]", *_settings(service)])


def recover(about: Mapping[str, str], capabilities: str, root: str, more: Section | None = None) -> str:
    """slipway-recover.service, with its place among the other units and what it may do below the product's `root`."""
    service: Section = {
        "Type": "oneshot",
        "ExecStart": "/usr/local/sbin/slipway recover --boot",
        **SANDBOX,
        "CapabilityBoundingSet": capabilities,
        "ReadWritePaths": f"{root} /var/lib/slipway -/run/slipway",
        **(more or {}),
    }
    about = {**about, "ConditionPathExists": "/etc/slipway/release.json"}
    return unit("Finish or undo a release that was interrupted", ("Service", service), AT_BOOT, about=about)


def mount_unit(folder: str) -> str:
    """The name that systemd wants for a mount there: a dash in a path is escaped."""
    return folder.strip("/").replace("-", chr(92) + "x2d").replace("/", "-") + ".mount"


def mount(volume: Volume, product: str, folder: str) -> str:
    """The mount of what the product keeps. It says how large that is: a host has to hear of it, to grow with it."""
    where: Section = {
        "What": f"/dev/disk/by-id/scsi-0DO_Volume_{volume.name}",
        "Where": folder,
        "Type": "ext4",
        "Options": "defaults,noatime,nodev,nosuid,nofail",
    }
    return unit(f"The volume of {product}, {volume.gib} GiB", ("Mount", where), AT_BOOT)


def unit(description: str, *sections: tuple[str, Section], about: dict[str, str] | None = None) -> str:
    lines = [f"# {HEADER}", "[Unit]", f"Description={description}", *_settings(dict(about or {}))]
    for name, content in sections:
        lines += ["", f"[{name}]", *_settings(content)]
    return joined(lines)


def _settings(content: Mapping[str, str | list[str]] | Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for key, value in content.items():
        lines += [f"{key}={one}" for one in ([value] if isinstance(value, str) else value)]
    return lines


def _certificate() -> str:
    service: Section = {
        "Type": "oneshot",
        "ExecStart": "/usr/local/sbin/slipway certificate",
        "TimeoutStartSec": "600",
        **SANDBOX,
        "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
        "UMask": "0077",
        "ReadWritePaths": " ".join(_CERTIFICATE_PATHS),
    }
    about = {"Wants": "network-online.target", "After": "network-online.target nginx.service"}
    return unit("Obtain or renew the certificate when it is due", ("Service", service), about=about)


def _certificate_timer() -> str:
    timer: Section = {
        "OnBootSec": "2min",
        "OnUnitInactiveSec": "10min",
        "AccuracySec": "1min",
    }
    return unit(
        "Look whether the certificate is due, or still missing",
        ("Timer", timer),
        ("Install", {"WantedBy": "timers.target"}),
    )
