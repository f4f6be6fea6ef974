"""A case from its opening to its end: tables of steps and what the last one leads to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import cases
from domain.case_events import (
    ActionAnswered,
    ActionTaken,
    Answer,
    CloseAsked,
    EndCase,
    Event,
    MessageAccepted,
    MessageNotSent,
    Opened,
    ResendAsked,
    SendTemplate,
    TakeAction,
    WokeUp,
)
from domain.cases import Case, Outcome, State, allowed_actions, ended_case, progress, waits_for, wake_at
from domain.failures import REASON_RULES, Action, Capabilities, Handling, Mode, Reason
from domain.messages import HOPELESS, PASSING, NotSent
from domain.replies import AddressDraft
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline
from tests.domain.given import EVERYTHING, NOON, Talk, a_policy, lines, opened, some_facts

IST = ZoneInfo("Asia/Kolkata")
ALL = "reattempt reschedule update_address cancel dispute not_my_order"
FIRST, REMINDER = ["template failed_delivery"], ["template reminder"]


def ist(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of November 2026 in India, as UTC: the 20th is a Friday."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=IST).astimezone(UTC)


def last_end(talk: Talk) -> EndCase:
    """Return how the case ended."""
    (end,) = [command for command in talk.commands if isinstance(command, EndCase)]
    return end


# Opening.


@pytest.mark.parametrize("reason", [reason for reason, rule in REASON_RULES.items() if rule.actions])
def test_customer_is_asked_at_once(reason: Reason) -> None:
    """A failure that the customer can do something about is told within the hour of day that it happens."""  # R6.2
    talk = Talk(some_facts(reason=reason))
    expected = ["take reattempt"] if reason is Reason.NOT_ATTEMPTED else FIRST
    assert talk.play("open") == expected


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        *[
            ({"reason": reason}, Outcome.HANDED_OVER)
            for reason, rule in REASON_RULES.items()
            if rule.handling is Handling.LEAVE_TO_SELLER
        ],
        ({"customer_phone": ""}, Outcome.UNDELIVERABLE),
        ({"failed_at": NOON - timedelta(hours=25)}, Outcome.HANDED_OVER),
        ({"reason": Reason.RESCHEDULE_REQUESTED, "attempt": 3}, Outcome.HANDED_OVER),
        ({"capabilities": Capabilities(actions=())}, Outcome.HANDED_OVER),
    ],
)
def test_case_that_nobody_can_be_asked_about_ends_at_once(
    changes: dict[str, object], outcome: Outcome
) -> None:
    """Nothing to decide, nobody to ask, too late, or nothing possible: it does not wait for the deadline."""  # R6.2 R6.10
    talk = Talk(some_facts(**changes))
    assert talk.play("open") == [f"end {outcome.value}"]
    assert wake_at(talk.case, talk.policy) is None


def test_case_opens_once() -> None:
    """A repeated start sends nothing again."""  # R6.1 R7.9
    talk = opened()
    assert talk.play("open") == []
    held = opened(at=ist(20, 22))
    assert held.play("open") == []


# R6.12: nobody came.


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["open"], ["take reattempt"]),
        (["open", "system accepted"], ["end resolved"]),
        (["open", "system refused"], ["note action_refused", "end handed_over"]),
        (["open", "system refused_date"], ["note action_refused", "end handed_over"]),
        (["open", "system not_waiting"], ["end moved_on"]),
        (["open", "system unavailable"], []),
        (["open", "system unavailable", "wake"], ["take reattempt"]),
        (["open", "moved delivered"], ["end delivered"]),
    ],
)
def test_attempt_that_was_none_is_asked_again_automatically(steps: list[str], expected: list[str]) -> None:
    """Nobody is asked or told; a new attempt is requested in mode automatic."""  # R6.12
    talk = Talk(some_facts(reason=Reason.NOT_ATTEMPTED, attempt=3), at=ist(20, 23))
    assert talk.plays(*steps) == expected
    taken = [command for command in talk.commands if isinstance(command, TakeAction)]
    assert {command.request.mode for command in taken} == {Mode.AUTOMATIC}
    assert not [command for command in talk.commands if isinstance(command, SendTemplate)]


def test_carrier_without_reattempts_gets_none() -> None:
    """What the adapter cannot do goes to the seller, also when nobody asked."""  # R6.2 R6.12
    capabilities = Capabilities(actions=(Action.CANCEL,))
    talk = Talk(some_facts(reason=Reason.NOT_ATTEMPTED, capabilities=capabilities))
    assert talk.play("open") == ["end handed_over"]


# R6.5: the order system's answer.

ASKED = ["tap reattempt"]
REST = ALL.replace("reattempt ", "")


@pytest.mark.parametrize(
    ("steps", "expected", "state"),
    [
        ([*ASKED, "system accepted"], ["answer: accepted_reattempt", "end resolved"], State.ENDED),
        ([*ASKED, "system refused"], ["note action_refused", f"question: refused {REST}"], State.WAITING),
        (
            [*ASKED, "system refused", "tap cancel"],
            ["question: confirm_cancel confirm_cancel keep"],
            State.CONFIRMING_CANCEL,
        ),
        ([*ASKED, "system refused", "tap reattempt"], [f"question: not_offered {REST}"], State.WAITING),
        ([*ASKED, "system not_waiting"], ["answer: no_longer_waiting", "end moved_on"], State.ENDED),
        ([*ASKED, "system unavailable"], [], State.ACTING),
        ([*ASKED, "system unknown"], [], State.ACTING),
        ([*ASKED, "system unavailable", "wake"], ["take reattempt"], State.ACTING),
        ([*ASKED, "system unavailable", "wake", "system unknown"], ["answer: in_hand"], State.ACTING),
        (
            [*ASKED, "system unavailable", "wake", "system unknown", "wake", "system unavailable"],
            [],
            State.ACTING,
        ),
        (
            [*ASKED, "system unknown", "wake", "system accepted"],
            ["answer: accepted_reattempt", "end resolved"],
            State.ENDED,
        ),
        ([*ASKED, "system accepted", "system accepted"], [], State.ENDED),
        ([*ASKED, "system refused", "system accepted"], [], State.WAITING),
        (
            ["tap date:2026-11-22", "system accepted"],
            ["answer: accepted_reschedule", "end resolved"],
            State.ENDED,
        ),
        (
            ["tap date:2026-11-22", "system refused_date"],
            [
                "note action_refused",
                "question: refused_date "
                + " ".join(f"date:2026-11-{day}" for day in (21, 23, 24, 25, 26, 27)),
            ],
            State.CHOOSING_DATE,
        ),
        (
            ["tap confirm_cancel", "system accepted"],
            ["answer: accepted_cancel", "end resolved"],
            State.ENDED,
        ),
        (
            ["tap dispute", "tap dispute_send", "system accepted"],
            ["answer: accepted_dispute", "end resolved"],
            State.ENDED,
        ),
        (
            ["tap update_address", "text 4 Rose Villa", "text yes", "system accepted"],
            ["answer: accepted_update_address", "end resolved"],
            State.ENDED,
        ),
    ],
)
def test_order_systems_answer_is_the_truth(steps: list[str], expected: list[str], state: State) -> None:
    """Accepted, refused and unknown each lead on; asked and accepted are never mixed up."""  # R6.5 I14
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


def test_last_possible_action_refused_goes_to_the_seller() -> None:
    """With nothing left to offer, people take over and the customer knows."""  # R6.5
    talk = opened(some_facts(reason=Reason.REFUSED_OPENED))
    assert talk.plays("tap confirm_cancel", "system refused") == [
        "note action_refused",
        "answer: refused_last",
        "end handed_over",
    ]


def test_last_day_refused_withdraws_the_date() -> None:
    """A carrier that takes no day at all is not asked for days for ever."""  # R6.5
    talk = opened(some_facts(capabilities=replace(EVERYTHING, date_window_days=1)))
    assert talk.plays("tap date:2026-11-21", "system refused_date") == [
        "note action_refused",
        f"question: refused {ALL.replace('reschedule ', '')}",
    ]


def test_retries_back_off_and_keep_one_id() -> None:
    """The same request is repeated, further and further apart, until the deadline; the customer hears once."""  # R6.5 I4
    talk = opened()
    talk.play("tap reattempt")
    pauses = []
    while True:
        answered_at = talk.now
        talk.play("system unavailable")
        result = talk.play("wake")
        if result != ["take reattempt"]:
            break
        pauses.append((talk.now - answered_at).total_seconds())
    assert result == ["end handed_over"]
    assert last_end(talk).detail == "reattempt was asked for and never confirmed"
    assert pauses[:9] == [2, 5, 15, 30, 60, 120, 300, 600, 900]
    assert set(pauses[9:]) == {900}
    assert len({command.id for command in talk.commands if isinstance(command, TakeAction)}) == 1
    assert [command.message.body for command in talk.sent()].count("in_hand") == 1


def test_answer_to_another_request_changes_nothing() -> None:
    """A late answer to an earlier request is not the answer to this one."""  # R6.5
    talk = opened()
    talk.play("tap reattempt")
    assert talk.send(ActionAnswered("c1/999", Answer.ACCEPTED)) == ()
    assert talk.case.state is State.ACTING
    assert talk.case.accepted is None


def test_accepted_action_is_shown() -> None:
    """Portal and API read what was accepted and for when."""  # R6.11
    talk = opened()
    talk.plays("tap date:2026-11-22")
    assert progress(talk.case, talk.policy).accepted == ""
    talk.play("system accepted")
    shown = progress(talk.case, talk.policy)
    assert (shown.outcome, shown.accepted, shown.accepted_on) == (
        "resolved",
        "reschedule",
        date(2026, 11, 22),
    )
    assert last_end(talk).mode is Mode.WHATSAPP


# R6.7: reminders, nudge, deadline.


def test_reminders_while_the_customer_is_silent() -> None:
    """Four and twelve hours after the first message, then the deadline."""  # R6.7
    talk = opened(at=ist(20, 8))
    assert talk.play("wake") == REMINDER
    assert talk.now == ist(20, 12)
    assert talk.play("wake") == REMINDER
    assert talk.now == ist(20, 20)
    assert talk.play("wake") == ["end handed_over"]


def test_no_reminder_once_the_customer_answered() -> None:
    """Whoever talks to us is not reminded."""  # R6.7
    talk = opened()
    talk.play("text hello")
    assert wake_at(talk.case, talk.policy) == talk.case.deadline_at


def test_two_reminders_of_one_night_are_one_message() -> None:
    """Both fell into quiet hours: the morning brings one message, not two."""  # R6.7 R6.8
    talk = opened(some_facts(failed_at=ist(20, 17)), at=ist(20, 18))
    assert talk.play("wake") == REMINDER
    assert ist(21, 8) <= talk.now < ist(21, 8, 15)
    assert talk.play("wake") == ["end handed_over"]


def test_reminders_in_any_order_end() -> None:
    """A workspace may write its minutes in any order."""  # R6.7
    talk = opened(policy=a_policy(reminders_after=(300, 60, 60)))
    assert [talk.play("wake") for _ in range(2)] == [REMINDER, ["end handed_over"]]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["tap reschedule"], "nudge: nudge"),
        (["tap cancel"], "question: confirm_cancel"),
        (["tap update_address"], "nudge: ask_address"),
        (["tap update_address", "text 4 Rose Villa"], "question: confirm_address"),
        (["tap dispute"], "question: ask_words"),
    ],
)
def test_half_finished_step_is_nudged_once(steps: list[str], expected: str) -> None:
    """Thirty minutes after the last answer the question is put again, once; silence then lasts to the deadline."""  # R6.7
    talk = opened()
    talk.plays(*steps)
    state = talk.case.state
    nudge = talk.play("wake")
    assert talk.now == NOON + timedelta(minutes=30)
    assert nudge[0].startswith(expected)
    assert talk.case.state is state
    assert wake_at(talk.case, talk.policy) == talk.case.deadline_at


def test_same_question_again_is_not_nudged_again() -> None:
    """An unreadable answer after the nudge does not arm another."""  # R6.7
    for first in ("tap cancel", "tap reschedule", "tap dispute"):
        talk = opened()
        talk.plays(first, "wake", "reaction", "pin x")
        assert wake_at(talk.case, talk.policy) == talk.case.deadline_at


def test_next_step_may_be_nudged() -> None:
    """Each half-finished step has its one nudge."""  # R6.7
    talk = opened()
    talk.plays("tap update_address", "wake", "text 4 Rose Villa")
    assert wake_at(talk.case, talk.policy) == talk.now + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("policy", "steps", "expected", "outcome"),
    [
        (AtDeadline.HAND_OVER, [], ["end handed_over"], Outcome.HANDED_OVER),
        (AtDeadline.NOTHING, [], ["end no_answer"], Outcome.NO_ANSWER),
        (AtDeadline.REATTEMPT, [], ["take reattempt"], None),
        # A half-finished step counts as silence: nothing is guessed from it.
        (AtDeadline.HAND_OVER, ["tap cancel"], ["end handed_over"], Outcome.HANDED_OVER),
        (
            AtDeadline.NOTHING,
            ["tap update_address", "text 4 Rose Villa"],
            ["end no_answer"],
            Outcome.NO_ANSWER,
        ),
        (AtDeadline.REATTEMPT, ["tap reschedule"], ["take reattempt"], None),
        # Refused once already: not tried again.
        (AtDeadline.REATTEMPT, ["tap reattempt", "system refused"], ["end handed_over"], Outcome.HANDED_OVER),
        # Still being asked for.
        (AtDeadline.NOTHING, ["tap reattempt"], ["end handed_over"], Outcome.HANDED_OVER),
        (AtDeadline.REATTEMPT, ["tap confirm_cancel"], ["end handed_over"], Outcome.HANDED_OVER),
    ],
)
def test_deadline_follows_the_sellers_policy(
    policy: AtDeadline, steps: list[str], expected: list[str], outcome: Outcome | None
) -> None:
    """Hand over, reattempt or nothing, twenty-four hours after the failure."""  # R6.7
    talk = opened(policy=a_policy(at_deadline=policy))
    talk.plays(*steps)
    talk.now = talk.case.deadline_at
    assert talk.play("wake") == expected
    assert talk.case.outcome is outcome


@pytest.mark.parametrize(
    ("answer", "expected", "outcome"),
    [
        ("accepted", ["end resolved"], Outcome.RESOLVED),
        ("refused", ["note action_refused", "end handed_over"], Outcome.HANDED_OVER),
        ("not_waiting", ["end moved_on"], Outcome.MOVED_ON),
        ("unavailable", [], None),
    ],
)
def test_automatic_reattempt_ends_within_the_hour(
    answer: str, expected: list[str], outcome: Outcome | None
) -> None:
    """The order system has a last hour to answer; the case ends within it whatever comes."""  # R6.7 I9
    talk = opened(policy=a_policy(at_deadline=AtDeadline.REATTEMPT))
    deadline_at = talk.case.deadline_at
    talk.now = deadline_at
    talk.play("wake")
    assert talk.play(f"system {answer}") == expected
    while talk.case.is_open:
        talk.play("wake")
        if talk.case.is_open:
            talk.play("system unavailable")
    assert talk.case.outcome is (outcome or Outcome.HANDED_OVER)
    assert talk.now <= deadline_at + timedelta(hours=1)
    assert last_end(talk).mode is Mode.AUTOMATIC


def test_automatic_reattempt_is_told_to_whoever_talked_to_us() -> None:
    """The customer stopped half-way, it is day and the window is open: they learn what happens next."""  # R6.5
    talk = opened(policy=a_policy(at_deadline=AtDeadline.REATTEMPT))
    talk.play("tap reschedule")
    talk.now = talk.case.deadline_at - timedelta(hours=1)
    talk.play("tap reschedule")
    talk.now = talk.case.deadline_at
    assert talk.plays("wake", "system accepted") == ["answer: accepted_reattempt", "end resolved"]


@pytest.mark.parametrize("mode", ["hand", "deadline"])
def test_what_the_customer_did_not_ask_is_not_told_at_night(mode: str) -> None:
    """Only an answer to a customer who just wrote goes out in quiet hours."""  # R6.8
    facts = some_facts(failed_at=ist(20, 2))
    talk = opened(facts, a_policy(at_deadline=AtDeadline.REATTEMPT), at=ist(20, 12))
    talk.now = ist(20, 20, 50)
    talk.play("tap options")
    if mode == "hand":
        talk.now = ist(20, 23)
        talk.play("hand reattempt")
    else:
        talk.now = talk.case.deadline_at
        talk.play("wake")
    assert talk.play("system accepted") == ["end resolved"]


def test_answer_to_the_customers_own_tap_is_told_at_night() -> None:
    """Answers to a customer who just wrote do not wait."""  # R6.8
    talk = opened()
    talk.now = ist(20, 23)
    assert talk.plays("tap reattempt", "system accepted") == ["answer: accepted_reattempt", "end resolved"]


def test_refused_parcel_is_never_reattempted_by_nobodys_wish() -> None:
    """The order system may allow it; still only a person turns a refusal into another attempt."""  # R6.7
    facts = some_facts(reason=Reason.REFUSED, resolutions=(Action.REATTEMPT, Action.CANCEL))
    talk = opened(facts, a_policy(at_deadline=AtDeadline.REATTEMPT))
    talk.now = talk.case.deadline_at
    assert talk.play("wake") == ["end handed_over"]


# R6.8: quiet hours.


@pytest.mark.parametrize(
    ("at", "is_sent"),
    [
        (ist(20, 20, 59, 59), True),
        (ist(20, 21), False),
        (ist(20, 23, 59, 59), False),
        (ist(21, 0), False),
        (ist(21, 7, 59, 59), False),
        (ist(21, 8), True),
    ],
)
def test_first_message_waits_for_the_end_of_quiet_hours(at: datetime, *, is_sent: bool) -> None:
    """Nine in the evening to eight in the morning, in India; released within a quarter of an hour."""  # R6.8
    talk = Talk(some_facts(failed_at=at - timedelta(minutes=5)), at=at)
    if is_sent:
        assert talk.play("open") == FIRST
        return
    assert talk.play("open") == ["note held"]
    assert talk.case.state is State.HELD
    assert talk.play("wake") == FIRST
    assert ist(21, 8) <= talk.now < ist(21, 8, 15)
    assert talk.case.first_sent_at == talk.now


def test_held_messages_are_spread() -> None:
    """Twenty cases of one night do not write in one minute."""  # R6.8
    talks = [opened(some_facts(case_id=f"case-{n}"), at=ist(20, 23)) for n in range(20)]
    assert len({wake_at(talk.case, talk.policy) for talk in talks}) > 15


def test_nudge_waits_for_the_morning() -> None:
    """Half past nine in the evening is no time for a nudge."""  # R6.8
    talk = opened()
    talk.now = ist(20, 20, 45)
    talk.play("tap cancel")
    nudge_at = wake_at(talk.case, talk.policy)
    assert nudge_at is not None
    assert ist(21, 8) <= nudge_at < ist(21, 8, 15)


@pytest.mark.parametrize("steps", [[], ["tap cancel"], ["notsent transient"]])
def test_woken_late_into_quiet_hours_waits_on(steps: list[str]) -> None:
    """Whatever was due while we were down is not made up for at night."""  # R6.8 I6
    talk = opened(some_facts(failed_at=ist(20, 14)), at=ist(20, 15))
    talk.plays(*steps)
    talk.now = ist(20, 23)
    assert lines(talk.send(WokeUp())) == []
    at = wake_at(talk.case, talk.policy)
    assert at is not None
    assert ist(21, 8) <= at < ist(21, 8, 15)
    assert len(talk.play("wake")) == 1


def test_customer_who_writes_at_night_is_answered_at_once() -> None:
    """The held message is no longer needed: the choices go out as an answer."""  # R6.8
    talk = opened(at=ist(20, 23))
    assert talk.play("text where is my parcel") == [f"question: failed {ALL}"]
    assert talk.case.state is State.WAITING
    assert wake_at(talk.case, talk.policy) == talk.case.deadline_at


@pytest.mark.parametrize(("step", "answers"), [("reaction", True), ("text hello", False)])
def test_held_message_still_goes_out_when_nothing_was_answered(step: str, *, answers: bool) -> None:
    """A thumb, or words that the seller wants only logged, do not use up the first message."""  # R6.8 R7.10
    talk = opened(policy=a_policy(answer_unexpected=answers), at=ist(20, 23))
    assert talk.play(step) == []
    assert talk.case.state is State.HELD
    assert talk.play("wake") == FIRST


def test_deadline_within_quiet_hours_is_kept() -> None:
    """Handing over needs no customer: it happens on time, also at night."""  # R6.7
    talk = opened(some_facts(failed_at=ist(20, 2)), at=ist(20, 10))
    while talk.case.is_open:
        talk.play("wake")
    assert ist(21, 2) <= talk.now < ist(21, 2, 1)


# R6.9 and R6.1: the world moves on.


@pytest.mark.parametrize("steps", [[], ["tap cancel"], ["tap update_address", "text 4 Rose Villa"]])
@pytest.mark.parametrize(
    ("move", "outcome"),
    [
        (ShipmentMove.DELIVERED, Outcome.DELIVERED),
        (ShipmentMove.RTO, Outcome.RTO),
        (ShipmentMove.CANCELLED, Outcome.CANCELLED),
        (ShipmentMove.LOST, Outcome.LOST),
        (ShipmentMove.OUT_FOR_DELIVERY, Outcome.MOVED_ON),
        (ShipmentMove.RESOLUTION_SUBMITTED, Outcome.RESOLVED_ELSEWHERE),
    ],
)
def test_move_ends_the_case_at_once(move: ShipmentMove, outcome: Outcome, steps: list[str]) -> None:
    """Delivered, gone back or acted on elsewhere: the conversation is over, from any step."""  # R6.9
    talk = opened()
    talk.plays(*steps)
    assert talk.play(f"moved {move.value}") == [f"end {outcome.value}"]
    assert wake_at(talk.case, talk.policy) is None


def test_echo_of_our_own_action_is_not_somebody_elses() -> None:
    """The order system's event may overtake its answer."""  # R6.9
    talk = opened()
    assert talk.plays("tap reattempt", "moved resolution_submitted") == []
    assert talk.play("system accepted") == ["answer: accepted_reattempt", "end resolved"]


