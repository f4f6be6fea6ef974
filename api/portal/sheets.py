"""Files for spreadsheets: CSV in which no cell is a formula and nothing is hidden (S24)."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from fastapi.responses import StreamingResponse

__all__ = ["cell", "sheet"]

_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@")
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_MARK: Final = "\ufeff"  # by it Excel knows that the file is UTF-8


def cell(value: str) -> str:
    """Return a text as a cell: what would be taken for a formula is quoted, what cannot be seen is left out."""
    begins_with_tab = value[:1] in ("\t", "\r")
    seen = _UNSEEN.sub("", re.sub(r"[\t\r\n]+", " ", value)).strip()
    is_formula = seen.startswith(_BEGINS_A_FORMULA) or begins_with_tab
    return f"'{seen}" if is_formula else seen


def sheet(
    name: str, head: Sequence[str], batches: AsyncIterator[Iterable[Sequence[str]]]
) -> StreamingResponse:
    """Return a file to download, sent while it is read.

    Args:
        name: Its name: letters, digits, hyphens and a dot.
        head: Its first row.
        batches: Its other rows.
    """

    async def lines() -> AsyncIterator[str]:
        yield _MARK + _written([head])
        async for rows in batches:
            yield _written(rows)

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _written(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()
