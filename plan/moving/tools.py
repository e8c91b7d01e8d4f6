"""The commands that bring data over, from host to host by way of whoever runs them. None holds a secret.

`$OLD` and `$NEW` are the addresses of a host of each side. Where a host has no tool for it there are no commands.
"""

from __future__ import annotations

from hostfiles import docker
from plan.build import Plan
from settings.backing import MongoDB, Postgres, database_of, engine_image
from settings.variables import Wired

STAGED = "/root/moving"
"""Where files wait on the new side, root's alone."""
_ARCHIVE = "--quiet --config=/told.yaml --archive --gzip"
_NOBODYS = "--no-owner --no-privileges"
"""Who owns what is the new side's matter: its users have other names."""


def dump_and_restore(
    before: Plan, after: Plan, name: str, old: Postgres | MongoDB, new: Postgres | MongoDB
) -> tuple[str, ...]:
    """A dump of the old side's database into that of the new one, which is replaced."""
    told = [
        _file(plan, f"/env/dump-{name}.{'yaml' if isinstance(old, MongoDB) else 'env'}") for plan in (before, after)
    ]
    if None in told:
        return ()
    product, image = after.settings.product.name, engine_image(new)
    run = f"sudo docker run --rm --network {product}"
    if isinstance(new, MongoDB):
        dump = f"{run} --user 0:0 --volume {told[0]}:/told.yaml:ro --entrypoint mongodump {image}"
        load = f"{run} --interactive --user 0:0 --volume {told[1]}:/told.yaml:ro --entrypoint mongorestore {image}"
        names = _renamed(database_of(before.settings.product.name, old), database_of(after.settings.product.name, new))
        return (_piped(f"{dump} {_ARCHIVE}", f"{load} {_ARCHIVE} --drop{names}"),)
    dump = f"{run} --env-file {told[0]} --entrypoint pg_dump {image} --format=custom {_NOBODYS}"
    load = f"{run} --interactive --env-file {told[1]} --entrypoint sh {image} -c"
    restore = f"pg_restore --clean --if-exists --exit-on-error {_NOBODYS} --dbname \\$PGDATABASE"
    return (_piped(dump, f'{load} "{restore}"'),)


def on_old(command: str) -> str:
    """A command on a host of the old side."""
    return f"ssh \"ops@$OLD\" '{command}'"


def on_new(command: str) -> str:
    """A command on a host of the new side."""
    return f"ssh \"ops@$NEW\" '{command}'"


def _piped(command: str, other: str) -> str:
    return f"{on_old(command)} | {on_new(other)}"


def volume_to_volume(before: Plan, volume: str) -> tuple[str, ...]:
    """The files of a volume into the same one on the new side."""
    folder = _folder(before, volume)
    return (_piped(_packed(folder), f"sudo tar x -C {folder}"),)


def volume_to_bucket(before: Plan, after: Plan, volume: str, backing: str) -> tuple[str, ...]:
    """The files of a volume into a bucket, by rclone on a host of the new side, which has the bucket's key."""
    rclone = _rclone(after, backing, f"copy {STAGED} {{}}")
    if rclone is None:
        return ()
    return (_piped(_packed(_folder(before, volume)), f"sudo tar x -C {STAGED}"), on_new(rclone))


def bucket_to_volume(before: Plan, after: Plan, backing: str, volume: str) -> tuple[str, ...]:
    """The other way round, on a host of the old side."""
    rclone = _rclone(before, backing, f"copy {{}} {STAGED}")
    if rclone is None:
        return ()
    return (on_old(rclone), _piped(_packed(STAGED), f"sudo tar x -C {_folder(after, volume)}"))


def with_rclone() -> str:
    """What a host needs to speak to a bucket."""
    return f"sudo apt-get install --yes rclone && sudo install --directory --mode 0700 {STAGED}"


def _packed(folder: str) -> str:
    """All files of a folder that may be in use: tar ends with 1 where one came or went, and that is no failure."""
    return f"sudo tar c -C {folder} . || test $? = 1"


def _rclone(plan: Plan, backing: str, does: str) -> str | None:
    """A command for a host that has the key of the bucket, which takes the place of `{}`."""
    buckets = [bucket for bucket in plan.graph if bucket.name == f"{plan.settings.name}-{backing}-bucket"]
    key = _key(plan, backing)
    if not buckets or key is None:
        return None
    file, access, secret = key
    inputs = buckets[0].inputs
    given = {
        "PROVIDER": "DigitalOcean",
        "ENDPOINT": f"{inputs.get('region')}.digitaloceanspaces.com",
        "ACCESS_KEY_ID": f"\\${access}",
        "SECRET_ACCESS_KEY": f"\\${secret}",
        "NO_CHECK_BUCKET": "true",  # the key is for this bucket alone, and may make none
    }
    variables = " ".join(f"RCLONE_S3_{name}={value}" for name, value in given.items())
    there = does.format(f":s3:{inputs.get('name')}")
    return f'sudo sh -c "set -a; . {file}; {variables} rclone {there}"'


def _folder(plan: Plan, volume: str) -> str:
    return f"{docker.DATA.format(product=plan.settings.product.name)}/_volumes/{volume}"


def _file(plan: Plan, ending: str) -> str | None:
    return next((file.path for file in plan.files if file.path.endswith(ending)), None)


def _key(plan: Plan, backing: str) -> tuple[str, str, str] | None:
    """(env file, variable of the key's id, variable of the key) of a service that may write to the bucket."""
    product = plan.settings.product
    for name, service in product.services.items():
        file = _file(plan, f"/env/{name}.env")
        wired = {
            value.field: variable
            for variable, value in {**product.environment, **service.environment}.items()
            if isinstance(value, Wired) and value.source == backing
        }
        if file is not None and {"access_key", "secret_key"} <= set(wired):
            return file, wired["access_key"], wired["secret_key"]
    return None


def _renamed(old: str, new: str) -> str:
    return "" if old == new else f" --nsFrom={old}.* --nsTo={new}.*"