def test_delivery_while_asking_ends_the_case() -> None:
    """What the order system answers afterwards is about a parcel that has moved on."""  # R6.9 I4
    talk = opened()
    assert talk.plays("tap reattempt", "moved delivered") == ["end delivered"]
    assert talk.play("system unavailable") == []


def test_later_attempt_supersedes() -> None:
    """The earlier case ends; the new attempt has its own."""  # R6.1
    talk = opened()
    assert talk.play("superseded 2") == ["end superseded"]
    assert "attempt 2" in last_end(talk).detail


# R6.10: messages that do not arrive.


@pytest.mark.parametrize("why", NotSent)
def test_each_way_a_first_message_can_fail(why: NotSent) -> None:
    """Hopeless ends at once, passing is tried again, the rest waits for the next reminder."""  # R6.10
    talk = opened()
    result = talk.play(f"notsent {why.value}")
    if why in HOPELESS:
        assert result == ["note message_not_sent", "end undeliverable"]
        return
    assert result == ["note message_not_sent"]
    is_tried_again = why in PASSING or why is NotSent.STALLED
    assert talk.play("wake") == (FIRST if is_tried_again else REMINDER)
    waited = talk.now - NOON
    assert waited == (timedelta(seconds=30) if is_tried_again else timedelta(hours=4))


