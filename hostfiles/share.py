"""The share (NFS) that a fleet's hosts have in common: mounted where the volumes of the product's services lie.

Its options are NFS 4.1's, which is what the cloud speaks, on several connections. A write that the share does not
answer waits for it, as long as that takes: one that gave up would lose what a visitor has sent. Nothing on it is a
program, a device, or anybody's rights. NFS 4 needs no rpcbind, which its package would let listen.
"""

from __future__ import annotations

from hostfiles import docker, systemd
from hostfiles.manifest import File, Unit
from hostfiles.text import HEADER, joined
from settings.product import Product

PACKAGES = frozenset({"nfs-common"})
_OPTIONS = "vers=4.1,nconnect=8,hard,noatime,nodev,noexec,nosuid"
_RPCBIND = ("rpcbind.socket", "rpcbind.service")


def files(product: Product, source: str | None) -> list[File]:
    """The mount of `source`, as `<address>:<path>`, and what waits for it; nothing where there is no share."""
    if source is None:
        return []
    folder = _folder(product)  # policies/data.py knows the mount by it
    mount = systemd.mount_unit(folder)
    where: systemd.Section = {"What": source, "Where": folder, "Type": "nfs", "Options": _OPTIONS}
    # Docker starts containers by itself at boot: not before what they keep is there
    order = joined([f"# {HEADER}", "[Unit]", f"Wants={mount}", f"After={mount}"])
    # without the share, what is to be on it would be made on the host's own disk
    needs = joined([f"# {HEADER}", "[Unit]", f"RequiresMountsFor={folder}"])
    return systemd.files(
        {
            mount: systemd.unit(f"What the hosts of {product.name} keep in common", ("Mount", where), systemd.AT_BOOT),
            "docker.service.d/20-share.conf": order,
            f"{docker.OBJECTS_UNIT}.d/20-share.conf": needs,
        }
    )


def units(product: Product, source: str | None) -> list[Unit]:
    """The state they should be in."""
    if source is None:
        return []
    off = [Unit(name, enabled=False, running=False) for name in _RPCBIND]
    return [*off, Unit(systemd.mount_unit(_folder(product)))]


def _folder(product: Product) -> str:
    """Where the volumes of services lie (see compose_host)."""
    return f"{docker.DATA.format(product=product.name)}/_volumes"
