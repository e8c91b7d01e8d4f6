"""A column that the database fills by itself: the old release, which knows nothing of it, goes on writing."""

import sqlalchemy as sa
from alembic import op

revision = "0002_colour"
down_revision = "0001_first"


def upgrade() -> None:
    op.add_column("notes", sa.Column("colour", sa.String(20), nullable=False, server_default="red"))


def downgrade() -> None:
    op.drop_column("notes", "colour")
