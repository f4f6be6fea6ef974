"""How money is counted: rates by window, allowance and tier; adjustments, statements, taxes, what Gupshup billed.

What is booked is never changed: the program may only add. Messages from before were counted if they did not fail, and
stay so.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ALL_WORKSPACES = "rescue_all_workspaces"
_ONE_WORKSPACE = "rescue_one_workspace"
_CURRENT = "nullif(current_setting('app.workspace_id', true), '')"
_SECURED = ("usage_counters", "adjustments", "statements")
_APPEND_ONLY = ("adjustments", "statements", "rate_card", "tax_rates")
_NOT_FOR_ONE = ("billing_events",)
_READ_BY_ONE = ("usage_counters", "adjustments", "statements", "tax_rates")
_FIXED = (
    "workspace_id, account_id, account_owner, category, price_paise, outcome, is_charged, sent_at, month,"
    " rate_id, customer_window, tier_above, is_allowance, month_number"
)


def _words(name: str, *, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    _widen_rates()
    _widen_usage()
    op.create_table(
        "usage_counters",
        _words("workspace_id", default=None),
        sa.Column("month", sa.Date(), nullable=False),
        _words("category", default=None),
        _count("sent"),
        _count("free"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_usage_counters_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "month", "category", name="pk_usage_counters"),
    )
    op.create_table(
        "adjustments",
        _number(),
        _words("workspace_id", default=None),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=True),
        _words("reason", default=None),
        sa.Column("amount_paise", sa.Integer(), nullable=False),
        _words("key", default=None),
        _words("detail"),
        _words("person"),
        _at("at"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_adjustments_workspace_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name="fk_adjustments_workspace_id_message_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_adjustments"),
        sa.UniqueConstraint("workspace_id", "key", name="uq_adjustments_workspace_id_key"),
    )
    op.create_index("ix_adjustments_workspace_id_month", "adjustments", ["workspace_id", "month"])
    op.create_index("ix_adjustments_message_id", "adjustments", ["message_id"])
    op.create_table(
        "statements",
        _words("workspace_id", default=None),
        sa.Column("month", sa.Date(), nullable=False),
        _at("closed_at"),
        _words("person"),
        _words("content"),
        sa.Column("net_paise", sa.BigInteger(), nullable=False),
        sa.Column("tax_paise", sa.BigInteger(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_statements_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", "month", name="pk_statements"),
    )
    op.create_index("ix_statements_month", "statements", ["month"])
    op.create_table(
        "billing_events",
        _number(),
        _words("account_id"),
        _words("event_key", default=None),
        sa.Column("gupshup_id", sa.Text(), nullable=True),
        sa.Column("whatsapp_id", sa.Text(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        _flag("is_billable"),
        _words("category"),
        _words("model"),
        _words("type"),
        _at("at"),
        _at("provider_at", nullable=True),
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_billing_events"),
        sa.UniqueConstraint("account_id", "event_key", name="uq_billing_events_account_id_event_key"),
    )
    op.create_index("ix_billing_events_message_id", "billing_events", ["message_id"])
    op.create_index("ix_billing_events_account_id_at", "billing_events", ["account_id", "at"])
    op.create_index(
        "ix_billing_events_unmatched",
        "billing_events",
        ["at"],
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.create_table(
        "tax_rates",
        _number(),
        _words("name", default=None),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tax_rates"),
    )
    _secure()


def _widen_rates() -> None:
    """Give each rate a number that usage can name, a window, an allowance and tiers; those there are hold for all."""
    op.drop_constraint("pk_rate_card", "rate_card")
    op.add_column("rate_card", _number())
    op.create_primary_key("pk_rate_card", "rate_card", ["id"])
    op.add_column("rate_card", _words("customer_window", default="any"))
    op.add_column("rate_card", _count("free_monthly"))
    op.add_column(
        "rate_card",
        sa.Column(
            "tiers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
    )
    op.create_index("ix_rate_card_category_valid_from", "rate_card", ["category", "valid_from"])


def _widen_usage() -> None:
    """Give each message its month and the rule of its price, and fix them once Gupshup accepted it."""
    op.add_column("usage", sa.Column("month", sa.Date(), nullable=True))
    op.add_column("usage", sa.Column("rate_id", sa.BigInteger(), nullable=True))
    op.add_column("usage", _words("customer_window"))
    op.add_column("usage", _count("tier_above"))
    op.add_column("usage", _flag("is_allowance"))
    op.add_column("usage", _count("month_number"))
    op.add_column("usage", sa.Column("corrected_paise", sa.Integer(), nullable=True))
    # Row-level security binds the owner of the tables too: only this role sees every workspace's rows.
    op.execute(f"SET LOCAL ROLE {_ALL_WORKSPACES}")
    op.execute(
        """
        UPDATE usage SET month = date_trunc('month', timezone(
            coalesce(workspaces.policy ->> 'timezone', 'Asia/Kolkata'), usage.sent_at))::date
        FROM workspaces WHERE workspaces.id = usage.workspace_id
        """
    )
    op.execute("RESET ROLE")
    op.alter_column("usage", "month", nullable=False)
    op.create_index("ix_usage_workspace_id_month", "usage", ["workspace_id", "month"])
    columns = _FIXED.split(", ")
    old, new = (", ".join(f"{row}.{name.strip()}" for name in columns) for row in ("OLD", "NEW"))
    # A trigger, so that it is right whichever release of the program writes the row.
    op.execute(
        """
        CREATE FUNCTION set_month_of_usage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.month := date_trunc('month', timezone(coalesce(
                (SELECT policy ->> 'timezone' FROM workspaces WHERE id = NEW.workspace_id), 'Asia/Kolkata'),
                NEW.sent_at))::date;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER usage_has_month BEFORE INSERT OR UPDATE OF sent_at ON usage FOR EACH ROW"
        " EXECUTE FUNCTION set_month_of_usage()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_usage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'usage of an accepted message is fixed' USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER usage_is_fixed BEFORE UPDATE ON usage FOR EACH ROW"
        f" WHEN (OLD.outcome = 'accepted' AND ({old}) IS DISTINCT FROM ({new}))"
        " EXECUTE FUNCTION refuse_change_of_usage()"
    )


