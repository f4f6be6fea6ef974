"""What each step does with the customer's answer: tables of steps and what the last one leads to."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.case_events import CustomerReplied, Note, SendSession, TakeAction
from domain.cases import Outcome, State, ended_case
from domain.failures import Action, Mode, Reason
from domain.replies import AddressDraft, Reply, ReplyKind
from domain.shipments import Address
from tests.domain.given import EVERYTHING, NOON, Talk, a_policy, lines, opened, some_facts

ALL = "reattempt reschedule update_address cancel dispute not_my_order"
DAYS = " ".join(f"date:2026-11-{day}" for day in range(21, 28))
BACK = "options"
YES_NO = "confirm_cancel keep"
ADDRESS = "text 4 Rose Villa, MG Road"
SHOWN_BACK = "question: confirm_address address_yes address_change"

Row = tuple[list[str], list[str], State]


def conversation(*rows: Row) -> pytest.MarkDecorator:
    """Table of: steps, what the last one leads to, where the case then stands."""
    return pytest.mark.parametrize(
        ("steps", "expected", "state"), rows, ids=[" > ".join(steps) for steps, _, _ in rows]
    )


@conversation(
    # Reattempt: at once.
    (["tap reattempt"], ["take reattempt"], State.ACTING),
    # Cancel: asked once to confirm; "no, keep it" brings the choices back.
    (["tap cancel"], [f"question: confirm_cancel {YES_NO}"], State.CONFIRMING_CANCEL),
    (["tap cancel", "tap confirm_cancel"], ["take cancel"], State.ACTING),
    (["tap cancel", "text haan"], ["take cancel"], State.ACTING),
    (["tap cancel", "tap keep"], [f"question: kept {ALL}"], State.WAITING),
    (["tap cancel", "text nahi"], [f"question: kept {ALL}"], State.WAITING),
    (["tap cancel", "tap keep", "tap reattempt"], ["take reattempt"], State.ACTING),
    (["tap cancel", "text maybe"], [f"question: confirm_cancel {YES_NO}"], State.CONFIRMING_CANCEL),
    # Another date: a list, one tap.
    (["tap reschedule"], [f"question: choose_day {DAYS}"], State.CHOOSING_DATE),
    (["tap reschedule", "tap date:2026-11-22"], ["take reschedule"], State.ACTING),
    (["tap reschedule", "tap options"], [f"question: options {ALL}"], State.WAITING),
    (["tap reschedule", "text hmm"], [f"question: please_choose {DAYS}"], State.CHOOSING_DATE),
    # Address: typed, shown back, executed on yes.
    (["tap update_address"], [f"question: ask_address {BACK}"], State.GIVING_ADDRESS),
    (["tap update_address", ADDRESS], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (["tap update_address", ADDRESS, "tap address_yes"], ["take update_address"], State.ACTING),
    (["tap update_address", ADDRESS, "text yes"], ["take update_address"], State.ACTING),
    (
        ["tap update_address", ADDRESS, "tap address_change"],
        [f"question: ask_address {BACK}"],
        State.GIVING_ADDRESS,
    ),
    (["tap update_address", ADDRESS, "text no"], [f"question: ask_address {BACK}"], State.GIVING_ADDRESS),
    (["tap update_address", "tap options"], [f"question: options {ALL}"], State.WAITING),
    # Address: too short, in two messages, another pincode.
    (["tap update_address", "text Villa"], [f"question: address_short {BACK}"], State.GIVING_ADDRESS),
    (["tap update_address", "text Villa", "text 4 MG Road"], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (["tap update_address", ADDRESS, "text 2nd floor"], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (
        ["tap update_address", f"{ADDRESS} 560002"],
        [f"question: address_other_pincode {BACK}"],
        State.GIVING_ADDRESS,
    ),
    (
        ["tap update_address", ADDRESS, "text pin is 560002"],
        [f"question: address_other_pincode {BACK}"],
        State.GIVING_ADDRESS,
    ),
    (["tap update_address", f"{ADDRESS} 560001"], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    # Address: form, location pin, alternate phone, landmark.
    (["tap update_address", "form 4 Rose Villa|560001|"], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (
        ["tap update_address", "form 4 Rose Villa|110001|"],
        [f"question: address_other_pincode {BACK}"],
        State.GIVING_ADDRESS,
    ),
    (["tap update_address", "form x||"], [f"question: address_short {BACK}"], State.GIVING_ADDRESS),
    (["tap update_address", "pin near the temple"], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (["tap update_address", "text 9999900002"], [f"question: address_short {BACK}"], State.GIVING_ADDRESS),
    (["tap update_address", "text 9999900002", ADDRESS], [SHOWN_BACK], State.CONFIRMING_ADDRESS),
    (["tap update_address", "photo"], [f"question: ask_address {BACK}"], State.GIVING_ADDRESS),
    # Dispute: words, a photo or nothing, then a new attempt.
    (["tap dispute"], [f"question: ask_words dispute_send {BACK}"], State.DESCRIBING_DISPUTE),
    (["tap dispute", "text nobody rang"], ["take dispute"], State.ACTING),
    (["tap dispute", "photo my door"], ["take dispute"], State.ACTING),
    (["tap dispute", "tap dispute_send"], ["take dispute"], State.ACTING),
    (["tap dispute", "tap options"], [f"question: options {ALL}"], State.WAITING),
    (
        ["tap dispute", "pin x"],
        [f"question: ask_words dispute_send {BACK}"],
        State.DESCRIBING_DISPUTE,
    ),
    (
        ["tap dispute", "text \u202e"],
        [f"question: ask_words dispute_send {BACK}"],
        State.DESCRIBING_DISPUTE,
    ),
    # Not my order: told, and over.
    (["tap not_my_order"], ["answer: not_my_order", "end not_my_order"], State.ENDED),
)
def test_each_way_of_answering(steps: list[str], expected: list[str], state: State) -> None:
    """Every action's path, with its way back."""  # R6.4
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


