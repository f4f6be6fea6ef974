"""Acting on a case by hand from an order's page: the question, the act itself, and each way in which it is refused."""

from datetime import timedelta

import pytest

from db import audit, billing, workspaces
from db.people import Role
from domain.case_events import ActionTaken, Answer, CloseAsked, ResendAsked
from domain.case_state import Outcome
from domain.failures import Action, Mode
from tests.api.conftest import Outside
from tests.api.portal.given_orders import FAILED, Told, order
from tests.api.portal.somebody import Somebody, signed_in
from workflows.client import ActRefused, ManualAnswer

ALL = (Action.REATTEMPT, Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.CANCEL, Action.DISPUTE)


@pytest.fixture(autouse=True)
def _noon(outside: Outside) -> None:
    """Noon in India, whenever the tests run: at night customers are told nothing."""
    outside.stage.clock.now = outside.stage.clock.now.replace(hour=6, minute=30)


@pytest.fixture
async def told(outside: Outside) -> Told:
    """An open case, whose customer wrote a while ago: they may be told what is decided."""
    found = await order(outside.stage, 1, resolutions=ALL, is_cod=True, amount_due_paise=124900)
    await found.sent("failed_delivery", **FAILED)
    await found.says("text", text="hello")
    return found


def _tomorrow(outside: Outside) -> str:
    return (outside.stage.clock() + timedelta(hours=5, minutes=30, days=1)).date().isoformat()


async def _choose(who: Somebody, action: str, *, on: str = "") -> Somebody:
    """Choose an action beside the activity and go on to its question."""
    await who.open("/orders/ORD1")
    form = who.form_with(button="Continue")
    assert form.select_one(f'input[name="action"][value="{action}"]:not([disabled])')
    case = who.one('input[name="case"]')["value"]
    assert not on or form.select_one(f'select[name="on"] option[value="{on}"]')
    return await who.open(f"{form['action']}?case={case}&action={action}&on={on}")


async def _records(outside: Outside) -> list[tuple[str, str, str]]:
    async with outside.stage.database.transaction() as session:
        found = await audit.list_records(session, "kapaskraft")
    return [
        (record.person, record.subject, record.detail) for record in found if record.action == "case.action"
    ]


@pytest.mark.parametrize(
    ("action", "button", "heading", "effect", "customer_reads"),
    [
        (
            "reattempt",
            "Ask for a new attempt",
            "Reattempt ORD1?",
            "Delhivery is asked to try again",
            "will try again",
        ),
        (
            "cancel",
            "Cancel and return",
            "Cancel and return ORD1?",
            "This cannot be taken back",
            "is cancelled",
        ),
        (
            "dispute",
            "Dispute the reason",
            "Dispute the courier’s reason for ORD1?",
            "its reason is not true",
            "told",
        ),
    ],
)
async def test_act_is_asked_once_more_and_then_done(  # noqa: PLR0917 - a table of what is given and expected
    outside: Outside,
    owner: Somebody,
    told: Told,
    action: str,
    button: str,
    heading: str,
    effect: str,
    customer_reads: str,
) -> None:
    """R6.11: with its effect and the words the customer gets, under one's own name and mode, on the audit."""
    await _choose(owner, action)
    assert owner.heading == heading
    assert effect in owner.words
    assert customer_reads in owner.one(".bubble--in").get_text()
    assert "your name, Meera Iyer" in owner.words
    assert outside.workflows.acts == []
    await owner.press(button, why="she called") if action == "cancel" else await owner.press(button)
    assert owner.path == "/orders/ORD1"
    assert "Delhivery accepted" in owner.toast
    ((ref, mail),) = outside.workflows.acts
    assert ref.shipment_id == told.row.shipment_id
    assert mail.event == ActionTaken(Action(action), Mode.SELLER_PORTAL, "Meera Iyer")
    (record,) = await _records(outside)
    assert owner.person is not None
    assert record[0] == f"Meera Iyer <{owner.person.email}>"
    assert told.row.id in record[1]
    assert record[2] == (f"{action}: she called" if action == "cancel" else action)


