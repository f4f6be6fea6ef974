"""Typed words become questions, numbers pick from a list, a wish for a person or a language is followed (R7.1, R7.6, R6.13)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain import cases
from domain.case_events import (
    ActionTaken,
    CustomerReplied,
    Note,
    Opened,
    SendSession,
    SendTemplate,
    TakeAction,
)
from domain.cases import Outcome, State
from domain.failures import Action, Capabilities, Mode, Reason
from domain.replies import Reply, ReplyKind
from domain.timing import AtDeadline, Policy, is_at_work
from tests.domain.given import NOON, Talk, a_policy, opened, some_facts

CANCEL = "question: confirm_cancel confirm_cancel keep"
AGAIN = "question: confirm_reattempt reattempt reschedule options"
DAYS = " ".join(f"date:2026-11-{day}" for day in range(21, 28))
DAY_25 = "question: confirm_day date:2026-11-25 reschedule options"
ALL = "reattempt reschedule update_address cancel dispute not_my_order"
WORDS = "question: ask_words dispute_send options"


@pytest.mark.parametrize(
    ("said", "asked", "state"),
    [
        ("cancel kar do", CANCEL, State.CONFIRMING_CANCEL),
        ("रद्द कर दो", CANCEL, State.CONFIRMING_CANCEL),
        ("please cancel my order", CANCEL, State.CONFIRMING_CANCEL),
        ("phir se bhej do", AGAIN, State.CONFIRMING_CHOICE),
        ("फिर से भेज दो", AGAIN, State.CONFIRMING_CHOICE),
        ("please try again", AGAIN, State.CONFIRMING_CHOICE),
        ("25 tarikh", DAY_25, State.CONFIRMING_CHOICE),
        ("25 तारीख", DAY_25, State.CONFIRMING_CHOICE),
        (
            "haan kal bhej do",
            "question: confirm_day date:2026-11-21 reschedule options",
            State.CONFIRMING_CHOICE,
        ),
        ("aaj hi bhej do", f"question: refused_date {DAYS}", State.CHOOSING_DATE),
        ("address change karna hai", "question: ask_address options", State.GIVING_ADDRESS),
        ("koi nahi aaya", WORDS, State.DESCRIBING_DISPUTE),
        ("कोई नहीं आया", WORDS, State.DESCRIBING_DISPUTE),
        (
            "this is not my order",
            "question: confirm_not_mine not_my_order options",
            State.CONFIRMING_CHOICE,
        ),
    ],
)
def test_clear_words_become_a_question(said: str, asked: str, state: State) -> None:
    """R7.1: a question with buttons, never a silent action, in every script."""
    talk = opened()
    assert talk.play(f"text {said}") == [asked]
    assert talk.case.state is state
    assert talk.case.unexpected == 0
    assert not [command for command in talk.commands if isinstance(command, TakeAction)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["text phir se bhej do", "text haan"], ["take reattempt"]),
        (["text phir se bhej do", "tap reattempt"], ["take reattempt"]),
        (["text phir se bhej do", "text nahi"], [f"question: options {ALL}"]),
        (["text phir se bhej do", "text hm"], [AGAIN]),
        (["text phir se bhej do", "tap reschedule"], [f"question: choose_day {DAYS}"]),
        (["text 25 tarikh", "text haan"], ["take reschedule"]),
        (["text 25 tarikh", "tap date:2026-11-25"], ["take reschedule"]),
        (["text cancel kar do", "text haan"], ["take cancel"]),
        (["text cancel kar do", "text nahi"], [f"question: kept {ALL}"]),
        (["text this is not my order", "text yes"], ["answer: not_my_order", "end not_my_order"]),
        (["text koi nahi aaya", "tap dispute_send"], ["take dispute"]),
    ],
)
def test_question_is_answered_by_tap_or_by_a_plain_yes(steps: list[str], expected: list[str]) -> None:
    """R6.4, R7.1: only what was asked is executed."""
    assert opened().plays(*steps) == expected


def test_what_was_meant_is_asked_again_once_and_then_counts_as_silence() -> None:
    """R6.7: a half-finished step is nudged once; the intent is not guessed at the deadline."""
    talk = opened(policy=a_policy(at_deadline=AtDeadline.NOTHING))
    talk.play("text phir se bhej do")
    assert talk.play("wake") == [AGAIN]
    assert talk.play("wake") == ["end no_answer"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["tap options", "text 1"], ["take reattempt"]),
        (["tap options", "text 2"], [f"question: choose_day {DAYS}"]),
        (["tap options", "text 4"], [CANCEL]),
        (["tap reschedule", "text 3"], ["take reschedule"]),
        (["text what?", "text 1"], ["take reattempt"]),
        (["tap options", "text 9"], [f"question: please_choose {ALL}"]),
        (["text 1"], [f"question: please_choose {ALL}"]),  # no list was shown yet
        (["tap options", "tap cancel", "text 1"], [CANCEL]),  # the list is not what was said last
        (["tap update_address", "text 1"], ["question: address_short options"]),
    ],
)
def test_number_after_a_list_is_a_choice(steps: list[str], expected: list[str]) -> None:
    """R7.1: digits count as a choice, of the list that is shown last."""
    assert opened().plays(*steps) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("cancel kar do", [f"question: not_offered {ALL.replace('cancel ', '')}"]),
        ("25 tarikh", [AGAIN.replace(" reschedule", "")]),
    ],
)
def test_words_for_what_is_not_possible_offer_what_is(said: str, expected: list[str]) -> None:
    """R6.2: words open no door that taps do not; "send it on that day" still means "send it"."""
    able = {
        "cancel kar do": tuple(action for action in Action if action is not Action.CANCEL),
        "25 tarikh": (Action.REATTEMPT, Action.CANCEL),
    }[said]
    facts = some_facts(capabilities=Capabilities(actions=able))
    assert opened(facts).play(f"text {said}") == expected


def test_words_in_the_middle_of_a_step_change_the_subject() -> None:
    """R7.1: who is asked for an address may want to cancel; who is asked for words is taken at them."""
    talk = opened()
    assert talk.plays("tap update_address", "text cancel kar do") == [CANCEL]
    talk = opened()
    assert talk.plays("tap dispute", "text cancel kar do, koi nahi aaya") == ["take dispute"]


def test_third_unexpected_answer_leaves_no_question_to_confirm() -> None:
    """R7.7: after "our team will contact you" an "ok" cancels nothing that was asked about before."""
    talk = opened()
    talk.plays("tap cancel", "text what?", "text eh?", "text hm?")
    assert talk.case.state is State.WAITING
    assert not [command for command in talk.play("text ok") if command.startswith("take")]


# --- A person is asked for (R7.6) ---

OFFICE = a_policy(works_from="10:00", works_until="18:00", works_on=(1, 2, 3, 4, 5, 6))
FRIDAY_NIGHT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # 20:30 in India
SUNDAY_NOON = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "key"),
    [(NOON, "team_will_contact"), (FRIDAY_NIGHT, "out_of_hours"), (SUNDAY_NOON, "out_of_hours")],
)
def test_wish_for_a_person_is_answered_by_the_teams_hours(at: datetime, key: str) -> None:
    """R7.6: out of hours says when the team is there; either way the seller has it."""
    talk = opened(some_facts(failed_at=at - timedelta(minutes=5)), OFFICE, at=at)
    assert talk.play("text agent se baat karni hai") == ["note handed_to_seller", f"question: {key} {ALL}"]
    assert talk.case.is_open


def test_person_is_asked_for_once() -> None:
    """R7.6, R7.7: asking again is an unexpected answer like others."""
    talk = opened(policy=OFFICE)
    talk.play("text agent se baat karni hai")
    assert talk.play("text call me") == [f"question: please_choose {ALL}"]


def test_wish_for_a_person_is_only_logged_where_the_seller_wants_that() -> None:
    """R7.10: off means logged, not answered."""
    talk = opened(policy=a_policy(answer_unexpected=False))
    assert talk.play("text agent se baat karni hai") == ["note handed_to_seller"]


def test_three_unexpected_answers_out_of_hours_say_so_too() -> None:
    """R7.6, R7.7: nobody is promised who is not there."""
    talk = opened(some_facts(failed_at=FRIDAY_NIGHT), OFFICE, at=FRIDAY_NIGHT)
    assert talk.plays("text hm", "text hm", "text hm") == [
        "note handed_to_seller",
        f"question: out_of_hours {ALL}",
    ]


@pytest.mark.parametrize(
    ("local", "at_work"),
    [
        ("2026-11-20 09:59", False),
        ("2026-11-20 10:00", True),
        ("2026-11-20 17:59", True),
        ("2026-11-20 18:00", False),
        ("2026-11-22 12:00", False),
    ],
)
def test_hours_of_the_team(local: str, *, at_work: bool) -> None:
    """R7.6: begin and end in the workspace's own time; Sunday is off."""
    at = datetime.fromisoformat(f"{local}+05:30")
    assert is_at_work(at, OFFICE) is at_work
    assert is_at_work(at, Policy())  # hours that are not set are no limit


