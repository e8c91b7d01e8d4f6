"""PostgreSQL: the notes, a table that cannot grow past a hundred rows."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Engine, SmallInteger, String, create_engine, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from .metrics import DATABASE
from .settings import Settings

PLACES = 100
TEXT_LENGTH = 200
PATIENCE = 5.0  # seconds for a connection, from the pool or from the server
CONNECTION = {
    "application_name": "vulcan",
    "connect_timeout": int(PATIENCE),
    "tcp_user_timeout": 10_000,  # without it a connection whose other end has vanished hangs for a quarter of an hour
    "prepare_threshold": None,  # a pooler in transaction mode gives each transaction another connection
}


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    writes: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


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


class Notes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def write(self, number: int, words: str) -> int:
        """Put `words` on place `number`; how often this place has been written. One statement, so no write is lost."""
        new = insert(Note).values(number=number, text=words, writes=1, updated_at=datetime.now(UTC))
        again = {"text": new.excluded.text, "writes": Note.writes + 1, "updated_at": new.excluded.updated_at}
        statement = new.on_conflict_do_update(index_elements=[Note.number], set_=again).returning(Note.writes)
        with DATABASE.labels("write").time(), Session(self._engine) as session, session.begin():
            return session.scalars(statement).one()

    def read(self) -> dict[str, Any]:
        """How many notes and writes there are, and the last ten notes."""
        with DATABASE.labels("read").time(), Session(self._engine) as session:
            count, writes = session.execute(select(func.count(), func.coalesce(func.sum(Note.writes), 0))).one()
            last = session.scalars(select(Note).order_by(Note.updated_at.desc()).limit(10)).all()
        notes = [{"number": note.number, "text": note.text, "writes": note.writes} for note in last]
        return {"count": count, "writes": int(writes), "notes": notes}