def test_resends_back_off() -> None:
    """A paused template or an empty wallet is asked about ever more rarely."""  # R6.10
    talk = opened()
    pauses = []
    for _ in range(8):
        before = talk.now
        talk.play("notsent throttled")
        assert talk.play("wake") == FIRST
        pauses.append((talk.now - before).total_seconds())
    assert pauses == [30, 60, 120, 300, 600, 900, 900, 900]
    talk.play("sent")
    assert wake_at(talk.case, talk.policy) == NOON + timedelta(hours=4)


def test_resend_and_reminder_of_one_moment_are_one_message() -> None:
    """An outage that outlasts the first reminder ends in one message."""  # R6.7
    talk = opened()
    talk.play("notsent account")
    talk.wait(hours=4)
    assert talk.play("wake") == FIRST
    assert wake_at(talk.case, talk.policy) != talk.now
    at = wake_at(talk.case, talk.policy)
    assert at is not None
    assert at > talk.now


def test_resend_waits_for_silence_only() -> None:
    """Once the customer has answered, nothing is repeated."""  # R6.7
    talk = opened()
    talk.plays("notsent transient", "text hello")
    assert wake_at(talk.case, talk.policy) == talk.case.deadline_at


@pytest.mark.parametrize("why", [why for why in NotSent if why in HOPELESS])
def test_customer_who_answered_can_be_reached(why: NotSent) -> None:
    """Only an opt-out, a wrong number or a removed account is stronger than an answer."""  # R3.3 R5.5 R6.2 R6.10
    talk = opened()
    talk.play("text hello")
    gone = why in {NotSent.OPTED_OUT, NotSent.WRONG_NUMBER, NotSent.ACCOUNT_REMOVED}
    assert ("end undeliverable" in talk.play(f"notsent {why.value}")) is gone


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ("account_removed", ["end undeliverable"]),
        ("opted_out", ["end undeliverable"]),
        ("window", []),
        ("transient", []),
    ],
)
def test_answer_that_is_not_sent(why: str, expected: list[str]) -> None:
    """An unsent answer changes nothing, unless the account it must go through is gone."""  # R3.3
    talk = opened()
    talk.play("text hello")
    assert talk.play(f"answernotsent {why}") == expected


