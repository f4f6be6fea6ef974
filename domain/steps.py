"""What following a choice does: an action begins, a question is put, an address grows (R6.4, R6.5, R6.6)."""

from dataclasses import replace
from datetime import date

from domain.case_events import ActionRequest, Purpose
from domain.case_state import (
    WORDS_COUNT,
    Case,
    Outcome,
    State,
    Turn,
    allowed_actions,
    eligible_days,
    is_nothing_left,
)
from domain.failures import Action, Mode
from domain.questions import (
    ADDRESS_CHANGE,
    ADDRESS_YES,
    CONFIRM_CANCEL,
    DATE,
    DISPUTE_SEND,
    KEEP,
    OPTIONS,
    ask_address,
    ask_again,
    ask_cancel,
    ask_words,
    back,
    buttons,
    offer,
    offer_days,
    show_address,
)
from domain.replies import AddressDraft, Evidence, Reply, ReplyKind, clean
from domain.timing import is_at_work
from domain.wording import day_words

_ACTIONS = frozenset(action.value for action in Action)
_UNEXPECTED_LIMIT = 3
_MAX_DISPUTE_LINES = 10
_MAX_EVIDENCE = 10


def follow(turn: Turn, choice: str) -> None:
    """Follow a tapped choice; taps of earlier questions stay valid while they make sense."""
    turn.change(unexpected=0)
    state, allowed = turn.case.state, allowed_actions(turn.case)
    if choice in (OPTIONS, KEEP):
        turn.enter(State.WAITING)
        offer(turn, "kept" if choice == KEEP and state is State.CONFIRMING_CANCEL else "options")
    elif choice.startswith(DATE):
        choose_day(turn, choice.removeprefix(DATE))
    elif choice == CONFIRM_CANCEL and Action.CANCEL in allowed:
        execute(turn, Action.CANCEL)
    elif choice == ADDRESS_YES and (state is State.CONFIRMING_ADDRESS or _is_shown_back(turn)):
        execute(turn, Action.UPDATE_ADDRESS, address=turn.case.draft)
    elif choice == ADDRESS_YES and state is State.GIVING_ADDRESS:
        ask_again(turn, "ask_address")  # the address it confirmed was given up
    elif choice == ADDRESS_CHANGE and Action.UPDATE_ADDRESS in allowed:
        ask_address(turn)
    elif choice == DISPUTE_SEND and state is State.DESCRIBING_DISPUTE:
        execute(turn, Action.DISPUTE, evidence=turn.case.evidence)
    elif choice in _ACTIONS and Action(choice) in allowed:
        begin(turn, Action(choice))
    else:
        turn.enter(State.WAITING)
        offer(turn, "not_offered")


def _is_shown_back(turn: Turn) -> bool:
    """Tell whether a complete address was shown back and something else was spoken of since: its yes still counts."""
    is_possible = Action.UPDATE_ADDRESS in allowed_actions(turn.case)
    return turn.rules >= WORDS_COUNT and is_possible and turn.case.draft.is_complete()


def begin(turn: Turn, action: Action) -> None:
    """Start what an action needs before it can be executed (R6.4)."""
    match action:
        case Action.REATTEMPT:
            execute(turn, action)
        case Action.RESCHEDULE:
            _ask_day(turn, "choose_day")
        case Action.UPDATE_ADDRESS:
            ask_address(turn)
        case Action.CANCEL:
            ask_cancel(turn)
        case Action.DISPUTE:
            ask_words(turn)
        case Action.NOT_MY_ORDER:
            turn.say_text("not_my_order")
            turn.end(Outcome.NOT_MY_ORDER, "the customer does not know this order", mode=Mode.WHATSAPP)


def execute(
    turn: Turn,
    action: Action,
    *,
    on: date | None = None,
    address: AddressDraft | None = None,
    evidence: tuple[Evidence, ...] = (),
) -> None:
    """Have the order system asked for what the customer chose; for a dispute with what was said and sent."""
    # What was typed says more than what was sent along, and the order system takes so many lines.
    by_weight = sorted(evidence, key=lambda kept: kept.kind != "text")
    words = tuple(line for kept in by_weight for line in kept.lines())
    request = ActionRequest(
        turn.next_id(),
        action,
        Mode.WHATSAPP,
        on=on,
        address=address or AddressDraft(),
        words=words[:_MAX_DISPUTE_LINES],
        evidence=evidence,
    )
    turn.ask_order_system(request)


def _ask_day(turn: Turn, key: str, **values: str) -> None:
    """Ask for a day."""
    turn.enter(State.CHOOSING_DATE)
    offer_days(turn, key, Purpose.QUESTION, **values)