@conversation(
    (["tap address_yes"], [f"question: not_offered {ALL}"], State.WAITING),
    (["tap dispute_send"], [f"question: not_offered {ALL}"], State.WAITING),
    (["tap keep"], [f"question: options {ALL}"], State.WAITING),
    (["tap date:2026-11-22"], ["take reschedule"], State.ACTING),
    (["tap date:2026-11-20"], [f"question: refused_date {DAYS}"], State.CHOOSING_DATE),
    (["tap date:2026-12-25"], [f"question: refused_date {DAYS}"], State.CHOOSING_DATE),
    (["tap cancel", "tap date:never"], [f"question: not_offered {ALL}"], State.WAITING),
    (["tap nonsense"], [f"question: not_offered {ALL}"], State.WAITING),
    (["tap cancel", "tap keep", "tap confirm_cancel"], ["take cancel"], State.ACTING),
    (["tap cancel", "tap reschedule"], [f"question: choose_day {DAYS}"], State.CHOOSING_DATE),
)
def test_tap_of_an_earlier_question(steps: list[str], expected: list[str], state: State) -> None:
    """Old buttons stay on the screen: they work while they make sense, else the choices come again."""  # R6.3 R7.1
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


def test_action_that_is_not_offered_is_not_executed() -> None:
    """A stale button does not reach the order system."""  # R6.2
    talk = opened(some_facts(attempt=3))
    for choice in (
        "reattempt",
        "reschedule",
        "update_address",
        "dispute",
        "date:2026-11-22",
        "address_change",
    ):
        assert talk.play(f"tap {choice}") == ["question: not_offered cancel not_my_order"]
    assert talk.case.state is State.WAITING


def test_list_of_yesterday_is_checked_today() -> None:
    """A day that is over by the time of the tap is not asked for."""  # R6.4
    talk = opened()
    talk.play("tap reschedule")
    talk.wait(hours=23)
    assert talk.play("tap date:2026-11-21")[0].startswith("question: refused_date date:2026-11-22")


def test_no_day_left_withdraws_the_date() -> None:
    """Where the calendar has nothing, another date is no longer offered."""  # R6.2
    talk = opened(some_facts(capabilities=replace(EVERYTHING, date_window_days=0)))
    rest = ALL.replace("reschedule ", "")
    assert talk.play("tap reschedule") == [f"question: not_offered {rest}"]
    assert talk.case.state is State.WAITING


