"""People who sign in, their sessions, the audit that nobody can change, accepted prices, sample values."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ALL_WORKSPACES = "rescue_all_workspaces"
_ONE_WORKSPACE = "rescue_one_workspace"
_CURRENT = "nullif(current_setting('app.workspace_id', true), '')"
# Who signs in is found before a workspace is known; nobody acting for one workspace needs these.
_NOT_FOR_ONE = ("browser_sessions", "sign_in_failures")
_SECURED = ("people", "audit", "price_acceptances")
_INSERT_ONLY = ("audit", "price_acceptances")


def _words(name: str, *, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    _add_columns()
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=True),
        _words("email", default=None),
        _words("name"),
        _words("role"),
        _words("password_hash"),
        sa.Column("password_is_temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("oidc_issuer", sa.Text(), nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        _now("created_at"),
        _at("disabled_at", nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_people_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("email", name="uq_people_email"),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name="uq_people_oidc_issuer_oidc_subject"),
    )
    op.create_index("ix_people_workspace_id", "people", ["workspace_id"], unique=False)
    op.create_table(
        "browser_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        _words("device"),
        sa.Column("is_complete", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _at("created_at"),
        _at("seen_at"),
        _at("confirmed_at", nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_browser_sessions_person_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_browser_sessions"),
    )
    op.create_index("ix_browser_sessions_person_id", "browser_sessions", ["person_id"], unique=False)
    op.create_index("ix_browser_sessions_created_at", "browser_sessions", ["created_at"], unique=False)
    op.create_table(
        "sign_in_failures",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _at("failed_at"),
        sa.PrimaryKeyConstraint("key_hash", name="pk_sign_in_failures"),
    )
    op.create_index("ix_sign_in_failures_failed_at", "sign_in_failures", ["failed_at"], unique=False)
    op.create_table(
        "audit",
        _words("workspace_id", default=None),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        _at("at"),
        _words("person"),
        _words("action"),
        _words("subject"),
        _words("detail"),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "number", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "price_acceptances",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _words("workspace_id", default=None),
        sa.Column("account_id", sa.Text(), nullable=False),
        _words("event", default=None),
        _words("category"),
        sa.Column("price_paise", sa.Integer(), nullable=False),
        _words("person"),
        _at("accepted_at"),
        sa.ForeignKeyConstraint(["account_id"], ["app_accounts.id"], name="fk_price_acceptances_account_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_price_acceptances_workspace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_price_acceptances"),
    )
    op.create_index(
        "ix_price_acceptances_workspace_id_account_id_event_id",
        "price_acceptances",
        ["workspace_id", "account_id", "event", "id"],
        unique=False,
    )
    op.create_table(
        "sample_values",
        _words("variable", default=None),
        _words("sample"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("variable", name="pk_sample_values"),
    )
    _secure()


def _add_columns() -> None:
    op.add_column("app_accounts", _at("attention_at", nullable=True))
    op.add_column("app_accounts", sa.Column("token_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("app_accounts", _words("quality"))
    op.add_column(
        "app_accounts",
        sa.Column(
            "templates",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.add_column("app_accounts", _at("templates_read_at", nullable=True))
    op.add_column("app_accounts", _at("last_callback_at", nullable=True))
    op.add_column("installations", _words("person"))
    op.add_column("notifications", _at("attention_at", nullable=True))


def _secure() -> None:
    """Let each role see what is its own (S13); what is recorded is never changed by the program (S28)."""
    for table in _NOT_FOR_ONE:
        op.execute(f"REVOKE ALL ON {table} FROM {_ONE_WORKSPACE}")
    for table in _SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_workspaces ON {table} TO {_ALL_WORKSPACES} USING (true)")
        op.execute(
            f"CREATE POLICY one_workspace ON {table} TO {_ONE_WORKSPACE} USING (workspace_id = {_CURRENT})"
        )
    for table in _INSERT_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {_ALL_WORKSPACES}, {_ONE_WORKSPACE}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON sample_values, rate_card FROM {_ONE_WORKSPACE}")


def downgrade() -> None:
    for table in (
        "sample_values",
        "price_acceptances",
        "audit",
        "sign_in_failures",
        "browser_sessions",
        "people",
    ):
        op.drop_table(table)
    op.drop_column("notifications", "attention_at")
    op.drop_column("installations", "person")
    for column in (
        "last_callback_at",
        "templates_read_at",
        "templates",
        "quality",
        "token_sealed",
        "attention_at",
    ):
        op.drop_column("app_accounts", column)
    op.execute(f"GRANT INSERT, UPDATE, DELETE ON rate_card TO {_ONE_WORKSPACE}")
