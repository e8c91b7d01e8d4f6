"""What becomes of the data: which of it has to be brought over, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan.build import Plan
from plan.moving import tools
from plan.moving.move import Data
from settings.backing import AnyBacking, MongoDB, ObjectStorage, Postgres
from settings.variables import EnvironmentValue, Wired

_COPIED = "copied beforehand, and what is new once more at the cutover"
_LOST = {
    "redis": "starts empty: what is cached is made again; sessions and tasks in it are lost",
    "rabbitmq": "starts empty: let the workers finish what is queued first",
}


def data_of(before: Plan, after: Plan) -> tuple[Data, ...]:
    """Every backing service of either side and every volume of the old one, each once."""
    files = list(_files(before, after))
    paired = {data.name for data in files}
    backing = {**before.settings.product.backing, **after.settings.product.backing}
    return (*(_backing(before, after, name) for name in backing if name not in paired), *files)


def users_of_data(plan: Plan) -> list[str]:
    """The services that work with data: those with a volume, or with a variable that leads to a backing service."""
    product = plan.settings.product

    def leads(variables: Mapping[str, EnvironmentValue]) -> bool:
        return any(isinstance(value, Wired) and value.source in product.backing for value in variables.values())

    return [
        name
        for name, service in product.services.items()
        if service.role != "static" and (service.volumes or leads({**product.environment, **service.environment}))
    ]


def _backing(before: Plan, after: Plan, name: str) -> Data:
    old, new = (side.settings.product.backing.get(name) for side in (before, after))
    was, is_now = _in_words(before, old), _in_words(after, new)
    if old is None:
        there = "is there already" if new is not None and new.provider == "external" else "starts empty"
        return Data(name, was, is_now, "new", there)
    if new is None or new.engine != old.engine:
        if old.provider == "external":
            return Data(name, was, is_now, "goes", "is asked no more, and stays where it is")
        return Data(name, was, is_now, "goes", f"nothing takes it over: it goes with {before.settings.stack}")
    if old.provider == new.provider == "external" and old == new:
        return Data(name, was, is_now, "stays", "both sides use it, so nothing has to be brought over")
    if old.engine in _LOST:
        return Data(name, was, is_now, "empty", _LOST[old.engine])
    if isinstance(old, Postgres | MongoDB) and isinstance(new, Postgres | MongoDB):
        commands = tools.dump_and_restore(before, after, name, old, new)
        return Data(name, was, is_now, "dump", "dumped and restored while the old side takes no writes", commands)
    return Data(name, was, is_now, "copy", _COPIED)


def _files(before: Plan, after: Plan) -> Iterator[Data]:
    """Volumes of services: into the same one, or into a bucket that takes their place; and the other way round."""
    old, new = _volumes(before), _volumes(after)
    for service, name in old:
        was = f"volume {name} of {service}"
        bucket = _in_its_place(name, _buckets(after) - set(before.settings.product.backing))
        if (service, name) in new:
            yield Data(f"{service}-{name}", was, was, "copy", _COPIED, tools.volume_to_volume(before, name))
        elif bucket is None:
            gone = f"nothing takes it over: it goes with {before.settings.stack}"
            yield Data(f"{service}-{name}", was, "", "goes", gone)
        else:
            commands = tools.volume_to_bucket(before, after, name, bucket)
            about = f"{_COPIED}; each file's name becomes its key"
            first = (tools.on_new(tools.with_rclone()),) if commands else ()
            yield Data(bucket, was, "managed bucket", "copy", about, commands, first)
    for service, name in new:
        bucket = _in_its_place(name, _buckets(before) - set(after.settings.product.backing))
        if (service, name) not in old and bucket is not None:
            commands = tools.bucket_to_volume(before, after, bucket, name)
            first = (tools.on_old(tools.with_rclone()),) if commands else ()
            is_now = f"volume {name} of {service}"
            yield Data(bucket, "managed bucket", is_now, "copy", f"{_COPIED}; each key becomes a path", commands, first)


def _volumes(plan: Plan) -> list[tuple[str, str]]:
    return [(name, volume) for name, service in plan.settings.product.services.items() for volume in service.volumes]


def _buckets(plan: Plan) -> set[str]:
    backing = plan.settings.product.backing.items()
    return {name for name, one in backing if isinstance(one, ObjectStorage) and one.provider == "managed"}


def _in_its_place(volume: str, buckets: set[str]) -> str | None:
    """The bucket that only one side has: by the volume's own name, else the only one."""
    if volume in buckets:
        return volume
    return next(iter(buckets)) if len(buckets) == 1 else None


def _in_words(plan: Plan, backing: AnyBacking | None) -> str:
    if backing is None:
        return ""
    version = getattr(backing, "version", None)
    what = "bucket" if isinstance(backing, ObjectStorage) else f"{backing.engine} {version or ''}".strip()
    where = {"managed": f"managed {what}", "external": f"{what} elsewhere"}
    return where.get(backing.provider, f"{what} on {plan.settings.stack}'s own host")
