"""One failed delivery as a state machine: `decide` takes a fact and the time and says what to do.

No I/O, no clock, no chance; an event that does not fit changes nothing and is noted. What each step does with the
customer's answer stands in `domain.conversation`, the case itself in `domain.case_state`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain import conversation, questions, steps, timing
from domain.case_events import (
    ActionAnswered,
    ActionRequest,
    ActionTaken,
    Answer,
    CloseAsked,
    Command,
    CustomerOptedIn,
    CustomerOptedOut,
    CustomerReplied,
    Event,
    LanguageChosen,
    MessageAccepted,
    MessageNotSent,
    MessageUnknown,
    Opened,
    Purpose,
    ResendAsked,
    SendTemplate,
    ShipmentMoved,
    Superseded,
    TakeAction,
    WokeUp,
)
from domain.case_state import (
    HALF_FINISHED,
    Case,
    CaseFacts,
    Outcome,
    Progress,
    State,
    TakenBack,
    Turn,
    allowed_actions,
    eligible_days,
    ended_case,
    is_nothing_left,
    open_case,
)
from domain.failures import REASON_RULES, Action, Handling, Mode
from domain.messages import HOPELESS, PASSING, WAY_IS_GONE, NotSent
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline, Policy
from domain.wording import SessionKind, SessionMessage, action_words, day_words, reason_words

__all__ = [
    "RULES",
    "Case",
    "CaseFacts",
    "Outcome",
    "Progress",
    "Refusal",
    "State",
    "TakenBack",
    "allowed_actions",
    "decide",
    "describe",
    "eligible_days",
    "ended_case",
    "found_as",
    "open_case",
    "progress",
    "refusal_of",
    "told_if_accepted",
    "waits_for",
    "wake_at",
]

RULES = 2
"""Number of the rules that new cases follow; a case keeps the number it began with.

1: taps alone change a case. 2: typed words count, and after an opt-out nothing is said, whatever is still on its way.
"""

_OPT_OUT_SILENCES = 2

_RESEND_AFTER = (30, 60, 120, 300, 600, 900)  # seconds; the last one repeats until the deadline
_RETRY_AFTER = (2, 5, 15, 30, 60, 120, 300, 600, 900)  # seconds; the last one repeats until the deadline
_TELL_AFTER_TRIES = 2  # a hiccup of one call is not worth a message


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an action by hand is not executed.

    Attributes:
        type: A fixed word for programs.
        words: For people; nothing personal.
        possible: What would be possible instead; empty where that is no choice.
    """

    type: str
    words: str
    possible: str = ""

    def __str__(self) -> str:
        return f"{self.words}; possible: {self.possible}" if self.possible else self.words


_BY_MOVE = {
    ShipmentMove.DELIVERED: Outcome.DELIVERED,
    ShipmentMove.RTO: Outcome.RTO,
    ShipmentMove.CANCELLED: Outcome.CANCELLED,
    ShipmentMove.LOST: Outcome.LOST,
    ShipmentMove.OUT_FOR_DELIVERY: Outcome.MOVED_ON,
    ShipmentMove.RESOLUTION_SUBMITTED: Outcome.RESOLVED_ELSEWHERE,
}


def wake_at(case: Case, policy: Policy) -> datetime | None:
    """Return the one time at which the case wants to be woken next; None once it has ended."""
    if not case.is_open:
        return None
    return min(at for at, _ in _alarms(case, policy))


def waits_for(case: Case, policy: Policy) -> str:
    """Return in words what the case waits for (R6.11)."""
    if not case.is_open:
        return "nothing: the case has ended"
    words = {
        State.HELD: "the end of quiet hours",
        State.WAITING: "the customer's choice",
        State.CHOOSING_DATE: "the customer to choose a day",
        State.GIVING_ADDRESS: "the customer's new address",
        State.CONFIRMING_ADDRESS: "the customer to confirm the new address",
        State.CONFIRMING_CANCEL: "the customer to confirm the cancellation",
        State.DESCRIBING_DISPUTE: "the customer to say what happened",
        State.CONFIRMING_CHOICE: "the customer to say whether it is meant so",
        State.ACTING: "the order system's answer",
    }[case.state]
    _, alarm = min(_alarms(case, policy), key=lambda pair: pair[0])
    return f"{words}, else {_ALARM_WORDS[alarm]}"


