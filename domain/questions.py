"""What a case asks its customer, and in what form: choices, days, an address, a yes or no. It puts questions, it follows none."""

from datetime import date

from domain.case_events import Purpose
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
from domain.failures import Action
from domain.replies import AddressDraft
from domain.wording import (
    FOOTER_MAX,
    Option,
    SessionKind,
    SessionMessage,
    action_option,
    action_words,
    day_words,
    label,
    reason_words,
    shorten,
)

# What can be tapped, beside the actions themselves.
OPTIONS = "options"
CONFIRM_CANCEL = "confirm_cancel"
KEEP = "keep"
ADDRESS_YES = "address_yes"
ADDRESS_CHANGE = "address_change"
DISPUTE_SEND = "dispute_send"
DATE = "date:"

_MAX_BUTTONS = 3


def tell_last(turn: Turn) -> None:
    """Say that nothing is possible any more, and leave the case to people."""
    back = turn.case.facts.taken_back
    was = (
        f"{back.action.value} was accepted and not done"
        if back is not None
        else "no day is possible any more"
    )
    turn.say_text("refused_last")
    turn.end(Outcome.HANDED_OVER, f"{was}, and nothing else is possible")


def tell_news(turn: Turn) -> None:
    """Say by a session message what has happened, and offer what can be done: where the conversation is open already."""
    back = turn.case.facts.taken_back
    if back is not None and is_nothing_left(turn.case):
        tell_last(turn)
    elif back is not None:
        offer(turn, "refused_later", action=action_words(back.action, back.on, turn.language))
    else:
        offer(turn, "failed", reason=reason_words(turn.case.facts.failure.reason, turn.language))


def ask_again(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION) -> None:
    """Put the question of the present step again, under the given words."""
    state = turn.case.state
    if state is State.CHOOSING_DATE:
        offer_days(turn, key, purpose)
    elif state is State.CONFIRMING_ADDRESS:
        show_address(turn)
    elif state is State.CONFIRMING_CANCEL:
        ask_cancel(turn)
    elif state is State.DESCRIBING_DISPUTE:
        ask_words(turn)
    elif state is State.CONFIRMING_CHOICE:
        make_sure(turn, turn.case.asked)
    elif state is State.GIVING_ADDRESS:
        turn.say(buttons(turn.words("ask_address"), back(turn)), purpose)
    else:
        offer(turn, key, purpose)


def offer(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION, **values: str) -> None:
    """Show everything that can be executed now: up to three as buttons, more as a list."""
    reason = turn.case.facts.failure.reason
    options = tuple(action_option(action, reason, turn.language) for action in allowed_actions(turn.case))
    body = turn.words(key, **values)
    if not options:
        turn.say(SessionMessage(SessionKind.TEXT, body), purpose)
    elif len(options) > _MAX_BUTTONS:
        turn.say(_list(turn, body, "see_options", options), purpose, numbered=True)
    else:
        turn.say(buttons(body, *options), purpose, numbered=True)


def offer_days(turn: Turn, key: str, purpose: Purpose = Purpose.QUESTION, **values: str) -> None:
    """Show the days that can be chosen now; where none is left the rest is offered, or a person has to look."""
    days = eligible_days(turn.case, turn.now, turn.policy)
    if not days:  # it may have become midnight since the step began
        turn.change(withdrawn=(*turn.case.withdrawn, Action.RESCHEDULE))
        turn.enter(State.WAITING)
        if turn.rules >= WORDS_COUNT and is_nothing_left(turn.case):
            tell_last(turn)
        else:
            offer(turn, "not_offered", purpose)
        return
    options = tuple(Option(f"{DATE}{day.isoformat()}", day_words(day, turn.language)) for day in days)
    turn.say(_list(turn, turn.words(key, **values), "pick_day", options), purpose, numbered=True)


def ask_cancel(turn: Turn) -> None:
    """Ask once more before an order goes back (R6.4)."""
    turn.enter(State.CONFIRMING_CANCEL)
    yes = Option(CONFIRM_CANCEL, label("yes_cancel", turn.language))
    no = Option(KEEP, label("no_keep", turn.language))
    turn.say(buttons(turn.words("confirm_cancel"), yes, no), Purpose.QUESTION)


def ask_words(turn: Turn) -> None:
    """Ask what happened, for a dispute."""
    turn.enter(State.DESCRIBING_DISPUTE)
    send = Option(DISPUTE_SEND, label("send", turn.language))
    turn.say(buttons(turn.words("ask_words"), send, back(turn)), Purpose.QUESTION)


def make_sure(turn: Turn, choice: str) -> None:
    """Ask whether a choice is meant that was read from words (R7.1)."""
    turn.enter(State.CONFIRMING_CHOICE)
    turn.change(asked=choice)
    if choice == Action.NOT_MY_ORDER:
        body, yes = turn.words("confirm_not_mine"), label("not_mine", turn.language)
    elif choice.startswith(DATE):
        day = day_words(date.fromisoformat(choice.removeprefix(DATE)), turn.language)
        body, yes = turn.words("confirm_day", day=day), label("yes_day", turn.language, day=day)
    else:
        body, yes = turn.words("confirm_reattempt"), label("yes_again", turn.language)
    others = [back(turn)]
    if choice != Action.NOT_MY_ORDER and Action.RESCHEDULE in allowed_actions(turn.case):
        others.insert(0, Option(Action.RESCHEDULE.value, label("other_day", turn.language)))
    turn.say(buttons(body, Option(choice, yes), *others), Purpose.QUESTION)


def ask_address(turn: Turn) -> None:
    """Ask for a new address: by WhatsApp's own form where the sender can use it (R6.4)."""
    turn.enter(State.GIVING_ADDRESS)
    turn.change(draft=AddressDraft())
    failure = turn.case.facts.failure
    body = turn.words("ask_address")
    if not turn.case.facts.address_form:
        turn.say(buttons(body, back(turn)), Purpose.QUESTION)
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
        header=label("form_title", turn.language),
        footer=shorten(label("form_footer", turn.language, order_id=failure.order_id), FOOTER_MAX),
        prefill=prefill,
    )
    turn.say(form, Purpose.QUESTION)


def show_address(turn: Turn) -> None:
    """Show the drafted address back, to be confirmed (R6.4)."""
    turn.enter(State.CONFIRMING_ADDRESS)
    body = turn.words("confirm_address", address=address_words(turn.case, turn.language))
    yes = Option(ADDRESS_YES, label("yes_right", turn.language))
    change = Option(ADDRESS_CHANGE, label("change", turn.language))
    turn.say(buttons(body, yes, change), Purpose.QUESTION)


def address_words(case: Case, language: str) -> str:
    """Return the drafted address as the customer reads it back, pincode checked against the order's."""
    draft = case.draft
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


def buttons(body: str, *options: Option) -> SessionMessage:
    """Return a message with up to three buttons."""
    return SessionMessage(SessionKind.BUTTONS, body, options=options)


def back(turn: Turn) -> Option:
    """Return the way out of a step."""
    return Option(OPTIONS, label("back", turn.language))


def _list(turn: Turn, body: str, button: str, options: tuple[Option, ...]) -> SessionMessage:
    return SessionMessage(
        SessionKind.LIST,
        body,
        header=label("list_title", turn.language),
        button=label(button, turn.language),
        options=options,
    )