def choose_day(turn: Turn, text: str) -> None:
    """Take a day, written as ISO; where it is not possible, those that are are shown."""
    try:
        on = date.fromisoformat(text)
    except ValueError:
        on = None
    if on is None or Action.RESCHEDULE not in allowed_actions(turn.case):
        turn.enter(State.WAITING)
        offer(turn, "not_offered")
    elif on in eligible_days(turn.case, turn.now, turn.policy):
        execute(turn, Action.RESCHEDULE, on=on)
    else:  # a list from yesterday is still on the customer's screen
        _ask_day(turn, "refused_date", day=day_words(on, turn.language))


def take_address(turn: Turn, reply: Reply) -> None:
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
            unexpected(turn)
            return
    if not turn.case.facts.capabilities.contact_phone:
        draft = replace(draft, phone="")  # never shown back as if it could be passed on
    turn.change(draft=draft, unexpected=0)
    order_pincode = turn.case.facts.failure.address.pincode
    if is_other_pincode(turn.case, draft):
        turn.enter(State.GIVING_ADDRESS)
        turn.change(draft=AddressDraft())
        turn.say(buttons(turn.words("address_other_pincode"), back(turn)), Purpose.QUESTION)
    elif not draft.is_complete():
        turn.enter(State.GIVING_ADDRESS)
        turn.say(buttons(turn.words("address_short"), back(turn)), Purpose.QUESTION)
    else:
        turn.change(draft=replace(draft, pincode=draft.pincode or order_pincode))
        show_address(turn)


def is_other_pincode(case: Case, draft: AddressDraft) -> bool:
    """Tell whether an address names a pincode that the carrier would not bring this order to."""
    ordered = case.facts.failure.address.pincode
    same_needed = case.facts.capabilities.needs_same_pincode and bool(ordered)
    return same_needed and draft.pincode not in ("", ordered)


def keep_evidence(turn: Turn, reply: Reply) -> None:
    """Keep what may show what the courier did, for the case that the customer disputes it (R6.4)."""
    kept = Evidence(reply.id, reply.at, reply.media_kind or "text", clean(reply.text))
    turn.change(evidence=(*turn.case.evidence, kept)[-_MAX_EVIDENCE:])


def unexpected(turn: Turn, _reply: Reply | None = None) -> None:
    """Answer what could not be read with the choices again (R7.1); the third in a row goes to people (R7.7)."""
    count = turn.case.unexpected + 1
    turn.change(unexpected=count)
    if count == _UNEXPECTED_LIMIT:
        turn.note("handed_to_seller", "three unexpected answers in a row")
        if turn.rules >= WORDS_COUNT:
            turn.enter(State.WAITING)  # an "ok" to what is said now confirms nothing that was asked before
    if not turn.policy.answer_unexpected or count > _UNEXPECTED_LIMIT:
        return  # counted and on the order's activity; a flood is not answered
    if count < _UNEXPECTED_LIMIT:
        ask_again(turn, "please_choose")
    else:
        offer(turn, team_key(turn))


def team_key(turn: Turn) -> str:
    """Return the text that says that a person will see to it, by the hours of the team (R7.6)."""
    return "team_will_contact" if is_at_work(turn.now, turn.policy) else "out_of_hours"


def refused(turn: Turn, request: ActionRequest, *, is_date: bool, detail: str) -> None:
    """Tell of a refusal and offer what is still possible (R6.5)."""
    is_the_customers = request.mode is Mode.WHATSAPP
    turn.change(pending=None, retry_at=None)
    # A refused action by hand may stand before the first message, which is then still held back.
    is_held = turn.case.release_at is not None and turn.case.first_sent_at is None and not is_the_customers
    turn.enter(State.HELD if is_held else State.WAITING)
    turn.note("action_refused", f"{request.action.value}: {detail}", mode=request.mode, person=request.person)
    if turn.case.opted_out:  # what is still possible cannot be offered
        turn.end(Outcome.HANDED_OVER, f"{request.action.value} was refused, and the customer opted out")
        return
    if is_date and request.on is not None:
        turn.change(refused_days=(*turn.case.refused_days, request.on))
        if eligible_days(turn.case, turn.now, turn.policy):
            if is_the_customers:
                turn.enter(State.CHOOSING_DATE)
                offer_days(turn, "refused_date", day=day_words(request.on, turn.language))
            return
    turn.change(withdrawn=(*turn.case.withdrawn, request.action))
    is_last = is_nothing_left(turn.case)
    if is_the_customers:
        if is_last:
            turn.say_text("refused_last")
        else:
            offer(turn, "refused")
    if is_last or request.mode is Mode.AUTOMATIC:  # an automatic step that failed: a person must look
        turn.end(Outcome.HANDED_OVER, f"{request.action.value} was refused: {detail}")
