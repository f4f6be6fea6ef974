"""What each step of a case does with the customer's answer (R6.4, R6.6, R7).

What is tapped is followed. What was typed was read when it came (`domain.understanding`): clear words become a question
with buttons, never an action. All else is unexpected. The questions themselves stand in `domain.questions`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from domain.case_events import ActionRequest
from domain.case_state import (
    WORDS_COUNT,
    Outcome,
    State,
    Turn,
    allowed_actions,
    eligible_days,
    is_nothing_left,
)
from domain.failures import Action
from domain.questions import (
    ADDRESS_CHANGE,
    ADDRESS_YES,
    CONFIRM_CANCEL,
    DATE,
    DISPUTE_SEND,
    KEEP,
    OPTIONS,
    ask_again,
    make_sure,
    offer,
    tell_news,
)
from domain.replies import (
    Reply,
    ReplyKind,
    clean,
    names_a_place,
    same_words,
    says_no,
    says_yes,
)
from domain.steps import (
    begin,
    choose_day,
    execute,
    follow,
    keep_evidence,
    take_address,
    team_key,
    unexpected,
)
from domain.understanding import Understanding
from domain.wording import action_words, words_of

_WANTS_IT = frozenset(
    {
        Action.REATTEMPT.value,
        Action.RESCHEDULE.value,
        Action.UPDATE_ADDRESS.value,
        Action.DISPUTE.value,
        KEEP,
        ADDRESS_YES,
        DISPUTE_SEND,
    }
)
_OF_AN_ADDRESS = frozenset({State.GIVING_ADDRESS, State.CONFIRMING_ADDRESS})


def answer(turn: Turn, reply: Reply) -> None:
    """Take one answer of the customer."""
    case = turn.case
    if reply.kind is ReplyKind.REACTION and not reply.text:
        return  # a reaction taken back says nothing
    if not case.is_open:
        _after_end(turn, reply)
        return
    if reply.kind is not ReplyKind.REACTION:  # a reaction is not known to open the window
        turn.change(
            last_reply_at=reply.at if case.last_reply_at is None else max(reply.at, case.last_reply_at)
        )
    if reply.kind is ReplyKind.MEDIA:
        keep_evidence(turn, reply)
    if case.state is State.HELD and not _is_free_to_talk(turn, reply):
        return
    if case.state is State.ACTING and case.pending is not None:
        _while_acting(turn, reply, case.pending)
    elif reply.choice:
        follow(turn, reply.choice)
    elif not _is_understood(turn, reply):
        _STEPS[turn.case.state](turn, reply)


def _is_free_to_talk(turn: Turn, reply: Reply) -> bool:
    """Leave the hold of quiet hours for a customer who was faster, and tell whether the answer is still to be taken (R6.8).

    Who has heard nothing of the failure yet is told of it first; a reaction asks for no answer at night.
    """
    words_count = turn.rules >= WORDS_COUNT
    if words_count and reply.kind is ReplyKind.REACTION:
        return False
    said = reply.said
    if words_count and said.language:
        _note_language(turn, said.language)
    is_answered = reply.choice or turn.policy.answer_unexpected
    if not (is_answered and turn.case.window_is_open(turn.now)):
        if words_count and said.wants_person:
            _note_person(turn)
        return False  # nothing would be said now: the message that is held back does the asking
    turn.enter(State.WAITING)
    if not words_count:
        return True
    if turn.case.first_sent_at is not None:
        return True  # it is the message sent again by hand that waits
    turn.change(first_sent_at=turn.now)
    is_last = turn.case.facts.taken_back is not None and is_nothing_left(turn.case)
    if said.wants_person and is_last:
        _note_person(turn)
    if reply.choice or ((said.action is not None or said.wants_person) and not is_last):
        return True
    tell_news(turn)
    return False


def _while_acting(turn: Turn, reply: Reply, pending: ActionRequest) -> None:
    """Take an answer while an action is on its way: it changes nothing, and the result is told in a moment."""
    _note_contradiction(turn, reply, pending, f"after {pending.action.value}")
    if turn.rules >= WORDS_COUNT:
        turn.change(spoken=reply.said.language or turn.case.spoken)
        if reply.said.wants_person:
            _note_person(turn)
    if reply.choice:
        turn.say_text("already_asked", action=action_words(pending.action, pending.on, turn.language))


# --- Typed words ---


def _is_understood(turn: Turn, reply: Reply) -> bool:
    """Answer clear words with a question, and tell whether there were any (R7.1): a silent action is never their effect."""
    said, state = reply.said, turn.case.state
    if turn.rules < WORDS_COUNT or reply.kind is not ReplyKind.TEXT:
        return False
    if said.language:
        _note_language(turn, said.language)
        turn.change(unexpected=0)
        ask_again(turn, "choose_day" if state is State.CHOOSING_DATE else "language_changed")
    elif day := _day_of_the_month(turn, reply):
        make_sure(turn, day)
    elif picked := _picked(turn, reply):
        _pick(turn, picked)
    elif state is State.DESCRIBING_DISPUTE and not _is_no_description(turn, reply):
        return False  # these are the words that were asked for
    elif said.wants_person and state in _OF_AN_ADDRESS and names_a_place(said.rest):
        _note_person(turn)
        take_address(turn, replace(reply, text=said.rest))
    elif said.wants_person:
        _hand_to_person(turn)
    elif said.action is None:
        return False
    elif _is_agreed(turn, reply):
        follow(turn, CONFIRM_CANCEL if state is State.CONFIRMING_CANCEL else turn.case.asked)
    elif _is_asked(turn, said):
        unexpected(turn)
    else:
        _take_for_a_wish(turn, said, reply)
    return True


def _is_no_description(turn: Turn, reply: Reply) -> bool:
    """Tell whether words that came where a dispute was to be described say something else; the one action is not spent on it."""
    said = reply.said
    if said.wants_person and (said.rest or said.action is Action.DISPUTE):
        _note_person(turn)
        return False
    return said.wants_person or said.action in (Action.CANCEL, Action.NOT_MY_ORDER)


def _day_of_the_month(turn: Turn, reply: Reply) -> str:
    """Return the day that a typed number names by its date, where it would count to another row, or to none."""
    number, shown = reply.said.number, turn.case.shown
    if number is None or turn.case.state is not State.CHOOSING_DATE:
        return ""
    days = [choice for choice, _ in shown if choice.startswith(DATE)]
    named = next(
        (choice for choice in days if date.fromisoformat(choice.removeprefix(DATE)).day == number), ""
    )
    return named if named != _counted(turn, number) else ""


def _counted(turn: Turn, number: int) -> str:
    shown = turn.case.shown
    return shown[number - 1][0] if turn.case.is_numbered and 0 < number <= len(shown) else ""


def _picked(turn: Turn, reply: Reply) -> str:
    """Return what was typed instead of tapped: a number of the list shown last, or a button's own words; empty for none."""
    if counted := _counted(turn, reply.said.number or 0):
        return counted
    return next((choice for choice, title in turn.case.shown if same_words(title, reply.text)), "")


