"""Everything that the host of a fleet's balancer is told. It holds no secret but its certificate's key."""

from __future__ import annotations

from collections.abc import Mapping

from hostfiles import haproxy, maintenance, nginx, nginx_upkeep, sshd, systemd, web_host
from hostfiles.manifest import File, Firewall, HAProxyCertificate, Manifest, Unit
from settings.droplets import SIZES
from settings.kinds import FleetCompose, HAProxyBalancer, of_kind
from settings.stack import Settings


def manifest(settings: Settings, hosts: Mapping[str, str], hostname: str) -> Manifest:
    """The host, whole. `hosts` are the private addresses of the web hosts behind it, by name."""
    product, architecture = settings.product, of_kind(settings.architecture, FleetCompose)
    memory = SIZES[of_kind(architecture.balancer, HAProxyBalancer).size].memory
    return Manifest(
        product=product.name,
        hostname=hostname,
        swap_mib=architecture.swap,
        packages=tuple(sorted({"haproxy", *web_host.packages()})),
        toolchain=None,
        users=tuple(sshd.users()),
        directories=tuple(web_host.directories()),
        files=(
            _challenges(),
            *nginx_upkeep.files(),
            *haproxy.files(product, hosts, memory),
            *sshd.files(settings.access.ssh_keys),
            *systemd.files({**systemd.certificates(), systemd.NGINX: systemd.always()}),
            *maintenance.files(),
        ),
        absent=("/etc/nginx/sites-enabled/default",),
        units=(Unit(haproxy.UNIT), *web_host.units(), Unit("slipway-certificate.timer")),
        firewall=Firewall(settings.access.admin_cidrs, (80, 443)),
        certificate=HAProxyCertificate(product.domains, product.contact, settings.certificates.directory),
    )


def _challenges() -> File:
    return File(
        "/etc/nginx/nginx.conf",
        nginx.challenges(haproxy.CHALLENGES),
        validate=("/usr/sbin/nginx", "-t", "-c", "{}"),
        then=("reload nginx.service",),
    )