def _secure() -> None:
    """Let each role see what is its own (S13); what is booked is never changed by the program (S28)."""
    for table in _NOT_FOR_ONE:
        op.execute(f"REVOKE ALL ON {table} FROM {_ONE_WORKSPACE}")
    for table in _SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_workspaces ON {table} TO {_ALL_WORKSPACES} USING (true)")
        op.execute(
            f"CREATE POLICY one_workspace ON {table} TO {_ONE_WORKSPACE} USING (workspace_id = {_CURRENT})"
        )
    for table in _READ_BY_ONE:
        op.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {_ONE_WORKSPACE}")
    for table in _APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {_ALL_WORKSPACES}, {_ONE_WORKSPACE}")
    op.execute(f"REVOKE DELETE, TRUNCATE ON usage FROM {_ALL_WORKSPACES}, {_ONE_WORKSPACE}")


def downgrade() -> None:
    op.execute(f"GRANT DELETE ON usage TO {_ALL_WORKSPACES}, {_ONE_WORKSPACE}")
    op.execute(f"GRANT UPDATE, DELETE ON rate_card TO {_ALL_WORKSPACES}")
    for table in ("tax_rates", "billing_events", "statements", "adjustments", "usage_counters"):
        op.drop_table(table)
    op.execute("DROP TRIGGER usage_is_fixed ON usage")
    op.execute("DROP TRIGGER usage_has_month ON usage")
    op.execute("DROP FUNCTION refuse_change_of_usage()")
    op.execute("DROP FUNCTION set_month_of_usage()")
    op.drop_index("ix_usage_workspace_id_month", "usage")
    for column in (
        "corrected_paise",
        "month_number",
        "is_allowance",
        "tier_above",
        "customer_window",
        "rate_id",
        "month",
    ):
        op.drop_column("usage", column)
    op.drop_index("ix_rate_card_category_valid_from", "rate_card")
    op.execute("DELETE FROM rate_card WHERE customer_window <> 'any'")
    op.execute(
        "DELETE FROM rate_card AS older USING rate_card AS newer"
        " WHERE older.category = newer.category AND older.valid_from = newer.valid_from AND older.id < newer.id"
    )
    op.drop_constraint("pk_rate_card", "rate_card")
    for column in ("tiers", "free_monthly", "customer_window", "id"):
        op.drop_column("rate_card", column)
    op.create_primary_key("pk_rate_card", "rate_card", ["category", "valid_from"])