def _pick(turn: Turn, choice: str) -> None:
    is_asked = turn.case.state is State.CONFIRMING_CHOICE and turn.case.asked == choice
    if choice == Action.NOT_MY_ORDER and not is_asked:
        make_sure(turn, choice)  # the number would be blocked for this seller by one slip of a finger
    else:
        follow(turn, choice)


def _is_agreed(turn: Turn, reply: Reply) -> bool:
    """Tell whether words say yes to the question just put, and name what it asked for."""
    return reply.said.agrees and _is_asked(turn, reply.said) and turn.case.state in _YES_IS_AN_ANSWER


def _is_asked(turn: Turn, said: Understanding) -> bool:
    """Tell whether words wish for what the question just put is about."""
    match turn.case.state:
        case State.CONFIRMING_CANCEL:
            return said.action is Action.CANCEL
        case State.CONFIRMING_CHOICE:
            asked = turn.case.asked
            if asked.startswith(DATE):  # "send it" is said of the day just named; "another day" is not
                is_that_day = said.on is not None and asked == f"{DATE}{said.on.isoformat()}"
                return is_that_day or said.action is Action.REATTEMPT
            return said.action is not None and asked == said.action
        case State.GIVING_ADDRESS:
            return said.action is Action.UPDATE_ADDRESS
        case State.CONFIRMING_ADDRESS:  # "ok, send it" to an address: where it is to go is still the question
            return said.action in (Action.REATTEMPT, Action.RESCHEDULE)
        case State.CHOOSING_DATE:
            return said.action is Action.RESCHEDULE and said.on is None
        case _:
            return False


_YES_IS_AN_ANSWER = frozenset({State.CONFIRMING_CANCEL, State.CONFIRMING_CHOICE})


def _note_language(turn: Turn, language: str) -> None:
    """Write in the language that the customer asks for (R6.13)."""
    turn.change(spoken=language)
    turn.note("language", f"the customer wants {words_of(language).name}")


def _note_person(turn: Turn) -> None:
    """Put a wish to speak with a person before the seller, once (R7.6)."""
    if not turn.case.person_asked:
        turn.change(person_asked=True)
        turn.note("handed_to_seller", "the customer asks for a person")


def _hand_to_person(turn: Turn) -> None:
    """Take a wish to speak with a person, and say when the team is there (R7.6)."""
    _note_person(turn)
    turn.change(unexpected=0)
    if turn.policy.answer_unexpected:
        turn.enter(State.WAITING)
        offer(turn, team_key(turn))


def _take_for_a_wish(turn: Turn, said: Understanding, reply: Reply) -> None:
    """Ask whether the words mean what they seem to mean."""
    turn.change(unexpected=0)
    action, on, allowed = said.action, said.on, allowed_actions(turn.case)
    if action is Action.RESCHEDULE and action not in allowed:
        action = Action.REATTEMPT  # "send it tomorrow", where no day can be chosen
    if action not in allowed:
        turn.enter(State.WAITING)
        offer(turn, "not_offered")
    elif action in (Action.REATTEMPT, Action.NOT_MY_ORDER):
        make_sure(turn, action.value)
    elif action is Action.RESCHEDULE and on is not None:
        if on in eligible_days(turn.case, turn.now, turn.policy):
            make_sure(turn, f"{DATE}{on.isoformat()}")
        else:
            choose_day(turn, on.isoformat())  # not possible: it offers those that are
    else:
        if action is Action.DISPUTE:
            keep_evidence(turn, reply)
        begin(turn, action)


