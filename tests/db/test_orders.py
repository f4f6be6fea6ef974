"""Lists of orders: each stands in one place, is found by what people know of it, and comes once (R6.11)."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from db.cases import BadCursor, CaseRow, list_facts, note_reply
from db.encryption import Cipher
from db.orders import (
    Tab,
    Wanted,
    count_orders,
    count_waiting,
    find_order_shipments,
    find_orders,
    list_cases_of_order,
    list_couriers,
)
from db.session import Session
from db.standing import WAITED_FOR
from db.workspaces import add_workspace
from domain.failures import Reason
from domain.shipments import ShipmentMove
from tests.db.given_cases import DAY, HOUR, W, asks, ended, moved, opened, stands
from tests.factories import NOW, workspace

pytestmark = pytest.mark.usefixtures("_workspace")

MINUTE = timedelta(minutes=1)
PLACES = (Tab.WAITING, Tab.CUSTOMER, Tab.IN_HAND, Tab.DELIVERED, Tab.NOT_DELIVERED)

Story = Callable[[Session, Cipher, CaseRow], Awaitable[None]]


async def place_of(session: Session, cipher: Cipher, order_id: str) -> str:
    (row,), _ = await find_orders(
        session, cipher, W, tab=Tab.ALL, wanted=Wanted(text=order_id), now=NOW, limit=9
    )
    return row.stand


async def _nothing(_session: Session, _cipher: Cipher, _row: CaseRow) -> None:
    return


def story(*steps: tuple[str, Any]) -> Story:
    """Return what happens to a case, hour by hour after the first of the last ten."""

    async def told(session: Session, cipher: Cipher, row: CaseRow) -> None:
        for number, (what, how) in enumerate(steps):
            at = NOW - 10 * HOUR + number * HOUR
            if what == "asks":
                await asks(session, cipher, row, how, at=at)
            elif what == "moved":
                await moved(session, row, how, at=at)
            elif what == "stands":
                await stands(session, row, how)
            else:
                await ended(session, cipher, row, what, at=at, accepted=how)

    return told


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (_nothing, Tab.CUSTOMER),
        (story(("stands", "giving_address")), Tab.CUSTOMER),
        (story(("stands", "acting")), Tab.IN_HAND),
        (story(("asks", "handed_to_seller")), Tab.WAITING),
        (story(("asks", "action_refused")), Tab.CUSTOMER),  # the customer is offered what else is possible
        (story(("asks", "action_taken_back")), Tab.CUSTOMER),
        (story(("handed_over", "")), Tab.WAITING),
        (story(("not_my_order", "")), Tab.WAITING),
        (story(("handed_over", ""), ("moved", ShipmentMove.RTO)), Tab.NOT_DELIVERED),
        (story(("handed_over", ""), ("moved", ShipmentMove.DELIVERED)), Tab.DELIVERED),
        (story(("handed_over", ""), ("moved", ShipmentMove.RESOLUTION_SUBMITTED)), Tab.IN_HAND),
        (story(("handed_over", ""), ("moved", ShipmentMove.OUT_FOR_DELIVERY)), Tab.IN_HAND),
        (story(("asks", "handed_to_seller"), ("resolved", "reattempt")), Tab.IN_HAND),
        (story(("asks", "handed_to_seller"), ("closed", "")), Tab.NOT_DELIVERED),
        (story(("asks", "handed_to_seller"), ("no_answer", "")), Tab.WAITING),
        (story(("asks", "contradiction"), ("resolved", "reattempt")), Tab.WAITING),
        (
            story(
                ("asks", "contradiction"),
                ("resolved", "reattempt"),
                ("moved", ShipmentMove.RESOLUTION_SUBMITTED),
            ),
            Tab.WAITING,  # the echo of what was accepted
        ),
        (story(("resolved", "reattempt"), ("asks", "contradiction")), Tab.WAITING),
        (story(("resolved", "reschedule"), ("asks", "reschedule_taken_back")), Tab.WAITING),
        (story(("resolved", "reattempt")), Tab.IN_HAND),
        (story(("resolved_elsewhere", "")), Tab.IN_HAND),
        (story(("resolved", "reattempt"), ("moved", ShipmentMove.DELIVERED)), Tab.DELIVERED),
        (story(("resolved", "reattempt"), ("moved", ShipmentMove.RTO)), Tab.NOT_DELIVERED),
        (story(("resolved", "cancel")), Tab.NOT_DELIVERED),
        (story(("delivered", "")), Tab.DELIVERED),
        (story(("undeliverable", "")), Tab.NOT_DELIVERED),
        (story(("no_answer", "")), Tab.NOT_DELIVERED),
    ],
)
async def test_an_order_stands_where_its_next_step_is(
    session: Session, cipher: Cipher, happens: Story, expected: Tab
) -> None:
    """In one place, the same by list, by count and on the sidebar."""  # R6.7 R6.9 R6.11
    row = await opened(session, cipher, 11)
    await happens(session, cipher, row)
    assert await place_of(session, cipher, "ORD11") == expected
    counts = await count_orders(session, cipher, W, now=NOW)
    assert [tab for tab in PLACES if counts[tab]] == [expected]
    assert counts[Tab.ALL] == 1
    for tab in Tab:
        found, _ = await find_orders(session, cipher, W, tab=tab, now=NOW)
        assert len(found) == counts[tab], tab
    assert await count_waiting(session, W, NOW) == (expected is Tab.WAITING)


async def test_what_waits_says_for_what_and_not_for_ever(session: Session, cipher: Cipher) -> None:
    """The last thing that was put before the seller; after two weeks the parcel is elsewhere."""
    row = await opened(session, cipher, 11)
    await asks(session, cipher, row, "handed_to_seller", at=NOW - 2 * HOUR)
    await asks(session, cipher, row, "contradiction", at=NOW - HOUR)
    (shown,), _ = await find_orders(session, cipher, W, tab=Tab.WAITING, now=NOW)
    assert (shown.asked_topic, shown.asked_detail, shown.asked_at) == ("contradiction", "why", NOW - HOUR)
    assert (shown.case_id, shown.attempt, shown.courier_name) == (row.id, 1, "Delhivery")
    assert await count_waiting(session, W, NOW - HOUR + WAITED_FOR) == 1
    assert await count_waiting(session, W, NOW + WAITED_FOR) == 0
    assert await count_waiting(session, "other", NOW) == 0


async def test_a_later_attempt_takes_the_place_of_the_one_before(session: Session, cipher: Cipher) -> None:
    """A parcel stands in the list once, by its newest case (R6.1)."""
    first = await opened(session, cipher, 30)
    await ended(session, cipher, first, "handed_over", at=NOW - 20 * HOUR)
    assert await count_waiting(session, W, NOW) == 1
    second = await opened(session, cipher, 30, attempt=2, ago=2 * HOUR)
    found, _ = await find_orders(session, cipher, W, tab=Tab.ALL, now=NOW)
    assert [row.case_id for row in found] == [second.id]
    assert await count_waiting(session, W, NOW) == 0
    assert [row.id for row in await list_cases_of_order(session, W, "ORD30")] == [second.id, first.id]
    assert [row.shipment_id for row in await find_order_shipments(session, W, "ORD30")] == ["S30"]
    assert await find_order_shipments(session, "other", "ORD30") == ()
    assert await list_cases_of_order(session, "other", "ORD30") == ()


async def test_a_rescue_is_a_delivery_after_an_accepted_action(session: Session, cipher: Cipher) -> None:
    """A parcel that came without one is delivered, not rescued."""
    for number, accepted in ((1, "reattempt"), (2, "")):
        row = await opened(session, cipher, number + 10)
        await ended(session, cipher, row, "resolved" if accepted else "delivered", at=NOW, accepted=accepted)
        await moved(session, row, ShipmentMove.DELIVERED, at=NOW)
    found, _ = await find_orders(session, cipher, W, tab=Tab.DELIVERED, now=NOW)
    assert [(row.order_id, row.is_rescued, row.final) for row in found] == [
        ("ORD11", True, "delivered"),
        ("ORD12", False, "delivered"),
    ]


async def test_what_waits_comes_with_the_least_time_left_first(session: Session, cipher: Cipher) -> None:
    """Then what has none left, the latest first; page by page, each once, also when the clock goes on."""
    left = (5, -3, 1, -1, 3, 3, -3)
    for number, hours in enumerate(left):
        row = await opened(session, cipher, number, ago=30 * HOUR, deadline_at=NOW + hours * HOUR)
        await ended(session, cipher, row, "handed_over", at=NOW - HOUR)
    seen: list[float] = []
    cursor: str | None = None
    later = NOW
    while True:
        page, cursor = await find_orders(
            session, cipher, W, tab=Tab.WAITING, now=later, after=cursor, limit=2
        )
        seen += [(row.deadline_at - NOW) / HOUR for row in page]
        later += 2 * HOUR
        if cursor is None:
            break
    assert seen == [1, 3, 3, 5, -1, -3, -3]


async def test_other_lists_come_newest_first_each_order_once(session: Session, cipher: Cipher) -> None:
    """Also those of one instant."""
    for number in range(7):
        await opened(session, cipher, number, ago=(number // 3) * HOUR)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await find_orders(session, cipher, W, tab=Tab.ALL, now=NOW, after=cursor, limit=2)
        seen += [row.order_id for row in page]
        if cursor is None:
            break
    assert sorted(seen) == [f"ORD{number}" for number in range(7)]
    assert seen[-1] == "ORD6"


@pytest.mark.parametrize(
    "place", ["", "x", "|", f"{NOW}|{NOW}|x", "2026-11-20T12:00:00|2026-11-20T12:00:00|x"]
)
async def test_a_cursor_of_others_is_refused(session: Session, cipher: Cipher, place: str) -> None:
    """Whatever was changed in it, never an error of the database."""
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    for given in (cursor, "é", "x"):
        with pytest.raises(BadCursor):
            await find_orders(session, cipher, W, tab=Tab.ALL, now=NOW, after=given)


@pytest.mark.parametrize(
    "text",
    [
        "KK/2026-77",
        " KK/2026-77 ",
        "KK/2026",
        "kk/2026",
        "70011223344",
        "7001122",
        "9999900077",
        "+91 99999 00077",
        "91-99999-00077",
        "099999 00077",
        "(+91) 99999-00077",
        "919999900077",
    ],
)
async def test_an_order_is_found_by_what_people_know_of_it(
    session: Session, cipher: Cipher, text: str
) -> None:
    """The beginning of its number or of its parcel's, or the phone as anybody writes one."""
    await opened(
        session,
        cipher,
        1,
        order_id="KK/2026-77",
        tracking_id="70011223344",
        customer_phone="919999900077",
        reason=Reason.REFUSED,
        courier_name="Ekart",
    )
    await opened(session, cipher, 2)
    await add_workspace(session, workspace(id="other"))
    await opened(session, cipher, 3, workspace_id="other", order_id="KK/2026-77", tracking_id="70011223344")
    found, _ = await find_orders(session, cipher, W, tab=Tab.ALL, wanted=Wanted(text=text), now=NOW)
    assert [row.order_id for row in found] == ["KK/2026-77"]
    counts = await count_orders(session, cipher, W, wanted=Wanted(text=text, reason="refused"), now=NOW)
    assert counts[Tab.ALL] == 1