def test_night_shift_belongs_to_the_day_it_began() -> None:
    """R7.6: from 20:00 to 04:00 on Fridays means Saturday at 03:00 too."""
    night = Policy(works_from="20:00", works_until="04:00", works_on=(5,))
    assert is_at_work(datetime.fromisoformat("2026-11-20T23:00+05:30"), night)
    assert is_at_work(datetime.fromisoformat("2026-11-21T03:00+05:30"), night)
    assert not is_at_work(datetime.fromisoformat("2026-11-20T03:00+05:30"), night)


# --- Languages (R6.13) ---


def _bodies(talk: Talk) -> list[str]:
    return [command.message.body for command in talk.commands if isinstance(command, SendSession)]


def test_customer_switches_the_language() -> None:
    """R6.13: from then on everything is in it, buttons and days too, and a template that is sent again."""
    talk = opened(policy=Policy(quiet_from="", quiet_until=""))
    talk.play("text hindi")
    talk.plays("tap reschedule", "text english", "tap cancel")
    hindi, days, back, sure = _bodies(talk)
    assert "अब से हम आपको हिन्दी में लिखेंगे" in hindi
    assert "किस दिन" in days
    assert talk.sent()[1].message.options[0].title == "शनि 21 नवंबर"
    assert "Which day suits you" in back  # the question of the step, in the new language
    assert "Do you really want to cancel" in sure
    talk = opened(policy=Policy(quiet_from="", quiet_until=""))
    talk.plays("text हिंदी", "resend")
    again = [command for command in talk.commands if isinstance(command, SendTemplate)][-1]
    assert again.language == "hi"


