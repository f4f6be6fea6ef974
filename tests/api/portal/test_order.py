"""An order's page: its activity in words, what the seller has to decide, its parcels and how its cases ended."""

from datetime import timedelta
from typing import Any

import pytest
from bs4 import Tag

from db import workspaces
from db.people import Role
from db.shipments import record_move
from domain.case_events import Answer
from domain.case_state import Outcome
from domain.failures import Action, Mode, Reason
from domain.messages import MessageStatus
from domain.shipments import ShipmentMove
from tests.api.conftest import Outside
from tests.api.portal.given_orders import FAILED, MINUTE, Told, long_story, order
from tests.api.portal.somebody import Somebody, signed_in

XSS = "<script>alert('x')</script>"


def _entries(who: Somebody) -> list[Tag]:
    return list(who.page.select(".tl"))


def _words(entry: Tag) -> str:
    return " ".join(entry.get_text(" ").split())


def _inside(entry: Tag, selector: str) -> Tag:
    found = entry.select_one(selector)
    assert found is not None, selector
    return found


def _entry(who: Somebody, what: str) -> Tag:
    return next(entry for entry in _entries(who) if _words(entry).startswith(what))


async def _opened(owner: Somebody, told: Told) -> Somebody:
    return await owner.open(f"/orders/{told.row.order_id}")


async def test_activity_is_newest_first_by_day_in_the_workspaces_zone(
    outside: Outside, owner: Somebody
) -> None:
    """R5.3 portal: the zone is named once; the days are those of the workspace."""
    told = await long_story(outside.stage)
    await _opened(owner, told)
    times = [str(time["datetime"]) for time in owner.page.select(".tl__when")]
    assert times == sorted(times, reverse=True)
    assert all(time.endswith("+05:30") for time in times)
    assert "Newest first, India Standard Time" in owner.words
    assert len(owner.page.select("h3.day")) >= 2
    async with outside.stage.database.transaction() as session:
        found = await workspaces.get_workspace(session, "kapaskraft")
    assert found.policy.timezone == "Asia/Kolkata"


async def test_message_shows_as_it_was_sent_with_how_far_it_came(outside: Outside, owner: Somebody) -> None:
    """R5.3 portal: template, language, whose account, ticks with their time, and the bubble."""
    told = await order(outside.stage)
    await told.sent("failed_delivery", **FAILED)
    await _opened(owner, told)
    entry = _entry(owner, "Failed delivery")
    assert "Template delivery_failed_v3, English" in _words(entry)
    assert "Eshopbox account" in _words(entry)
    assert "Read" in _inside(entry, ".ticks--read").get_text()
    bubble = _inside(entry, ".bubble--out")
    assert "We missed you today" in bubble.get_text()
    assert [each.get_text() for each in bubble.select(".bubble__buttons span")] == FAILED["buttons"]
    assert not entry.select(".bubble .var"), "a value that was sent is no sample"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"body": "Where?", "form": True}, "Address form sent"),
        ({"body": "These:", "list_button": "See all options", "buttons": ["a", "b"]}, "All options sent"),
        ({"body": "Sure?", "buttons": ["Yes", "No"]}, "Choices sent"),
        ({"body": "Done."}, "Answer sent"),
    ],
)
async def test_session_message_is_named_by_what_it_offers(
    outside: Outside, owner: Somebody, content: dict[str, Any], what: str
) -> None:
    """A list shows its one button, a form its own."""
    told = await order(outside.stage)
    await told.sent("answer", kind="session", **content)
    await _opened(owner, told)
    assert "Session message" in _words(_entry(owner, what))


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ((), "Handed to WhatsApp"),
        ((MessageStatus.SENT,), "Sent"),
        ((MessageStatus.DELIVERED,), "Delivered"),
        ((MessageStatus.READ,), "Read"),
    ],
)
async def test_ticks_come_with_their_word(
    outside: Outside, owner: Somebody, until: tuple[MessageStatus, ...], words: str
) -> None:
    """Never by a colour alone."""
    told = await order(outside.stage)
    await told.sent("reminder", until=until, **FAILED)
    await _opened(owner, told)
    assert words in _inside(_entry(owner, "Reminder"), ".ticks").get_text()


