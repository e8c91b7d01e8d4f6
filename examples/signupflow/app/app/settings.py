"""What differs between environments. Read once, when the process starts."""

from dataclasses import dataclass, field

from sqlalchemy import URL, make_url

from . import environment

ENVIRONMENTS = ("production", "staging", "development")
LEAST_SECRET = 32


@dataclass(frozen=True)
class Settings:
    database: URL  # its text has no password
    pool_size: int
    pool_overflow: int
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    environment: str
    allowed_hosts: list[str]
    sentry_dsn: str = field(repr=False)
    # For code of your own.
    backup_encryption_key: str = field(repr=False)
    spaces_access_key: str = field(repr=False)
    spaces_secret_key: str = field(repr=False)
    spaces_bucket: str


def read() -> Settings:
    """Raises Misconfigured."""
    environment.required("REDIS_URL")
    return Settings(
        database=database(),
        pool_size=environment.whole("DATABASE_POOL_SIZE", 20, least=1, most=500),
        pool_overflow=environment.whole("DATABASE_MAX_OVERFLOW", 10, least=0, most=500),
        redis_url=environment.url("REDIS_URL", "redis", "rediss"),
        secret_key=environment.secret("SECRET_KEY", LEAST_SECRET),
        environment=environment.one_of("ENVIRONMENT", ENVIRONMENTS),
        allowed_hosts=environment.hosts("ALLOWED_HOSTS"),
        sentry_dsn=environment.url("SENTRY_DSN", "https", "http"),
        backup_encryption_key=environment.text("BACKUP_ENCRYPTION_KEY"),
        spaces_access_key=environment.text("SPACES_ACCESS_KEY"),
        spaces_secret_key=environment.text("SPACES_SECRET_KEY"),
        spaces_bucket=environment.text("SPACES_BUCKET"),
    )


def database() -> URL:
    """DATABASE_URL for the driver that is installed; `sslmode` and other options of libpq may stand in its query."""
    environment.required("DATABASE_URL")
    url = make_url(environment.url("DATABASE_URL", "postgresql", "postgres"))
    return url.set(drivername="postgresql+psycopg")