@pytest.mark.parametrize(
    "text", ["%", "K%", "_K/2026", "K", "\x00", "😀😀😀", "2026-77", "99999", "'", "KK/2026-77x"]
)
async def test_nothing_is_found_by_other_signs(session: Session, cipher: Cipher, text: str) -> None:
    """What a search cannot mean matches nothing, and is no error."""
    await opened(session, cipher, 1, order_id="KK/2026-77")
    found, _ = await find_orders(session, cipher, W, tab=Tab.ALL, wanted=Wanted(text=text), now=NOW)
    assert found == ()


async def test_orders_are_narrowed_by_reason_courier_and_time(session: Session, cipher: Cipher) -> None:
    """Each for itself and together."""
    await opened(session, cipher, 1, reason=Reason.REFUSED, courier_name="Ekart")
    await opened(session, cipher, 2, reason=Reason.REFUSED, courier_name="Delhivery")
    await opened(session, cipher, 50, reason=Reason.COD_NOT_READY, courier_name="Ekart")
    for wanted, expected in (
        (Wanted(reason="refused"), ["ORD1", "ORD2"]),
        (Wanted(courier="Ekart"), ["ORD1", "ORD50"]),
        (Wanted(since=NOW - DAY), ["ORD1", "ORD2"]),
        (Wanted(reason=Reason.REFUSED, courier="Ekart", since=NOW - DAY, text="ORD"), ["ORD1"]),
    ):
        found, _ = await find_orders(session, cipher, W, tab=Tab.ALL, wanted=wanted, now=NOW)
        assert [row.order_id for row in found] == expected
    assert await list_couriers(session, W, since=NOW - DAY) == ("Delhivery", "Ekart")


async def test_a_pages_names_are_opened_at_once(session: Session, cipher: Cipher) -> None:
    """Those of the workspace alone (I11)."""
    first = await opened(session, cipher, 1, customer_name="Asha Rao")
    second = await opened(session, cipher, 2, customer_name="Imran Shaikh")
    facts = await list_facts(session, cipher, W, [first.id, second.id])
    assert {facts[row.id].failure.customer_name for row in (first, second)} == {"Asha Rao", "Imran Shaikh"}
    assert await list_facts(session, cipher, "other", [first.id]) == {}
    assert await list_facts(session, cipher, W, []) == {}
    assert await note_reply(session, W, first.id, NOW) == 1
