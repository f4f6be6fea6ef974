"""Typed words become questions, numbers pick from a list, a wish for a person or a language is followed (R7.1, R7.6, R6.13)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain import cases
from domain.case_events import (
    ActionTaken,
    CustomerReplied,
    LanguageChosen,
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


@pytest.mark.parametrize(
    "words", ["ok another day", "haan kisi aur din", "another date please", "koi aur din"]
)
def test_another_day_is_not_the_day_that_was_asked_about(words: str) -> None:
    """R6.4, R7.1: a yes before it agrees to nothing."""
    assert opened().plays("text 25 tarikh", f"text {words}") == [f"question: choose_day {DAYS}"]


@pytest.mark.parametrize("words", ["haan bhej do", "yes send it"])
def test_send_it_agrees_to_the_day_that_was_asked_about(words: str) -> None:
    """R6.4: it is said of that day, not of the next one."""
    talk = opened()
    assert talk.plays("text 25 tarikh", f"text {words}") == ["take reschedule"]
    (asked,) = [command for command in talk.commands if isinstance(command, TakeAction)]
    assert asked.request.on == date(2026, 11, 25)


@pytest.mark.parametrize("way_back", ["tap options", "text nahi"])
def test_not_my_order_is_asked_about_each_time(way_back: str) -> None:
    """R7.8: who said no to it once has not agreed to it by a number later."""
    steps = ["text this is not my order", way_back, "text 6"]
    assert opened().plays(*steps) == ["question: confirm_not_mine not_my_order options"]
    assert opened().plays(*steps, "text haan") == ["answer: not_my_order", "end not_my_order"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("5", "question: confirm_day date:2026-12-05 reschedule options"),  # the fifth row is the 6th
        ("7", "question: confirm_day date:2026-12-07 reschedule options"),
        ("8", "question: confirm_day date:2026-12-08 reschedule options"),  # there is no eighth row
        ("1", "take reschedule"),
        ("12", f"question: please_choose {' '.join(f'date:2026-12-0{day}' for day in range(2, 9))}"),
    ],
)
def test_number_that_may_be_a_date_is_asked_about(typed: str, expected: str) -> None:
    """R7.1: of a list of days the row and the day of the month are two things."""
    talk = opened(
        at=datetime(2026, 12, 1, 6, 30, tzinfo=UTC),
        facts=some_facts(failed_at=datetime(2026, 12, 1, 5, tzinfo=UTC)),
    )
    assert talk.plays("tap reschedule", f"text {typed}") == [expected]


@pytest.mark.parametrize(
    "words",
    ["theek hai", "ठीक है", "yes please", "जी हाँ", "haan sahi hai", "yes correct", "bilkul", "👍", "ok sir"],
)
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["tap update_address", "text 12 Rose Villa, MG Road"], "take update_address"),
        (["text 25 tarikh"], "take reschedule"),
        (["tap cancel"], "take cancel"),
    ],
)
def test_yes_in_all_its_words_is_an_answer(words: str, steps: list[str], expected: str) -> None:
    """R6.4, R7.1: and never a part of the address."""
    talk = opened()
    assert talk.plays(*steps, f"text {words}") == [expected]
    (asked,) = [command for command in talk.commands if isinstance(command, TakeAction)]
    assert "12 Rose Villa, MG Road".startswith(asked.request.address.text)


@pytest.mark.parametrize("words", ["sahi nahi hai", "nahi ji", "not correct", "गलत है", "no sir"])
def test_no_in_all_its_words_is_an_answer(words: str) -> None:
    """R6.4: a wrong address is asked for again."""
    steps = ["tap update_address", "text 12 Rose Villa, MG Road", f"text {words}"]
    assert opened().plays(*steps) == ["question: ask_address options"]


@pytest.mark.parametrize(
    "words",
    ["call me, please", "Bhaiya, call karo", "5 baje call karna", "mujhe call karo, address samjha dunga"],
)
def test_wish_for_a_person_is_no_address(words: str) -> None:
    """R7.6: the comma and the hour in it name no place."""
    talk = opened()
    assert talk.plays("tap update_address", f"text {words}") == [
        "note handed_to_seller",
        f"question: team_will_contact {ALL}",
    ]


def test_address_beside_a_wish_for_a_person_is_taken_without_it() -> None:
    """R6.4, R7.6: both are followed, and the rider reads an address."""
    talk = opened()
    talk.plays("tap update_address", "text Flat 4B, Lake View, please call me", "tap address_yes")
    (asked,) = [command for command in talk.commands if isinstance(command, TakeAction)]
    assert asked.request.address.text == "Flat 4B, Lake View"
    assert [note.topic for note in talk.commands if isinstance(note, Note)] == ["handed_to_seller"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("cancel kar do", [CANCEL]),
        ("nahi", [f"question: options {ALL}"]),
        ("ok", [WORDS]),
        ("call me", ["note handed_to_seller", f"question: team_will_contact {ALL}"]),
        ("koi nahi aaya, mujhe call karo", ["note handed_to_seller", "take dispute"]),
    ],
)
def test_change_of_mind_is_no_description(words: str, expected: list[str]) -> None:
    """R6.4, R6.6: the one action of a case is not spent on what describes nothing."""
    assert opened().plays("tap dispute", f"text {words}") == expected


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


def test_each_wish_for_a_person_is_answered_and_noted_once() -> None:
    """R7.6: at night it is another answer than at noon; the seller has it once."""
    talk = opened(policy=OFFICE)
    assert talk.play("text agent se baat karni hai")[0] == "note handed_to_seller"
    talk.now = FRIDAY_NIGHT
    assert talk.play("text call me") == [f"question: out_of_hours {ALL}"]
    assert talk.plays("text hm", "text eh", "text agent se baat karni hai", "text hm") == [
        f"question: please_choose {ALL}"
    ]  # a wish that was understood begins the count again


def test_days_of_the_team_are_named_where_it_is_not_there_every_day() -> None:
    """R7.6: who asks on a Friday is not promised the evening."""
    policy = Policy(
        works_from="10:00", works_until="18:00", works_on=(1, 2, 3, 4), quiet_from="", quiet_until=""
    )
    talk = opened(policy=policy)
    talk.play("text call me")
    assert "from 10:00 to 18:00 (Mon, Tue, Wed, Thu) and will contact" in talk.sent()[-1].message.body


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
        "koi nahi aaya",  # what was typed goes first: the order system takes so many lines
        "(the customer sent image: message wamid.1)",
        "my gate",
        "(the customer sent audio: message wamid.3)",
    )


def test_words_of_a_dispute_are_never_crowded_out() -> None:
    """R6.4: after a dozen pictures the customer's own words still reach the order system."""
    talk = opened()
    talk.plays(*["photo my gate"] * 12, "tap dispute", "text the courier never rang the bell")
    request = next(command.request for command in talk.commands if isinstance(command, TakeAction))
    assert request.words[0] == "the courier never rang the bell"
    assert request.evidence[-1].words == "the courier never rang the bell"


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


