"""From rows to frozen dataclasses: a dataclass names the columns it wants, by its fields. And ids that are shortened."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Column, Executable, Table

from db.session import Session

_T = TypeVar("_T")

_BEGINS_AN_ID = re.compile(r"[0-9a-f]{1,32}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def columns(table: Table, kind: type[Any]) -> Sequence[Column[Any]]:
    """Return the columns of a table that a dataclass has fields for; every field must have one."""
    return [table.c[field.name] for field in fields(kind)]


async def one(
    session: Session, statement: Executable, kind: Callable[..., _T], values: Mapping[str, Any] | None = None
) -> _T | None:
    """Return the only row of a statement, run with some values, as a dataclass; or None."""
    row = (await session.execute(statement, values)).one_or_none()
    return None if row is None else kind(**row._asdict())


async def many(session: Session, statement: Executable, kind: Callable[..., _T]) -> tuple[_T, ...]:
    """Return the rows of a statement as dataclasses."""
    return tuple(kind(**row._asdict()) for row in (await session.execute(statement)).all())


def is_id(text: str) -> bool:
    """Tell whether a text has the form of our ids: the driver fails on anything else, and an address may hold it."""
    return _ID.fullmatch(text) is not None


def id_range(prefix: str) -> tuple[str, str] | None:
    """Return the first and the last id that begin as people shorten one; None for what begins none.

    A range is found by the index of the primary key; a comparison of texts would read the whole table.
    """
    digits = prefix.strip().lower().replace("-", "")
    if not _BEGINS_AN_ID.fullmatch(digits):
        return None
    return str(UUID(digits.ljust(32, "0"))), str(UUID(digits.ljust(32, "f")))