async def test_another_date_is_one_of_those_that_are_possible(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.4: chosen beside the activity, repeated in the question."""
    assert told.row.is_open
    day = _tomorrow(outside)
    await _choose(owner, "reschedule", on=day)
    assert owner.heading.startswith("Deliver ORD1 on ")
    await owner.press("Ask for this day")
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert mail.event.on is not None
    assert mail.event.on.isoformat() == day


async def test_day_that_is_not_possible_is_refused_at_the_field(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.11: with those that are; the same form then does it."""
    assert told.row.is_open
    outside.workflows.act_answer = ActRefused(
        "DayNotPossible", "that day is not possible; possible: 2026-11-22"
    )
    await _choose(owner, "reschedule", on=_tomorrow(outside))
    await owner.press("Ask for this day")
    assert owner.answer.status_code == 422
    assert "That day is not possible. Possible:" in owner.error_of("on")
    outside.workflows.act_answer = ManualAnswer("ended", "resolved", "done")
    await owner.press("Ask for this day", on=_tomorrow(outside))
    assert "Delhivery accepted" in owner.toast


async def test_day_has_to_be_chosen(outside: Outside, owner: Somebody, told: Told) -> None:
    """An address without a day asks for one."""
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=reschedule&on=soon")
    await owner.press("Ask for this day", on="never")
    assert owner.error_of("on") == "Choose a day"
    assert outside.workflows.acts == []


async def test_new_address_keeps_the_pincode_and_stays_out_of_addresses(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.4, I12: what is written is sent in the form only; a phone has to be one."""
    assert told.row.is_open
    await _choose(owner, "update_address")
    assert "The pincode stays 560038" in owner.words
    await owner.press("Change the address", address="Flat 4B\n17th Main, Indiranagar", phone="12345")
    assert "ten digits" in owner.error_of("phone")
    assert "Flat 4B" in owner.one("textarea").get_text()
    await owner.press("Change the address", phone="+91 99999 00044", landmark="Near the lake")
    assert owner.path == "/orders/ORD1"
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert mail.event.address.text == "Flat 4B, 17th Main, Indiranagar"
    assert mail.event.address.landmark == "Near the lake"
    assert mail.event.address.phone == "9999900044"
    assert "Flat" not in str(await _records(outside))


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("AddressIncomplete", "Enter house, street and area"),
        ("OtherPincode", "The pincode has to stay 560038."),
    ],
)
async def test_address_that_is_refused_is_said_at_the_field(
    outside: Outside, owner: Somebody, told: Told, type_: str, words: str
) -> None:
    """R6.11: what was typed stays."""
    assert told.row.is_open
    outside.workflows.act_answer = ActRefused(type_, "no")
    await _choose(owner, "update_address")
    await owner.press("Change the address", address="Flat 9, Koramangala 560034")
    assert words in owner.error_of("address")
    assert "560034" in owner.one("textarea").get_text()
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert mail.event.address.pincode == "560034", "the case is asked about what was typed"


async def test_words_of_a_dispute_go_to_the_courier(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.4: line by line."""
    assert told.row.is_open
    await _choose(owner, "dispute")
    await owner.press("Dispute the reason", words="She was at home.\n\nNobody rang.")
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert mail.event.words == ("She was at home.", "Nobody rang.")


async def test_wrong_number_ends_the_case(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.2: nothing more is sent to it, so nobody is told."""
    assert told.row.is_open
    outside.workflows.act_answer = ManualAnswer("ended", "not_my_order")
    await _choose(owner, "not_my_order")
    assert owner.page.select(".bubble") == []
    await owner.press("Stop writing to it")
    assert "nothing more is sent to this number" in owner.toast


async def test_message_is_sent_again(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.11: the price stands beside the button."""
    assert told.row.is_open
    async with outside.stage.database.transaction() as session:
        await billing.set_price(session, "utility", 35, valid_from=outside.stage.clock() - timedelta(days=1))
    await owner.open("/orders/ORD1")
    await owner.follow("Send the message again")
    assert "It costs ₹0.35 and GST" in owner.words
    await owner.press("Send it again")
    assert "The message was sent again." in owner.toast
    ((_, mail),) = outside.workflows.acts
    assert mail.event == ResendAsked(Mode.SELLER_PORTAL, "Meera Iyer")


async def test_message_that_waits_for_the_morning_says_so(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.8: quiet hours hold it back."""
    assert told.row.is_open
    outside.workflows.act_answer = ManualAnswer("held", "", "", is_done=False)
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=resend")
    await owner.press("Send it again")
    assert "The message waits." in owner.toast


async def test_notification_that_is_off_is_said_before_sending_again(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R5.1: what will not be sent is no surprise."""
    await outside.stage.switch("kapaskraft", on=False)
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=resend")
    assert "The notification is off, so nothing is sent" in owner.words


async def test_case_is_closed_without_action(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.11: with a word for one's own team."""
    assert told.row.is_open
    outside.workflows.act_answer = ManualAnswer("ended", "closed")
    await owner.open("/orders/ORD1")
    await owner.follow("Close without action")
    await owner.press("Close without action", why="spoke with her")
    assert "The case is closed." in owner.toast
    ((_, mail),) = outside.workflows.acts
    assert mail.event == CloseAsked(Mode.SELLER_PORTAL, "Meera Iyer", "spoke with her")


async def test_refusal_of_the_courier_comes_in_its_words(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.5: asked is not accepted; what is left is named."""
    await told.asks(
        Action.REATTEMPT, Answer.REFUSED, detail="Shipment is in transit", mode=Mode.SELLER_PORTAL
    )
    outside.workflows.act_answer = ManualAnswer("waiting", "", "reattempt: …", is_done=False)
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=cancel")
    ask = owner.one('input[name="ask"]')["value"]
    await told.asks(Action.CANCEL, Answer.REFUSED, detail="Already out", mode=Mode.SELLER_PORTAL)
    # The page was opened before: the case is asked, and the courier has said no by now.
    await owner.press("Cancel and return")
    assert "Cancel and return" in owner.words
    assert "is not possible now. Possible:" in owner.words
    assert outside.workflows.acts == []
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=dispute")
    await owner.press("Dispute the reason")
    assert owner.answer.status_code == 422
    assert "Delhivery refused." in owner.words
    assert owner.one('input[name="ask"]')["value"] != ask


async def test_courier_that_has_not_answered_is_asked_on(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.5: nothing is said as done."""
    assert told.row.is_open
    outside.workflows.act_answer = ManualAnswer("acting", "", "", is_done=False)
    await _choose(owner, "reattempt")
    await owner.press("Ask for a new attempt")
    assert "Asked. Delhivery has not answered yet." in owner.toast
    assert "accepted" not in owner.toast


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("CaseEnded", "This case has ended meanwhile. Nothing was asked for."),
        ("ActionNotPossible", "is not possible now. Possible: update address"),
    ],
)
async def test_act_that_came_too_late_is_refused_in_words(
    outside: Outside, owner: Somebody, told: Told, type_: str, words: str
) -> None:
    """R6.11: the run has the last word."""
    assert told.row.is_open
    outside.workflows.act_answer = ActRefused(type_, "no")
    await _choose(owner, "reattempt")
    await owner.press("Ask for a new attempt")
    assert owner.answer.status_code == 422
    assert words in owner.words


async def test_run_that_does_not_answer_leaves_it_open(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.5: it may be done all the same, and the same press again is the same act."""
    assert told.row.is_open
    await _choose(owner, "reattempt")
    outside.workflows.outages = 1
    await owner.press("Ask for a new attempt")
    assert owner.answer.status_code == 409
    assert "It may be done all the same" in owner.words
    await owner.press("Ask for a new attempt")
    assert "Delhivery accepted" in owner.toast


async def test_pressing_twice_does_it_once(outside: Outside, owner: Somebody, told: Told) -> None:
    """I13: the second press sees what came of the first; each question has an id of its own."""
    assert told.row.is_open
    await _choose(owner, "reattempt")
    page, answer = owner.page, owner.answer
    await owner.press("Ask for a new attempt")
    owner.page, owner.answer = page, answer
    await owner.press("Ask for a new attempt")
    assert owner.path == "/orders/ORD1"
    assert len(outside.workflows.acts) == 1
    await _choose(owner, "reattempt")
    await owner.press("Ask for a new attempt")
    assert len({mail.id for _, mail in outside.workflows.acts}) == 2


async def test_closed_case_cannot_be_acted_on(outside: Outside, owner: Somebody, told: Told) -> None:
    """R6.9: neither by an old page nor by its address."""
    await _choose(owner, "reattempt")
    await told.ends(Outcome.DELIVERED)
    await owner.press("Ask for a new attempt")
    assert "This case has ended meanwhile" in owner.words
    assert outside.workflows.acts == []
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=cancel")
    assert "Back to the order" in owner.words
    assert not owner.page.select("form[data-confirm]")


async def test_what_the_customer_is_about_to_choose_speaks_against_something_else(
    owner: Somebody, told: Told
) -> None:
    """Before the button."""
    await told.stands("giving_address")
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=cancel")
    assert "Asha Rao asked for something else" in owner.words
    assert "update address" in owner.words


async def test_customer_who_cannot_be_written_to_is_not_said_to_be_told(
    outside: Outside, owner: Somebody
) -> None:
    """R7.11: nobody wrote within a day, so no such message is allowed."""
    silent = await order(outside.stage, 2)
    await owner.open(f"/orders/ORD2/act?case={silent.row.id}&action=reattempt")
    assert "Asha Rao is not told on WhatsApp" in owner.words
    assert owner.page.select(".bubble") == []


async def test_quiet_hours_keep_the_customer_from_being_told(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R6.8: what a seller decides at night is not told at night."""
    assert told.row.is_open
    outside.stage.clock.now = outside.stage.clock.now.replace(hour=17, minute=0)  # 22:30 in India
    late = await order(outside.stage, 3)
    await late.says("text", text="hello")
    who = await signed_in(outside, "kapaskraft", Role.MEMBER)
    await who.open(f"/orders/ORD3/act?case={late.row.id}&action=reattempt")
    assert "It is quiet until 08:00" in who.words


async def test_members_act_as_owners_do(outside: Outside, told: Told) -> None:
    """Daily work is everybody's."""
    assert told.row.is_open
    member = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    await _choose(member, "reattempt")
    await member.press("Ask for a new attempt")
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert mail.event.person == "Rohan Shetty"


@pytest.mark.parametrize(
    "query", ["action=fly", "action=cancel&case=x", "action=cancel&case=00000000-0000-4000-8000-000000000000"]
)
async def test_question_about_nothing_leads_nowhere(owner: Somebody, told: Told, query: str) -> None:
    """Like any address that is nobody's."""
    assert told.row.is_open
    await owner.open(f"/orders/ORD1/act?{query}")
    assert owner.answer.status_code == 404


async def test_case_of_another_order_is_not_this_orders(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """The address has to be whole."""
    other = await order(outside.stage, 2)
    assert told.row.id != other.row.id
    await owner.open(f"/orders/ORD1/act?case={other.row.id}&action=cancel")
    assert owner.answer.status_code == 404


async def test_text_of_the_workspace_is_what_the_customer_reads(
    outside: Outside, owner: Somebody, told: Told
) -> None:
    """R7.10: the shared account says Eshopbox's own words, and markup in them is text."""
    async with outside.stage.database.transaction() as session:
        found = await workspaces.get_workspace(session, "kapaskraft")
    assert found.policy.texts == ()
    await owner.open(f"/orders/ORD1/act?case={told.row.id}&action=reattempt")
    assert "Please keep ₹1,249 ready." in owner.one(".bubble--in").get_text()
