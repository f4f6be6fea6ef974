"""What a sender learns of its customers: the language they asked for, their hidden id, when they were asked which order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("language", sa.Text(), server_default="", nullable=False))
    op.add_column("customers", sa.Column("hidden_id_hash", sa.LargeBinary(), nullable=True))
    op.add_column("customers", sa.Column("standard_answer_to", sa.BigInteger(), nullable=True))
    op.add_column("customers", sa.Column("asked_which_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("asked_which_to", sa.BigInteger(), nullable=True))
    op.add_column(
        "customers", sa.Column("asked_which", postgresql.JSONB(), server_default="[]", nullable=False)
    )
    op.create_index("ix_customers_account_id_hidden_id_hash", "customers", ["account_id", "hidden_id_hash"])


def downgrade() -> None:
    op.drop_index("ix_customers_account_id_hidden_id_hash", "customers")
    for column in (
        "asked_which",
        "asked_which_to",
        "asked_which_at",
        "standard_answer_to",
        "hidden_id_hash",
        "language",
    ):
        op.drop_column("customers", column)
