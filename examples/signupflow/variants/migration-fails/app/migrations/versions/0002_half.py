"""It fails after it has changed the database, so that what a transaction takes back is seen too."""

import sqlalchemy as sa
from alembic import op

revision = "0002_half"
down_revision = "0001_first"


def upgrade() -> None:
    op.add_column("sign_ups", sa.Column("half", sa.Boolean(), nullable=False, server_default=sa.false()))
    raise RuntimeError("this migration always fails")
