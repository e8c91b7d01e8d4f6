"""What differs between environments. Read once, when a process starts."""

from dataclasses import dataclass, field

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from . import environment

LEAST_SECRET = 32


@dataclass(frozen=True)
class Settings:
    database: URL  # its text has no password
    pool_size: int
    pool_overflow: int
    redis_url: str = field(repr=False)
    cors_origins: list[str]
    log_level: str
    # For code of your own.
    secret_key: str = field(repr=False)
    supabase_url: str
    supabase_secret: str = field(repr=False)


def read() -> Settings:
    """Raises Misconfigured."""
    return Settings(
        database=database(),
        pool_size=environment.whole("DB_POOL_SIZE", 5, least=1, most=500),
        pool_overflow=environment.whole("DB_POOL_OVERFLOW", 10, least=0, most=500),
        redis_url=environment.required("REDIS_URL"),
        cors_origins=environment.origins("BACKEND_CORS_ORIGINS"),
        log_level=environment.level("LOG_LEVEL"),
        secret_key=_secret("SECRET_KEY"),
        supabase_url=environment.text("SUPABASE_URL"),
        supabase_secret=environment.text("SUPABASE_SECRET"),
    )


def database() -> URL:
    """DATABASE_URL for the driver that is installed; `sslmode` and other options of libpq may stand in its query."""
    try:
        url = make_url(environment.required("DATABASE_URL"))
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgres", "postgresql"):
        raise environment.Misconfigured("the environment variable DATABASE_URL should be a postgresql:// URL")
    return url.set(drivername="postgresql+psycopg")


def workers() -> int:
    """How many processes serve. Each has a pool of its own."""
    return environment.whole("WEB_CONCURRENCY", 2, least=1, most=64)


def _secret(name: str) -> str:
    value = environment.required(name)
    if len(value) < LEAST_SECRET:
        raise environment.Misconfigured(f"the environment variable {name} is shorter than {LEAST_SECRET} characters")
    return value
