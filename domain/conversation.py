"""What each step of a case does with the customer's answer (R6.4, R6.6, R7).

What is tapped is followed. What was typed was read when it came (`domain.understanding`): clear words become a question
with buttons, never an action. All else is unexpected.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from domain.case_events import ActionRequest, Purpose
from domain.case_state import Case, Outcome, State, Turn, allowed_actions, eligible_days
from domain.failures import Action, Mode
from domain.replies import AddressDraft, Evidence, Reply, ReplyKind, clean, says_no, says_yes
from domain.timing import is_at_work
from domain.understanding import Understanding
from domain.wording import (
    FOOTER_MAX,
    Option,
    SessionKind,
    SessionMessage,
    action_option,
    action_words,
    day_words,
    label,
    shorten,
    words_of,
)

OPTIONS = "options"
CONFIRM_CANCEL = "confirm_cancel"
KEEP = "keep"
ADDRESS_YES = "address_yes"
ADDRESS_CHANGE = "address_change"
DISPUTE_SEND = "dispute_send"
_DATE = "date:"
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
_MAX_EVIDENCE = 10
_WORDS_COUNT = 2
"""Number of the rules from which on typed words count, and not taps alone."""


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
        _keep_evidence(turn, reply)
    if case.state is State.HELD:
        is_answered = reply.choice or turn.policy.answer_unexpected
        if not (is_answered and turn.case.window_is_open(turn.now)):
            return  # nothing would be said now: the message that is held back does the asking
        turn.enter(State.WAITING)  # the customer was faster than the end of quiet hours
    if case.state is State.ACTING and case.pending is not None:
        words = action_words(case.pending.action, case.pending.on, case.language)
        if _contradicts(reply, case.pending):
            turn.note("contradiction", f"the customer chose {reply.choice} after {case.pending.action.value}")
        if turn.rules >= _WORDS_COUNT:
            turn.change(spoken=reply.said.language or case.spoken)
        if reply.choice:  # free text is on the activity, and the result is told in a moment
            turn.say_text("already_asked", action=words)
    elif reply.choice:
        _choice(turn, reply.choice)
    elif not _is_understood(turn, reply):
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
    elif state is State.CONFIRMING_CHOICE:
        _make_sure(turn, turn.case.asked)
    elif state is State.GIVING_ADDRESS:
        turn.say(_buttons(turn.words("ask_address"), _back(turn)), purpose)
    else:
        offer(turn, key, purpose)


def offer(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION, **values: str) -> None:
    """Show everything that can be executed now: up to three as buttons, more as a list."""
    reason, language = turn.case.facts.failure.reason, turn.case.language
    options = tuple(action_option(action, reason, language) for action in allowed_actions(turn.case))
    body = turn.words(key, **values)
    if len(options) > _MAX_BUTTONS:
        turn.say(_list(turn, body, "see_options", options), purpose, numbered=True)
    else:
        turn.say(_buttons(body, *options), purpose, numbered=True)


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
                _offer_days(turn, "refused_date", day=day_words(request.on, turn.case.language))
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
        _execute(turn, Action.DISPUTE, evidence=turn.case.evidence)
    elif choice in _ACTIONS and Action(choice) in allowed_actions(turn.case):
        _begin(turn, Action(choice))
    else:
        turn.enter(State.WAITING)
        offer(turn, "not_offered")


def _is_understood(turn: Turn, reply: Reply) -> bool:
    """Answer clear words with a question, and tell whether there were any (R7.1): a silent action is never their effect."""
    said = reply.said
    if turn.rules < _WORDS_COUNT or reply.kind is not ReplyKind.TEXT:
        return False
    if said.language:
        _speak(turn, said.language)
    elif turn.case.state is State.DESCRIBING_DISPUTE:
        return False  # these are the words that were asked for
    elif said.wants_person and not turn.case.person_asked:
        _hand_to_person(turn)
    elif said.number is not None and said.number <= len(turn.case.choices):
        _choice(turn, turn.case.choices[said.number - 1])
    elif said.action is not None:
        _take_for_a_wish(turn, said, reply)
    else:
        return False
    return True


def _speak(turn: Turn, language: str) -> None:
    """Write in the language that the customer asks for (R6.13)."""
    turn.change(spoken=language)
    turn.note("language", f"the customer wants {words_of(language).name}")
    ask_again(turn, "choose_day" if turn.case.state is State.CHOOSING_DATE else "language_changed")


def _hand_to_person(turn: Turn) -> None:
    """Put a wish to speak with a person before the seller, and say when the team is there (R7.6)."""
    turn.change(person_asked=True)
    turn.note("handed_to_seller", "the customer asks for a person")
    if turn.policy.answer_unexpected:
        turn.enter(State.WAITING)
        offer(turn, _team_key(turn))


def _team_key(turn: Turn) -> str:
    return "team_will_contact" if is_at_work(turn.now, turn.policy) else "out_of_hours"


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
        _make_sure(turn, action.value)
    elif action is Action.RESCHEDULE and on is not None:
        if on in eligible_days(turn.case, turn.now, turn.policy):
            _make_sure(turn, f"{_DATE}{on.isoformat()}")
        else:
            _choose_day(turn, on.isoformat())  # not possible: it offers those that are
    else:
        if action is Action.DISPUTE:
            _keep_evidence(turn, reply)
        _begin(turn, action)


def _make_sure(turn: Turn, choice: str) -> None:
    """Ask whether a choice is meant that was read from words."""
    turn.enter(State.CONFIRMING_CHOICE)
    turn.change(asked=choice)
    language = turn.case.language
    if choice == Action.NOT_MY_ORDER:
        body, yes = turn.words("confirm_not_mine"), label("not_mine", language)
    elif choice.startswith(_DATE):
        day = day_words(date.fromisoformat(choice.removeprefix(_DATE)), language)
        body, yes = turn.words("confirm_day", day=day), label("yes_day", language, day=day)
    else:
        body, yes = turn.words("confirm_reattempt"), label("yes_again", language)
    others = [_back(turn)]
    if choice != Action.NOT_MY_ORDER and Action.RESCHEDULE in allowed_actions(turn.case):
        others.insert(0, Option(Action.RESCHEDULE.value, label("other_day", language)))
    turn.say(_buttons(body, Option(choice, yes), *others), Purpose.QUESTION)


def _keep_evidence(turn: Turn, reply: Reply) -> None:
    """Keep what may show what the courier did, for the case that the customer disputes it (R6.4)."""
    kept = Evidence(reply.id, reply.at, reply.media_kind or "text", clean(reply.text))
    turn.change(evidence=(*turn.case.evidence, kept)[:_MAX_EVIDENCE])


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
    evidence: tuple[Evidence, ...] = (),
) -> None:
    words = tuple(line for kept in evidence for line in kept.lines())
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


def _offer_days(turn: Turn, key: str, *, purpose: Purpose = Purpose.QUESTION, **values: str) -> None:
    days = eligible_days(turn.case, turn.now, turn.policy)
    if not days:
        turn.change(withdrawn=(*turn.case.withdrawn, Action.RESCHEDULE))
        turn.enter(State.WAITING)
        offer(turn, "not_offered")
        return
    language = turn.case.language
    options = tuple(Option(f"{_DATE}{day.isoformat()}", day_words(day, language)) for day in days)
    turn.say(_list(turn, turn.words(key, **values), "pick_day", options), purpose, numbered=True)


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
        _offer_days(turn, "refused_date", day=day_words(on, turn.case.language))


def _ask_cancel(turn: Turn) -> None:
    turn.enter(State.CONFIRMING_CANCEL)
    language = turn.case.language
    yes = Option(CONFIRM_CANCEL, label("yes_cancel", language))
    no = Option(KEEP, label("no_keep", language))
    turn.say(_buttons(turn.words("confirm_cancel"), yes, no), Purpose.QUESTION)


def _ask_words(turn: Turn) -> None:
    turn.enter(State.DESCRIBING_DISPUTE)
    send = Option(DISPUTE_SEND, label("send", turn.case.language))
    turn.say(_buttons(turn.words("ask_words"), send, _back(turn)), Purpose.QUESTION)


def _ask_address(turn: Turn) -> None:
    turn.enter(State.GIVING_ADDRESS)
    turn.change(draft=AddressDraft())
    failure = turn.case.facts.failure
    body = turn.words("ask_address")
    if not turn.case.facts.address_form:
        turn.say(_buttons(body, _back(turn)), Purpose.QUESTION)
        return
    language = turn.case.language
    prefill = (
        ("name", failure.customer_name),
        ("phone", failure.customer_phone),
        ("pincode", failure.address.pincode),
        ("city", failure.address.city),
    )
    form = SessionMessage(
        SessionKind.ADDRESS_FORM,
        body,
        header=label("form_title", language),
        footer=shorten(label("form_footer", language, order_id=failure.order_id), FOOTER_MAX),
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
        turn.say(_buttons(turn.words("address_other_pincode"), _back(turn)), Purpose.QUESTION)
    elif not draft.is_complete():
        turn.enter(State.GIVING_ADDRESS)
        turn.say(_buttons(turn.words("address_short"), _back(turn)), Purpose.QUESTION)
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
    language = turn.case.language
    yes = Option(ADDRESS_YES, label("yes_right", language))
    change = Option(ADDRESS_CHANGE, label("change", language))
    turn.say(_buttons(body, yes, change), Purpose.QUESTION)


def address_words(case: Case) -> str:
    """Return the drafted address as the customer reads it back, pincode checked against the order's."""
    draft, language = case.draft, case.language
    parts = [draft.text] if draft.text else []
    if draft.pincode and draft.pincode not in draft.text:
        parts.append(label("pincode", language, pincode=draft.pincode))
    if draft.landmark:
        parts.append(label("landmark", language, landmark=draft.landmark))
    if draft.pin:
        parts.append(label("pin", language))
    if draft.phone:
        parts.append(label("phone", language, phone=draft.phone))
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