async def test_failed_message_says_why(outside: Outside, owner: Somebody) -> None:
    """R5.1: in WhatsApp's words, with the code."""
    told = await order(outside.stage)
    await told.sent(
        "reminder", until=(MessageStatus.FAILED,), code="1002", reason="Number is not on WhatsApp", **FAILED
    )
    await _opened(owner, told)
    entry = _entry(owner, "Reminder failed")
    assert "tl--bad" in entry["class"]
    assert "Number is not on WhatsApp (1002)" in _words(entry)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("switched_off", "Notification is off"),
        ("the notification is switched off", "Notification is off"),
        ("no WhatsApp account is installed", "Gupshup app not installed"),
        ("opted_out", "Customer opted out"),
        ("no_phone", "No phone on the order"),
        ("invalid_phone", "Phone number not valid"),
        ("missing_value: expected_date", "Value missing: expected_date"),
        ("template: paused by WhatsApp", "The template cannot be sent now: paused by WhatsApp"),
        ("account_removed", "The account was uninstalled"),
    ],
)
async def test_what_was_not_sent_says_why(outside: Outside, owner: Somebody, detail: str, words: str) -> None:
    """R5.1: and where it can be changed."""
    told = await order(outside.stage)
    await told.entry("notification", "failed_delivery_not_sent", detail=detail)
    await told.entry("automatic", "message_not_sent", detail=detail, after=timedelta(seconds=1))
    await _opened(owner, told)
    assert words in _words(_entry(owner, "Failed delivery not sent"))
    assert "Message not sent" not in owner.words, "said once"


@pytest.mark.parametrize(
    ("topic", "data", "words"),
    [
        ("choice", {"text": "Try again", "tapped": "template"}, "Asha Rao tapped “Try again”"),
        ("choice", {"text": "Cancel", "tapped": "list"}, "Asha Rao chose “Cancel” from the list"),
        ("text", {"text": "koi nahi aaya"}, "Asha Rao wrote"),
        (
            "image",
            {"media": "image", "url": "https://m.example/1", "text": "my door"},
            "Asha Rao sent a photo",
        ),
        ("video", {"media": "video", "url": "https://m.example/1", "text": ""}, "Asha Rao sent a video"),
        (
            "audio",
            {"media": "audio", "url": "https://m.example/1", "text": ""},
            "Asha Rao sent a voice message",
        ),
        ("file", {"media": "file", "url": "u", "name": "map.pdf", "text": ""}, "Asha Rao sent a document"),
        ("sticker", {"media": "sticker", "url": "u", "text": ""}, "Asha Rao sent a sticker"),
        ("contact", {"names": ["Ravi"], "phones": ["919999900077"]}, "Asha Rao sent a contact"),
        ("reaction", {"text": "👍"}, "Asha Rao reacted 👍"),
        ("reaction", {"text": ""}, "Asha Rao took a reaction back"),
        ("other", {"unsupported": "poll"}, "Asha Rao sent something we cannot show"),
        (
            "address",
            {"text": "", "form": "address", "fields": {"address": "17th Main"}},
            "Asha Rao sent an address",
        ),
        ("location", {"latitude": 12.93, "longitude": 77.62, "text": ""}, "Asha Rao sent a location"),
        ("opted_out", {"text": "STOP"}, "Asha Rao wants no more messages"),
        ("opted_in", {"text": "START"}, "Asha Rao wants messages again"),
    ],
)
async def test_answers_show_as_they_came(
    outside: Outside, owner: Somebody, topic: str, data: dict[str, Any], words: str
) -> None:
    """R5.3 portal: text, taps, media, places, and what nobody can show."""
    told = await order(outside.stage)
    await told.says(topic, **data)
    await _opened(owner, told)
    entry = _entry(owner, "Asha Rao")
    assert _words(entry).startswith(words)
    assert "https://m.example" not in str(entry), "media of customers is never fetched"
    said = [data.get("text"), *data.get("names", []), data.get("name"), data.get("unsupported")]
    if topic not in {"choice", "reaction"}:
        assert all(each in _words(entry) for each in said if each)