def taken(talk: Talk) -> TakeAction:
    """Return the last action asked for."""
    return [command for command in talk.commands if isinstance(command, TakeAction)][-1]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["text 4 Rose Villa", "text MG Road"], AddressDraft("4 Rose Villa, MG Road", "560001")),
        (
            ["text 4 Rose Villa", "text 99999 00002"],
            AddressDraft("4 Rose Villa", "560001", phone="9999900002"),
        ),
        (
            ["text 4 Rose Villa", "pin  the\u202e temple"],
            AddressDraft("4 Rose Villa", "560001", landmark="the temple", pin="12.970000,77.590000"),
        ),
        (
            ["form 4 Rose Villa|560001|+919999900002"],
            AddressDraft("4 Rose Villa", "560001", phone="9999900002"),
        ),
        (["form 4 Rose Villa||12345"], AddressDraft("4 Rose Villa", "560001")),
        (["text 4 Rose Villa 560002", "text 5 Rose Villa"], AddressDraft("5 Rose Villa", "560001")),
    ],
)
def test_address_that_is_executed(steps: list[str], expected: AddressDraft) -> None:
    """What was shown back is what is asked for, with the order's pincode where none was named."""  # R6.4
    talk = opened()
    talk.plays("tap update_address", *steps, "tap address_yes")
    assert taken(talk).request.address == expected
    assert taken(talk).request.mode is Mode.WHATSAPP


def test_phone_is_dropped_where_no_carrier_would_get_it() -> None:
    """A contact number that cannot be passed on is not shown back as if it could."""  # R6.2 R6.4
    talk = opened(some_facts(capabilities=replace(EVERYTHING, contact_phone=False)))
    talk.plays("tap update_address", "text 4 Rose Villa, 9999900002", "tap address_yes")
    assert taken(talk).request.address == AddressDraft("4 Rose Villa", "560001")


@pytest.mark.parametrize(("address", "needs_same"), [(Address(pincode="560001"), False), (Address(), True)])
def test_any_pincode_where_nothing_binds(address: Address, *, needs_same: bool) -> None:
    """The pincode is checked only against one that is known and binds."""  # R6.4
    capabilities = replace(EVERYTHING, needs_same_pincode=needs_same)
    talk = opened(some_facts(address=address, capabilities=capabilities))
    assert talk.plays("tap update_address", f"{ADDRESS} 110001") == [SHOWN_BACK]


def test_address_is_shown_back_with_everything_found_in_it() -> None:
    """The customer reads pincode, landmark, pin and number before saying yes."""  # R6.4
    talk = opened(policy=a_policy(texts=(("confirm_address", "{address}"),)))
    talk.plays("tap update_address", "text 4 Rose Villa, 9999900002", "pin the temple")
    assert talk.sent()[-1].message.body == (
        "4 Rose Villa\nPincode 560001\nLandmark: the temple\nLocation pin received\nContact number: 9999900002"
    )


def test_dispute_keeps_the_customers_own_words() -> None:
    """Words and the photo's message are evidence for the seller."""  # R6.4
    talk = opened()
    talk.plays("tap dispute", "text Nobody  rang.\n\nI was at home!")
    assert taken(talk).request.words == ("Nobody rang.", "I was at home!")
    talk = opened()
    talk.plays("tap dispute", "photo my door")
    assert taken(talk).request.words == ("(the customer sent image: message wamid.2)", "my door")


@conversation(
    *[
        ([step], [f"question: please_choose {ALL}"], State.WAITING)
        for step in ("text hello", "photo", "pin home", "contact", "other", "form 4 Rose Villa|560001|")
    ],
    (["text hello", "photo"], [f"question: please_choose {ALL}"], State.WAITING),
    (
        ["text hello", "photo", "text hm"],
        ["note handed_to_seller", f"question: team_will_contact {ALL}"],
        State.WAITING,
    ),
    (["text what?", "text eh?", "text hm?", "text huh?"], [], State.WAITING),
    (["text what?", "text eh?", "text hm?", "tap reattempt"], ["take reattempt"], State.ACTING),
    (
        ["text what?", "text eh?", "tap options", "text hm?"],
        [f"question: please_choose {ALL}"],
        State.WAITING,
    ),
    (
        ["tap cancel", "text what?", "text eh?", "text hm?"],
        ["note handed_to_seller", f"question: team_will_contact {ALL}"],
        State.WAITING,
    ),
    (
        ["tap cancel", "text what?", "text eh?", "text hm?", "tap confirm_cancel"],
        ["take cancel"],
        State.ACTING,
    ),
)
def test_unexpected_answer(steps: list[str], expected: list[str], state: State) -> None:
    """The choices again; the third in a row goes to people; a flood is not answered."""  # R7.1 R7.7
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