def _confirm_choice(turn: Turn, reply: Reply) -> None:
    if reply.kind is ReplyKind.TEXT and says_yes(reply.text):
        _choice(turn, turn.case.asked)
    elif reply.kind is ReplyKind.TEXT and says_no(reply.text):
        _choice(turn, OPTIONS)
    else:
        _unexpected(turn)


def _describe(turn: Turn, reply: Reply) -> None:
    """Take the customer's words as evidence and ask for a new attempt (R6.4)."""
    if reply.kind is ReplyKind.TEXT and clean(reply.text):
        _keep_evidence(turn, reply)
    elif reply.kind is not ReplyKind.MEDIA:  # which is kept already
        _unexpected(turn)
        return
    _execute(turn, Action.DISPUTE, evidence=turn.case.evidence)


def _unexpected(turn: Turn, _reply: Reply | None = None) -> None:
    """Answer what could not be read with the choices again (R7.1); the third in a row goes to people (R7.7)."""
    count = turn.case.unexpected + 1
    turn.change(unexpected=count)
    if count == _UNEXPECTED_LIMIT:
        turn.note("handed_to_seller", "three unexpected answers in a row")
        if turn.rules >= _WORDS_COUNT:
            turn.enter(State.WAITING)  # an "ok" to what is said now confirms nothing that was asked before
    if not turn.policy.answer_unexpected or count > _UNEXPECTED_LIMIT:
        return  # counted and on the order's activity; a flood is not answered
    if count < _UNEXPECTED_LIMIT:
        ask_again(turn, "please_choose")
    else:
        offer(turn, _team_key(turn))


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
        words = action_words(accepted.action, accepted.on, turn.case.language)
        turn.say_text("already", action=words, command_id=command_id)


