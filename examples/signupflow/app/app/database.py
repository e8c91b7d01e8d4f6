"""PostgreSQL: who has signed up, in a table that cannot grow past a hundred rows; and which migrations have run."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Engine, Identity, SmallInteger, String, create_engine, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from .settings import Settings

PLACES = 100
NAME_LENGTH = 200
PATIENCE = 5.0  # seconds for a connection, from the pool or from the server
CONNECTION = {
    "application_name": "signupflow",
    "connect_timeout": int(PATIENCE),
    "tcp_user_timeout": 10_000,  # without it a connection whose other end has vanished hangs for a quarter of an hour
    "prepare_threshold": None,  # a pooler in transaction mode gives each transaction another connection
}


class Base(DeclarativeBase):
    pass


class SignUp(Base):
    __tablename__ = "sign_ups"

    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    writes: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Migration(Base):
    """One row for each time that a migration ran: migrations/env.py writes it."""

    __tablename__ = "migrations_run"

    number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    revision: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(100))  # of the image that brought it
    ran_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def connect(settings: Settings) -> Engine:
    """The pool. A connection is tried before it is lent: one from before a failover would fail whoever gets it."""
    return create_engine(
        settings.database,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=PATIENCE,
        pool_recycle=300,
        pool_pre_ping=True,
        connect_args=CONNECTION,
    )


class SignUps:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def write(self, place: int, name: str) -> int:
        """Give `place` to `name`; how often this place has been given. One statement, so no write is lost."""
        new = insert(SignUp).values(place=place, name=name, writes=1, updated_at=datetime.now(UTC))
        again = {"name": new.excluded.name, "writes": SignUp.writes + 1, "updated_at": new.excluded.updated_at}
        statement = new.on_conflict_do_update(index_elements=[SignUp.place], set_=again).returning(SignUp.writes)
        with Session(self._engine) as session, session.begin():
            return session.scalars(statement).one()

    def read(self) -> dict[str, Any]:
        """How many places are taken, how many writes there were, and the last ten."""
        with Session(self._engine) as session:
            count, writes = session.execute(select(func.count(), func.coalesce(func.sum(SignUp.writes), 0))).one()
            last = session.scalars(select(SignUp).order_by(SignUp.updated_at.desc()).limit(10)).all()
        taken = [{"place": one.place, "name": one.name, "writes": one.writes} for one in last]
        return {"count": count, "writes": int(writes), "last": taken}

    def migrations(self) -> dict[str, int]:
        """How often each migration ran."""
        counted = select(Migration.revision, func.count()).group_by(Migration.revision).order_by(Migration.revision)
        with Session(self._engine) as session:
            return {revision: count for revision, count in session.execute(counted)}
