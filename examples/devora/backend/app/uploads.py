"""Uploaded files: on the host's disk, or in a bucket where several hosts share them."""

import os
import re
import secrets
from pathlib import Path
from typing import Any, Protocol

from .settings import Bucket, Settings

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
MOST = 1000
LARGEST = 1024 * 1024


class Silent(Exception):
    """The storage does not answer, or takes nothing."""


class Storage(Protocol):
    """Where uploads lie. Every method raises Silent."""

    where: str

    def names(self) -> dict[str, int]: ...  # and their sizes

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None: ...


class Disk:
    where = "disk"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> dict[str, int]:
        try:
            with os.scandir(self._directory) as entries:
                return {entry.name: entry.stat().st_size for entry in entries if NAME.fullmatch(entry.name)}
        except OSError as error:
            raise Silent(f"{self._directory}: {error.strerror}") from error

    def read(self, name: str) -> bytes | None:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Silent(f"{self._directory}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        """The file is there whole or not at all, and stays when the power goes."""
        partial = self._directory / f".{secrets.token_hex(8)}"
        try:
            try:
                with partial.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(self._directory / name)
            finally:
                partial.unlink(missing_ok=True)
            _sync(self._directory)
        except OSError as error:
            raise Silent(f"{self._directory}: {error.strerror}") from error


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class S3:
    where = "bucket"

    def __init__(self, bucket: Bucket) -> None:
        import boto3  # takes half a second and 20 MB: for those alone who have a bucket
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        self._silence = (BotoCoreError, ClientError)
        self._bucket = bucket.name
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            region_name=bucket.region,
            aws_access_key_id=bucket.access_key,
            aws_secret_access_key=bucket.secret_key,
            config=Config(
                connect_timeout=3,
                read_timeout=10,
                retries={"mode": "standard", "total_max_attempts": 3},
                # Checksums that only Amazon's own S3 is sure to know.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def names(self) -> dict[str, int]:
        try:
            found = self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=MOST)
        except self._silence as error:
            raise Silent(type(error).__name__) from error
        return {entry["Key"]: entry["Size"] for entry in found.get("Contents", ())}

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None
        except self._silence as error:
            raise Silent(type(error).__name__) from error

    def write(self, name: str, content: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
        except self._silence as error:
            raise Silent(type(error).__name__) from error


def storage(settings: Settings) -> Storage:
    return Disk(settings.uploads_directory) if settings.uploads_bucket is None else S3(settings.uploads_bucket)
