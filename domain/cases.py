"""One failed delivery as a state machine: `decide` takes a fact and the time and says what to do.

No I/O, no clock, no chance; an event that does not fit changes nothing and is noted. What each step does with the
customer's answer stands in `domain.conversation`, the case itself in `domain.case_state`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from domain import conversation, timing
from domain.case_events import (
    ActionAnswered,
    ActionRequest,
    ActionTaken,
    Answer,
    CloseAsked,
    Command,
    CustomerOptedOut,
    CustomerReplied,
    Event,
    MessageAccepted,
    MessageNotSent,
    MessageUnknown,
    Opened,
    Purpose,
    ResendAsked,
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
    Turn,
    allowed_actions,
    eligible_days,
    open_case,
)
from domain.failures import REASON_RULES, Action, Handling, Mode
from domain.messages import HOPELESS, NotSent
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline, Policy
from domain.wording import action_words, day_words

__all__ = [
    "RULES",
    "Case",
    "CaseFacts",
    "Outcome",
    "Progress",
    "State",
    "allowed_actions",
    "decide",
    "eligible_days",
    "open_case",
    "progress",
    "waits_for",
    "wake_at",
]

RULES = 1
"""Number of the rules that new cases follow; a case keeps the number it began with."""

_RETRY_AFTER = (2, 5, 15, 30, 60, 120, 300, 600, 900)  # seconds; the last one repeats until the deadline
_TELL_AFTER_TRIES = 2  # a hiccup of one call is not worth a message


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
        State.ACTING: "the order system's answer",
    }[case.state]
    _, alarm = min(_alarms(case, policy), key=lambda pair: pair[0])
    return f"{words}; next: {alarm.__name__.removeprefix('_on_').replace('_', ' ')}"


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
            turn.change(delivered_any=True)
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
            turn.end(Outcome.UNDELIVERABLE, "the customer opted out")
        case ActionTaken():
            _take_by_hand(turn, event)
        case ResendAsked():
            turn.note("resend_asked", "asked to send the message again", mode=event.mode, person=event.person)
            turn.change(state=State.WAITING, first_sent_at=turn.case.first_sent_at or turn.now)
            turn.send_template(Purpose.REMINDER)
        case CloseAsked():
            turn.end(Outcome.CLOSED, event.note or "closed by hand", mode=event.mode, person=event.person)


def _open(turn: Turn) -> None:
    case, failure = turn.case, turn.case.facts.failure
    rule = REASON_RULES[failure.reason]
    if rule.handling is Handling.REATTEMPT_AUTOMATICALLY:
        turn.ask_order_system(ActionRequest(turn.next_id(), Action.REATTEMPT, Mode.AUTOMATIC))
    elif rule.handling is Handling.LEAVE_TO_SELLER:
        turn.end(Outcome.HANDED_OVER, f"{rule.words}: nothing for the customer to decide")
    elif turn.now >= case.deadline_at:
        turn.end(Outcome.HANDED_OVER, "the failure was reported after its deadline")
    elif not failure.customer_phone:
        turn.end(Outcome.UNDELIVERABLE, NotSent.NO_PHONE.value)
    else:
        at = timing.release(turn.now, turn.policy, spread_by=case.id)
        if at > turn.now:
            turn.change(release_at=at)
            turn.note("held", "the first message waits for the end of quiet hours")
        else:
            _send_first(turn)


def _send_first(turn: Turn) -> None:
    turn.enter(State.WAITING)
    turn.change(first_sent_at=turn.now)
    turn.send_template(Purpose.FAILED_DELIVERY)


def _alarms(case: Case, policy: Policy) -> list[tuple[datetime, Callable[[Turn], None]]]:
    """Return each time the case waits for, with what is to happen then."""
    alarms: list[tuple[datetime, Callable[[Turn], None]]] = [(case.deadline_at, _on_deadline)]
    if case.state is State.HELD and case.release_at is not None:
        alarms.append((case.release_at, _on_release))
    if case.state is State.ACTING and case.retry_at is not None:
        alarms.append((case.retry_at, _on_retry))
    if case.state in HALF_FINISHED and not case.nudged and case.last_reply_at is not None:
        at = case.last_reply_at + timedelta(minutes=policy.nudge_after)
        alarms.append((timing.release(at, policy, spread_by=case.id), _on_nudge))
    silent = case.state is State.WAITING and case.last_reply_at is None
    if silent and case.first_sent_at is not None and case.reminders < len(policy.reminders_after):
        at = case.first_sent_at + timedelta(minutes=policy.reminders_after[case.reminders])
        alarms.append((timing.release(at, policy, spread_by=case.id), _on_reminder))
    return alarms


def _wake(turn: Turn) -> None:
    """Do the most urgent thing that is due; the deadline goes before all else."""
    due = [alarm for at, alarm in _alarms(turn.case, turn.policy) if at <= turn.now]
    if due:
        due[0](turn)


def _on_deadline(turn: Turn) -> None:
    pending = turn.case.pending if turn.case.state is State.ACTING else None
    if pending is not None:
        turn.end(Outcome.HANDED_OVER, f"{pending.action.value} was asked for and never confirmed")
    elif turn.policy.at_deadline is AtDeadline.REATTEMPT and Action.REATTEMPT in allowed_actions(turn.case):
        # A last hour for the order system's answer; the case ends within it whatever comes (I9).
        turn.change(deadline_at=turn.case.deadline_at + timedelta(minutes=50))
        turn.ask_order_system(ActionRequest(turn.next_id(), Action.REATTEMPT, Mode.AUTOMATIC))
    elif turn.policy.at_deadline is AtDeadline.NOTHING:
        turn.end(Outcome.NO_ANSWER, "nobody answered until the deadline")
    else:
        turn.end(Outcome.HANDED_OVER, "nobody answered until the deadline")


def _on_release(turn: Turn) -> None:
    _send_first(turn)


def _on_reminder(turn: Turn) -> None:
    turn.change(reminders=turn.case.reminders + 1)
    turn.send_template(Purpose.REMINDER)


def _on_nudge(turn: Turn) -> None:
    turn.change(nudged=True)
    conversation.ask_again(turn, "nudge", Purpose.NUDGE)


def _on_retry(turn: Turn) -> None:
    if turn.case.pending is not None:
        turn.change(tries=turn.case.tries + 1, retry_at=None)
        turn.commands.append(TakeAction(turn.case.pending.id, turn.case.pending))


def _message_not_sent(turn: Turn, event: MessageNotSent) -> None:
    if not event.is_template:
        return  # the message's own row says why; an unsent answer never changes the case
    turn.note("message_not_sent", f"{event.why.value}: {event.detail}" if event.detail else event.why.value)
    if event.why in HOPELESS and turn.case.last_reply_at is None and turn.case.state is not State.ACTING:
        turn.end(Outcome.UNDELIVERABLE, event.why.value)


def _shipment_moved(turn: Turn, move: ShipmentMove) -> None:
    # The order system's own echo of what we asked for is not somebody else's action.
    if move is ShipmentMove.RESOLUTION_SUBMITTED and turn.case.pending is not None:
        return
    turn.end(_BY_MOVE[move], f"the shipment's state is {move.value}")


def _take_by_hand(turn: Turn, event: ActionTaken) -> None:
    if event.action not in allowed_actions(turn.case):
        turn.note(
            "action_not_possible",
            f"{event.action.value} is not possible now",
            mode=event.mode,
            person=event.person,
        )
        return
    if event.action is Action.NOT_MY_ORDER:
        turn.end(Outcome.NOT_MY_ORDER, "said by hand", mode=event.mode, person=event.person)
        return
    request = ActionRequest(
        turn.next_id(), event.action, event.mode, event.person, event.on, event.address, event.words
    )
    turn.ask_order_system(request)


def _action_answered(turn: Turn, event: ActionAnswered) -> None:
    pending = turn.case.pending
    if pending is None or pending.id != event.request_id:
        return
    match event.answer:
        case Answer.ACCEPTED:
            turn.change(accepted=pending)
            day = day_words(pending.on) if pending.on else ""
            turn.say_text(f"accepted_{pending.action.value}", day=day)
            turn.end(
                Outcome.RESOLVED,
                action_words(pending.action, pending.on),
                mode=pending.mode,
                person=pending.person,
            )
        case Answer.UNAVAILABLE | Answer.UNKNOWN:
            pause = _RETRY_AFTER[min(turn.case.tries, len(_RETRY_AFTER)) - 1]
            turn.change(retry_at=turn.now + timedelta(seconds=pause), note=f"order system: {event.detail}")
            if turn.case.tries >= _TELL_AFTER_TRIES and not turn.case.told:
                turn.change(told=True)
                turn.say_text("in_hand")
        case Answer.NOT_WAITING:
            turn.change(pending=None)
            turn.say_text("no_longer_waiting")
            turn.end(Outcome.MOVED_ON, event.detail)
        case Answer.REFUSED_DATE | Answer.REFUSED:
            conversation.refused(
                turn, pending, is_date=event.answer is Answer.REFUSED_DATE, detail=event.detail
            )
