"""What each step of a case does with the customer's answer (R6.4, R6.6, R7)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from domain.case_events import ActionRequest, Purpose
from domain.case_state import Case, Outcome, State, Turn, allowed_actions, eligible_days
from domain.failures import Action, Mode
from domain.replies import AddressDraft, Reply, ReplyKind, clean, says_no, says_yes
from domain.wording import (
    FOOTER_MAX,
    Option,
    SessionKind,
    SessionMessage,
    action_option,
    action_words,
    day_words,
    shorten,
)

OPTIONS = "options"
CONFIRM_CANCEL = "confirm_cancel"
KEEP = "keep"
ADDRESS_YES = "address_yes"
ADDRESS_CHANGE = "address_change"
DISPUTE_SEND = "dispute_send"
_DATE = "date:"
_LIST_TITLE = "Your delivery"
_ACTIONS = frozenset(action.value for action in Action)
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

_MAX_BUTTONS = 3
_UNEXPECTED_LIMIT = 3
_MAX_DISPUTE_LINES = 10


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
    if case.state is State.HELD:
        is_answered = reply.choice or turn.policy.answer_unexpected
        if not (is_answered and turn.case.window_is_open(turn.now)):
            return  # nothing would be said now: the message that is held back does the asking
        turn.enter(State.WAITING)  # the customer was faster than the end of quiet hours
    if case.state is State.ACTING and case.pending is not None:
        words = action_words(case.pending.action, case.pending.on)
        if _contradicts(reply, case.pending):
            turn.note("contradiction", f"the customer chose {reply.choice} after {case.pending.action.value}")
        if reply.choice:  # free text is on the activity, and the result is told in a moment
            turn.say_text("already_asked", action=words)
    elif reply.choice:
        _choice(turn, reply.choice)
    else:
        _STEPS[turn.case.state](turn, reply)


def ask_again(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION) -> None:
    """Put the question of the present step again, under the given words."""
    state = turn.case.state
    if state is State.CHOOSING_DATE:
        _offer_days(turn, key, purpose=purpose)
    elif state is State.CONFIRMING_ADDRESS:
        _show_address(turn)
    elif state is State.CONFIRMING_CANCEL:
        _ask_cancel(turn)
    elif state is State.DESCRIBING_DISPUTE:
        _ask_words(turn)
    elif state is State.GIVING_ADDRESS:
        turn.say(_buttons(turn.words("ask_address"), _back()), purpose)
    else:
        offer(turn, key, purpose)


def offer(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION) -> None:
    """Show everything that can be executed now: up to three as buttons, more as a list."""
    reason = turn.case.facts.failure.reason
    options = tuple(action_option(action, reason) for action in allowed_actions(turn.case))
    body = turn.words(key)
    if len(options) > _MAX_BUTTONS:
        turn.say(
            SessionMessage(
                SessionKind.LIST, body, header=_LIST_TITLE, button="See all options", options=options
            ),
            purpose,
        )
    else:
        turn.say(_buttons(body, *options), purpose)


def refused(turn: Turn, request: ActionRequest, *, is_date: bool, detail: str) -> None:
    """Tell of a refusal and offer what is still possible (R6.5)."""
    is_the_customers = request.mode is Mode.WHATSAPP
    turn.change(pending=None, retry_at=None)
    # A refused action by hand may stand before the first message, which is then still held back.
    is_held = turn.case.release_at is not None and turn.case.first_sent_at is None and not is_the_customers
    turn.enter(State.HELD if is_held else State.WAITING)
    turn.note("action_refused", f"{request.action.value}: {detail}", mode=request.mode, person=request.person)
    if is_date and request.on is not None:
        turn.change(refused_days=(*turn.case.refused_days, request.on))
        if eligible_days(turn.case, turn.now, turn.policy):
            if is_the_customers:
                turn.enter(State.CHOOSING_DATE)
                _offer_days(turn, "refused_date", day=day_words(request.on))
            return
    turn.change(withdrawn=(*turn.case.withdrawn, request.action))
    is_last = not set(allowed_actions(turn.case)) - {Action.NOT_MY_ORDER}
    if is_the_customers:
        if is_last:
            turn.say_text("refused_last")
        else:
            offer(turn, "refused")
    if is_last or request.mode is Mode.AUTOMATIC:  # an automatic step that failed: a person must look
        turn.end(Outcome.HANDED_OVER, f"{request.action.value} was refused: {detail}")


def _choice(turn: Turn, choice: str) -> None:
    """Follow a tapped choice; taps of earlier questions stay valid while they make sense."""
    turn.change(unexpected=0)
    state = turn.case.state
    if choice in (OPTIONS, KEEP):
        turn.enter(State.WAITING)
        offer(turn, "kept" if choice == KEEP and state is State.CONFIRMING_CANCEL else "options")
    elif choice.startswith(_DATE):
        _choose_day(turn, choice.removeprefix(_DATE))
    elif choice == CONFIRM_CANCEL and Action.CANCEL in allowed_actions(turn.case):
        _execute(turn, Action.CANCEL)
    elif choice == ADDRESS_YES and state is State.CONFIRMING_ADDRESS:
        _execute(turn, Action.UPDATE_ADDRESS, address=turn.case.draft)
    elif choice == ADDRESS_YES and state is State.GIVING_ADDRESS:
        ask_again(turn, "ask_address")  # the address it confirmed was given up
    elif choice == ADDRESS_CHANGE and Action.UPDATE_ADDRESS in allowed_actions(turn.case):
        _ask_address(turn)
    elif choice == DISPUTE_SEND and state is State.DESCRIBING_DISPUTE:
        _execute(turn, Action.DISPUTE)
    elif choice in _ACTIONS and Action(choice) in allowed_actions(turn.case):
        _begin(turn, Action(choice))
    else:
        turn.enter(State.WAITING)
        offer(turn, "not_offered")


def _begin(turn: Turn, action: Action) -> None:
    """Start what an action needs before it can be executed (R6.4)."""
    match action:
        case Action.REATTEMPT:
            _execute(turn, action)
        case Action.RESCHEDULE:
            turn.enter(State.CHOOSING_DATE)
            _offer_days(turn, "choose_day")
        case Action.UPDATE_ADDRESS:
            _ask_address(turn)
        case Action.CANCEL:
            _ask_cancel(turn)
        case Action.DISPUTE:
            _ask_words(turn)
        case Action.NOT_MY_ORDER:
            turn.say_text("not_my_order")
            turn.end(Outcome.NOT_MY_ORDER, "the customer does not know this order", mode=Mode.WHATSAPP)


def _execute(
    turn: Turn,
    action: Action,
    *,
    on: date | None = None,
    address: AddressDraft | None = None,
    words: tuple[str, ...] = (),
) -> None:
    turn.ask_order_system(
        ActionRequest(
            turn.next_id(), action, Mode.WHATSAPP, on=on, address=address or AddressDraft(), words=words
        )
    )


def _offer_days(turn: Turn, key: str, *, purpose: Purpose = Purpose.QUESTION, **values: str) -> None:
    days = eligible_days(turn.case, turn.now, turn.policy)
    if not days:
        turn.change(withdrawn=(*turn.case.withdrawn, Action.RESCHEDULE))
        turn.enter(State.WAITING)
        offer(turn, "not_offered")
        return
    options = tuple(Option(f"{_DATE}{day.isoformat()}", day_words(day)) for day in days)
    body = turn.words(key, **values)
    turn.say(
        SessionMessage(SessionKind.LIST, body, header=_LIST_TITLE, button="Choose a day", options=options),
        purpose,
    )


def _choose_day(turn: Turn, text: str) -> None:
    try:
        on = date.fromisoformat(text)
    except ValueError:
        on = None
    if on is None or Action.RESCHEDULE not in allowed_actions(turn.case):
        turn.enter(State.WAITING)
        offer(turn, "not_offered")
    elif on in eligible_days(turn.case, turn.now, turn.policy):
        _execute(turn, Action.RESCHEDULE, on=on)
    else:  # a list from yesterday is still on the customer's screen
        turn.enter(State.CHOOSING_DATE)
        _offer_days(turn, "refused_date", day=day_words(on))


def _ask_cancel(turn: Turn) -> None:
    turn.enter(State.CONFIRMING_CANCEL)
    yes, no = Option(CONFIRM_CANCEL, "Yes, cancel it"), Option(KEEP, "No, keep it")
    turn.say(_buttons(turn.words("confirm_cancel"), yes, no), Purpose.QUESTION)


def _ask_words(turn: Turn) -> None:
    turn.enter(State.DESCRIBING_DISPUTE)
    turn.say(_buttons(turn.words("ask_words"), Option(DISPUTE_SEND, "Send"), _back()), Purpose.QUESTION)


def _ask_address(turn: Turn) -> None:
    turn.enter(State.GIVING_ADDRESS)
    turn.change(draft=AddressDraft())
    failure = turn.case.facts.failure
    body = turn.words("ask_address")
    if not turn.case.facts.address_form:
        turn.say(_buttons(body, _back()), Purpose.QUESTION)
        return
    prefill = (
        ("name", failure.customer_name),
        ("phone", failure.customer_phone),
        ("pincode", failure.address.pincode),
        ("city", failure.address.city),
    )
    form = SessionMessage(
        SessionKind.ADDRESS_FORM,
        body,
        header="Delivery address",
        footer=shorten(f"Order {failure.order_id}", FOOTER_MAX),
        prefill=prefill,
    )
    turn.say(form, Purpose.QUESTION)


def _take_address(turn: Turn, reply: Reply) -> None:
    """Add what the customer sent to the draft, check the pincode, show it back (R6.4)."""
    draft = turn.case.draft
    match reply.kind:
        case ReplyKind.TEXT:
            draft = draft.with_text(reply.text)
        case ReplyKind.ADDRESS:
            # A pin and a landmark sent before the form stay, where the form says nothing of them.
            landmark = reply.address.landmark or draft.landmark
            phone = reply.address.phone or draft.phone
            draft = replace(reply.address, pin=draft.pin, landmark=landmark, phone=phone).tidied()
        case ReplyKind.LOCATION:
            pin = f"{reply.latitude:.6f},{reply.longitude:.6f}"
            draft = replace(draft, pin=pin, landmark=draft.landmark or reply.place).tidied()
        case _:
            _unexpected(turn)
            return
    if not turn.case.facts.capabilities.contact_phone:
        draft = replace(draft, phone="")  # never shown back as if it could be passed on
    turn.change(draft=draft, unexpected=0)
    order_pincode = turn.case.facts.failure.address.pincode
    if is_other_pincode(turn.case, draft):
        turn.enter(State.GIVING_ADDRESS)
        turn.change(draft=AddressDraft())
        turn.say(_buttons(turn.words("address_other_pincode"), _back()), Purpose.QUESTION)
    elif not draft.is_complete():
        turn.enter(State.GIVING_ADDRESS)
        turn.say(_buttons(turn.words("address_short"), _back()), Purpose.QUESTION)
    else:
        turn.change(draft=replace(draft, pincode=draft.pincode or order_pincode))
        _show_address(turn)


def is_other_pincode(case: Case, draft: AddressDraft) -> bool:
    """Tell whether an address names a pincode that the carrier would not bring this order to."""
    ordered = case.facts.failure.address.pincode
    same_needed = case.facts.capabilities.needs_same_pincode and bool(ordered)
    return same_needed and draft.pincode not in ("", ordered)


def _show_address(turn: Turn) -> None:
    turn.enter(State.CONFIRMING_ADDRESS)
    body = turn.words("confirm_address", address=address_words(turn.case))
    yes, change = Option(ADDRESS_YES, "Yes, this is right"), Option(ADDRESS_CHANGE, "Change it")
    turn.say(_buttons(body, yes, change), Purpose.QUESTION)


def address_words(case: Case) -> str:
    """Return the drafted address as the customer reads it back, pincode checked against the order's."""
    draft = case.draft
    parts = [draft.text] if draft.text else []
    if draft.pincode and draft.pincode not in draft.text:
        parts.append(f"Pincode {draft.pincode}")
    if draft.landmark:
        parts.append(f"Landmark: {draft.landmark}")
    if draft.pin:
        parts.append("Location pin received")
    if draft.phone:
        parts.append(f"Contact number: {draft.phone}")
    return "\n".join(parts)


