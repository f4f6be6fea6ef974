"""What the release before 0007 writes to an accepted message's usage becomes the booking that this one would make.

That release takes a price back by counting it no more. Refused, its callback would be tried five times and put aside:
the failure would reach neither the books nor the case, while both releases run or after going back to the older one.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FIXED = (
    "workspace_id", "account_id", "account_owner", "category", "price_paise", "outcome", "sent_at", "month",
    "rate_id", "customer_window", "tier_above", "is_allowance", "month_number",
)  # fmt: skip


def upgrade() -> None:
    # As `db.adjustments.settle` does: the same lock, amount, month and key, so that each fact is booked once.
    op.execute(
        """
        CREATE OR REPLACE FUNCTION refuse_change_of_usage() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            amount integer;
            closed date;
            stands_in date := OLD.month;
            reason text := CASE WHEN NEW.is_charged THEN 'delivered' ELSE 'failed' END;
        BEGIN
            IF (OLD_FIXED) IS DISTINCT FROM (NEW_FIXED) THEN
                RAISE EXCEPTION 'usage of an accepted message is fixed' USING ERRCODE = 'restrict_violation';
            END IF;
            PERFORM pg_advisory_xact_lock_shared(hashtextextended('charges/' || OLD.workspace_id, 0));
            SELECT CASE WHEN NEW.is_charged THEN coalesce(OLD.corrected_paise, OLD.price_paise) ELSE 0 END
                - CASE WHEN OLD.is_charged THEN OLD.price_paise ELSE 0 END - coalesce(sum(amount_paise), 0)
                INTO amount FROM adjustments WHERE message_id = OLD.message_id;
            IF amount <> 0 AND OLD.account_owner = 'eshopbox' THEN
                SELECT max(month) INTO closed FROM statements WHERE workspace_id = OLD.workspace_id;
                IF stands_in <= closed THEN
                    SELECT greatest(
                        date_trunc('month', timezone(coalesce(policy ->> 'timezone', 'Asia/Kolkata'), now()))::date,
                        (closed + interval '1 month')::date
                    ) INTO stands_in FROM workspaces WHERE id = OLD.workspace_id;
                END IF;
                INSERT INTO adjustments (workspace_id, month, message_id, reason, amount_paise, key, at)
                VALUES (OLD.workspace_id, stands_in, OLD.message_id, reason, amount,
                    reason || ':' || OLD.message_id, now())
                ON CONFLICT (workspace_id, key) DO NOTHING;
            END IF;
            NEW.is_charged := OLD.is_charged;
            RETURN NEW;
        END $$
        """.replace("OLD_FIXED", _fixed("OLD")).replace("NEW_FIXED", _fixed("NEW"))
    )


def _fixed(row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in _FIXED)


def downgrade() -> None:
    op.execute(
        """
        CREATE OR REPLACE FUNCTION refuse_change_of_usage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'usage of an accepted message is fixed' USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
