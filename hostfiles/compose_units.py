"""Units of a host that runs containers: recovery after Docker is up, the volume, a certificate for the balancer."""

from __future__ import annotations

from hostfiles import docker, nginx, systemd
from hostfiles.manifest import File, Unit
from hostfiles.nginx_proxy import Front
from hostfiles.text import HEADER, joined
from settings.kinds import DropletCompose
from settings.product import Product
from settings.stack import Settings

_RECOVER, _PLACEHOLDER = "slipway-recover.service", "slipway-placeholder.service"
_PATIENCE = 900
"""Seconds for an interrupted release to be finished or undone at boot: containers start, and have to become well."""


def files(settings: Settings, front: Front | None) -> list[File]:
    """Every unit file that is of a host of the product's alone."""
    recover = _recover(settings.product.name)
    units = {_RECOVER: recover, systemd.NGINX: systemd.always()} if front else systemd.common(recover)
    if front is not None and front.may_encrypt:
        units[_PLACEHOLDER] = _placeholder(settings.product.domain)
    return [*systemd.files(units), *data_files(settings.product, volume(settings))]


def units(settings: Settings, front: Front | None) -> list[Unit]:
    """The state they should be in."""
    wanted = [Unit(_RECOVER, running=False), *([Unit("slipway-certificate.timer")] if front is None else [])]
    if front is not None and front.may_encrypt:
        wanted.append(Unit(_PLACEHOLDER))
    return [*wanted, *data_units(settings.product, volume(settings))]


def data_files(product: Product, volume: systemd.Volume | None) -> list[File]:
    """The mount of what containers keep, where it is on a volume."""
    if volume is None:
        return []
    folder = docker.DATA.format(product=product.name)
    mount = systemd.mount_unit(folder)
    # Docker starts containers by itself at boot: not before what they keep is there, and anything else even without it
    order = joined([f"# {HEADER}", "[Unit]", f"Wants={mount}", f"After={mount}"])
    units = {mount: systemd.mount(volume, product.name, folder)}
    return systemd.files({**units, "docker.service.d/10-slipway.conf": order})


def data_units(product: Product, volume: systemd.Volume | None) -> list[Unit]:
    """The state it should be in."""
    return [] if volume is None else [Unit(systemd.mount_unit(docker.DATA.format(product=product.name)))]


def volume(settings: Settings) -> systemd.Volume | None:
    """The volume of a host of the product's, where it has one."""
    gib = settings.architecture.volume if isinstance(settings.architecture, DropletCompose) else None
    return None if gib is None else systemd.Volume(settings.name, gib)


def _recover(name: str) -> str:
    more: systemd.Section = {
        "TimeoutStartSec": str(_PATIENCE),
        "Environment": "HOME=/root",
        "ProtectHome": "read-only",  # the log-in to the registry
        # the last ones for `nginx -t`, where nginx runs already
        "ReadWritePaths": f"/opt/{name} /var/lib/slipway -/run/slipway -/run/nginx.pid -/var/lib/nginx -/var/log/nginx",
    }
    # it starts containers; and nginx follows the links that this sets right
    about = {"Wants": "docker.service", "After": "local-fs.target docker.service", "Before": "nginx.service"}
    return systemd.recover(about, "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER", f"/opt/{name}", more)


def _placeholder(domain: str) -> str:
    """A certificate of its own making, for a balancer that may speak TLS to its hosts and asks for no names."""
    place = f"{nginx.TLS_ROOT}/{domain}"
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 "
        f"-subj /CN={domain[:64]} -addext subjectAltName=DNS:{domain} "
        f"-keyout {place}/privkey.pem -out {place}/fullchain.pem"
    )
    service: systemd.Section = {
        "Type": "oneshot",
        "RemainAfterExit": "yes",
        "ExecStart": [
            f"/usr/bin/install --directory --mode=0750 --group=www-data {place}",
            f"/bin/sh -c 'test -e {place}/fullchain.pem || {make}'",
            f"/usr/bin/chgrp --recursive www-data {place}",
            f"/usr/bin/chmod 0640 {place}/privkey.pem",
        ],
        **systemd.SANDBOX,
        "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
        "UMask": "0027",
        "ReadWritePaths": nginx.TLS_ROOT,
    }
    about = {"Before": "nginx.service"}
    return systemd.unit("The certificate that the balancer meets", ("Service", service), systemd.AT_BOOT, about=about)
