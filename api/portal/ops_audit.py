"""The audit as staff read it: what was done in every workspace, and whether each chain is whole (S28)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Response

from api.portal.pages import render
from api.portal.staff import moment_words
from api.portal.visits import Staff, Visit, not_found
from db import audit, workspaces
from db.audit import Cursor, Record
from db.workspaces import PLATFORM

__all__ = ["router"]

router = APIRouter(prefix="/ops/audit")

_ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class RecordRow:
    """Something that was done, as it stands in the list."""

    action: str
    subject: str
    detail: str
    where: str
    number: int
    person: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """The page.

    Attributes:
        workspace: Whose records; empty for all.
        choices: Pairs of value and words.
        rows: The records, newest first.
        words: How many are shown.
        newer: Where the newest are; empty where they are shown.
        older: Where the next ones are; empty where there are none.
    """

    workspace: str
    choices: tuple[tuple[str, str], ...]
    rows: tuple[RecordRow, ...]
    words: str
    newer: str
    older: str


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A workspace's chain: how long it is, and whether it is whole."""

    where: str
    records: int
    last_hash: str
    last_at: str
    broken_at: int | None


@dataclass(frozen=True, slots=True)
class ChainsPage:
    """Every chain."""

    rows: tuple[ChainRow, ...]
    broken: int
    checked: str


@router.get("")
async def audit_page(visit: Staff, workspace: str = "", before: str = "") -> Response:
    """Show what was done, newest first."""
    cursor = _read_cursor(before) if before else None
    # Staff see every workspace's records: no transaction of one workspace could.
    async with visit.services.resources.database.transaction() as session:
        names = {PLATFORM: "Platform"} | {
            known.id: known.name for known in await workspaces.list_workspaces(session)
        }
        if workspace and workspace not in names:
            raise not_found()
        found = await audit.list_of_all_workspaces(
            session, workspace_id=workspace or None, before=cursor, limit=_ROWS + 1
        )
    shown, has_more = found[:_ROWS], len(found) > _ROWS
    chosen = f"workspace={workspace}&" if workspace else ""
    page = AuditPage(
        workspace=workspace,
        choices=(("", "All workspaces"), *sorted(names.items(), key=lambda pair: pair[1].casefold())),
        rows=tuple(_row(visit, record, names) for record in shown),
        words=f"{len(shown)} record{'' if len(shown) == 1 else 's'} on this page",
        newer=f"/ops/audit?{chosen}".rstrip("?&") if before else "",
        older=f"/ops/audit?{chosen}before={_as_cursor(shown[-1])}" if has_more else "",
    )
    return await render(visit, "ops_audit.html", page, current="ops_audit")


@router.get("/chains")
async def chains_page(visit: Staff) -> Response:
    """Walk every chain and show whether it is whole."""
    rows: list[ChainRow] = []
    # Staff check every workspace's chain; one transaction each, so that a long one holds up nobody.
    database = visit.services.resources.database
    async with database.transaction() as session:
        names = {known.id: known.name for known in await workspaces.list_workspaces(session)}
        chains = await audit.list_chains(session)
    for workspace_id in chains:
        async with database.transaction() as session:
            broken_at = await audit.find_break(session, workspace_id)
            newest = await audit.list_records(session, workspace_id, limit=1)
        last = newest[0] if newest else None
        rows.append(
            ChainRow(
                where=_name(workspace_id, names),
                records=last.number if last else 0,
                last_hash=last.hash.hex()[:16] if last else "–",
                last_at=moment_words(visit, last.at if last else None),
                broken_at=broken_at,
            )
        )
    broken = sum(row.broken_at is not None for row in rows)
    page = ChainsPage(tuple(rows), broken, moment_words(visit, visit.now))
    return await render(visit, "ops_chains.html", page, current="ops_audit")


def _row(visit: Visit, record: Record, names: dict[str, str]) -> RecordRow:
    return RecordRow(
        action=record.action,
        subject=record.subject,
        detail=record.detail,
        where=_name(record.workspace_id, names),
        number=record.number,
        person=record.person,
        when=moment_words(visit, record.at),
    )


def _name(workspace_id: str, names: dict[str, str]) -> str:
    return "Platform" if workspace_id == PLATFORM else names.get(workspace_id, workspace_id)


def _as_cursor(record: Record) -> str:
    """Return where a record stands, as an address can carry it."""
    at = record.at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")
    return f"{at}.{record.number}.{record.workspace_id}"


def _read_cursor(said: str) -> Cursor:
    """Return where to go on.

    Raises:
        Problem: 404 for an address that we never wrote.
    """
    at, _, rest = said.partition(".")
    number, _, workspace_id = rest.partition(".")
    is_readable = number.isascii() and number.isdecimal() and len(number) < len("9" * 18)
    if not is_readable or not workspace_id.isprintable():
        raise not_found()
    try:
        return datetime.strptime(at, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC), workspace_id, int(number)
    except ValueError:
        raise not_found() from None