def _contradicts(reply: Reply, request: ActionRequest) -> bool:
    """Tell whether a later tap asks for the opposite (R6.6)."""
    if reply.choice == Action.NOT_MY_ORDER:
        return True
    if request.action is Action.CANCEL:
        return reply.choice in _WANTS_IT or reply.choice.startswith(_DATE)
    return reply.choice in (Action.CANCEL, CONFIRM_CANCEL)


def _buttons(body: str, *options: Option) -> SessionMessage:
    return SessionMessage(SessionKind.BUTTONS, body, options=options)


def _list(turn: Turn, body: str, button: str, options: tuple[Option, ...]) -> SessionMessage:
    language = turn.case.language
    return SessionMessage(
        SessionKind.LIST,
        body,
        header=label("list_title", language),
        button=label(button, language),
        options=options,
    )


def _back(turn: Turn) -> Option:
    return Option(OPTIONS, label("back", turn.case.language))


_STEPS: dict[State, Callable[[Turn, Reply], None]] = {
    State.WAITING: _unexpected,
    State.CHOOSING_DATE: _unexpected,
    State.GIVING_ADDRESS: _take_address,
    State.CONFIRMING_ADDRESS: _confirm_address,
    State.CONFIRMING_CANCEL: _confirm_cancel,
    State.DESCRIBING_DISPUTE: _describe,
    State.CONFIRMING_CHOICE: _confirm_choice,
}
