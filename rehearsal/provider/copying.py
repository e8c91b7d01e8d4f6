"""`command:remote:CopyToRemote`: files and directories over SFTP, with the real one's rules for the target."""

from __future__ import annotations

import asyncio
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.provider.command import CONNECTION, new_id
from rehearsal.provider.resource import Context, Failure, RefusedError, Resource
from rehearsal.provider.values import ARCHIVE, ASSET, SIGNATURE, UNKNOWN, Properties

if TYPE_CHECKING:
    import asyncssh


class CopyToRemote(Resource):
    """Copies when it is made and when the source's hash or the path changes; mode and owner are not its business."""

    token = "command:remote:CopyToRemote"  # noqa: S105
    required = ("connection", "remotePath", "source")
    optional = ("triggers",)
    defaults: ClassVar[Mapping[str, Any]] = {"connection": CONNECTION}
    secret_inputs = ("connection",)
    secret_outputs = ("connection",)

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        source = inputs["source"]
        if source is not UNKNOWN and (not isinstance(source, dict) or source.get(SIGNATURE) not in (ASSET, ARCHIVE)):
            return [Failure("asset", "either asset or archive must be set")]
        return []

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        asyncio.run(_copy(context, inputs))
        return new_id(context.urn), {}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        old, new = state.get("source") or {}, inputs["source"]
        if old.get("hash") != new.get("hash") or state.get("remotePath") != inputs["remotePath"]:
            asyncio.run(_copy(context, inputs))
        return {}


async def _copy(context: Context, inputs: Properties) -> None:
    import asyncssh

    from rehearsal.provider import ssh

    async with ssh.connected(context, inputs["connection"]) as link, link.start_sftp_client() as sftp:
        try:
            await _send(sftp, inputs["source"], inputs["remotePath"])
        except (asyncssh.SFTPError, OSError) as error:
            raise RefusedError(f"failed to write to remote path {inputs['remotePath']}: {error}") from None


async def _send(sftp: asyncssh.SFTPClient, source: Properties, target: str) -> None:
    if "text" in source:
        if await sftp.isdir(target):
            raise RefusedError(
                f"remote path {target} is a directory; when using a text asset, remotePath must be a file path"
            )
        await _write(sftp, target, str(source["text"]).encode())
    elif "path" in source:
        await _send_path(sftp, Path(source["path"]), str(source["path"]), target)
    elif "assets" in source:
        if await sftp.exists(target) and not await sftp.isdir(target):
            raise RefusedError(
                f"remote path {target} exists but is not a directory; cannot copy asset archive contents"
            )
        for name, content in _entries(source):
            await _write(sftp, f"{target}/{name}", content)
    else:
        raise RefusedError("the rehearsal copies assets from this machine only, not from a URI")


async def _send_path(sftp: asyncssh.SFTPClient, source: Path, written: str, target: str) -> None:
    """The table in copyController.go: `dir` lands in target/dir, `dir/` in target, a file in target or target/file."""
    if source.is_dir():
        root = target if written.endswith("/") else f"{target}/{source.name}"
        for item in sorted(source.rglob("*")):
            if item.is_file():
                await _write(sftp, f"{root}/{item.relative_to(source).as_posix()}", item.read_bytes())
    elif source.is_file():
        await _write(sftp, f"{target}/{source.name}" if await sftp.isdir(target) else target, source.read_bytes())
    else:
        raise RefusedError(f"open {written}: no such file or directory")


def _entries(archive: Properties, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for name, item in sorted(archive["assets"].items()):
        here = f"{prefix}{name}"
        if "assets" in item:
            yield from _entries(item, f"{here}/")
        elif "text" in item:
            yield here, str(item["text"]).encode()
        elif item.get(SIGNATURE) == ARCHIVE:
            yield from ((f"{here}/{inner}", content) for inner, content in _archived(Path(item["path"])))
        else:
            yield here, Path(item["path"]).read_bytes()


def _archived(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        yield from (
            (item.relative_to(path).as_posix(), item.read_bytes()) for item in sorted(path.rglob("*")) if item.is_file()
        )
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as bundle:
            yield from ((name, bundle.read(name)) for name in bundle.namelist() if not name.endswith("/"))
    else:
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as bundle_:
            for member in bundle_.getmembers():
                stream = bundle_.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read()


async def _write(sftp: asyncssh.SFTPClient, target: str, content: bytes) -> None:
    await sftp.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
    async with sftp.open(target, "wb") as remote:
        await remote.write(content)