@pytest.mark.parametrize("at", [NOON, NOON + timedelta(hours=11)])
def test_case_whose_account_is_removed_ends_before_anything_is_sent(at: datetime) -> None:
    """Also while the first message waits for the end of quiet hours; nothing says that a message failed."""  # R3.3
    talk = opened(at=at)
    assert talk.play("answernotsent account_removed") == ["end undeliverable"]


def test_message_of_which_nobody_knows_is_not_repeated() -> None:
    """The next reminder is the second try."""  # I5
    talk = opened()
    assert talk.play("sentperhaps") == ["note message_unknown"]
    assert talk.play("wake") == REMINDER
    assert talk.now == NOON + timedelta(hours=4)


def test_opt_out_ends_the_case_at_once() -> None:
    """No message and no waiting for the deadline."""  # R5.5 R6.10
    talk = opened()
    assert talk.play("stop") == ["end undeliverable"]


def test_opt_out_after_a_tap_keeps_the_action() -> None:
    """STOP stops messages, not the delivery that was just asked for."""  # R5.5 R6.5
    talk = opened()
    assert talk.plays("tap reattempt", "stop") == ["note opted_out"]
    talk.play("system accepted")
    assert talk.case.outcome is Outcome.RESOLVED


def test_failed_message_does_not_end_an_action_on_its_way() -> None:
    """The order system's answer decides."""  # R6.5
    talk = opened()
    assert talk.plays("hand reattempt", "notsent recipient") == ["note message_not_sent"]
    assert talk.play("system accepted") == ["end resolved"]