def test_language_asked_for_while_an_action_is_on_its_way() -> None:
    """R6.13: the result is told in it."""
    talk = opened(policy=Policy(quiet_from="", quiet_until=""))
    talk.plays("tap reattempt", "text hindi", "system accepted")
    assert _bodies(talk)[-1].startswith("हो गया")


# --- Evidence (R6.4) ---


def test_what_a_disputing_customer_sent_is_evidence() -> None:
    """R6.4: voice and picture by reference and time, also those sent before the dispute; words as they came."""
    talk = opened()
    talk.plays("photo my gate", "text koi nahi aaya", "voice")
    request = next(command.request for command in talk.commands if isinstance(command, TakeAction))
    assert [(kept.id, kept.kind, kept.words) for kept in request.evidence] == [
        ("wamid.1", "image", "my gate"),
        ("wamid.2", "text", "koi nahi aaya"),
        ("wamid.3", "audio", ""),
    ]
    assert all(kept.at == NOON for kept in request.evidence)
    assert request.words == (
        "(the customer sent image: message wamid.1)",
        "my gate",
        "koi nahi aaya",
        "(the customer sent audio: message wamid.3)",
    )


# --- Opt-out (R5.5) ---


def test_nothing_is_said_after_an_opt_out_whatever_the_order_system_answers() -> None:
    """R5.5: the action that was asked for goes on, in silence; START lifts it."""
    talk = opened()
    assert talk.plays("tap reattempt", "stop") == ["note opted_out"]
    assert talk.play("system accepted") == ["end resolved"]
    talk = opened()
    assert talk.plays("tap reattempt", "stop", "system refused") == ["note action_refused", "end handed_over"]
    talk = opened()
    assert talk.plays("tap reattempt", "stop", "start", "system accepted") == [
        "answer: accepted_reattempt",
        "end resolved",
    ]


# --- The order system's late no (R6.5) ---


def _taken_back(**changes: object) -> cases.CaseFacts:
    values: dict[str, object] = {
        "taken_back": cases.TakenBack(Action.REATTEMPT, None, "route closed"),
        "withdrawn": (Action.REATTEMPT,),
        "heard_at": NOON - timedelta(hours=1),
        "visit": 2,
    }
    return some_facts(**(values | changes))


REST = ALL.replace("reattempt ", "")


def test_action_taken_back_is_told_with_what_is_left() -> None:
    """R6.5: in the conversation that is open, without what was refused."""
    talk = opened(_taken_back())
    assert talk.plays("wait 0") == []
    first = [type(command).__name__ for command in talk.commands]
    assert first == ["Note", "SendSession"]
    assert talk.sent()[0].message.body == "refused_later"
    assert [option.choice for option in talk.sent()[0].message.options] == REST.split()
    assert talk.play("tap cancel") == [CANCEL]


