"""The rules of a case, one after the other: what is done, and everything that the case asks for on the way.

A row begins with its rule's number, where `make rules` reads it. Rules that take callbacks and a database to be seen have
their rows in `tests/intake/test_rules.py`.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.case_state import TakenBack
from domain.failures import Action, Capabilities, Reason
from domain.templates import missing_buttons
from domain.timing import AtDeadline
from tests.domain.given import NOON, Talk, a_policy, some_facts

IST = ZoneInfo("Asia/Kolkata")
MORNING, EVENING, NIGHT = (datetime(2026, 11, 20, hour, tzinfo=IST).astimezone(UTC) for hour in (8, 20, 23))
TWO_DAYS = {"deadline_after": 2 * 24 * 60}

ALL = "reattempt reschedule update_address cancel dispute not_my_order"
REST = ALL.replace("reattempt ", "")
DAYS = " ".join(f"date:2026-11-{day}" for day in range(21, 28))
FIRST, REMINDER = "template failed_delivery", "template reminder"
ASKED_AGAIN = f"question: please_choose {ALL}"
ADDRESS_ASKED = "question: ask_address options"
SHOWN_BACK = "question: confirm_address address_yes address_change"
HINDI = (("hi:language_changed", "अब हिन्दी"), ("hi:accepted_reattempt", "हो गया"))
TO_THE_TEAM = ("note handed_to_seller", f"question: team_will_contact {ALL}")
CANCEL_ASKED = "question: confirm_cancel confirm_cancel keep"


def row(
    rule: str, steps: list[str], *asked_for: str, at: datetime = NOON, policy: Any = None, **facts: Any
) -> Any:
    """Return a row: a rule, what is done, and everything the case asks for; facts and policy where they matter.

    Steps are those of `Talk`, and `clock`, which tells the time in India. A case that no step opens is open already.
    """
    values = (steps, list(asked_for), at, policy or {}, facts)
    return pytest.param(*values, id=f"{rule}: {' > '.join(steps)}")


def rules(*rows: Any) -> pytest.MarkDecorator:
    """Play a test with rows."""
    return pytest.mark.parametrize(("steps", "asked_for", "at", "policy", "facts"), rows)


def played(talk: Talk, steps: list[str]) -> list[str]:
    """Do all steps, and return everything that they led to."""
    if "open" not in steps:
        talk.play("open")
    lines: list[str] = []
    for step in steps:
        lines += [f"{talk.now.astimezone(IST):%a %H:%M}"] if step == "clock" else talk.play(step)
    return lines


@rules(
    # One failed delivery, one run: it opens once, and ends when the next attempt has failed.
    row("R6.1", ["open", "open"], FIRST),
    row("R6.1", ["tap cancel", "superseded 2"], CANCEL_ASKED, "end superseded"),
    # What can be executed now: by the reason, by what the order system names, by the carrier, by the attempt.
    row("R6.2", ["tap options"], f"question: options {ALL}"),
    row("R6.2", ["tap options"], "question: options cancel not_my_order", reason=Reason.REFUSED_OPENED),
    row(
        "R6.2",
        ["tap options"],
        "question: options reattempt cancel not_my_order",
        resolutions=(Action.CANCEL, Action.REATTEMPT),
    ),
    row(
        "R6.2",
        ["tap options"],
        "question: options reattempt not_my_order",
        capabilities=Capabilities((Action.REATTEMPT,)),
    ),
    row("R6.2", ["tap reattempt"], "question: not_offered cancel not_my_order", attempt=3),
    row("R6.2", ["open"], "end handed_over", attempt=3, reason=Reason.RESCHEDULE_REQUESTED),
    row("R6.2", ["tap not_my_order", "text who?"], "answer: not_my_order", "end not_my_order"),
    # Each action's own way.
    row("R6.4", ["tap reattempt"], "take reattempt"),
    row("R6.4", ["tap cancel", "tap confirm_cancel"], CANCEL_ASKED, "take cancel"),
    row("R6.4", ["tap cancel", "tap keep"], CANCEL_ASKED, f"question: kept {ALL}"),
    row(
        "R6.4",
        ["tap reschedule", "tap date:2026-11-22"],
        f"question: choose_day {DAYS}",
        "take reschedule",
    ),
    row(
        "R6.4",
        ["tap reschedule"],
        f"question: choose_day {DAYS.replace('date:2026-11-22 ', '')}",
        policy={"no_sundays": True},
    ),
    row(
        "R6.4",
        ["tap update_address", "text 4 Rose Villa, MG Road", "text yes"],
        ADDRESS_ASKED,
        SHOWN_BACK,
        "take update_address",
    ),
    row("R6.4", ["tap update_address", "pin near the temple"], ADDRESS_ASKED, SHOWN_BACK),
    row("R6.4", ["tap update_address", "form 4 Rose Villa|560001|9999900002"], ADDRESS_ASKED, SHOWN_BACK),
    row(
        "R6.4",
        ["tap update_address", "text 4 Rose Villa, MG Road 110001"],
        ADDRESS_ASKED,
        "question: address_other_pincode options",
    ),
    row(
        "R6.4",
        ["tap dispute", "text nobody rang"],
        "question: ask_words dispute_send options",
        "take dispute",
    ),
    # Clear words are a question, in any language and script; the customer's own choice of language goes before all.
    row(
        "R6.13 choice", ["text hindi"], "note language", f"question: अब हिन्दी {ALL}", policy={"texts": HINDI}
    ),
    row(
        "R6.13 choice",
        ["tap reattempt", "text hindi", "system accepted"],
        "take reattempt",
        "answer: हो गया",
        "end resolved",
        policy={"texts": HINDI},
    ),
    row(
        "R6.13 texts",
        ["tap options", "tap cancel"],
        f"question: विकल्प {ALL}",
        CANCEL_ASKED,
        language="hi",
        policy={
            "texts": (
                ("options", "Options"),
                ("hi:options", "विकल्प"),
                ("hi:confirm_cancel", "confirm_cancel"),
            )
        },
    ),
    # An accepted action that is not done after all: told, with what is left.
    row(
        "R6.5",
        ["open", "tap cancel"],
        "note action_taken_back",
        f"question: refused_later {REST}",
        CANCEL_ASKED,
        taken_back=TakenBack(Action.REATTEMPT, None, "route closed"),
        withdrawn=(Action.REATTEMPT,),
        heard_at=NOON,
        visit=2,
    ),
    # The order system's answer: yes, no, not this day, not any more, none.
    row(
        "R6.5",
        ["tap reattempt", "system accepted"],
        "take reattempt",
        "answer: accepted_reattempt",
        "end resolved",
    ),
    row(
        "R6.5",
        ["tap reattempt", "system refused"],
        "take reattempt",
        "note action_refused",
        f"question: refused {REST}",
    ),
    row(
        "R6.5",
        ["tap date:2026-11-22", "system refused_date"],
        "take reschedule",
        "note action_refused",
        f"question: refused_date {DAYS.replace('date:2026-11-22 ', '')}",
    ),
    row(
        "R6.5",
        ["tap confirm_cancel", "system refused"],
        "take cancel",
        "note action_refused",
        "answer: refused_last",
        "end handed_over",
        reason=Reason.REFUSED_OPENED,
    ),
    row(
        "R6.5",
        ["tap reattempt", "system unknown", "wake", "system unavailable", "wake", "system accepted"],
        "take reattempt",
        "take reattempt",
        "answer: in_hand",
        "take reattempt",
        "answer: accepted_reattempt",
        "end resolved",
    ),
    row("R6.5", ["tap reattempt", "wake"], "take reattempt", "end handed_over"),
    # One action.
    row(
        "R6.6",
        ["tap reattempt", "tap reschedule", "system accepted", "tap reschedule"],
        "take reattempt",
        "answer: already_asked",
        "answer: accepted_reattempt",
        "end resolved",
        "answer: already",
    ),
    row(
        "R6.6",
        ["tap reattempt", "system accepted", "tap cancel"],
        "take reattempt",
        "answer: accepted_reattempt",
        "end resolved",
        "note contradiction",
        "answer: already",
    ),
    row(
        "R6.6",
        ["tap confirm_cancel", "tap reattempt"],
        "take cancel",
        "note contradiction",
        "answer: already_asked",
    ),
    # Silence, a half-finished step, the deadline.
    row(
        "R6.7",
        ["wake", "clock", "wake", "clock", "wake", "clock"],
        REMINDER,
        "Fri 12:00",
        REMINDER,
        "Fri 20:00",
        "end handed_over",
        "Sat 11:50",
        at=MORNING,
    ),
    row(
        "R6.7",
        ["wake"],
        "take reattempt",
        policy={"reminders_after": (), "at_deadline": AtDeadline.REATTEMPT},
    ),
    row("R6.7", ["wake"], "end no_answer", policy={"reminders_after": (), "at_deadline": AtDeadline.NOTHING}),
    row(
        "R6.7",
        ["tap cancel", "wake", "clock", "wake"],
        CANCEL_ASKED,
        CANCEL_ASKED,
        "Fri 12:30",
        "end handed_over",
    ),
    # Quiet hours: the first message, reminders and nudges wait; whoever writes is answered.
    row("R6.8", ["open", "wake", "clock"], "note held", FIRST, "Sat 08:14", at=NIGHT),
    row("R6.8", ["wake", "clock"], REMINDER, "Sat 08:14", at=EVENING),
    row(
        "R6.8",
        ["wait 50", "tap cancel", "wake", "clock"],
        CANCEL_ASKED,
        CANCEL_ASKED,
        "Sat 08:14",
        at=EVENING,
    ),
    row("R6.8", ["wait 180", "clock", "text hello"], "Fri 23:00", ASKED_AGAIN, at=EVENING),
    # The world moves on.
    row("R6.9", ["moved delivered", "tap reattempt"], "end delivered", "answer: no_longer_waiting"),
    row("R6.9", ["moved rto", "tap reattempt"], "end rto", "answer: no_longer_waiting"),
    row("R6.9", ["moved cancelled", "tap reattempt"], "end cancelled", "answer: no_longer_waiting"),
    row("R6.9", ["moved lost", "tap reattempt"], "end lost", "answer: no_longer_waiting"),
    row("R6.9", ["tap cancel", "moved resolution_submitted"], CANCEL_ASKED, "end resolved_elsewhere"),
    row("R6.9", ["tap reattempt", "moved delivered", "system accepted"], "take reattempt", "end delivered"),
    # Out of reach.
    row("R6.10", ["notsent recipient", "clock"], "note message_not_sent", "end undeliverable", "Fri 12:00"),
    row("R6.10", ["open"], "end undeliverable", customer_phone=""),
    row("R6.10", ["stop"], "end undeliverable"),
    # By hand.
    row("R6.11", ["hand reattempt", "system accepted"], "take reattempt", "end resolved"),
    row("R6.11", ["hand reattempt", "hand cancel"], "take reattempt", "note action_not_possible"),
    row("R6.11", ["resend"], "note resend_asked", "template sent_again"),
    row("R6.11", ["close talked on the phone"], "end closed"),
    # Nobody came: also after the third time, since it does not count.
    row(
        "R6.12",
        ["open", "system accepted"],
        "take reattempt",
        "end resolved",
        reason=Reason.NOT_ATTEMPTED,
        attempt=3,
        at=NIGHT,
    ),
)
def test_rule_of_a_case(
    steps: list[str], asked_for: list[str], at: datetime, policy: dict[str, Any], facts: dict[str, Any]
) -> None:
    """From facts, policy and what happens follows what a case asks for: exactly this, in this order."""
    assert played(Talk(some_facts(**facts), a_policy(**policy), at=at), steps) == asked_for


@rules(
    # Nothing that was offered.
    row("R7.1 customer", ["text hello", "photo"], ASKED_AGAIN, ASKED_AGAIN),
    row("R7.1 customer", ["pin home"], ASKED_AGAIN),
    row("R7.1 customer", ["contact"], ASKED_AGAIN),
    row("R7.1 customer", ["other"], ASKED_AGAIN),
    row("R7.1 customer", ["tap options", "reaction"], f"question: options {ALL}", ASKED_AGAIN),
    row(
        "R7.1 customer",
        ["tap reschedule", "text hm"],
        f"question: choose_day {DAYS}",
        f"question: please_choose {DAYS}",
    ),
    row("R7.1 order", ["text when?", "form 4 Rose Villa|560001|"], ASKED_AGAIN, ASKED_AGAIN),
    row("R7.1 order", ["tap cancel", "text maybe"], CANCEL_ASKED, CANCEL_ASKED),
    # Settled meanwhile, as we know or as the order system says.
    row("R7.2 customer", ["moved rto", "tap cancel"], "end rto", "answer: no_longer_waiting"),
    row(
        "R7.2 customer",
        ["tap reattempt", "system not_waiting"],
        "take reattempt",
        "answer: no_longer_waiting",
        "end moved_on",
    ),
    row(
        "R7.2 order",
        ["moved delivered", "tap confirm_cancel", "tap address_yes"],
        "end delivered",
        "answer: no_longer_waiting",
        "answer: no_longer_waiting",
    ),
    # A second wish.
    row("R7.3 customer", ["tap reattempt", "tap reattempt"], "take reattempt", "answer: already_asked"),
    row(
        "R7.3 customer",
        ["tap reattempt", "system accepted", "tap reschedule"],
        "take reattempt",
        "answer: accepted_reattempt",
        "end resolved",
        "answer: already",
    ),
    row(
        "R7.3 order",
        ["tap reattempt", "tap cancel", "tap confirm_cancel", "system accepted"],
        "take reattempt",
        "note contradiction",
        "answer: already_asked",
        "note contradiction",
        "answer: already_asked",
        "answer: accepted_reattempt",
        "end resolved",
    ),
    # The same reason once more.
    row("R7.4 customer", ["open"], FIRST, attempt=2),
    # Three in a row, of any step; a choice between them begins the count again; the fourth is not answered.
    row("R7.7 customer", ["text what?", "photo", "text hm?"], ASKED_AGAIN, ASKED_AGAIN, *TO_THE_TEAM),
    row(
        "R7.7 customer",
        ["text what?", "text eh?", "text hm?", "text huh?"],
        ASKED_AGAIN,
        ASKED_AGAIN,
        *TO_THE_TEAM,
    ),
    row(
        "R7.7 customer",
        ["text what?", "text eh?", "tap options", "text hm?"],
        ASKED_AGAIN,
        ASKED_AGAIN,
        f"question: options {ALL}",
        ASKED_AGAIN,
    ),
    row(
        "R7.7 order",
        ["tap cancel", "text what?", "text eh?", "text hm?"],
        CANCEL_ASKED,
        CANCEL_ASKED,
        CANCEL_ASKED,
        *TO_THE_TEAM,
    ),
    row("R7.7 activity", ["text what?", "text eh?", "text hm?"], ASKED_AGAIN, ASKED_AGAIN, *TO_THE_TEAM),
    # A person is asked for, while the team is there and while it is not.
    row(
        "R7.6 customer",
        ["text agent se baat karni hai"],
        "note handed_to_seller",
        f"question: out_of_hours {ALL}",
        policy={"works_from": "13:00", "works_until": "18:00"},
    ),
    row(
        "R7.6 customer",
        ["text call me please"],
        *TO_THE_TEAM,
        policy={"works_from": "10:00", "works_until": "18:00"},
    ),
    row(
        "R7.6 order",
        ["text call me please", "tap reattempt"],
        "note handed_to_seller",
        f"question: out_of_hours {ALL}",
        "take reattempt",
        policy={"works_from": "13:00", "works_until": "18:00"},
    ),
    row("R7.6 activity", ["text call me please"], *TO_THE_TEAM),
    # A button of the attempt before.
    row("R7.8 customer", ["superseded 2", "tap reattempt"], "end superseded", "answer: no_longer_waiting"),
    row("R7.8 order", ["superseded 2", "tap confirm_cancel"], "end superseded", "answer: no_longer_waiting"),
    # The seller's words, and the seller's wish to answer nothing but taps.
    row(
        "R7.10",
        ["text hello"],
        f"question: Please tap, says KapasKraft. {ALL}",
        policy={"texts": (("please_choose", "Please tap, says {brand}."),)},
    ),
    row(
        "R7.10",
        ["text what?", "tap cancel", "tap keep", "moved rto", "text eh?", "tap cancel"],
        CANCEL_ASKED,
        f"question: kept {ALL}",
        "end rto",
        "answer: no_longer_waiting",
        policy={"answer_unexpected": False},
    ),
    # Nothing before the customer wrote, nothing a day after it.
    row("R7.11", ["hand reattempt", "system accepted"], "take reattempt", "end resolved"),
    row(
        "R7.11",
        ["text hello", "wait 1439", "hand reattempt", "system accepted"],
        ASKED_AGAIN,
        "take reattempt",
        "answer: accepted_reattempt",
        "end resolved",
        policy=TWO_DAYS,
    ),
    row(
        "R7.11",
        ["text hello", "wait 1440", "hand reattempt", "system accepted"],
        ASKED_AGAIN,
        "take reattempt",
        "end resolved",
        policy=TWO_DAYS,
    ),
)
def test_rule_of_unexpected_answers(
    steps: list[str], asked_for: list[str], at: datetime, policy: dict[str, Any], facts: dict[str, Any]
) -> None:
    """What is not expected is answered, and nothing is done to the order: exactly this, in this order."""
    assert played(Talk(some_facts(**facts), a_policy(**policy), at=at), steps) == asked_for


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (["Try again", "Choose another date", "See all options"], ()),
        ([" TRY  AGAIN ", "More options"], ()),
        (["Try again", "Call me"], ("See all options",)),
        ([], ("Try again", "See all options")),
    ],
)
def test_buttons_that_a_template_lacks_are_named(labels: list[str], missing: tuple[str, ...]) -> None:
    """Without them not every answer could be given."""  # R4.7
    assert missing_buttons(labels) == missing