async def test_location_has_a_map_and_a_link_built_from_its_numbers(
    outside: Outside, owner: Somebody
) -> None:
    """And nothing else of a customer's can be pressed."""
    told = await order(outside.stage)
    await told.says("location", latitude=12.93521, longitude=77.62448, text="javascript:alert(1)")
    await told.says("text", text="see https://evil.example now")
    await _opened(owner, told)
    links = [str(link["href"]) for link in owner.page.select(".tl a")]
    assert len(links) == 1
    assert links[0].endswith("query=12.935210,77.624480")
    assert owner.page.select('svg[aria-label^="Map with a pin"]')


async def test_action_shows_asked_and_answered_apart(outside: Outside, owner: Somebody) -> None:
    """R6.5: one entry, to the second, with mode and person; a refusal with the courier's words."""
    told = await order(outside.stage)
    on = (told.at + timedelta(days=1)).date()
    await told.asks(Action.RESCHEDULE, Answer.REFUSED_DATE, detail="Date not serviceable", on=on)
    await told.entry(
        "handover", "action_refused", detail="reschedule: Date not serviceable", after=timedelta(seconds=4)
    )
    await told.asks(
        Action.UPDATE_ADDRESS,
        Answer.ACCEPTED,
        mode=Mode.SELLER_PORTAL,
        person="Meera Iyer",
        address="4B, 17th Main",
    )
    await _opened(owner, told)
    refused = _words(_entry(owner, "Deliver on"))
    assert "Mode: WhatsApp by Asha Rao" in refused
    assert "Refused by Delhivery" in refused
    assert "Reason: “Date not serviceable”" in refused
    accepted = _words(_entry(owner, "New address"))
    assert "Mode: Seller portal by Meera Iyer" in accepted
    assert "Asked" in accepted
    assert "Accepted by Delhivery" in accepted
    assert "New address: 4B, 17th Main" in accepted
    assert len(owner.page.select(".asked")) == 2


async def test_action_without_an_answer_is_not_shown_as_done(outside: Outside, owner: Somebody) -> None:
    """I14: waiting, or asked again and again."""
    told = await order(outside.stage)
    await told.asks(Action.REATTEMPT, None)
    await told.stands("acting")
    await _opened(owner, told)
    assert "Waiting for the answer" in _words(_entry(owner, "New attempt"))
    assert "The courier is being asked" in owner.words
    assert "Continue" not in owner.words


async def test_action_of_which_nobody_knows_says_so(outside: Outside, owner: Somebody) -> None:
    """I14: with how often it was asked."""
    told = await order(outside.stage)
    await told.asks(Action.REATTEMPT, Answer.UNKNOWN)
    await _opened(owner, told)
    assert "No answer yet, asked once" in _words(_entry(owner, "New attempt"))


@pytest.mark.parametrize(
    ("kind", "topic", "detail", "words"),
    [
        ("automatic", "held", "the first message waits for the end of quiet hours", "First message waits"),
        ("automatic", "message_unknown", "x", "Message may not have arrived"),
        ("automatic", "opted_out", "x", "Customer opted out"),
        ("automatic", "language", "the customer wants Hindi", "Language changed"),
        ("automatic", "resend_asked", "asked to send the message again", "Message is to be sent again"),
        ("automatic", "order_chosen", "x", "Customer said which order they mean"),
        ("automatic", "ended_no_answer", "", "Case closed"),
        ("handover", "handed_to_seller", "three unexpected answers in a row", "Handed over to you"),
        (
            "handover",
            "contradiction",
            "the customer chose cancel after it",
            "Customer wants something else now",
        ),
        ("handover", "reattempt_taken_back", "no rider", "New attempt was not done after all"),
        ("handover", "ended_not_my_order", "", "Not their order"),
        ("report", "out_for_delivery", "", "Out for delivery again"),
        ("report", "conflicting_repeat", "attempt 1 was reported again", "Reported again, differently"),
        ("automatic", "of_another_time", "something", "Of another time"),
    ],
)
async def test_steps_are_said_in_words(  # noqa: PLR0917 - a table of what is given and expected
    outside: Outside, owner: Somebody, kind: Any, topic: str, detail: str, words: str
) -> None:
    """R5.3 portal: also those that nobody knows any more."""
    told = await order(outside.stage)
    await told.entry(kind, topic, detail=detail)
    await _opened(owner, told)
    assert _words(_entries(owner)[0]).startswith(words)


