"""A case beside its order's activity: what can be asked of the courier now, or how it ended; and the parcel's facts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from api.acting import Stand
from api.portal.order_words import MODES, OUTCOMES, action_line, quoted, sentence, waiting_words
from api.portal.parts import Choice
from db.accounts import AppAccount
from db.actions import AskedAction
from db.cases import CaseRow
from db.orders import OrderRow
from db.timeline import Entry
from domain.case_state import CaseFacts, State
from domain.failures import MAX_ATTEMPTS, Action, Mode
from domain.formats import (
    duration_words,
    local_date,
    moment,
    moment_inside,
    phone_words,
    plain_day,
    rupees_exact,
)

__all__ = ["ACT_WORDS", "CaseCard", "Deadline", "Decision", "Facts", "case_card", "decision", "facts_of"]

ACT_WORDS: Final[dict[Action, str]] = {
    Action.UPDATE_ADDRESS: "Update address",
    Action.REATTEMPT: "Reattempt",
    Action.RESCHEDULE: "Another date",
    Action.DISPUTE: "Dispute the courier’s reason",
    Action.CANCEL: "Cancel and return to us",
    Action.NOT_MY_ORDER: "Wrong number",
}
"""What a seller may choose, in the words of the choice."""

_SOON: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Deadline:
    """How much time is left, as `parts.html` draws it."""

    left: str
    until: str
    share: int
    is_soon: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class CaseCard:
    """A case as its card shows it.

    Attributes:
        case_id: Its id.
        title: The card's heading.
        name: What tells it from the order's other parcels; empty where there is one.
        deadline: The time that is left; None once it has ended.
        choices: What the courier may be asked for.
        days: Pairs of day and words for another date.
        rows: Facts: of the end, or of what is being asked for.
        say: One sentence about it; empty for none.
        may_act: Whether something may be chosen, sent again or closed.
    """

    case_id: str
    title: str
    name: str
    deadline: Deadline | None
    choices: tuple[Choice, ...]
    days: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str], ...]
    say: str
    may_act: bool

    @property
    def chosen(self) -> str:
        """What is chosen before somebody chooses."""
        return next((choice.value for choice in self.choices if not choice.disabled), "")


@dataclass(frozen=True, slots=True)
class Facts:
    """A parcel's facts; the phone and the tracking page are links of their own.

    Attributes:
        customer: Who gets it.
        phone: Their phone, as people read it; empty for none.
        tel: The same as a link takes it.
        tracking_id: The parcel's number.
        tracking_url: Where the courier shows it; empty unless it is an https address.
        rows: The rest, as pairs of name and value.
    """

    customer: str
    phone: str
    tel: str
    tracking_id: str
    tracking_url: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the seller is asked to decide: one bold sentence, and what to do."""

    title: str
    text: str


def case_card(
    stand: Stand,
    asked: tuple[AskedAction, ...],
    end: Entry | None,
    *,
    name: str,
    zone: ZoneInfo,
    now: datetime,
) -> CaseCard:
    """Return a case's card: open, being asked for, or closed.

    Args:
        stand: The case.
        asked: What was asked for, latest first.
        end: The entry of its end, where there is one.
        name: What tells it from the order's other parcels.
        zone: The workspace's.
        now: The time.
    """
    row = stand.row
    if not row.is_open:
        return CaseCard(
            case_id=row.id,
            title="This case is closed",
            name=name,
            deadline=None,
            choices=(),
            days=(),
            rows=_ended_rows(stand, end, zone=zone, now=now),
            say="What comes after this is up to the courier; nothing can be asked for here any more.",
            may_act=False,
        )
    courier = row.courier_name or "The courier"
    if row.state == State.ACTING:
        latest = next((each for each in asked if each.case_id == row.id), None)
        since = f" since {moment_inside(latest.asked_at, now=now, zone=zone)}" if latest else ""
        what = (
            action_line(latest.request.action, latest.request.on, today=local_date(now, zone))
            if latest
            else "An action"
        )
        return CaseCard(
            case_id=row.id,
            title="The courier is being asked",
            name=name,
            deadline=_deadline(row, zone=zone, now=now),
            choices=(),
            days=(),
            rows=(("Asked for", what),),
            say=f"{courier} is being asked{since}. Nothing else can be asked for until it answers.",
            may_act=False,
        )
    return CaseCard(
        case_id=row.id,
        title="Act on this case",
        name=name,
        deadline=_deadline(row, zone=zone, now=now),
        choices=tuple(_choice(action, stand, courier) for action in _in_order(stand.possible)),
        days=tuple((day.isoformat(), plain_day(day, today=local_date(now, zone))) for day in stand.days),
        rows=(),
        say="The customer is told what you decide. It is recorded with mode “Seller portal” and your name.",
        may_act=True,
    )


def _in_order(possible: tuple[Action, ...]) -> tuple[Action, ...]:
    return tuple(action for action in ACT_WORDS if action in possible)


