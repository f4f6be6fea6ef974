"""The list of orders: whose turn it is, what people search for, and nothing of another workspace."""

from datetime import timedelta

import pytest

from db.people import Role
from domain.case_state import Outcome
from domain.failures import Action, Reason
from domain.shipments import ShipmentMove
from tests.api.conftest import Outside
from tests.api.portal.given_orders import FAILED, MINUTE, order
from tests.api.portal.somebody import Somebody, signed_in


def _tabs(who: Somebody) -> dict[str, str]:
    found = (" ".join(link.get_text(" ").split()) for link in who.page.select(".tabs a"))
    return dict(words.rsplit(" ", 1) for words in found)


def _row(who: Somebody, order_id: str) -> str:
    rows = (" ".join(row.get_text(" ").split()) for row in who.page.select("tbody tr"))
    return next(words for words in rows if words.startswith(f"{order_id} "))


async def test_nothing_failed_is_said_in_words(owner: Somebody) -> None:
    """An empty list says what will stand there."""
    await owner.open("/orders")
    assert owner.heading == "Orders"
    assert "No failed deliveries" in owner.words
    assert owner.page.select("tbody tr") == []


async def test_list_begins_with_what_waits_for_the_seller_least_time_first(
    outside: Outside, owner: Somebody
) -> None:
    """R6.11: two that wait, by the time that is left; beneath, those with their customer."""
    calm = await order(outside.stage, 1, ago=30 * MINUTE, customer_name="Vikram Sethi")
    await calm.sent("failed_delivery", **FAILED)
    await calm.stands("waiting")
    late = await order(outside.stage, 2, ago=timedelta(hours=23), customer_name="Neha Kulkarni")
    await late.entry("handover", "handed_to_seller", detail="the customer asks for a person")
    later = await order(outside.stage, 3, ago=timedelta(hours=2), customer_name="Imran Shaikh")
    await later.entry("handover", "handed_to_seller", detail="three unexpected answers in a row")
    await owner.open("/orders")
    assert [a.get_text() for a in owner.page.select("tbody th a")] == ["ORD2", "ORD3", "ORD1"]
    assert "Asks for you" in _row(owner, "ORD2")
    assert "1 h" in _row(owner, "ORD2")
    assert "Not understood" in _row(owner, "ORD3")
    assert "Failed delivery, read" in _row(owner, "ORD1")
    assert _tabs(owner)["Waiting for you"] == "2"
    assert _tabs(owner)["With the customer"] == "1"
    assert owner.one(".nav__count").get_text(" ", strip=True).startswith("2")


async def test_signing_in_leads_to_orders_where_something_waits(outside: Outside, owner: Somebody) -> None:
    """Else to the notifications."""
    told = await order(outside.stage)
    assert (await owner.http.get("/")).headers["location"] == "/notifications"
    await told.entry("handover", "handed_to_seller", detail="the customer asks for a person")
    assert (await owner.http.get("/")).headers["location"] == "/orders"


@pytest.mark.parametrize(
    "text", ["ORD4", "ord42", "7001000042", "9999900042", "+91 99999 00042", "919999900042"]
)
async def test_search_finds_order_parcel_and_phone_wherever_it_stands(
    outside: Outside, owner: Somebody, text: str
) -> None:
    """However people write a phone."""
    await order(outside.stage, 1)
    found = await order(outside.stage, 42, customer_phone="919999900042")
    await found.ends(Outcome.NO_ANSWER)
    await owner.open("/orders")
    await owner.press("Search", q=text)
    assert [a.get_text() for a in owner.page.select("tbody th a")] == ["ORD42"]
    assert "No answer" in _row(owner, "ORD42")


async def test_search_that_finds_nothing_says_what_to_do(outside: Outside, owner: Somebody) -> None:
    """It looks further back, and is cleared."""
    old = await order(outside.stage, 7, ago=timedelta(days=60))
    assert old.row.is_open
    await owner.open("/orders?q=ORD7")
    assert "Nothing matches “ORD7”" in owner.words
    await owner.follow("Look at any time")
    assert "ORD7" in [a.get_text() for a in owner.page.select("tbody th a")]
    await owner.open("/orders?q=<b>x</b>&period=all")
    assert "Nothing matches “<b>x</b>”" in owner.words
    await owner.follow("Clear the search")
    assert owner.path == "/orders"