async def test_couriers_report_shows_our_reason_and_its_own_words(outside: Outside, owner: Somebody) -> None:
    """R5.3 portal: with code, words and remark."""
    told = await order(
        outside.stage, reason=Reason.ADDRESS_INCOMPLETE, raw_code="EOD-74", raw_reason="Bad address"
    )
    await _opened(owner, told)
    words = _words(_entry(owner, "Delivery failed, attempt 1"))
    assert "Address incomplete" in words
    assert "Delhivery: EOD-74, “Bad address”" in words
    assert "Remark: “door locked”" in words


async def test_order_that_waits_names_the_decision(outside: Outside, owner: Somebody) -> None:
    """An amber banner: what happened and what to do."""
    told = await long_story(outside.stage)
    await _opened(owner, told)
    banner = owner.one(".banner--warn")
    assert "The customer asks to speak with you." in banner.get_text()
    assert "Call Asha Rao" in banner.get_text()
    assert owner.one("h1 + .badge").get_text() == "Asks for you"


async def test_open_case_offers_what_is_possible_now(outside: Outside, owner: Somebody) -> None:
    """R6.2: what the order system allows and the carrier can, with the days that can be chosen."""
    told = await order(outside.stage, resolutions=(Action.REATTEMPT, Action.RESCHEDULE))
    day = (told.at + timedelta(days=1)).date()
    await told.asks(Action.RESCHEDULE, Answer.REFUSED_DATE, on=day)
    await _opened(owner, told)
    values = [str(radio["value"]) for radio in owner.page.select('input[name="action"]')]
    assert values == ["reattempt", "reschedule", "not_my_order"]
    days = [str(option["value"]) for option in owner.page.select('select[name="on"] option')]
    assert days
    assert day.isoformat() not in days
    assert "left" in owner.one(".deadline").get_text()


async def test_closed_case_says_how_by_whom_and_when(outside: Outside, owner: Somebody) -> None:
    """And offers nothing any more."""
    told = await order(outside.stage)
    await told.ends(Outcome.CLOSED, detail="spoke with her", mode=Mode.SELLER_PORTAL, person="Meera Iyer")
    await _opened(owner, told)
    aside = owner.one("aside").get_text(" ")
    assert "This case is closed" in aside
    assert "Closed by hand, without action" in aside
    assert "Meera Iyer, Seller portal" in aside
    assert "“spoke with her”" in owner.words
    assert not owner.page.select('input[name="action"]')


async def test_parcels_facts_are_beside_it(outside: Outside, owner: Somebody) -> None:
    """Who gets it, where, how it is paid; only https leads to the courier."""
    told = await order(
        outside.stage, is_cod=True, amount_due_paise=124900, tracking_url="javascript:alert(1)"
    )
    await _opened(owner, told)
    aside = owner.one("aside").get_text(" ")
    assert "Cash on delivery, ₹1,249.00" in aside
    assert "14 Lotus Lane, Indiranagar, Bengaluru, 560038" in aside
    assert owner.one('aside a[href="tel:+919999900001"]').get_text() == "+91 99999 00001"
    assert not owner.page.select('a[href^="javascript"]')


async def test_order_with_several_parcels_has_a_case_for_each(outside: Outside, owner: Somebody) -> None:
    """The page says which is which; earlier attempts stand in the activity."""
    one = await order(outside.stage, 1, shipment_id="A", tracking_id="TRKA")
    await order(outside.stage, 1, shipment_id="B", tracking_id="TRKB", ago=30 * MINUTE)
    await _opened(owner, one)
    assert len(owner.page.select('input[name="case"]')) == 2
    assert "Parcel TRKA" in owner.words
    assert "Parcel TRKB" in owner.words
    ids = [str(tag["id"]) for tag in owner.page.select("[id]")]
    assert len(ids) == len(set(ids))