def _confirm_address(turn: Turn, reply: Reply) -> None:
    if reply.kind is ReplyKind.TEXT and says_yes(reply.text):
        _choice(turn, ADDRESS_YES)
    elif reply.kind is ReplyKind.TEXT and says_no(reply.text):
        _choice(turn, ADDRESS_CHANGE)
    else:
        _take_address(turn, reply)  # people send an address in several messages


def _confirm_cancel(turn: Turn, reply: Reply) -> None:
    if reply.kind is ReplyKind.TEXT and says_yes(reply.text):
        _choice(turn, CONFIRM_CANCEL)
    elif reply.kind is ReplyKind.TEXT and says_no(reply.text):
        _choice(turn, KEEP)
    else:
        _unexpected(turn)


def _describe(turn: Turn, reply: Reply) -> None:
    """Take the customer's words as evidence and ask for a new attempt (R6.4)."""
    words = tuple(line for line in clean(reply.text).split("\n") if line)
    if reply.kind is ReplyKind.MEDIA:
        words = (f"(the customer sent {reply.media_kind}: message {reply.id})", *words)
    if reply.kind in (ReplyKind.TEXT, ReplyKind.MEDIA) and words:
        _execute(turn, Action.DISPUTE, words=words[:_MAX_DISPUTE_LINES])
    else:
        _unexpected(turn)