# R6.11: by hand.


@pytest.mark.parametrize(
    ("steps", "expected", "state"),
    [
        (["hand reattempt"], ["take reattempt"], State.ACTING),
        (["hand cancel"], ["take cancel"], State.ACTING),
        (["hand not_my_order"], ["end not_my_order"], State.ENDED),
        (["tap cancel", "hand reattempt"], ["take reattempt"], State.ACTING),
        (["hand reattempt", "hand cancel"], ["note action_not_possible"], State.ACTING),
        (["hand reattempt", "tap cancel"], ["note contradiction", "answer: already_asked"], State.ACTING),
        (["hand reattempt", "system refused"], ["note action_refused"], State.WAITING),
        (["hand reattempt", "system refused", "hand reattempt"], ["note action_not_possible"], State.WAITING),
        (["hand reattempt", "system unavailable", "wake", "system unknown"], [], State.ACTING),
        (
            ["text hi", "hand reattempt", "system accepted"],
            ["answer: accepted_reattempt", "end resolved"],
            State.ENDED,
        ),
        (["text hi", "hand reattempt", "system not_waiting"], ["end moved_on"], State.ENDED),
        (["hand reschedule"], ["note action_not_possible"], State.WAITING),
        (["hand update_address"], ["note action_not_possible"], State.WAITING),
        (["close enough"], ["end closed"], State.ENDED),
        (["resend"], ["note resend_asked", "template sent_again"], State.WAITING),
        (["tap cancel", "resend"], ["note resend_asked", "template sent_again"], State.WAITING),
        (["tap reattempt", "resend"], ["note resend_not_possible"], State.ACTING),
        (["moved delivered", "resend"], [], State.ENDED),
        (["moved delivered", "hand reattempt"], [], State.ENDED),
    ],
)
def test_act_by_hand(steps: list[str], expected: list[str], state: State) -> None:
    """Ops and seller may act on an open case, one action at a time; what does not fit is noted."""  # R6.11 I4
    talk = opened()
    assert talk.plays(*steps) == expected
    assert talk.case.state is state


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ActionTaken(Action.RESCHEDULE, Mode.API, on=date(2026, 11, 22)), ["take reschedule"]),
        (ActionTaken(Action.RESCHEDULE, Mode.API, on=date(2026, 11, 20)), ["note action_not_possible"]),
        (ActionTaken(Action.RESCHEDULE, Mode.API, on=date(2027, 1, 1)), ["note action_not_possible"]),
        (
            ActionTaken(Action.UPDATE_ADDRESS, Mode.OPS, address=AddressDraft("4 Rose Villa")),
            ["take update_address"],
        ),
        (
            ActionTaken(Action.UPDATE_ADDRESS, Mode.OPS, address=AddressDraft("4 Rose Villa", "110001")),
            ["note action_not_possible"],
        ),
    ],
)
def test_act_by_hand_needs_what_its_execution_needs(event: Event, expected: list[str]) -> None:
    """No day that cannot be, no address that the carrier would not go to."""  # R6.2 R6.11
    assert lines(opened().send(event)) == expected


