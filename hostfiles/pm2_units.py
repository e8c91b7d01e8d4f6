"""Units of a host whose product runs under PM2: PM2 itself, sockets for servers that only know ports, the volume."""

from __future__ import annotations

from collections.abc import Iterator

from hostfiles import rabbitmq, redis, systemd
from hostfiles.manifest import File, Unit
from settings.droplets import SIZES
from settings.kinds import DropletPm2, of_kind
from settings.product import Product
from settings.stack import Settings

_SLOT_PORTS = {"blue": 0, "green": 1000}
"""What a slot adds to a service's port: both releases run side by side for a while."""
_SYSTEM = 384
"""MiB for the kernel, nginx, sshd, the journal and PM2's own daemon."""


def files(settings: Settings) -> list[File]:
    """Every unit file of the host."""
    product = settings.product
    units = {
        f"pm2-{product.name}.service": _pm2(settings),
        **systemd.common(_recover(product.name)),
        **dict(_bridges(product)),
    }
    if (volume := _volume(settings)) is not None:
        units |= dict(_data(product.name, volume))
    return systemd.files(units)


def units(settings: Settings) -> list[Unit]:
    """The state they should be in."""
    product = settings.product
    wanted = [Unit("slipway-recover.service", running=False), Unit("slipway-certificate.timer")]
    if _volume(settings) is not None:
        wanted += [Unit(mount_unit(product.name)), Unit("slipway-data.service")]
    wanted += [Unit(name) for name, _ in _bridges(product) if name.endswith(".socket")]
    return [*wanted, Unit(f"pm2-{product.name}.service")]


def server(command: str) -> str:
    """Which server a command starts: gunicorn and uvicorn can listen on a socket; of others nobody knows."""
    words = [word.rsplit("/", 1)[-1] for word in command.split()[:3]]
    if len(words) == 3 and words[0].startswith("python") and words[1] == "-m":
        words = words[2:]
    return words[0] if words and words[0] in ("gunicorn", "uvicorn") else "other"


def mount_unit(product: str) -> str:
    """The mount of /srv/<product>/data."""
    return systemd.mount_unit(f"/srv/{product}/data")


def _pm2(settings: Settings) -> str:
    product = settings.product
    name, root = product.name, f"/srv/{product.name}"
    stopping = sum(service.stop_after for service in product.services_of("web", "worker", "scheduler").values())
    after = ["network-online.target", "slipway-recover.service"]
    after += [f"{backing.engine}-server.service" for backing in product.backing.values() if backing.provider == "host"]
    if _volume(settings) is not None:
        after.append("slipway-data.service")
    about = {"Wants": "network-online.target", "After": " ".join(after)}
    service: systemd.Section = {
        "Type": "forking",
        "User": name,
        "Group": name,
        "WorkingDirectory": root,
        "UMask": "0027",
        "Environment": [
            f"HOME={root} PM2_HOME={root}/.pm2 LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin",
            # the signal for all children is the daemon's own; one after another, in the order of the file
            "PM2_KILL_SIGNAL=SIGTERM PM2_CONCURRENT_ACTIONS=1",
        ],
        "PIDFile": f"{root}/.pm2/pm2.pid",
        "ExecStart": f"/usr/local/bin/pm2 start {root}/ecosystem.config.js --env production",
        "ExecStop": "/usr/local/bin/pm2 kill",
        "KillMode": "mixed",
        "Restart": "on-failure",
        "RestartSec": "1",
        "TimeoutStartSec": "300",
        "TimeoutStopSec": str(stopping + 30),
        "LimitNOFILE": "65536",
        # the product can't starve what it needs; a process that is killed for it is PM2's to restart, the others stay
        "MemoryMax": f"{_memory(settings)}M",
        "OOMPolicy": "continue",
        **systemd.SANDBOX,
        **systemd.NO_RIGHTS,
        "IPAddressDeny": systemd.METADATA,
        "ProtectProc": "invisible",
        "RemoveIPC": "yes",
        "ReadWritePaths": root,
    }
    return systemd.unit(f"PM2 with the processes of {name}", ("Service", service), systemd.AT_BOOT, about=about)


def _volume(settings: Settings) -> systemd.Volume | None:
    gib = of_kind(settings.architecture, DropletPm2).volume
    return None if gib is None else systemd.Volume(settings.name, gib)


def _memory(settings: Settings) -> int:
    """MiB that the product may have: all but the shares of Redis and RabbitMQ, and what the system itself needs."""
    whole = SIZES[of_kind(settings.architecture, DropletPm2).size].memory
    shares = {"redis": redis.SHARE, "rabbitmq": rabbitmq.SHARE}
    on_host = [backing.engine for backing in settings.product.backing.values() if backing.provider == "host"]
    return whole - _SYSTEM - sum(whole // shares[engine] for engine in on_host if engine in shares)


def _recover(name: str) -> str:
    return systemd.recover(
        # both follow the links that this sets right: nginx to its routes, PM2 to its processes
        {"Before": f"nginx.service pm2-{name}.service", "After": "local-fs.target"},
        "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SETGID CAP_SETUID",
        f"/srv/{name}",
    )


def _bridges(product: Product) -> Iterator[tuple[str, str]]:
    """For a server that only knows ports, a socket for each slot: nginx always goes to a socket in the release."""
    for name, service in product.services_of("web").items():
        if service.port is None or server(service.command or "") != "other":
            continue
        for slot, offset in _SLOT_PORTS.items():
            unit = f"{product.name}-{name}-{slot}"
            listen: systemd.Section = {
                "ListenStream": f"/run/{product.name}/{name}-{slot}.sock",
                "SocketUser": "root",
                "SocketGroup": "www-data",
                "SocketMode": "0660",
                "DirectoryMode": "0755",
            }
            forward: systemd.Section = {
                "ExecStart": f"/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:{service.port + offset}",
                "DynamicUser": "yes",
                "LimitNOFILE": "65536",
                **systemd.SANDBOX,
                **systemd.NO_RIGHTS,
                "MemoryDenyWriteExecute": "yes",
                "IPAddressDeny": "any",
                "IPAddressAllow": "localhost",
            }
            yield (
                f"{unit}.socket",
                systemd.unit(
                    f"{name} of slot {slot}, for nginx", ("Socket", listen), ("Install", {"WantedBy": "sockets.target"})
                ),
            )
            yield (
                f"{unit}.service",
                systemd.unit(
                    f"{name} of slot {slot}: from its socket to its port",
                    ("Service", forward),
                    about={"Requires": f"{unit}.socket", "After": f"{unit}.socket"},
                ),
            )


def _data(name: str, volume: systemd.Volume) -> Iterator[tuple[str, str]]:
    """The volume that outlives the machine, and its owner, which a mount can't say on every distribution."""
    folder = f"/srv/{name}/data"
    owner: systemd.Section = {
        "Type": "oneshot",
        "RemainAfterExit": "yes",
        "ExecStart": f"/usr/bin/install --directory --mode=0750 --owner={name} --group={name} {folder}",
        **systemd.SANDBOX,
        "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
        "ReadWritePaths": folder,
    }
    yield mount_unit(name), systemd.mount(volume, name, folder)
    yield (
        "slipway-data.service",
        systemd.unit(
            f"The owner of the volume of {name}",
            ("Service", owner),
            systemd.AT_BOOT,
            about={"RequiresMountsFor": folder},
        ),
    )