def _unexpected(turn: Turn, _reply: Reply | None = None) -> None:
    """Answer what could not be read with the choices again (R7.1); the third in a row goes to people (R7.7)."""
    count = turn.case.unexpected + 1
    turn.change(unexpected=count)
    if count == _UNEXPECTED_LIMIT:
        turn.note("handed_to_seller", "three unexpected answers in a row")
    if not turn.policy.answer_unexpected or count > _UNEXPECTED_LIMIT:
        return  # counted and on the order's activity; a flood is not answered
    if count < _UNEXPECTED_LIMIT:
        ask_again(turn, "please_choose")
    else:
        offer(turn, "team_will_contact")


def _after_end(turn: Turn, reply: Reply) -> None:
    """Answer what comes after the end (R6.6, R6.9, R7.2, R7.3, R7.8): every tap, and free text once."""
    if reply.kind is ReplyKind.REACTION or turn.case.outcome is Outcome.NOT_MY_ORDER:
        return  # the one opens no window, the other was promised silence
    last = turn.case.last_reply_at
    turn.change(last_reply_at=reply.at if last is None else max(reply.at, last))
    # Ids outside the counter: the run may be over, and the same answer must not be sent twice.
    command_id = f"{turn.case.id}/late/{reply.id}" if reply.choice else f"{turn.case.id}/late"
    is_answered = reply.choice or turn.policy.answer_unexpected
    accepted = turn.case.accepted
    if accepted is None:
        if is_answered:
            turn.say_text("no_longer_waiting", command_id=command_id)
        return
    if _contradicts(reply, accepted):
        turn.note(
            "contradiction",
            f"the customer chose {reply.choice} after {accepted.action.value} was accepted",
            command_id=f"{command_id}/contradiction",
        )
    if is_answered:
        turn.say_text("already", action=action_words(accepted.action, accepted.on), command_id=command_id)


def _contradicts(reply: Reply, request: ActionRequest) -> bool:
    """Tell whether a later tap asks for the opposite (R6.6)."""
    if reply.choice == Action.NOT_MY_ORDER:
        return True
    if request.action is Action.CANCEL:
        return reply.choice in _WANTS_IT or reply.choice.startswith(_DATE)
    return reply.choice in (Action.CANCEL, CONFIRM_CANCEL)


def _buttons(body: str, *options: Option) -> SessionMessage:
    return SessionMessage(SessionKind.BUTTONS, body, options=options)


def _back() -> Option:
    return Option(OPTIONS, "Something else")


_STEPS: dict[State, Callable[[Turn, Reply], None]] = {
    State.WAITING: _unexpected,
    State.CHOOSING_DATE: _unexpected,
    State.GIVING_ADDRESS: _take_address,
    State.CONFIRMING_ADDRESS: _confirm_address,
    State.CONFIRMING_CANCEL: _confirm_cancel,
    State.DESCRIBING_DISPUTE: _describe,
}
