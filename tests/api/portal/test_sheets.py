"""CSV for spreadsheets: no cell is a formula, nothing is hidden (S24)."""

import csv
import io
from collections.abc import AsyncIterator

import pytest

from api.portal.sheets import cell, sheet


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("KK1001", "KK1001"),
        ("=1+1", "'=1+1"),
        ("+91", "'+91"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\tx", "'x"),
        ("  =1", "'=1"),
        ("\u200b=1", "'=1"),
        ("\u202eevil\u202c", "evil"),
        ("a\x00b\x1bc", "abc"),
        ("two\r\nlines", "two lines"),
        ("हिन्दी", "हिन्दी"),
        ("", ""),
    ],
)
def test_cell_is_text(value: str, shown: str) -> None:
    """What begins a formula gets a quote; what cannot be seen is left out."""  # S24
    assert cell(value) == shown


async def test_sheet_is_read_back_as_it_was_written() -> None:
    """Commas, quotes and letters of any script come back; Excel is told that it is UTF-8."""

    async def batches() -> AsyncIterator[list[tuple[str, ...]]]:
        yield [("a,b", 'say "x"')]
        yield [("₹", "=2")]

    answer = sheet("charges.csv", ("One", "Two"), batches())
    text = "".join([str(part) async for part in answer.body_iterator])
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) == [
        ["One", "Two"],
        ["a,b", 'say "x"'],
        ["₹", "'=2"],
    ]
    assert answer.headers["content-disposition"] == 'attachment; filename="charges.csv"'
