"""SUPABASE_DB_URL as Django's database settings."""

from typing import Any

import dj_database_url


def from_url(url: str) -> dict[str, Any]:
    """`sslmode` and whatever else libpq knows may stand in the URL's query; what it says wins over the defaults here."""
    database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    if database["ENGINE"].endswith("postgresql"):
        # A pooler in transaction mode, Supabase's among them, gives each transaction another connection.
        database["DISABLE_SERVER_SIDE_CURSORS"] = True
        defaults = {
            "application_name": "familyflow",
            "connect_timeout": 5,
            # Without it a connection whose other end has vanished hangs for a quarter of an hour.
            "tcp_user_timeout": 10_000,
        }
        database["OPTIONS"] = defaults | database.get("OPTIONS", {})
    return database
