"""What pages read: a failure's pincode, when its customer first answered, and the indexes of lists and searches.

Cases from before have no pincode: theirs is sealed, and a migration has no key. Their first answers stand on the
activity and are taken from there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("pincode", sa.Text(), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("first_reply_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_cases_workspace_id_phone_hash", "cases", ["workspace_id", "phone_hash"])
    op.create_index(
        "ix_cases_order_begins",
        "cases",
        ["workspace_id", "order_id"],
        postgresql_ops={"order_id": "text_pattern_ops"},
    )
    op.create_index(
        "ix_cases_tracking_begins",
        "cases",
        ["workspace_id", "tracking_id"],
        postgresql_ops={"tracking_id": "text_pattern_ops"},
    )
    op.create_index(
        "ix_cases_open_deadline", "cases", ["deadline_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_shipments_workspace_id_order_id", "shipments", ["workspace_id", "order_id"])
    op.create_index("ix_actions_workspace_id_asked_at", "actions", ["workspace_id", "asked_at"])
    op.create_index(
        "ix_timeline_handover",
        "timeline",
        ["workspace_id", "at"],
        postgresql_where=sa.text("kind = 'handover'"),
    )
    op.create_index(
        "ix_messages_unknown", "messages", ["sending_at"], postgresql_where=sa.text("status = 'unknown'")
    )
    op.create_index(
        "ix_outgoing_events_given_up",
        "outgoing_events",
        ["failed_at"],
        postgresql_where=sa.text("failed_at IS NOT NULL"),
    )
    _take_first_replies()


def _take_first_replies() -> None:
    # Row-level security binds the owner of the tables too: only this role sees every workspace's rows.
    op.execute("SET LOCAL ROLE rescue_all_workspaces")
    op.execute(
        """
        UPDATE cases SET first_reply_at = replied.at
        FROM (
            SELECT workspace_id, case_id, min(at) AS at FROM timeline
            WHERE kind = 'reply' AND topic NOT IN ('opted_out', 'opted_in')
            GROUP BY workspace_id, case_id
        ) AS replied
        WHERE cases.workspace_id = replied.workspace_id AND cases.id = replied.case_id AND cases.replies > 0
        """
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.drop_index("ix_outgoing_events_given_up", "outgoing_events")
    op.drop_index("ix_messages_unknown", "messages")
    op.drop_index("ix_timeline_handover", "timeline")
    op.drop_index("ix_actions_workspace_id_asked_at", "actions")
    op.drop_index("ix_shipments_workspace_id_order_id", "shipments")
    op.drop_index("ix_cases_open_deadline", "cases")
    op.drop_index("ix_cases_tracking_begins", "cases")
    op.drop_index("ix_cases_order_begins", "cases")
    op.drop_index("ix_cases_workspace_id_phone_hash", "cases")
    op.drop_column("cases", "first_reply_at")
    op.drop_column("cases", "pincode")
