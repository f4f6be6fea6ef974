"""Whether something new stands on an order's page, told to an open page as it happens (server-sent events).

Each open page asks the database every few seconds in a transaction of its own, by a question that indexes answer. What
changed is not said: the page asks for itself again, as without a script.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from api.errors import Problem
from api.portal.visits import Seller, Visit, not_found
from db import browser_sessions, orders, timeline
from db.session import DatabaseTrouble
from domain.formats import clock

__all__ = ["changes", "router"]

router = APIRouter(prefix="/orders")

_EVERY: Final = 2.0
_LONGEST: Final = timedelta(minutes=10)
_TIME_EVERY: Final = 5


@router.get("/{order_id:path}/live")
async def live(order_id: str, visit: Seller) -> Response:
    """Follow an order's page."""
    if visit.services.followed_pages.is_full(visit.person.id):
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS, "too-many", "Too many pages are open", "Close one of them."
        )
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        is_known = await orders.list_cases_of_order(session, visit.workspace_id, order_id, limit=1) or (
            await orders.find_order_shipments(session, visit.workspace_id, order_id)
        )
    if not is_known:
        raise not_found()
    if "text/event-stream" not in visit.request.headers.get("accept", ""):
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "no-page", "This is no page", "Open the order itself.")
    if visit.services.followed_pages.is_full(visit.person.id):
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS, "too-many", "Too many pages are followed", "Close one of them."
        )
    # A proxy must not wait for the end of it.
    headers = {"X-Accel-Buffering": "no"}
    since = visit.request.query_params.get("since", "")
    return StreamingResponse(
        changes(visit, order_id, since=since), media_type="text/event-stream", headers=headers
    )


async def changes(
    visit: Visit, order_id: str, *, since: str = "", every: float = _EVERY, longest: timedelta = _LONGEST
) -> AsyncIterator[str]:
    """Say "changed" whenever an order's page would look otherwise, and what time it is.

    It ends after a while, and with the session: whoever signed out is told nothing more, and following a page is no use
    of a session that would keep it alive.

    Args:
        visit: Who follows.
        order_id: Which order.
        since: The mark of what the page shows, so that nothing is missed between the page and this.
        every: Seconds between two questions.
        longest: After so long the browser has to connect again.
    """
    database, zone = visit.services.resources.database, ZoneInfo(visit.workspace.policy.timezone)
    began, turn, known = visit.services.clock(), 0, since
    with visit.services.followed_pages.one(visit.person.id):
        yield f"retry: {int(every * 1000)}\n\n"
        while (now := visit.services.clock()) < began + longest:
            try:
                async with database.transaction() as session:  # sessions belong to no workspace
                    if not await browser_sessions.is_living(session, visit.session.token_hash, now):
                        return
                async with database.transaction(visit.workspace_id) as session:
                    mark = await timeline.latest_change(session, visit.workspace_id, order_id)
            except DatabaseTrouble:
                return  # the browser connects again
            if known and mark != known:
                yield "event: changed\ndata: \n\n"
            if turn % _TIME_EVERY == 0:  # also keeps the connection in use
                yield f"event: time\ndata: {clock(now, zone)}\n\n"
            known, turn = mark, turn + 1
            await asyncio.sleep(every)