def test_customer_is_faster_than_the_morning_in_which_nothing_is_left() -> None:
    """R6.5, R6.8: what cannot be offered is said at once, and a person sees to it."""
    facts = _taken_back(attempt=3, withdrawn=(Action.CANCEL,))
    talk = Talk(facts, a_policy(quiet_from="21:00", quiet_until="08:00"), at=NOON + timedelta(hours=10))
    talk.send(Opened())
    assert talk.case.state is State.HELD
    assert talk.play("text kab aayega") == ["answer: refused_last", "end handed_over"]


def test_message_that_is_sent_again_in_the_morning_leaves_the_conversation_as_it_is() -> None:
    """R6.8: who was told already is not told again for it."""
    talk = opened(policy=a_policy(quiet_from="21:00", quiet_until="08:00"))
    talk.play("tap options")
    talk.wait(hours=10)
    talk.play("resend")
    assert talk.play("text hello") == [f"question: please_choose {ALL}"]


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


# --- What a question is followed by ---

ADDRESS = "text 4 Rose Villa, MG Road"
SHOWN = "question: confirm_address address_yes address_change"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # The words of the question, with a yes before them, are a yes; the button's own words too.
        (["tap cancel", "text yes cancel it"], ["take cancel"]),
        (["tap cancel", "text haan cancel kar do"], ["take cancel"]),
        (["tap cancel", "text Yes, cancel it"], ["take cancel"]),
        (["text phir se bhej do", "text haan phir se bhej do"], ["take reattempt"]),
        (["text 25 tarikh", "text haan 25 tarikh"], ["take reschedule"]),
        (["tap dispute", "text Send"], ["take dispute"]),
        # Without a yes they are the same wish again: asked again, and not for ever.
        (["tap cancel", "text cancel kar do"], [CANCEL]),
        (
            ["tap cancel", "text cancel kar do", "text cancel kar do", "text cancel kar do"],
            ["note handed_to_seller", f"question: team_will_contact {ALL}"],
        ),
        # Another day than the one that was asked about is another question.
        (["text 25 tarikh", "text haan 26 tarikh"], [DAY_25.replace("25", "26")]),
        # An address: "send it" is no answer to where; a wish beside it is noted, and it is taken all the same.
        (["tap update_address", ADDRESS, "text ok send it"], [SHOWN]),
        (["tap update_address", ADDRESS, "text haan bhej do"], [SHOWN]),
        (
            ["tap update_address", f"{ADDRESS}, Bengaluru 560001. Please call me"],
            ["note handed_to_seller", SHOWN],
        ),
        (
            ["tap update_address", ADDRESS, "text call me", "tap address_yes"],
            ["take update_address"],
        ),
        (
            ["tap update_address", ADDRESS, "photo", "photo", "voice", "tap address_yes"],
            ["take update_address"],
        ),
        (
            ["tap update_address", ADDRESS, "tap address_change", "tap address_yes"],
            ["question: ask_address options"],
        ),
        # One slip of a finger does not block a number.
        (["tap options", "text 6"], ["question: confirm_not_mine not_my_order options"]),
        (["tap options", "text 6", "text yes"], ["answer: not_my_order", "end not_my_order"]),
        (["tap options", "text Not my order"], ["question: confirm_not_mine not_my_order options"]),
    ],
)
def test_what_a_question_is_followed_by(steps: list[str], expected: list[str]) -> None:
    """R6.4, R7.1: words that agree are followed, words that do not are asked about, and no step is a trap."""
    assert opened().plays(*steps) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["tap reattempt", "text cancel kar do"], ["note contradiction"]),
        (["tap reattempt", "text call me"], ["note handed_to_seller"]),
        (
            ["tap reattempt", "system accepted", "text cancel kar do"],
            ["note contradiction", "answer: already"],
        ),
        (["tap reattempt", "system accepted", "text call me"], ["note handed_to_seller", "answer: already"]),
        (["moved rto", "text call me"], ["note handed_to_seller"]),
    ],
)
def test_words_that_come_too_late_reach_the_seller(steps: list[str], expected: list[str]) -> None:
    """R6.6, R7.6: while an action is on its way, and after the end."""
    talk = opened()
    assert talk.plays(*steps)[: len(expected)] == expected


