"""Each item of the inbox keeps what it was taken for, so that it is taken for the same when it is handled again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("meant", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("inbox", "meant")
