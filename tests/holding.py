"""Templates that are held before a test begins, in every workspace that uses them."""

from datetime import datetime

from sqlalchemy import func, update

from db.session import Session
from db.tables import notifications


async def hold_template(
    session: Session, account_id: str, template_id: str, reason: str | None, *, at: datetime | None = None
) -> int:
    """Hold a template for a reason since a time, or with None let it go; return how many notifications use it."""
    table = notifications
    statement = (
        update(table)
        .where(table.c.account_id == account_id, table.c.template_id == template_id)
        .values(attention=reason or "", attention_at=(at or func.now()) if reason else None)
        .returning(table.c.workspace_id)
    )
    return len((await session.execute(statement)).all())