async def test_filters_narrow_and_stay_in_the_address(outside: Outside, owner: Somebody) -> None:
    """By reason and courier."""
    await order(outside.stage, 1, reason=Reason.REFUSED, courier_name="Ekart")
    await order(outside.stage, 2, reason=Reason.ADDRESS_INCOMPLETE, courier_name="Delhivery")
    await owner.open("/orders")
    await owner.press("Search", reason="refused", courier="Ekart")
    assert [a.get_text() for a in owner.page.select("tbody th a")] == ["ORD1"]
    await owner.follow("With the customer")
    assert "reason=refused" in owner.path
    await owner.press("Search", reason="refused", courier="Delhivery")
    assert "Nothing matches this choice" in owner.words


async def test_lists_that_are_long_go_on(outside: Outside, owner: Somebody) -> None:
    """Page by page, each order once."""
    for number in range(27):
        await order(outside.stage, 100 + number, ago=timedelta(hours=1, minutes=number))
    await owner.open("/orders?tab=all")
    first = [a.get_text() for a in owner.page.select("tbody th a")]
    assert "1 to 25 of 27" in owner.words
    await owner.follow("Older")
    rest = [a.get_text() for a in owner.page.select("tbody th a")]
    assert len(first) == 25
    assert len(rest) == 2
    assert not set(first) & set(rest)
    await owner.follow("Newest")
    assert [a.get_text() for a in owner.page.select("tbody th a")] == first


@pytest.mark.parametrize(
    ("outcome", "accepted", "move", "tab", "words"),
    [
        (Outcome.RESOLVED, Action.REATTEMPT, None, "in_hand", "New attempt agreed"),
        (Outcome.RESOLVED, Action.REATTEMPT, ShipmentMove.DELIVERED, "delivered", "Rescued"),
        (Outcome.DELIVERED, None, ShipmentMove.DELIVERED, "delivered", "Delivered"),
        (Outcome.RESOLVED, Action.CANCEL, None, "not_delivered", "Cancelled"),
        (Outcome.RTO, None, ShipmentMove.RTO, "not_delivered", "Returned"),
        (Outcome.UNDELIVERABLE, None, None, "not_delivered", "Not reached"),
        (Outcome.CLOSED, None, None, "not_delivered", "Closed"),
        (Outcome.HANDED_OVER, None, None, "waiting", "Decide"),
        (Outcome.NOT_MY_ORDER, None, None, "waiting", "Wrong number"),
    ],
)
async def test_ended_orders_say_what_became_of_them(  # noqa: PLR0917 - a table of what is given and expected
    outside: Outside,
    owner: Somebody,
    outcome: Outcome,
    accepted: Action | None,
    move: ShipmentMove | None,
    tab: str,
    words: str,
) -> None:
    """In one to three words."""
    told = await order(outside.stage)
    await told.ends(outcome, accepted=accepted or "")
    if move is not None:
        await told.moves(move)
    await owner.open(f"/orders?tab={tab}")
    assert words in _row(owner, "ORD1")


async def test_names_of_customers_and_couriers_are_text(outside: Outside, owner: Somebody) -> None:
    """S24: markup in what comes from elsewhere is shown, and does nothing."""
    told = await order(outside.stage, customer_name="<b>Asha</b>", courier_name="<i>Fast</i>")
    await told.says("text", text="<script>alert(1)</script>")
    await owner.open("/orders?tab=all")
    assert "<b>Asha</b>" in owner.words
    assert "<script>alert(1)</script>" in owner.words
    assert owner.page.select("main b, main i, main script") == []


async def test_other_workspaces_orders_are_not_listed(outside: Outside) -> None:
    """I11: neither by coming along nor by searching."""
    await order(outside.stage, 5)
    other = await signed_in(outside, "nakshi", Role.MEMBER)
    for path in ("/orders?tab=all", "/orders?q=ORD5&period=all", "/orders?q=919999900001"):
        await other.open(path)
        assert "ORD5" not in [a.get_text() for a in other.page.select("tbody th a")]


@pytest.mark.parametrize(
    "path", ["/orders?after=nonsense", "/orders?tab=nonsense&reason=x&period=y&courier=z"]
)
async def test_addresses_that_are_no_list_of_ours_do_no_harm(owner: Somebody, path: str) -> None:
    """A cursor that is not ours leads nowhere; what is unknown is left out."""
    await owner.open(path)
    assert owner.answer.status_code in {200, 404}
