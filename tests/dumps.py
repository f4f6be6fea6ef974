"""What somebody who has a dump of the database can read: every value, and what base64 in it stands for."""

import base64
import re
from collections.abc import AsyncIterator

from sqlalchemy import select, text

from db.session import Database
from db.tables import metadata

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}")


async def read_rows(database_url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Read every row of every table as its owner does: the table's name, and all that can be read."""
    owner = Database(database_url, pool_size=1, role=None)
    try:
        async with owner.transaction() as session:
            for table in metadata.sorted_tables:
                for row in (await session.execute(select(table, text(f'"{table.name}"::text')))).all():
                    values = [value if isinstance(value, bytes) else str(value).encode() for value in row]
                    plain = b"\n".join(values)
                    yield table.name, b"\n".join((plain, *_decoded(plain)))
    finally:
        await owner.dispose()


def _decoded(plain: bytes) -> list[bytes]:
    """Decode what may be base64, from each place where it may begin."""
    runs = [
        run.translate(bytes.maketrans(b"-_", b"+/"))[start:]
        for run in _RUN.findall(plain)
        for start in range(4)
    ]
    return [base64.b64decode(run[: len(run) // 4 * 4]) for run in runs]