async def test_older_entries_are_folded_and_the_oldest_on_pages_of_their_own(
    outside: Outside, owner: Somebody
) -> None:
    """A long story stays quick to open."""
    told = await order(outside.stage, ago=timedelta(hours=20))
    for number in range(215):
        await told.entry("reply", "text", mode="whatsapp", text=f"message {number}")
    await _opened(owner, told)
    assert len(owner.page.select(".timeline .tl")) == 200
    assert "170 earlier entries, from" in owner.one("details.older summary").get_text()
    assert "message 214" in owner.words
    await owner.follow("Still earlier entries")
    assert "message 0" in owner.words
    assert not owner.page.select("[data-live]")
    await owner.follow("Back to the newest entries")
    assert "message 214" in owner.words


async def test_order_of_which_nothing_was_sent_says_so(outside: Outside, owner: Somebody) -> None:
    """A parcel that we heard of, without a failed delivery."""
    async with outside.stage.database.transaction() as session:
        await record_move(
            session,
            "kapaskraft",
            "SHIP9",
            order_id="ORD9",
            tracking_id="TRK9",
            move=ShipmentMove.OUT_FOR_DELIVERY,
            attempt=None,
            at=outside.stage.clock(),
        )
    await owner.open("/orders/ORD9")
    assert "Nothing sent yet" in owner.words
    assert not owner.page.select("aside.cols__aside, h1 + .badge")


async def test_what_customers_write_stays_text(outside: Outside, owner: Somebody) -> None:
    """S24: names, replies, captions, addresses, the courier's words."""
    told = await order(outside.stage, customer_name=XSS, raw_reason=XSS, raw_remark=XSS, courier_name=XSS)
    await told.says("text", text=XSS)
    await told.says("image", media="image", url="u", text=XSS)
    await told.says("location", latitude=1.0, longitude=2.0, text=XSS)
    await told.says("address", text=XSS, form="address", fields={"address": XSS})
    await told.says("contact", names=[XSS], phones=[XSS])
    await told.says("choice", text=XSS, tapped="template")
    await told.says("other", unsupported=XSS)
    await told.sent("answer", kind="session", header=XSS, body=XSS, footer=XSS, buttons=[XSS])
    await told.asks(Action.DISPUTE, Answer.REFUSED, detail=XSS, words=[XSS], address=XSS)
    await told.entry("handover", "handed_to_seller", detail=XSS, person=XSS)
    await _opened(owner, told)
    assert owner.page.select("main script") == []
    assert owner.words.count("<script>alert('x')</script>") >= 15


async def test_order_number_may_hold_anything(outside: Outside, owner: Somebody) -> None:
    """A slash, a space, a question mark."""
    told = await order(outside.stage, order_id="KK/2026 #7?x")
    await told.entry("handover", "handed_to_seller", detail="x")
    await owner.open("/orders")
    await owner.follow("KK/2026 #7?x")
    assert owner.heading == "Order KK/2026 #7?x"


async def test_other_workspaces_order_is_as_if_it_never_was(outside: Outside) -> None:
    """I11: its page, its question and its news."""
    told = await order(outside.stage, 5)
    other = await signed_in(outside, "nakshi", Role.OWNER)
    for path in ("/orders/ORD5", f"/orders/ORD5/act?case={told.row.id}&action=cancel", "/orders/ORD5/live"):
        await other.open(path)
        assert other.answer.status_code == 404
        assert other.heading == "There is no such page"


async def test_move_that_ends_it_is_on_the_activity(outside: Outside, owner: Somebody) -> None:
    """R6.9: where the parcel is now."""
    told = await order(outside.stage)
    await told.moves(ShipmentMove.DELIVERED)
    await told.ends(Outcome.DELIVERED)
    await _opened(owner, told)
    assert "Delhivery" in _words(_entry(owner, "Delivered"))
    assert owner.one("h1 + .badge").get_text() == "Delivered"
