"""From rows to frozen dataclasses: a dataclass names the columns it wants, by its fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Column, Executable, Table

from db.session import Session

_T = TypeVar("_T")


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
