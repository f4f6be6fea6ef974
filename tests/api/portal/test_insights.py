"""Insights: shares where there is enough to tell, figures alone where there is not, and a table beneath each picture."""

from typing import Any

import pytest

from db import installations
from db.actions import begin_action, record_answer
from db.people import Role
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Mode, Reason
from domain.shipments import Address
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody, signed_in
from tests.db.given_cases import DAY, MINUTE, RESCUED, lived
from tests.factories import NOW
from tests.intake.stage import ACCOUNT


@pytest.fixture
async def seller(outside: Outside) -> Somebody:
    """An owner of kapaskraft at the time of the made-up cases."""
    outside.stage.clock.now = NOW
    return await signed_in(outside, "kapaskraft")


async def given(outside: Outside, lives: list[dict[str, Any]]) -> None:
    """Give kapaskraft failed deliveries, an hour after one another."""
    async with outside.stage.database.transaction() as session:
        for number, life in enumerate(lives, 1):
            await lived(session, outside.stage.cipher, number, **life)


def figures(who: Somebody) -> dict[str, str]:
    """Return the figures at the top by their labels."""
    return {
        stat.select_one("dt").get_text(): stat.select_one("dd").get_text()  # type: ignore[union-attr]  # each has both
        for stat in who.page.select(".stat")
    }


async def test_enough_failed_deliveries_are_told_in_shares(outside: Outside, seller: Somebody) -> None:
    """From failed to delivered; the share rescued, and by reason."""
    await given(outside, [RESCUED] * 12 + [{"answered_after": MINUTE * 90}] * 4 + [{"statuses": ()}] * 8)
    await seller.open("/insights")
    assert figures(seller) == {
        "Rescued": "50%",
        "Orders rescued": "12",
        "Typical time to answer": "1 min",
        "Refused by couriers": "0",
    }
    assert "21 October" not in seller.words
    assert "22 October to 20 November 2026" in seller.words
    assert "The largest loss is between failed and messaged." in seller.words
    rows = [
        [cell.get_text() for cell in row.select("th, td")]
        for row in seller.page.select("[aria-labelledby=funnel] tr")
    ]
    assert rows == [
        ["Step", "Orders", "Of all", "Of the step before"],
        ["Failed", "24", "100%", "–"],
        ["Messaged", "16", "67%", "67%"],
        ["Delivered on WhatsApp", "16", "67%", "–"],
        ["Read", "16", "67%", "–"],
        ["Answered", "16", "67%", "–"],
        ["Action accepted by the courier", "12", "50%", "–"],
        ["Parcel delivered", "12", "50%", "–"],
    ]
    assert "8 got no message" in seller.words
    assert "Customer unavailable 50% of 24" in seller.words
    picture = seller.page.select_one(".hist")
    assert picture is not None
    assert "12 under 5 minutes" in str(picture["aria-label"])


async def test_too_few_failed_deliveries_are_told_without_percentages(
    outside: Outside, seller: Somebody
) -> None:
    """Of three parcels a share says nothing."""
    await given(outside, [RESCUED, {}, {}])
    await seller.open("/insights")
    assert figures(seller)["Rescued"] == "1"
    assert "too few for a percentage" in seller.words
    assert "%" not in seller.words


async def test_change_is_told_against_the_time_before(outside: Outside, seller: Somebody) -> None:
    """A word, and whether it is good."""
    before = [{"ago": 10 * DAY} | (RESCUED if number < 5 else {}) for number in range(20)]
    await given(outside, [RESCUED] * 10 + [{}] * 10 + before)
    await seller.open("/insights?period=7")
    assert "25 points up on the 7 days before" in seller.words
    assert figures(seller)["Rescued"] == "50%"
    assert "Last 7 days" in seller.words


async def test_courier_and_pincode_narrow_and_what_couriers_refused_is_listed(
    outside: Outside, seller: Somebody
) -> None:
    """Refusals in the courier's own words, which are text whatever stands in them (S24)."""
    elsewhere = Address("Asha Rao", ("1 Rua Nova",), "Panaji", "Goa", "403001")
    await given(
        outside,
        [
            {"courier_name": "Ekart", "address": elsewhere, "reason": Reason.REFUSED},
            {"courier_name": "<b>Express</b>"},
        ],
    )
    async with outside.stage.database.transaction() as session:
        row = await lived(session, outside.stage.cipher, 3, courier_name="Ekart")
        request = ActionRequest(f"{row.id}/1", Action.RESCHEDULE, Mode.WHATSAPP)
        asked: dict[str, Any] = {"workspace_id": "kapaskraft", "case_id": row.id, "lease_until": NOW}
        await begin_action(session, outside.stage.cipher, request, now=NOW - DAY, **asked)
        await record_answer(
            session, request.id, tries=1, answer=Answer.REFUSED_DATE, detail="No <i>such</i> day", now=NOW
        )
    await seller.open("/insights?courier=Ekart")
    assert "Rescued, by courier Ekart" in seller.words
    assert "Outside" not in seller.words
    await seller.press("Show", pincode="403")
    assert figures(seller)["Orders rescued"] == "0"
    assert "of 1 failed" in seller.words
    await seller.open("/insights")
    assert "<b>Express</b>" in seller.words
    assert seller.page.find("b", string="Express") is None
    assert "Another date No <i>such</i> day 1" in seller.words
    await seller.open("/insights?courier=nobody%00&pincode=abc&period=soon")
    assert "No failed deliveries match" in seller.words


async def test_empty_page_says_what_will_be_here(outside: Outside, seller: Somebody) -> None:
    """R2.4: where nothing is installed, what the app would bring and the way to it."""
    await seller.open("/insights")
    assert "Nothing failed in this time." in seller.words
    async with outside.stage.database.transaction() as session:
        await installations.uninstall(session, "kapaskraft", ACCOUNT, person="", now=NOW)
    await seller.open("/insights")
    assert "Install the Gupshup app" in seller.words
    assert "how many parcels that rescues" in seller.words


async def test_another_workspace_sees_none_of_it(outside: Outside, seller: Somebody) -> None:
    """I11: figures are of one's own parcels."""
    await given(outside, [RESCUED])
    assert seller.person is not None
    stranger = await signed_in(outside, "nakshi", Role.MEMBER)
    await stranger.open("/insights")
    assert "Nothing failed in this time." in stranger.words
    staff = await signed_in(outside, None, Role.OPS)
    await staff.open("/insights")
    assert staff.answer.status_code == 404