def describe(case: Case, policy: Policy) -> str:
    """Return where a case stands as ops read it in Temporal UI (R6.11), in the workspace's own time."""
    at = wake_at(case, policy)
    when = f" at {timing.local_words(at, policy)}" if at else ""
    return f"**{case.state.value.replace('_', ' ')}**: waits for {waits_for(case, policy)}{when}"


def found_as(case: Case) -> str:
    """Return the class of state by which ops find a run; it changes at most twice in a case's life (R6.11)."""
    if not case.is_open:
        return "ended"
    # An action that is answered at once is not worth a search.
    return "acting" if case.state is State.ACTING and case.retry_at is not None else "waiting"


def progress(case: Case, policy: Policy) -> Progress:
    """Return what is shown of a case now."""
    accepted = case.accepted
    return Progress(
        state=case.state.value,
        waits_for=waits_for(case, policy),
        wake_at=wake_at(case, policy),
        outcome=case.outcome.value if case.outcome else "",
        note=case.note,
        accepted=accepted.action.value if accepted else "",
        accepted_on=accepted.on if accepted else None,
    )


def refusal_of(case: Case, act: ActionTaken, now: datetime, policy: Policy) -> Refusal | None:
    """Return what keeps an action by hand from being executed now, whoever asks; None when nothing does (R6.2, R6.11)."""
    allowed = allowed_actions(case)
    if act.action not in allowed:
        words = f"{act.action.value} is not possible now"
        return Refusal("ActionNotPossible", words, ", ".join(allowed) or "none")
    days = eligible_days(case, now, policy)
    if act.action is Action.RESCHEDULE and act.on not in days:
        return Refusal(
            "DayNotPossible", "that day is not possible", ", ".join(day.isoformat() for day in days)
        )
    if act.action is Action.UPDATE_ADDRESS and not act.address.is_complete():
        return Refusal("AddressIncomplete", "an address needs house, street and area")
    if act.action is Action.UPDATE_ADDRESS and steps.is_other_pincode(case, act.address):
        words = "the carrier brings it to the order's pincode only"
        return Refusal("OtherPincode", words, case.facts.failure.address.pincode)
    return None


def decide(
    case: Case, event: Event, now: datetime, policy: Policy, rules: int = RULES
) -> tuple[Case, tuple[Command, ...]]:
    """Return the case after an event, and what is to be done (R6).

    Args:
        case: The case before.
        event: What happened.
        now: The time, aware UTC.
        policy: The workspace's choices, fixed when the case opened.
        rules: Number of the rules that this case follows.
    """
    turn = Turn(case, now, policy, rules)
    _apply(turn, event)
    return turn.case, tuple(turn.commands)


def _apply(turn: Turn, event: Event) -> None:
    """Route an event to what it means."""
    if isinstance(event, CustomerReplied):
        conversation.answer(turn, event.reply)
        return
    if not turn.case.is_open:
        return  # results and timers that arrive after the end change nothing
    match event:
        case Opened():
            _open(turn)
        case WokeUp():
            _wake(turn)
        case MessageAccepted():
            turn.change(delivered_any=True, send_tries=0)
        case MessageNotSent():
            _message_not_sent(turn, event)
        case MessageUnknown():
            turn.note("message_unknown", "Gupshup did not answer; the message is not sent again")
        case ActionAnswered():
            _action_answered(turn, event)
        case ShipmentMoved():
            _shipment_moved(turn, event.move)
        case Superseded():
            turn.end(Outcome.SUPERSEDED, f"attempt {event.attempt} failed too and has its own case")
        case CustomerOptedOut():
            _opted_out(turn)
        case CustomerOptedIn():
            turn.change(opted_out=False)
        case LanguageChosen():
            turn.change(spoken=event.language)
        case ActionTaken():
            _take_by_hand(turn, event)
        case ResendAsked():
            _resend(turn, event)
        case CloseAsked():
            turn.end(Outcome.CLOSED, event.note or "closed by hand", mode=event.mode, person=event.person)


