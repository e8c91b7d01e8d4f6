"""What differs between environments. Read once, when the process starts."""

from dataclasses import dataclass, field
from pathlib import Path

from . import environment


@dataclass(frozen=True)
class Bucket:
    """S3-compatible object storage."""

    name: str
    endpoint: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    mongo_url: str = field(repr=False)
    database: str
    memori_url: str = field(repr=False)
    cors_origins: list[str]
    uploads_directory: Path
    uploads_bucket: Bucket | None
    log_level: str


def read() -> Settings:
    """Raises Misconfigured."""
    return Settings(
        mongo_url=environment.mongodb("MONGO_URL"),
        database=environment.required("DB_NAME"),
        memori_url=environment.text("MEMORI_DATABASE_URL"),
        cors_origins=environment.origins("CORS_ORIGINS"),
        uploads_directory=Path(environment.text("UPLOADS_DIRECTORY", "/var/devora/uploads")),
        uploads_bucket=_bucket(),
        log_level=environment.level("LOG_LEVEL"),
    )


def _bucket() -> Bucket | None:
    name = environment.text("AWS_STORAGE_BUCKET_NAME")
    if not name:
        return None
    return Bucket(
        name=name,
        endpoint=environment.required("AWS_S3_ENDPOINT_URL"),
        region=environment.text("AWS_S3_REGION_NAME", "us-east-1"),
        access_key=environment.required("AWS_ACCESS_KEY_ID"),
        secret_key=environment.required("AWS_SECRET_ACCESS_KEY"),
    )