def _choice(action: Action, stand: Stand, courier: str) -> Choice:
    failure, days = stand.facts.failure, stand.days
    hint = {
        Action.REATTEMPT: f"{courier} tries again on the next working day.",
        Action.RESCHEDULE: _days_hint(days),
        Action.UPDATE_ADDRESS: "Street and landmark."
        + (f" The pincode stays {failure.address.pincode}." if _keeps_pincode(stand.facts) else ""),
        Action.DISPUTE: "Says that the reason is not true, and asks for a new attempt.",
        Action.CANCEL: "Asks once more. Cannot be taken back.",
        Action.NOT_MY_ORDER: "Somebody else has this number. Nothing more is sent to it.",
    }[action]
    return Choice(
        value=action.value,
        label=ACT_WORDS[action],
        hint=hint,
        disabled=action is Action.RESCHEDULE and not days,
    )


def _keeps_pincode(facts: CaseFacts) -> bool:
    return facts.capabilities.needs_same_pincode and bool(facts.failure.address.pincode)


def _days_hint(days: tuple[date, ...]) -> str:
    if not days:
        return "No day is possible now."
    first, last = (plain_day(day, today=days[0]) for day in (days[0], days[-1]))
    if first == last:
        return f"{first}."
    every = {days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days + 1)}
    missing = sorted(every - set(days))
    but = f", not {', '.join(plain_day(day, today=days[0]) for day in missing)}" if missing else ""
    return f"{first} to {last}{but}."


def _deadline(row: CaseRow, *, zone: ZoneInfo, now: datetime) -> Deadline:
    left = row.deadline_at - now
    whole = (row.deadline_at - row.failed_at).total_seconds()
    passed = (now - row.failed_at).total_seconds()
    share = round(100 * passed / whole) if whole > 0 else 100
    return Deadline(
        left=f"{duration_words(left)} left",
        until=f"until {moment_inside(row.deadline_at, now=now, zone=zone)}",
        share=min(max(share, 0), 100),
        is_soon=left < _SOON,
        is_over=left <= timedelta(),
    )


def _ended_rows(
    stand: Stand, end: Entry | None, *, zone: ZoneInfo, now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return how a case ended, by whom and when."""
    row = stand.row
    rows = [("Outcome", OUTCOMES.get(row.outcome, sentence(row.outcome.replace("_", " "))))]
    if row.accepted_action:
        today = local_date(now, zone)
        rows.append(("Accepted", action_line(row.accepted_action, row.accepted_on, today=today)))
    if end is not None:
        customer = stand.facts.failure.customer_name if end.mode == Mode.WHATSAPP else ""
        who = (end.person or customer, MODES.get(end.mode, end.mode))
        rows.append(("By", ", ".join(filter(None, who))))
    if row.ended_at is not None:
        rows.append(("When", moment(row.ended_at, now=now, zone=zone)))
    return tuple(rows)


def facts_of(facts: CaseFacts, account: AppAccount | None) -> Facts:
    """Return what is known of a parcel and its customer."""
    failure = facts.failure
    paid = "Cash on delivery" if failure.is_cod else "Prepaid"
    due = f", {rupees_exact(failure.amount_due_paise)}" if failure.amount_due_paise else ""
    items = ", ".join(f"{item.title or item.sku}, {item.quantity}" for item in failure.items)
    attempt = f"attempt {failure.attempt} of {max(failure.attempt, MAX_ATTEMPTS)}"
    sender = ""
    if account is not None:
        whose = "Eshopbox account" if account.owner == "eshopbox" else "Your own account"
        sender = f"{whose}, {phone_words(account.phone)}"
    rows = (
        ("Address", failure.address.one_line()),
        ("Courier", ", ".join(filter(None, (failure.courier_name, attempt)))),
        ("Payment", paid + due),
        ("Items", items),
        ("Sender", sender),
    )
    url = failure.tracking_url
    return Facts(
        customer=failure.customer_name or "No name on the order",
        phone=phone_words(failure.customer_phone) if failure.customer_phone else "",
        tel=f"+{failure.customer_phone.removeprefix('+')}" if failure.customer_phone else "",
        tracking_id=failure.tracking_id,
        tracking_url=url if url.startswith("https://") else "",
        rows=tuple((name, value) for name, value in rows if value),
    )


def decision(row: OrderRow, *, customer: str) -> Decision:
    """Return what the seller is asked to decide where an order waits for them."""
    _, title = waiting_words(row.asked_topic or "", row.asked_detail or "")
    said = _said(row)
    if row.ended_at is None:
        return Decision(title, f"{said}Call {customer or 'the customer'}, or decide beside the activity.")
    if row.asked_topic == "contradiction":
        text = "The case is closed: call them, and change it with the courier where that is still possible."
    elif row.asked_topic == "ended_not_my_order":
        text = "Find the right number in your shop. Nothing more is sent to this one."
    else:
        text = "The case is closed: decide what becomes of the parcel at Eshopbox."
    return Decision(title, f"{said}{text}")


def _said(row: OrderRow) -> str:
    """Return the courier's or the case's own words about it, where they say more than the title."""
    detail = (row.asked_detail or "").strip()
    if row.asked_topic and row.asked_topic.endswith("taken_back"):
        return f"It says: {quoted(detail)}. " if detail else ""
    if row.asked_topic == "ended_handed_over" and ": " in detail:
        return f"{sentence(detail.replace('_', ' '))}. "
    return ""