def _open(turn: Turn) -> None:
    case, failure = turn.case, turn.case.facts.failure
    if case.state is not State.HELD or case.release_at is not None:
        return  # a case opens once
    if case.facts.taken_back is not None:
        _go_on(turn, case.facts.taken_back)
        return
    rule, words = REASON_RULES[failure.reason], reason_words(failure.reason)
    if rule.handling is Handling.REATTEMPT_AUTOMATICALLY:
        if Action.REATTEMPT in case.facts.capabilities.actions:
            turn.ask_order_system(ActionRequest(turn.next_id(), Action.REATTEMPT, Mode.AUTOMATIC))
        else:
            turn.end(Outcome.HANDED_OVER, f"{words}: the carrier takes no reattempt")
    elif rule.handling is Handling.LEAVE_TO_SELLER:
        turn.end(Outcome.HANDED_OVER, f"{words}: nothing for the customer to decide")
    elif is_nothing_left(case):
        turn.end(
            Outcome.HANDED_OVER, f"{words}: nothing is possible any more after attempt {failure.attempt}"
        )
    elif turn.now >= case.deadline_at:
        turn.end(Outcome.HANDED_OVER, "the failure was reported after its deadline")
    elif not failure.customer_phone:
        turn.end(Outcome.UNDELIVERABLE, NotSent.NO_PHONE.value)
    elif _hold_in_quiet_hours(turn):
        turn.note("held", "the first message waits for the end of quiet hours")
    else:
        _send_choices(turn)


def _go_on(turn: Turn, back: TakenBack) -> None:
    """Go on where an accepted action was not done after all: tell of it and offer what is still possible (R6.5)."""
    detail = f"{back.action.value} was accepted and then not done: {back.detail}"
    turn.note("action_taken_back", detail)
    if turn.now >= turn.case.deadline_at:
        if timing.quiet_until(turn.now, turn.policy) is None:
            turn.say_text("refused_last")
        turn.end(Outcome.HANDED_OVER, detail)
    elif not _hold_in_quiet_hours(turn):
        _begin_talk(turn)


def _begin_talk(turn: Turn) -> None:
    """Write first: in a conversation that goes on by a session message where the window allows it, else the template."""
    back = turn.case.facts.taken_back
    if back is not None and is_nothing_left(turn.case):
        questions.tell_last(turn)
    elif back is not None and turn.case.window_is_open(turn.now):
        turn.enter(State.WAITING)
        turn.change(first_sent_at=turn.now)
        questions.tell_news(turn)
    else:
        _send_choices(turn)


def _send_choices(turn: Turn) -> None:
    """Send the template with all choices: the first time, or again when asked by hand."""
    is_first = turn.case.first_sent_at is None
    turn.enter(State.WAITING)
    turn.change(first_sent_at=turn.case.first_sent_at or turn.now, resend_at=None, stalled=None)
    turn.send_template(Purpose.FAILED_DELIVERY if is_first else Purpose.SENT_AGAIN)


def _hold_in_quiet_hours(turn: Turn) -> bool:
    """Tell whether it is quiet now; if so nothing is sent unasked before the end of it (R6.8)."""
    at = timing.release(turn.now, turn.policy, spread_by=turn.case.id)
    if at <= turn.now:
        return False
    turn.change(release_at=at)
    return True


def _resend(turn: Turn, event: ResendAsked) -> None:
    if turn.case.state is State.ACTING:
        # The choices of a new message could be tapped while an action is on its way (I4).
        turn.note(
            "resend_not_possible",
            "an action is being asked for",
            mode=event.mode,
            person=event.person,
        )
        return
    turn.note("resend_asked", "asked to send the message again", mode=event.mode, person=event.person)
    if _hold_in_quiet_hours(turn):
        turn.enter(State.HELD)
    else:
        _send_choices(turn)


def _opted_out(turn: Turn) -> None:
    if turn.case.state is State.ACTING:
        # What the customer asked for before is still executed; only messages stop.
        turn.note("opted_out", "the customer wants no more messages; the action goes on")
        turn.change(opted_out=turn.rules >= _OPT_OUT_SILENCES)
    else:
        turn.end(Outcome.UNDELIVERABLE, "the customer opted out")


def _alarms(case: Case, policy: Policy) -> list[tuple[datetime, Callable[[Turn], None]]]:
    """Return each time the case waits for, with what is to happen then."""
    alarms: list[tuple[datetime, Callable[[Turn], None]]] = [(case.deadline_at, _on_deadline)]
    if case.state is State.HELD and case.release_at is not None:
        alarms.append((case.release_at, _on_release))
    if case.state is State.ACTING and case.retry_at is not None:
        alarms.append((case.retry_at, _on_retry))
    silent = case.state is State.WAITING and case.last_reply_at is None
    if silent and case.resend_at is not None:
        alarms.append((_unasked_at(case, case.resend_at, policy), _on_resend))
    if case.state in HALF_FINISHED and not case.nudged and case.last_reply_at is not None:
        at = case.last_reply_at + timedelta(minutes=policy.nudge_after)
        alarms.append((_unasked_at(case, at, policy), _on_nudge))
    if silent and case.first_sent_at is not None and case.reminders < len(policy.reminders_after):
        at = case.first_sent_at + timedelta(minutes=policy.reminders_after[case.reminders])
        alarms.append((_unasked_at(case, at, policy), _on_reminder))
    return alarms


