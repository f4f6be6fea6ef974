"""Each step of a journey that a customer may be told of: once for each parcel or return, waiting, sent or not."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ALL_WORKSPACES = "rescue_all_workspaces"
_ONE_WORKSPACE = "rescue_one_workspace"
_CURRENT = "nullif(current_setting('app.workspace_id', true), '')"


def _words(name: str, *, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "journey_events",
        _words("workspace_id", default=None),
        _words("subject_id", default=None),
        _words("event", default=None),
        _words("order_id"),
        _words("shipment_id"),
        _words("tracking_id"),
        _words("account_id"),
        _at("occurred_at"),
        _at("seen_at"),
        _at("due_at"),
        _at("expires_at"),
        _at("started_at", nullable=True),
        _at("ended_at", nullable=True),
        _words("outcome"),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_journey_events_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "subject_id", "event", name="pk_journey_events"),
    )
    op.create_index(
        "ix_journey_events_unstarted",
        "journey_events",
        ["due_at"],
        postgresql_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "ix_journey_events_open",
        "journey_events",
        ["expires_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.execute("ALTER TABLE journey_events ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE journey_events FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY all_workspaces ON journey_events TO {_ALL_WORKSPACES} USING (true)")
    op.execute(
        f"CREATE POLICY one_workspace ON journey_events TO {_ONE_WORKSPACE} USING (workspace_id = {_CURRENT})"
    )


def downgrade() -> None:
    op.drop_table("journey_events")
