"""Each outgoing event knows what it tells of, so that the same is told once whatever is retried."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outgoing_events", sa.Column("source_key", sa.Text(), nullable=True))
    op.create_unique_constraint(
        "uq_outgoing_events_workspace_id_source_key", "outgoing_events", ["workspace_id", "source_key"]
    )


def downgrade() -> None:
    op.drop_constraint("uq_outgoing_events_workspace_id_source_key", "outgoing_events", type_="unique")
    op.drop_column("outgoing_events", "source_key")
