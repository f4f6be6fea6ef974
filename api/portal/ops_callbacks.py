"""Callbacks that were put aside: why, and trying one again. What they say is never shown: it is a customer's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.staff import moment_words, record
from api.portal.visits import FieldsNow, Staff, Visit, not_found
from db import accounts, inbox, workspaces
from db.inbox import ParkedItem
from db.session import Session

__all__ = ["router", "source_words", "whose"]

router = APIRouter(prefix="/ops/callbacks")

_ROWS: Final = 50
_MOST_DIGITS: Final = 18
_SOURCES: Final = {"gupshup": "Gupshup", "order_system": "Order system"}


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """A callback that was put aside, without what it says."""

    id: int
    source: str
    where: str
    why: str
    tries: str
    received: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbacksPage:
    """The page.

    Attributes:
        parked: How many were put aside.
        waiting: How many wait to be handled.
        oldest: Since when the oldest of them waits; empty where none does.
        rows: Those put aside, newest first.
        words: How many are shown.
        newer: Where the newest are; empty where they are shown.
        older: Where the next ones are; empty where there are none.
    """

    parked: int
    waiting: int
    oldest: str
    rows: tuple[CallbackRow, ...]
    words: str
    newer: str
    older: str


@router.get("")
async def callbacks_page(visit: Staff, before: str = "") -> Response:
    """Show what was put aside."""
    # Callbacks are of no workspace until they are handled: only a transaction for all sees them.
    async with visit.services.resources.database.transaction() as session:
        backlog = await inbox.backlog(session)
        found = await inbox.list_parked(session, before=_number(before) if before else None, limit=_ROWS + 1)
        places = await _places(session, found)
    shown = found[:_ROWS]
    page = CallbacksPage(
        parked=backlog.parked,
        waiting=backlog.new,
        oldest=moment_words(visit, backlog.oldest_at, otherwise=""),
        rows=tuple(_row(visit, item, places) for item in shown),
        words=f"{len(shown)} of {backlog.parked}",
        newer="/ops/callbacks" if before else "",
        older=f"/ops/callbacks?before={shown[-1].id}" if len(found) > _ROWS else "",
    )
    return await render(visit, "ops_callbacks.html", page, current="ops_callbacks")


@router.post("/{inbox_id}/retry")
async def retry_callback(inbox_id: str, visit: Staff, fields: FieldsNow) -> Response:
    """Give a callback that was put aside another chance."""
    fields.only()
    number = _number(inbox_id)

    async def act() -> Response:
        # As above: a callback is of no workspace.
        async with visit.services.resources.database.transaction() as session:
            if not await inbox.unpark(session, number, visit.now):
                raise not_found()
            await record(session, visit, "callback.retried", subject=str(number))
        return see_other(
            visit,
            "/ops/callbacks",
            Toast(
                f"Callback {number} is tried again.", "If it cannot be handled, it comes back to this list."
            ),
        )

    return await once(visit, fields, act)


def source_words(source: str) -> str:
    """Return who sent a callback, in words."""
    return _SOURCES.get(source, source)


async def whose(session: Session, account_id: str) -> tuple[str, str]:
    """Return whose an account is: the workspace's id, empty for the platform's, and its name."""
    account = await accounts.get_account(session, account_id)
    if account.workspace_id is None:
        return "", "Platform account"
    found = await workspaces.find_workspace(session, account.workspace_id)
    return account.workspace_id, found.name if found else account.workspace_id


async def _places(session: Session, items: tuple[ParkedItem, ...]) -> dict[tuple[str, str], str]:
    """Return where each callback came to, by name."""
    names = {known.id: known.name for known in await workspaces.list_workspaces(session)}
    places: dict[tuple[str, str], str] = {}
    for source, owner_id in {(item.source, item.owner_id) for item in items}:
        if source == "order_system":
            places[source, owner_id] = names.get(owner_id, owner_id)
        else:
            places[source, owner_id] = (await whose(session, owner_id))[1]
    return places


def _row(visit: Visit, item: ParkedItem, places: Mapping[tuple[str, str], str]) -> CallbackRow:
    return CallbackRow(
        id=item.id,
        source=source_words(item.source),
        where=places[item.source, item.owner_id],
        why=item.note or "No reason was kept",
        tries=str(item.tries),
        received=moment_words(visit, item.received_at),
    )


def _number(said: str) -> int:
    """Return a callback's number.

    Raises:
        Problem: 404 for what is none.
    """
    if not (said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS):
        raise not_found()
    return int(said)
