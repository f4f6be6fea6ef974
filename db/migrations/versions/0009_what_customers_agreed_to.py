"""What customers want and do not want, by category and with its whole history; when an account was last asked."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ALL_WORKSPACES = "rescue_all_workspaces"
_ONE_WORKSPACE = "rescue_one_workspace"


def _words(name: str, *, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("customers", _at("marketing_opted_out_at", nullable=True))
    op.add_column("customers", _at("marketing_changed_at", nullable=True))
    op.add_column("app_accounts", _at("asked_at", nullable=True))
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _words("account_id", default=None),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        _words("key", default=None),
        _words("scope"),
        sa.Column("is_wanted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _at("at"),
        _words("source"),
        _words("proof"),
        _words("person"),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("account_id", "phone_hash", "key", name="uq_consents_account_id_phone_hash_key"),
    )
    # What was said once is never changed by the program, only said anew (S28).
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON consents FROM {_ALL_WORKSPACES}, {_ONE_WORKSPACE}")
    _take_known_opt_outs()


def _take_known_opt_outs() -> None:
    """Begin each history with what is known: the last change, and the message that proves it."""
    op.execute("SET LOCAL ROLE rescue_all_workspaces")
    op.execute(
        """
        INSERT INTO consents (account_id, phone_hash, key, scope, is_wanted, at, source, proof)
        SELECT account_id, phone_hash, 'before', 'all', opted_out_at IS NULL, opt_changed_at,
            CASE split_part(opt_out_proof, ':', 1) WHEN 'text' THEN 'message' ELSE split_part(opt_out_proof, ':', 1) END,
            btrim(substr(opt_out_proof, strpos(opt_out_proof, ':') + 1))
        FROM customers WHERE opt_changed_at IS NOT NULL
        """
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.drop_table("consents")
    op.drop_column("app_accounts", "asked_at")
    op.drop_column("customers", "marketing_changed_at")
    op.drop_column("customers", "marketing_opted_out_at")