def test_reaction_opens_no_window() -> None:
    """A thumb alone does not let us write; within the window it is answered like anything unread."""  # R7.1 R7.11
    talk = opened()
    assert talk.play("reaction") == []
    assert talk.case.last_reply_at is None
    assert talk.plays("tap options", "reaction") == [f"question: please_choose {ALL}"]
    assert talk.play("reaction removed") == []  # taken back: it says nothing
    assert talk.case.unexpected == 1


def test_unexpected_answers_are_only_logged_where_the_seller_wants_that() -> None:
    """Switch off: counted and handed over, never answered; taps work as ever."""  # R7.10
    talk = opened(policy=a_policy(answer_unexpected=False))
    assert talk.plays("text what?", "text eh?") == []
    assert talk.play("text hm?") == ["note handed_to_seller"]
    assert talk.play("tap cancel") == [f"question: confirm_cancel {YES_NO}"]


@pytest.mark.parametrize(
    ("reason", "kind"), [(Reason.CUSTOMER_MOVED, "buttons"), (Reason.CUSTOMER_UNAVAILABLE, "list")]
)
def test_up_to_three_choices_are_buttons(reason: Reason, kind: str) -> None:
    """WhatsApp shows three buttons at most; more become a list."""  # R7.1
    talk = opened(some_facts(reason=reason))
    talk.play("text hello")
    assert talk.sent()[-1].message.kind.value == kind


# Second taps (R6.6, R7.3).


@conversation(
    (["tap reattempt", "tap reattempt"], ["answer: already_asked"], State.ACTING),
    (["tap reattempt", "tap reschedule"], ["answer: already_asked"], State.ACTING),
    (["tap reattempt", "tap cancel"], ["note contradiction", "answer: already_asked"], State.ACTING),
    (["tap reattempt", "tap not_my_order"], ["note contradiction", "answer: already_asked"], State.ACTING),
    (["tap reattempt", "text hurry"], [], State.ACTING),
    (["tap confirm_cancel", "tap reattempt"], ["note contradiction", "answer: already_asked"], State.ACTING),
    (["tap confirm_cancel", "tap keep"], ["note contradiction", "answer: already_asked"], State.ACTING),
    (["tap confirm_cancel", "tap confirm_cancel"], ["answer: already_asked"], State.ACTING),
    (["tap reattempt", "system accepted", "tap reattempt"], ["answer: already"], State.ENDED),
    (
        ["tap reattempt", "system accepted", "tap cancel"],
        ["note contradiction", "answer: already"],
        State.ENDED,
    ),
    (
        ["tap confirm_cancel", "system accepted", "tap date:2026-11-22"],
        ["note contradiction", "answer: already"],
        State.ENDED,
    ),
    (["tap reattempt", "system accepted", "text thanks"], ["answer: already"], State.ENDED),
    (["tap reattempt", "system accepted", "reaction"], [], State.ENDED),
)
def test_second_tap_is_answered_already_recorded(steps: list[str], expected: list[str], state: State) -> None:
    """The first action stands; what contradicts it is put before the seller."""  # R6.6 R7.3
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


@pytest.mark.parametrize(
    "ended_by",
    [
        ["moved delivered"],
        ["superseded 2"],
        ["close"],
        ["tap reattempt", "system not_waiting"],
        ["notsent recipient"],
    ],
)
def test_answer_after_the_end_is_told_that_nothing_waits(ended_by: list[str]) -> None:
    """A tap on an older case's button is that case's; nothing reaches the order system."""  # R6.9 R7.2 R7.8
    talk = opened()
    talk.plays(*ended_by)
    assert talk.plays("tap reattempt") == ["answer: no_longer_waiting"]
    assert talk.plays("text hello") == ["answer: no_longer_waiting"]
    assert talk.case.state is State.ENDED


