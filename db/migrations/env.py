"""Alembic's entry: one transaction, under a lock time-out, by one migrator at a time."""

import asyncio
import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from db.session import asyncpg_url
from db.tables import OneOf, Words, metadata

_LOCK_TIMEOUT = "2s"  # a migration that would stop the running code fails instead (F23)
_MIGRATORS = 7_305_301  # the advisory lock that migrators wait for


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        render_item=_render_item,
    )
    with context.begin_transaction():
        # Waiting for another migrator is no lock on a table: the time-out begins after it.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATORS})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        context.run_migrations()


def _render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write a type of ours as the one beneath it: an old migration must not depend on today's code."""
    return "sa.Text()" if kind == "type" and isinstance(item, (OneOf, Words)) else False


async def _main() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["DATABASE_URL"]
    engine = create_async_engine(asyncpg_url(url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
