"""The sign-ups, and the table that tells which migrations have run."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sign_ups",
        sa.Column("place", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("writes", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place BETWEEN 1 AND 100", name="sign_ups_place"),
    )
    op.create_table(
        "migrations_run",
        sa.Column("number", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("migrations_run")
    op.drop_table("sign_ups")