@pytest.mark.parametrize(
    ("changes", "at", "expected"),
    [
        ({"heard_at": NOON - timedelta(hours=25)}, NOON, ["SendTemplate"]),
        ({"heard_at": None}, NOON, ["SendTemplate"]),
        ({"failed_at": NOON - timedelta(hours=25)}, NOON, ["SendSession", "EndCase"]),
        ({"attempt": 3, "withdrawn": (Action.CANCEL,)}, NOON, ["SendSession", "EndCase"]),
        ({}, NOON + timedelta(hours=10), []),  # 22:00: it waits for the morning
    ],
)
def test_action_taken_back_outside_the_conversation(
    changes: dict[str, object], at: datetime, expected: list[str]
) -> None:
    """R6.5, R6.8, R7.11: by template where the window is closed, by a person where nothing is left, in the morning."""
    talk = Talk(_taken_back(**changes), a_policy(quiet_from="21:00", quiet_until="08:00"), at=at)
    talk.send(Opened())
    assert [type(command).__name__ for command in talk.commands if not isinstance(command, Note)] == expected
    if not expected:
        assert talk.case.state is State.HELD
        talk.play("wake")
        assert talk.sent()[-1].message.body == "refused_later"


# --- Time (R6.7, R6.8, R6.12) ---


def test_case_that_quiet_hours_kept_from_asking_says_so() -> None:
    """R6.7, R6.8: nobody is reported as silent who was never asked."""
    failed_at = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30; told 23:30 hours later, in the night
    talk = Talk(
        some_facts(failed_at=failed_at),
        a_policy(quiet_from="21:00", quiet_until="09:00"),
        at=datetime(2026, 11, 21, 2, 0, tzinfo=UTC),
    )
    talk.send(Opened())
    assert talk.play("wake") == ["end handed_over"]
    assert talk.case.note == "quiet hours lasted until the deadline: the customer was not asked"


@pytest.mark.parametrize("tells", [True, False])
def test_new_day_is_told_where_the_workspace_wants_that(*, tells: bool) -> None:
    """R6.12: and only to somebody who can be written to."""
    facts = some_facts(reason=Reason.NOT_ATTEMPTED, heard_at=NOON - timedelta(hours=2))
    talk = opened(facts, a_policy(tell_new_day=tells))
    told = ["answer: accepted_reattempt"] if tells else []
    assert talk.play("system accepted") == [*told, "end resolved"]


def test_holidays_and_sundays_are_not_offered() -> None:
    """R6.4: Christmas and the Sunday after it are left out where the workspace says so."""
    policy = a_policy(no_sundays=True, holidays=(date(2026, 11, 24),))
    days = cases.eligible_days(opened(policy=policy).case, NOON, policy)
    assert date(2026, 11, 22) not in days
    assert date(2026, 11, 24) not in days
    assert len(days) == 5


def test_hours_old_failure_keeps_its_deadline() -> None:
    """R6.7: the deadline counts from the failure, reminders from the first message, and none comes after the deadline."""
    failed_at = NOON - timedelta(hours=21)
    talk = Talk(some_facts(failed_at=failed_at), a_policy(), at=NOON)
    assert talk.play("open") == ["template failed_delivery"]
    assert talk.play("wake") == ["end handed_over"]
    assert timedelta(hours=24) <= talk.now - failed_at < timedelta(hours=24, minutes=1)


def test_seller_acts_while_a_choice_is_being_confirmed() -> None:
    """R6.11: what is done by hand needs no answer of the customer."""
    talk = opened()
    talk.play("text phir se bhej do")
    assert [type(one).__name__ for one in talk.send(ActionTaken(Action.CANCEL, Mode.OPS, "ops"))] == [
        "TakeAction"
    ]
    assert talk.play("system accepted")[-1] == "end resolved"
    assert talk.case.outcome is Outcome.RESOLVED


def test_old_rules_stay_deaf_to_words() -> None:
    """I16: a case that began under rules 1 goes on as it began; its history replays."""
    case = opened().case
    reply = CustomerReplied(Reply("w1", ReplyKind.TEXT, NOON, text="cancel kar do"))
    case, _ = cases.decide(case, reply, NOON, a_policy(), rules=1)
    assert case.state is State.WAITING
    assert case.unexpected == 1