def _unasked_at(case: Case, at: datetime, policy: Policy) -> datetime:
    """Return when something planned for `at` may be sent to a customer who did not just write (R6.8)."""
    released = timing.release(at, policy, spread_by=case.id)
    return max(released, case.release_at) if case.release_at else released


def _wake(turn: Turn) -> None:
    """Do the most urgent thing that is due; the deadline goes before all else."""
    due = [alarm for at, alarm in _alarms(turn.case, turn.policy) if at <= turn.now]
    if not due:
        return
    if due[0] in _UNASKED and _hold_in_quiet_hours(turn):
        return  # woken late, after an outage, and meanwhile it is quiet
    due[0](turn)


def _on_deadline(turn: Turn) -> None:
    pending = turn.case.pending if turn.case.state is State.ACTING else None
    if pending is not None:
        turn.end(Outcome.HANDED_OVER, f"{pending.action.value} was asked for and never confirmed")
    elif turn.policy.at_deadline is AtDeadline.REATTEMPT and _may_reattempt_unasked(turn.case):
        # A last hour for the order system's answer; the case ends within it whatever comes (I9).
        turn.change(deadline_at=turn.case.deadline_at + timedelta(minutes=50))
        turn.ask_order_system(ActionRequest(turn.next_id(), Action.REATTEMPT, Mode.AUTOMATIC))
    else:
        is_nothing = turn.policy.at_deadline is AtDeadline.NOTHING
        was_asked = turn.case.first_sent_at is not None
        turn.end(
            Outcome.NO_ANSWER if is_nothing else Outcome.HANDED_OVER,
            "nobody answered until the deadline"
            if was_asked
            else "quiet hours lasted until the deadline: the customer was not asked",
        )


def _may_reattempt_unasked(case: Case) -> bool:
    # Whatever the order system allows: a refusal is never turned into another attempt by nobody's wish.
    usual = REASON_RULES[case.facts.failure.reason].actions
    return Action.REATTEMPT in usual and Action.REATTEMPT in allowed_actions(case)


def _on_release(turn: Turn) -> None:
    _begin_talk(turn)


def _on_resend(turn: Turn) -> None:
    if turn.case.stalled is not None:  # the very same command: it may have been sent (I5)
        turn.commands.append(turn.case.stalled)
        turn.change(resend_at=None, stalled=None)
        return
    turn.change(reminders=_reminders_due(turn), resend_at=None)
    turn.send_template(Purpose.REMINDER if turn.case.delivered_any else Purpose.FAILED_DELIVERY)


def _on_reminder(turn: Turn) -> None:
    turn.change(reminders=max(_reminders_due(turn), turn.case.reminders + 1), resend_at=None, stalled=None)
    turn.send_template(Purpose.REMINDER)


def _reminders_due(turn: Turn) -> int:
    """Return how many reminders one message stands for: the end of quiet hours can release two at once."""
    silent_for = turn.now - (turn.case.first_sent_at or turn.now)
    due = sum(timedelta(minutes=after) <= silent_for for after in turn.policy.reminders_after)
    return max(due, turn.case.reminders)


def _on_nudge(turn: Turn) -> None:
    turn.change(nudged=True)
    questions.ask_again(turn, "nudge", Purpose.NUDGE)


_UNASKED = (_on_release, _on_resend, _on_reminder, _on_nudge)


def _on_retry(turn: Turn) -> None:
    if turn.case.pending is not None:
        turn.change(tries=turn.case.tries + 1, retry_at=None)
        turn.commands.append(TakeAction(turn.case.pending.id, turn.case.pending))


def _message_not_sent(turn: Turn, event: MessageNotSent) -> None:
    if event.is_template:  # of an unsent answer the message's own row says why
        turn.note(
            "message_not_sent", f"{event.why.value}: {event.detail}" if event.detail else event.why.value
        )
    # Whoever answered can be reached, unless the way itself is gone (R3.3, R5.5).
    is_silent = event.is_template and turn.case.last_reply_at is None
    if event.why in WAY_IS_GONE or (event.why in HOPELESS and is_silent):
        if turn.case.state is not State.ACTING:
            turn.end(Outcome.UNDELIVERABLE, event.why.value)
    elif event.why is NotSent.STALLED and is_silent:
        purpose = Purpose.REMINDER if turn.case.reminders else Purpose.FAILED_DELIVERY
        at = turn.now + timedelta(seconds=_RESEND_AFTER[0])
        turn.change(stalled=SendTemplate(event.command_id, purpose), resend_at=at)
    elif event.why in PASSING and is_silent:
        tries = turn.case.send_tries + 1
        pause = _RESEND_AFTER[min(tries, len(_RESEND_AFTER)) - 1]
        turn.change(send_tries=tries, stalled=None, resend_at=turn.now + timedelta(seconds=pause))