def test_mode_and_person_say_who() -> None:
    """Whoever acts by hand is named at the request, the note and the end."""  # R6.11
    talk = opened()
    talk.plays("hand reattempt", "system accepted")
    end = last_end(talk)
    assert (end.mode, end.person) == (Mode.SELLER_PORTAL, "seller@example.com")
    talk = opened()
    talk.send(CloseAsked(Mode.OPS, "ops@example.com", "talked on the phone"))
    end = last_end(talk)
    assert (end.mode, end.person, end.detail) == (Mode.OPS, "ops@example.com", "talked on the phone")


def test_customer_is_not_bothered_with_a_sellers_refused_action() -> None:
    """Who did not ask is not told that it could not be; the half-finished talk is not turned to dates."""  # R6.5 R6.11
    talk = opened()
    talk.play("text hi")
    talk.send(ActionTaken(Action.RESCHEDULE, Mode.API, on=date(2026, 11, 22)))
    assert talk.play("system refused_date") == ["note action_refused"]
    assert talk.case.state is State.WAITING
    assert Action.RESCHEDULE in allowed_actions(talk.case)
    assert "date:2026-11-22" not in talk.play("tap reschedule")[0]


def test_refused_act_by_hand_leaves_the_held_message_held() -> None:
    """The first message still goes out in the morning."""  # R6.8 R6.11
    talk = opened(at=ist(20, 23))
    talk.plays("hand reattempt", "system refused")
    assert talk.case.state is State.HELD
    assert talk.play("wake") == FIRST


