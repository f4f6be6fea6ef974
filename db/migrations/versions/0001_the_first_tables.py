"""The first tables, the two roles that the program acts as, and row-level security between workspaces."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement for each table and index
    op.create_table(
        "customers",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("last_inbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opt_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opt_out_proof", sa.Text(), server_default="", nullable=False),
        sa.Column("last_standard_answer_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "phone_hash", name="pk_customers"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("owner_id", sa.Text(), server_default="", nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts_counted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("source", "owner_id", "event_key", name="uq_inbox_source_owner_id_event_key"),
    )
    op.create_index(
        "ix_inbox_new", "inbox", ["due_at", "id"], unique=False, postgresql_where=sa.text("state = 'new'")
    )
    op.create_index(
        "ix_inbox_parked", "inbox", ["id"], unique=False, postgresql_where=sa.text("state = 'parked'")
    )
    op.create_table(
        "orphan_statuses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("gupshup_id", sa.Text(), nullable=True),
        sa.Column("whatsapp_id", sa.Text(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pricing_category", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orphan_statuses"),
    )
    op.create_index(
        "ix_orphan_statuses_account_id_gupshup_id",
        "orphan_statuses",
        ["account_id", "gupshup_id"],
        unique=False,
    )
    op.create_index(
        "ix_orphan_statuses_account_id_phone_hash",
        "orphan_statuses",
        ["account_id", "phone_hash"],
        unique=False,
    )
    op.create_index(
        "ix_orphan_statuses_account_id_whatsapp_id",
        "orphan_statuses",
        ["account_id", "whatsapp_id"],
        unique=False,
    )
    op.create_index("ix_orphan_statuses_at", "orphan_statuses", ["at"], unique=False)
    op.create_table(
        "rate_card",
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_paise", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("category", "valid_from", name="pk_rate_card"),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("brand", sa.Text(), server_default="", nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("default_language", sa.Text(), server_default="en", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_table(
        "api_keys",
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspace_id"),
        sa.PrimaryKeyConstraint("public_id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_workspace_id", "api_keys", ["workspace_id"], unique=False)
    op.create_table(
        "app_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=True),
        sa.Column("app_name", sa.Text(), server_default="", nullable=False),
        sa.Column("app_id", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("api_key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key_last4", sa.Text(), server_default="", nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("header_name", sa.Text(), server_default="", nullable=False),
        sa.Column("header_secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("previous_header_secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("attention", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_app_accounts_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_app_accounts"),
        sa.UniqueConstraint("token_hash", name="uq_app_accounts_token_hash"),
    )
    op.create_index(
        "ix_app_accounts_previous_token_hash", "app_accounts", ["previous_token_hash"], unique=False
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), server_default="", nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("tracking_id", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("visit", sa.Integer(), server_default="1", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("raw_code", sa.Text(), server_default="", nullable=False),
        sa.Column("raw_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("raw_remark", sa.Text(), server_default="", nullable=False),
        sa.Column("courier_name", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("account_id", sa.Text(), server_default="", nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("policy_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("waits_for", sa.Text(), server_default="", nullable=False),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("accepted_action", sa.Text(), server_default="", nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_reply_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replies", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_cases_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_cases_workspace_id_id"),
        sa.UniqueConstraint(
            "workspace_id",
            "shipment_id",
            "attempt",
            "visit",
            name="uq_cases_workspace_id_shipment_id_attempt_visit",
        ),
    )
    op.create_index("ix_cases_account_id_phone_hash", "cases", ["account_id", "phone_hash"], unique=False)
    op.create_index(
        "ix_cases_open",
        "cases",
        ["workspace_id", "opened_at", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_cases_unstarted",
        "cases",
        ["opened_at"],
        unique=False,
        postgresql_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "ix_cases_workspace_id_opened_at_id", "cases", ["workspace_id", "opened_at", "id"], unique=False
    )
    op.create_index("ix_cases_workspace_id_order_id", "cases", ["workspace_id", "order_id"], unique=False)
    op.create_index(
        "ix_cases_workspace_id_tracking_id", "cases", ["workspace_id", "tracking_id"], unique=False
    )
    op.create_table(
        "event_endpoints",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_event_endpoints_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_event_endpoints"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_idempotency_keys_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_claimed_at", "idempotency_keys", ["claimed_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("account_id", sa.Text(), server_default="", nullable=False),
        sa.Column("order_id", sa.Text(), server_default="", nullable=False),
        sa.Column("shipment_id", sa.Text(), server_default="", nullable=False),
        sa.Column("tracking_id", sa.Text(), server_default="", nullable=False),
        sa.Column("event", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.Column("template_id", sa.Text(), server_default="", nullable=False),
        sa.Column("template_name", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gupshup_message_id", sa.Text(), nullable=True),
        sa.Column("whatsapp_message_id", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_messages_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("workspace_id", "command_id", name="uq_messages_workspace_id_command_id"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_messages_workspace_id_id"),
    )
    op.create_index(
        "ix_messages_account_id_gupshup_message_id",
        "messages",
        ["account_id", "gupshup_message_id"],
        unique=False,
        postgresql_where=sa.text("gupshup_message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_account_id_whatsapp_message_id",
        "messages",
        ["account_id", "whatsapp_message_id"],
        unique=False,
        postgresql_where=sa.text("whatsapp_message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_undecided",
        "messages",
        ["account_id", "phone_hash"],
        unique=False,
        postgresql_where=sa.text("status IN ('sending', 'unknown')"),
    )
    op.create_index("ix_messages_workspace_id_case_id", "messages", ["workspace_id", "case_id"], unique=False)
    op.create_table(
        "order_accounts",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), server_default="", nullable=False),
        sa.Column("client_secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("webhook_secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_webhook_secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_order_accounts_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_order_accounts"),
    )
    op.create_table(
        "outgoing_events",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), server_default="", nullable=False),
        sa.Column("data_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_outgoing_events_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_events"),
    )
    op.create_index(
        "ix_outgoing_events_unstarted",
        "outgoing_events",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("started_at IS NULL"),
    )
    op.create_index(
        "ix_outgoing_events_workspace_id_created_at",
        "outgoing_events",
        ["workspace_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "shipments",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), server_default="", nullable=False),
        sa.Column("tracking_id", sa.Text(), server_default="", nullable=False),
        sa.Column("last_move", sa.Text(), server_default="", nullable=False),
        sa.Column("last_moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("final", sa.Text(), nullable=True),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_shipments_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "shipment_id", name="pk_shipments"),
    )
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("shipment_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("data_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_timeline_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_timeline"),
        sa.UniqueConstraint("workspace_id", "key", name="uq_timeline_workspace_id_key"),
    )
    op.create_index(
        "ix_timeline_workspace_id_order_id_at_id",
        "timeline",
        ["workspace_id", "order_id", "at", "id"],
        unique=False,
    )
    op.create_table(
        "actions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "case_id"],
            ["cases.workspace_id", "cases.id"],
            name="fk_actions_workspace_id_case_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_actions"),
    )
    op.create_index("ix_actions_workspace_id_case_id", "actions", ["workspace_id", "case_id"], unique=False)
    op.create_index(
        "uq_actions_one_accepted",
        "actions",
        ["workspace_id", "case_id"],
        unique=True,
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.create_table(
        "installations",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["app_accounts.id"], name="fk_installations_account_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_installations_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", name="pk_installations"),
    )
    op.create_index("ix_installations_account_id", "installations", ["account_id"], unique=False)
    op.create_index(
        "uq_installations_one_of_each",
        "installations",
        ["workspace_id", "owner"],
        unique=True,
        postgresql_where=sa.text("uninstalled_at IS NULL"),
    )
    op.create_table(
        "message_statuses",
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name="fk_message_statuses_workspace_id_message_id",
        ),
        sa.PrimaryKeyConstraint("message_id", "status", name="pk_message_statuses"),
    )
    op.create_table(
        "notifications",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Text(), server_default="", nullable=False),
        sa.Column("template_name", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("header", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("footer", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "buttons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attention", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["app_accounts.id"], name="fk_notifications_account_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_notifications_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "event", "language", name="pk_notifications"),
    )
    op.create_index(
        "ix_notifications_account_id_template_id",
        "notifications",
        ["account_id", "template_id"],
        unique=False,
    )
    op.create_table(
        "reply_references",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("choice", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name="fk_reply_references_workspace_id_message_id",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_reply_references"),
    )
    op.create_index("ix_reply_references_message_id", "reply_references", ["message_id"], unique=False)
    op.create_table(
        "senders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("selected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["app_accounts.id"], name="fk_senders_account_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_senders_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_senders"),
    )
    op.create_index("ix_senders_workspace_id_id", "senders", ["workspace_id", "id"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_suppressions_workspace_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "case_id"],
            ["cases.workspace_id", "cases.id"],
            name="fk_suppressions_workspace_id_case_id",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "phone_hash", name="pk_suppressions"),
    )
    op.create_table(
        "usage",
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), server_default="", nullable=False),
        sa.Column("account_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("order_id", sa.Text(), server_default="", nullable=False),
        sa.Column("shipment_id", sa.Text(), server_default="", nullable=False),
        sa.Column("event", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("template_id", sa.Text(), server_default="", nullable=False),
        sa.Column("template_name", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("price_paise", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("is_charged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("phone_last4", sa.Text(), server_default="", nullable=False),
        sa.Column("pricing_category", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_is_billable", sa.Boolean(), nullable=True),
        sa.Column("provider_category", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_billed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name="fk_usage_workspace_id_message_id",
        ),
        sa.PrimaryKeyConstraint("message_id", name="pk_usage"),
    )
    op.create_index("ix_usage_sent_at", "usage", ["sent_at"], unique=False)
    op.create_index("ix_usage_workspace_id_sent_at", "usage", ["workspace_id", "sent_at"], unique=False)
    _secure()


# --- Roles and row-level security (S13) ---

_ALL_WORKSPACES = "rescue_all_workspaces"
_ONE_WORKSPACE = "rescue_one_workspace"
_OWNED = (
    "order_accounts",
    "event_endpoints",
    "api_keys",
    "idempotency_keys",
    "installations",
    "senders",
    "notifications",
    "messages",
    "message_statuses",
    "reply_references",
    "suppressions",
    "cases",
    "shipments",
    "actions",
    "timeline",
    "usage",
    "outgoing_events",
)
_NOT_FOR_ONE = ("inbox", "orphan_statuses")  # intake alone reads what no workspace is known of yet
_CURRENT = "nullif(current_setting('app.workspace_id', true), '')"
_RULES = {
    **dict.fromkeys(_OWNED, f"workspace_id = {_CURRENT}"),
    "workspaces": f"id = {_CURRENT}",
    "app_accounts": f"workspace_id IS NULL OR workspace_id = {_CURRENT}",
}


def _secure() -> None:
    """Make the roles, and let each see what is its own; the owner of the tables is bound by it too."""
    for role in (_ALL_WORKSPACES, _ONE_WORKSPACE):
        # Roles belong to the server, not to the database: another database of it may have made them.
        # Where the login may not make roles, an administrator made and granted them before.
        op.execute(
            f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    BEGIN
                        CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
                    EXCEPTION WHEN duplicate_object THEN NULL;
                    END;
                END IF;
                IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
                    GRANT {role} TO CURRENT_USER;
                END IF;
            END $$
            """
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        op.execute(f"REVOKE ALL ON alembic_version FROM {role}")
        # Later migrations' tables too.
        op.execute(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
            f" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
        )
    for table in _NOT_FOR_ONE:
        op.execute(f"REVOKE ALL ON {table} FROM {_ONE_WORKSPACE}")
    for table, rule in _RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_workspaces ON {table} TO {_ALL_WORKSPACES} USING (true)")
        op.execute(f"CREATE POLICY one_workspace ON {table} TO {_ONE_WORKSPACE} USING ({rule})")


def downgrade() -> None:
    for table in (
        "usage",
        "suppressions",
        "senders",
        "reply_references",
        "notifications",
        "message_statuses",
        "installations",
        "actions",
        "timeline",
        "shipments",
        "outgoing_events",
        "order_accounts",
        "messages",
        "idempotency_keys",
        "event_endpoints",
        "cases",
        "app_accounts",
        "api_keys",
        "workspaces",
        "rate_card",
        "orphan_statuses",
        "inbox",
        "customers",
    ):
        op.drop_table(table)