# --- Before the first message (R6.8) ---

NIGHT = a_policy(quiet_from="11:00", quiet_until="18:00")


@pytest.mark.parametrize(
    ("steps", "expected", "state"),
    [
        (["text hello"], [f"question: failed {ALL}"], State.WAITING),
        (["photo"], [f"question: failed {ALL}"], State.WAITING),
        (["text cancel kar do"], [CANCEL], State.CONFIRMING_CANCEL),
        (["text call me"], ["note handed_to_seller", f"question: team_will_contact {ALL}"], State.WAITING),
        (["text hindi"], ["note language", f"question: हिन्दी {ALL}"], State.WAITING),
        (["reaction"], [], State.HELD),
    ],
)
def test_customer_who_writes_before_the_first_message(
    steps: list[str], expected: list[str], state: State
) -> None:
    """R6.8: is told what happened, not that the words could not be read; a reaction asks for nothing at night."""
    texts = (*NIGHT.texts, ("hi:failed", "हिन्दी"))
    talk = opened(some_facts(heard_at=NOON), a_policy(quiet_from="11:00", quiet_until="18:00", texts=texts))
    assert talk.plays(*steps) == expected
    assert talk.case.state is state
    if state is State.HELD:
        assert talk.play("wake") == ["template failed_delivery"]
    else:
        assert talk.case.first_sent_at == NOON


def test_wishes_at_night_are_kept_where_answers_are_off() -> None:
    """R7.10, R6.13: nothing is answered, the seller reads it, and the template goes out in the language asked for."""
    talk = opened(policy=a_policy(quiet_from="11:00", quiet_until="18:00", answer_unexpected=False))
    assert talk.play("text hindi") == ["note language"]
    assert talk.play("text call me") == ["note handed_to_seller"]
    talk.play("wake")
    template = next(command for command in talk.commands if isinstance(command, SendTemplate))
    assert template.language == "hi"


def test_action_taken_back_at_night_is_said_in_the_morning_also_where_nothing_is_left() -> None:
    """R6.5, R6.8: nobody keeps believing "done"."""
    policy = a_policy(quiet_from="11:00", quiet_until="18:00")
    talk = opened(_taken_back(attempt=3, withdrawn=(Action.CANCEL,)), policy)
    assert talk.case.state is State.HELD
    assert talk.play("wake") == ["answer: refused_last", "end handed_over"]
    talk = opened(_taken_back(), policy)
    assert talk.play("text ok thanks") == [f"question: refused_later {REST}"]


def test_language_that_we_do_not_speak_is_the_workspaces() -> None:
    """R6.13: a Tamil order at a Hindi shop is answered in Hindi, buttons too."""
    policy = Policy(quiet_from="", quiet_until="", language="hi")
    talk = opened(some_facts(language="ta"), policy)
    talk.play("tap options")
    message = talk.sent()[-1].message
    assert "विकल्प" in message.body
    assert message.options[0].title == "फिर से भेजें"
    assert talk.sent()[-1].language == "hi"


def test_language_chosen_elsewhere_is_followed_in_silence() -> None:
    """R6.13: of several orders one answers, all write in it."""
    talk = opened(policy=Policy(quiet_from="", quiet_until=""))
    assert talk.send(LanguageChosen("hi")) == ()
    talk.play("tap options")
    assert "विकल्प" in talk.sent()[-1].message.body


def test_no_day_and_nothing_else_goes_to_the_seller() -> None:
    """R6.2, R6.5: "not my order" alone is no offer."""
    facts = some_facts(
        resolutions=(Action.RESCHEDULE,), capabilities=Capabilities((Action.RESCHEDULE,), date_window_days=0)
    )
    assert opened(facts).play("tap reschedule") == ["answer: refused_last", "end handed_over"]