def test_late_answers_have_ids_of_their_own() -> None:
    """Each tap is answered once and free text once: the id is what a repeated send is recognised by."""  # R7.2 I5
    talk = opened()
    talk.plays("moved delivered", "tap reattempt", "tap reattempt", "text one", "text two")
    assert [command.id for command in talk.sent()] == [
        "c1/late/wamid.1",
        "c1/late/wamid.2",
        "c1/late",
        "c1/late",
    ]


def test_each_late_contradiction_reaches_the_seller() -> None:
    """A run that is over counts no further: two late answers must not share a note's id."""  # R6.6
    talk = opened()
    talk.plays("tap reattempt", "system accepted")
    late = ended_case(talk.case.facts, talk.policy, Outcome.RESOLVED, talk.case.accepted)
    ids = set()
    for reply in ("a", "b"):
        again = Talk(talk.case.facts, talk.policy)
        again.case = late
        commands = again.send(
            CustomerReplied(Reply(reply, ReplyKind.CHOICE, again.now, choice=Action.CANCEL.value))
        )
        assert lines(commands) == ["note contradiction", "answer: already"]
        ids |= {command.id for command in commands}
    assert len(ids) == 4


def test_silence_was_promised_for_a_wrong_number() -> None:
    """After "not my order" nothing more is written about it."""  # R6.2
    talk = opened()
    talk.play("tap not_my_order")
    assert talk.plays("tap reattempt") == []
    assert talk.plays("text who is this") == []


def test_free_text_after_the_end_is_only_logged_where_the_seller_wants_that() -> None:
    """The switch covers late chatter, not a late tap."""  # R7.10
    talk = opened(policy=a_policy(answer_unexpected=False))
    talk.plays("moved delivered")
    assert talk.play("text hello") == []
    assert talk.play("tap reattempt") == ["answer: no_longer_waiting"]


# The 24 h window (R7.11).


def test_window_is_open_for_a_day_after_the_last_answer() -> None:
    """One second before the day is over we may write, then no more; an answer that came late opens nothing."""  # R7.11 F59
    talk = opened()
    last_at = talk.now
    talk.play("tap options")
    for seconds, is_open in [(-1, True), (0, False), (1, False)]:
        at = last_at + timedelta(days=1, seconds=seconds)
        assert talk.case.window_is_open(at) is is_open
    talk = opened()
    talk.play("moved delivered")
    talk.wait(days=2)
    assert talk.reply(ReplyKind.CHOICE, choice="reattempt", at=NOON) == ()


def test_answers_in_any_order_keep_the_latest() -> None:
    """An older answer that arrives later does not shorten the window, before the end or after."""  # R7.9
    talk = opened()
    talk.play("tap options")
    talk.reply(ReplyKind.TEXT, text="hm", at=NOON - timedelta(hours=5))
    assert talk.case.last_reply_at == NOON
    talk.play("moved delivered")
    talk.reply(ReplyKind.TEXT, text="hm", at=NOON - timedelta(hours=5))
    assert talk.case.last_reply_at == NOON


def test_nothing_is_said_before_the_customer_wrote() -> None:
    """Without an answer there is no window: an action by hand is executed in silence."""  # R7.11
    talk = opened()
    assert talk.plays("hand reattempt", "system accepted") == ["end resolved"]


def test_day_that_was_asked_for_is_the_day_that_was_tapped() -> None:
    """The request carries the day."""  # R6.4
    talk = opened()
    talk.plays("tap reschedule", "tap date:2026-11-24")
    assert taken(talk).request.on == date(2026, 11, 24)


def test_contradiction_names_both_sides() -> None:
    """The seller reads what was chosen and what stands."""  # R6.6
    talk = opened()
    talk.plays("tap reattempt", "tap cancel")
    (note,) = [command for command in talk.commands if isinstance(command, Note)]
    assert note.detail == "the customer chose cancel after reattempt"
    assert isinstance(talk.commands[-1], SendSession)