def test_last_action_refused_by_hand_ends_in_silence() -> None:
    """Nothing is left to offer: the seller has it, the customer never asked."""  # R6.5 R6.11
    talk = opened(some_facts(reason=Reason.REFUSED_OPENED))
    talk.play("text hi")
    assert talk.plays("hand cancel", "system refused") == ["note action_refused", "end handed_over"]


def test_resend_waits_for_the_end_of_quiet_hours() -> None:
    """Asked at night, sent in the morning, once."""  # R6.8 R6.11
    talk = opened()
    talk.now = ist(20, 22)
    assert lines(talk.send(ResendAsked(Mode.OPS))) == ["note resend_asked"]
    assert lines(talk.send(ResendAsked(Mode.OPS))) == ["note resend_asked"]
    assert talk.play("wake") == ["template sent_again"]
    assert ist(21, 8) <= talk.now < ist(21, 8, 15)
    first_sent_at = talk.case.first_sent_at
    assert first_sent_at == NOON


def test_resend_before_the_first_message_is_the_first_message() -> None:
    """Nothing went out yet: the held message is simply sent."""  # R6.8 R6.11
    talk = opened(at=ist(20, 23))
    talk.play("resend")
    assert talk.play("wake") == FIRST


def test_allowed_actions_feed_everything() -> None:
    """Open: what may be executed; while one is on its way or after the end: nothing."""  # R6.2 R6.11
    talk = opened()
    assert [action.value for action in allowed_actions(talk.case)] == ALL.split()
    talk.play("tap reattempt")
    assert allowed_actions(talk.case) == ()
    talk.play("system refused")
    assert Action.REATTEMPT not in allowed_actions(talk.case)
    talk.play("close")
    assert allowed_actions(talk.case) == ()


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "the customer's choice, else a reminder"),
        (["tap reschedule"], "the customer to choose a day, else a nudge"),
        (["tap update_address"], "the customer's new address, else a nudge"),
        (
            ["tap update_address", "text 4 Rose Villa"],
            "the customer to confirm the new address, else a nudge",
        ),
        (["tap cancel"], "the customer to confirm the cancellation, else a nudge"),
        (["tap dispute"], "the customer to say what happened, else a nudge"),
        (["tap reattempt"], "the order system's answer, else the deadline"),
        (["tap reattempt", "system unknown"], "the order system's answer, else asking again"),
        (["notsent transient"], "the customer's choice, else sending again"),
        (["close"], "nothing: the case has ended"),
    ],
)
def test_ops_read_in_words_what_a_case_waits_for(steps: list[str], words: str) -> None:
    """Temporal UI shows state, reason and what comes next."""  # R6.11
    talk = opened()
    talk.plays(*steps)
    assert waits_for(talk.case, talk.policy) == words
    assert progress(talk.case, talk.policy).waits_for == words


