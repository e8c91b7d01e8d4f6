"""How `alembic upgrade head` runs: once at a time, in one transaction, never long in the way of the release that serves.

A migration's number begins its name: 0001_first, 0002_… A database that is ahead of this release, because a later one
was taken back, is left as it is: every migration leaves the database fit for the release before. What ran is a row of
`migrations_run`, written in the same transaction.
"""

import sys

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import create_engine, insert, text
from sqlalchemy.pool import NullPool

from app import database, environment, release, settings

ONE_AT_A_TIME = 7_301_587  # any number that no other lock of this database has


def ahead(revision: str | None, head: str | None) -> bool:
    """Whether the database's revision is from a later release than ours."""
    return bool(revision and head) and int(revision.split("_")[0]) > int(head.split("_")[0])


def run() -> None:
    engine = create_engine(settings.database(), poolclass=NullPool, connect_args=database.CONNECTION)
    with engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
        # Waits no longer for a table that somebody writes to: a queue behind a waiting migration is an outage.
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        revision = MigrationContext.configure(connection).get_current_revision()
        head = context.script.get_current_head()
        if ahead(revision, head):
            print(f"the database is at {revision}, this release knows {head}: nothing to migrate", file=sys.stderr)
            return

        def ran(step: MigrationInfo, **_: object) -> None:
            if step.is_upgrade:
                row = {"revision": step.up_revision_id, "version": release.VERSION}
                connection.execute(insert(database.Migration).values(**row))

        context.configure(connection=connection, target_metadata=database.Base.metadata, on_version_apply=ran)
        context.run_migrations()
        print(f"the database is at {head}, it was at {revision or 'nothing'}", file=sys.stderr)


try:
    run()
except environment.Misconfigured as wrong:
    sys.exit(str(wrong))