def _shipment_moved(turn: Turn, move: ShipmentMove) -> None:
    # The order system's own echo of what we asked for is not somebody else's action.
    if move is ShipmentMove.RESOLUTION_SUBMITTED and turn.case.pending is not None:
        return
    turn.end(_BY_MOVE[move], f"the shipment's state is {move.value}")


def _take_by_hand(turn: Turn, event: ActionTaken) -> None:
    if refusal := refusal_of(turn.case, event, turn.now, turn.policy):
        turn.note("action_not_possible", refusal.words, mode=event.mode, person=event.person)
        return
    if event.action is Action.NOT_MY_ORDER:
        turn.end(Outcome.NOT_MY_ORDER, "said by hand", mode=event.mode, person=event.person)
        return
    request = ActionRequest(
        turn.next_id(), event.action, event.mode, event.person, event.on, event.address, event.words
    )
    turn.ask_order_system(request)


def told_if_accepted(case: Case, act: ActionTaken, now: datetime, policy: Policy) -> str:
    """Return what the customer reads once an action by hand is accepted; empty where they are told nothing (R7.11)."""
    turn = Turn(case, now, policy, RULES)
    request = ActionRequest("", act.action, act.mode, on=act.on)
    # Of a number that is somebody else's there is nothing to accept, and nobody to tell.
    is_reached = act.action is not Action.NOT_MY_ORDER and case.window_is_open(now) and not case.opted_out
    return _accepted_words(turn, request) if is_reached and _is_told(turn, request) else ""


def _accepted_words(turn: Turn, request: ActionRequest) -> str:
    day = day_words(request.on, turn.language) if request.on else ""
    return turn.words(f"accepted_{request.action.value}", day=day)


def _is_told(turn: Turn, request: ActionRequest) -> bool:
    """Tell whether the customer hears of an accepted action: it is theirs, or concerns them and it is not quiet."""
    if request.mode is Mode.WHATSAPP:
        return True
    was_asked = REASON_RULES[turn.case.facts.failure.reason].handling is Handling.ASK_CUSTOMER
    if not was_asked and not turn.policy.tell_new_day:
        return False  # R6.12: nobody was asked, so nobody is bothered
    return timing.quiet_until(turn.now, turn.policy) is None


def _action_answered(turn: Turn, event: ActionAnswered) -> None:
    pending = turn.case.pending
    if pending is None or pending.id != event.request_id:
        return
    is_the_customers = pending.mode is Mode.WHATSAPP
    match event.answer:
        case Answer.ACCEPTED:
            turn.change(accepted=pending)
            if _is_told(turn, pending):
                turn.say(SessionMessage(SessionKind.TEXT, _accepted_words(turn, pending)))
            turn.end(
                Outcome.RESOLVED,
                action_words(pending.action, pending.on),
                mode=pending.mode,
                person=pending.person,
            )
        case Answer.UNAVAILABLE | Answer.UNKNOWN:
            pause = _RETRY_AFTER[min(turn.case.tries, len(_RETRY_AFTER)) - 1]
            turn.change(retry_at=turn.now + timedelta(seconds=pause), note=f"order system: {event.detail}")
            if is_the_customers and turn.case.tries >= _TELL_AFTER_TRIES and not turn.case.told:
                turn.change(told=True)
                turn.say_text("in_hand")
        case Answer.NOT_WAITING:
            turn.change(pending=None)
            if is_the_customers:
                turn.say_text("no_longer_waiting")
            turn.end(Outcome.MOVED_ON, event.detail)
        case Answer.REFUSED_DATE | Answer.REFUSED:
            steps.refused(turn, pending, is_date=event.answer is Answer.REFUSED_DATE, detail=event.detail)


_ALARM_WORDS: dict[Callable[[Turn], None], str] = {
    _on_deadline: "the deadline",
    _on_release: "the first message",
    _on_retry: "asking again",
    _on_resend: "sending again",
    _on_nudge: "a nudge",
    _on_reminder: "a reminder",
}