def test_held_case_says_so() -> None:
    """Ops see that it is quiet."""  # R6.11
    talk = opened(at=ist(20, 23))
    assert waits_for(talk.case, talk.policy) == "the end of quiet hours, else the first message"


# After the end.


@pytest.mark.parametrize(
    "event", [Opened(), WokeUp(), MessageNotSent("c1/1", NotSent.RECIPIENT), ResendAsked(Mode.OPS)]
)
def test_nothing_happens_after_the_end(event: Event) -> None:
    """Results and timers that arrive late change nothing."""  # R6.9
    talk = opened()
    talk.play("moved delivered")
    before = talk.case
    assert talk.send(event) == ()
    assert talk.case == before


def test_ended_case_can_be_rebuilt_for_late_answers() -> None:
    """What the database knows of an ended case is enough to answer."""  # R6.6 R7.2
    talk = opened()
    talk.plays("tap reattempt", "system accepted")
    rebuilt: Case = ended_case(talk.case.facts, talk.policy, Outcome.RESOLVED, talk.case.accepted)
    talk.case = rebuilt
    assert talk.play("tap reattempt") == ["answer: already"]


def test_send_that_stalled_on_trouble_of_ours_is_given_again_as_it_was() -> None:
    """Nobody knows how far it came: the same command finds out, a new one could send twice."""  # I5
    talk = opened()
    first = next(command for command in talk.commands if isinstance(command, SendTemplate))
    talk.send(MessageNotSent(first.id, NotSent.STALLED))
    assert talk.wake() == (first,)
    assert talk.now == NOON + timedelta(seconds=30)
    talk.send(MessageAccepted(first.id))
    assert talk.case.stalled is None


def test_runs_are_found_by_the_class_of_their_state() -> None:
    """Waiting, acting while the order system does not answer, ended."""  # R6.11
    talk = opened()
    found = [cases.found_as(talk.case)]
    for step in ("tap reattempt", "system unavailable", "system accepted"):
        talk.play(step)
        found.append(cases.found_as(talk.case))
    assert found == ["waiting", "waiting", "acting", "ended"]
