"""Lists of earlier opt-outs are read line by line; what is wrong with one is said and stops no other."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from db.customers import Customer
from domain.consent import BadLine, Listed, Scope, read_list
from tests.factories import NOW

ZONE = ZoneInfo("Asia/Kolkata")


def _read(*lines: str) -> list[Listed | BadLine]:
    return list(read_list(lines, zone=ZONE, now=NOW))


def test_lines_are_read_with_what_they_say_and_their_number() -> None:
    """R5.5 import: days begin in the workspace's zone, times keep their own, a scope that is empty is all."""
    found = _read(
        "Phone,Since,Scope,Note",
        "9999900001,2026-01-05,,",
        "",
        '9999900002,2026-01-05T10:00:00Z,marketing,"by phone, twice"',
    )
    assert found == [
        Listed(2, "9999900001", datetime(2026, 1, 5, tzinfo=ZONE), Scope.ALL, ""),
        Listed(4, "9999900002", datetime(2026, 1, 5, 10, tzinfo=UTC), Scope.MARKETING, "by phone, twice"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("9999900001,5.1.2026,,", "since is a date"),
        ("9999900001,,,", "since is a date"),
        ("9999900001,2027-01-05,,", "in the future"),
        ("9999900001,2026-01-05,news,", "scope is one of all, marketing"),
        ("9999900001,2026-01-05", "2 cells, the header has 4"),
        ('9999900001,2026-01-05,,"not closed', "no line of a CSV file"),
        (f"9999900001,2026-01-05,,{'x' * 501}", "more than 500"),
        (f"9999900001,2026-01-05,,{'x' * 3000}", "more than 2000"),
    ],
)
def test_bad_line_is_named_and_the_next_one_read(line: str, reason: str) -> None:
    """R5.5 import: even after a quote that is not closed; nothing of the line is repeated."""
    wrong, right = _read("phone,since,scope,note", line, "9999900002,2026-01-05,,")
    assert isinstance(wrong, BadLine)
    assert wrong.number == 2
    assert reason in wrong.reason
    assert "99999" not in wrong.reason
    assert isinstance(right, Listed)


@pytest.mark.parametrize(
    "header",
    [(), ("phone,note",), ("phone,since,colour",), ("phone,since,since",), ("9999900001,2026-01-05",)],
)
def test_list_without_its_header_is_none(header: tuple[str, ...]) -> None:
    """Otherwise its first line would be lost."""
    with pytest.raises(ValueError, match="line 1 names the columns"):
        _read(*header)


@pytest.mark.parametrize(
    ("customer", "category", "refuses"),
    [
        (Customer(), "MARKETING", False),
        (Customer(opted_out_at=NOW), "utility", True),
        (Customer(opted_out_at=NOW), "", True),
        (Customer(marketing_opted_out_at=NOW), "Marketing", True),
        (Customer(marketing_opted_out_at=NOW), "UTILITY", False),
        (Customer(marketing_opted_out_at=NOW), "", False),
    ],
)
def test_message_is_refused_by_its_category(customer: Customer, category: str, *, refuses: bool) -> None:
    """R5.5: what stops all stops marketing too, and not the other way round."""
    assert customer.refuses(category) is refuses