# --- The steps ---


def _confirm_address(turn: Turn, reply: Reply) -> None:
    match _answer_of(turn, reply):
        case "yes":
            follow(turn, ADDRESS_YES)
        case "no":
            follow(turn, ADDRESS_CHANGE)
        case _:
            take_address(turn, reply)  # people send an address in several messages


def _answer_of(turn: Turn, reply: Reply) -> str:
    """Return "yes" or "no" where a typed message is just that."""
    if reply.kind is not ReplyKind.TEXT:
        return ""
    if turn.rules >= WORDS_COUNT:
        return reply.said.answer
    return "yes" if says_yes(reply.text) else "no" if says_no(reply.text) else ""


def _yes_or_no(turn: Turn, reply: Reply, *, yes: str, no: str) -> None:
    match _answer_of(turn, reply):
        case "yes":
            follow(turn, yes)
        case "no":
            follow(turn, no)
        case _:
            unexpected(turn)


def _confirm_cancel(turn: Turn, reply: Reply) -> None:
    _yes_or_no(turn, reply, yes=CONFIRM_CANCEL, no=KEEP)


def _confirm_choice(turn: Turn, reply: Reply) -> None:
    _yes_or_no(turn, reply, yes=turn.case.asked, no=OPTIONS)


def _describe(turn: Turn, reply: Reply) -> None:
    """Take the customer's words as evidence and ask for a new attempt (R6.4)."""
    answered = _answer_of(turn, reply) if turn.rules >= WORDS_COUNT else ""
    if answered == "no":
        follow(turn, OPTIONS)
        return
    if answered:
        unexpected(turn)
        return
    if reply.kind is ReplyKind.TEXT and clean(reply.text):
        keep_evidence(turn, reply)
    elif reply.kind is not ReplyKind.MEDIA:  # which is kept already
        unexpected(turn)
        return
    execute(turn, Action.DISPUTE, evidence=turn.case.evidence)


# --- After the end ---


def _after_end(turn: Turn, reply: Reply) -> None:
    """Answer what comes after the end (R6.6, R6.9, R7.2, R7.3, R7.8): every tap, and free text once."""
    if reply.kind is ReplyKind.REACTION or turn.case.outcome is Outcome.NOT_MY_ORDER:
        return  # the one opens no window, the other was promised silence
    last = turn.case.last_reply_at
    turn.change(last_reply_at=reply.at if last is None else max(reply.at, last))
    # Ids outside the counter: the run may be over, and the same answer must not be sent twice.
    command_id = f"{turn.case.id}/late/{reply.id}" if reply.choice else f"{turn.case.id}/late"
    is_answered = reply.choice or turn.policy.answer_unexpected
    if turn.rules >= WORDS_COUNT and reply.said.wants_person:
        turn.note(
            "handed_to_seller", "the customer asks for a person", command_id=f"{turn.case.id}/late/person"
        )
    accepted = turn.case.accepted
    if accepted is None:
        if is_answered:
            turn.say_text("no_longer_waiting", command_id=command_id)
        return
    _note_contradiction(
        turn,
        reply,
        accepted,
        f"after {accepted.action.value} was accepted",
        command_id=f"{turn.case.id}/late/{reply.id}/contradiction",
    )
    if is_answered:
        words = action_words(accepted.action, accepted.on, turn.language)
        turn.say_text("already", action=words, command_id=command_id)


def _note_contradiction(
    turn: Turn, reply: Reply, request: ActionRequest, when: str, *, command_id: str = ""
) -> None:
    """Put before the seller that the customer now asks for the opposite, by a tap or in words (R6.6)."""
    wish = reply.choice
    if not wish and turn.rules >= WORDS_COUNT and reply.said.action is not None:
        wish = reply.said.action.value
    if request.action is Action.CANCEL:
        is_opposite = wish in _WANTS_IT or wish.startswith(DATE)
    else:
        is_opposite = wish in (Action.CANCEL, CONFIRM_CANCEL)
    if is_opposite or wish == Action.NOT_MY_ORDER:
        turn.note("contradiction", f"the customer chose {wish} {when}", command_id=command_id)


_STEPS: dict[State, Callable[[Turn, Reply], None]] = {
    State.WAITING: unexpected,
    State.CHOOSING_DATE: unexpected,
    State.GIVING_ADDRESS: take_address,
    State.CONFIRMING_ADDRESS: _confirm_address,
    State.CONFIRMING_CANCEL: _confirm_cancel,
    State.DESCRIBING_DISPUTE: _describe,
    State.CONFIRMING_CHOICE: _confirm_choice,
}
