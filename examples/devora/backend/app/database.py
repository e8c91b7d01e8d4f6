"""MongoDB, and PostgreSQL where the Memori SDK has one."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pymongo
from pymongo.errors import ConfigurationError, DuplicateKeyError, InvalidURI

from .environment import Misconfigured
from .metrics import MONGODB

PLACES = 100
TEXT_LENGTH = 200
CHECK = 2.0  # seconds for a check
PATIENCE = 15.0  # seconds for an operation: a replica set that has lost its primary needs up to ten to elect one


class Documents:
    """The notes: a collection that cannot grow past a hundred documents."""

    def __init__(self, url: str, database: str) -> None:
        try:
            self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                url, appname="devora", tz_aware=True, connectTimeoutMS=2000, w="majority"
            )
        except (ConfigurationError, InvalidURI) as wrong:  # whose words may hold a part of the URL
            raise Misconfigured(f"MONGO_URL is no URL that MongoDB's driver takes: {type(wrong).__name__}") from None
        self._notes = self._client[database]["notes"]

    def check(self) -> None:
        with pymongo.timeout(CHECK):
            self._client.admin.command("ping")

    def write(self, number: int, text: str) -> int:
        """Put `text` on place `number`; how often this place has been written. One operation, so no write is lost."""
        with MONGODB.labels("write").time(), pymongo.timeout(PATIENCE):
            try:
                return self._write(number, text)
            except DuplicateKeyError:  # two made the place at the same time: now there is one to replace
                return self._write(number, text)

    def _write(self, number: int, text: str) -> int:
        written = self._notes.find_one_and_update(
            {"_id": number},
            {"$set": {"text": text, "updated_at": datetime.now(UTC)}, "$inc": {"writes": 1}},
            upsert=True,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return int(written["writes"])

    def read(self) -> dict[str, Any]:
        """How many notes and writes there are, and the last ten notes."""
        with MONGODB.labels("read").time(), pymongo.timeout(PATIENCE):
            found = list(self._notes.find().sort("updated_at", pymongo.DESCENDING))
        return {
            "count": len(found),
            "writes": sum(note["writes"] for note in found),
            "notes": [{"number": note["_id"], "text": note["text"], "writes": note["writes"]} for note in found[:10]],
        }

    def close(self) -> None:
        self._client.close()


class Memory:
    """The Memori SDK's PostgreSQL: one connection, asked whether it is alive."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def check(self) -> None:
        try:
            self._ask()
        except psycopg.Error:  # the connection may be from before a restart of the database
            self.close()
            self._ask()

    def _ask(self) -> None:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                application_name="devora",
                connect_timeout=int(CHECK),
                tcp_user_timeout=int(CHECK * 1000),
                prepare_threshold=None,  # a pooler in transaction mode gives each transaction another connection
            )
        self._connection.execute("SELECT 1")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
