"""Acting on an order's case by hand: the last question, and doing it (R6.11).

What is chosen stands in the address of the question; what is written, an address or words, is only ever sent in the form.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.acting import CaseOver, Stand, act, read_stand
from api.portal import act_words
from api.portal.act_words import CLOSE, RESEND, ActPage, Asked
from api.portal.forms import FieldError, Form
from api.portal.frame import Toast
from api.portal.order_words import quoted
from api.portal.orders import order_url
from api.portal.pages import once, render, see_other
from api.portal.parts import Check, Message
from api.portal.resending import resend_preview
from api.portal.visits import FieldsNow, Seller, Visit, not_found
from db import actions, audit, cases
from domain.case_events import ActionTaken, Answer, CloseAsked, Event, ResendAsked
from domain.case_state import State
from domain.failures import Action, Mode
from domain.formats import clock, iso, local_date, plain_day
from domain.replies import AddressDraft, clean
from domain.shipments import find_mobile, find_pincode
from workflows.client import ActRefused, ManualAnswer, WorkflowsUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/orders")

_WHAT: Final = frozenset({*(action.value for action in Action), RESEND, CLOSE})
_FIELDS: Final = ("case", "action", "on", "address", "landmark", "phone", "words", "why", "ask")
_MOST_LINES: Final = 10
_LONGEST_ADDRESS: Final = 500
_LONGEST_PART: Final = 100
_UNPROCESSABLE: Final = HTTPStatus.UNPROCESSABLE_ENTITY


@router.get("/{order_id:path}/act")
async def question(order_id: str, visit: Seller) -> Response:
    """Ask once more before an act."""
    query = visit.request.query_params
    asked = _asked(query.get("action", ""), query.get("on", ""), ask=secrets.token_urlsafe(18))
    stand = await _stand(visit, order_id, query.get("case", ""))
    if _is_impossible(asked, stand):
        return await _shown(visit, stand, asked, act_words.not_possible(asked, stand), HTTPStatus.CONFLICT)
    return await _shown(visit, stand, asked)


@router.post("/{order_id:path}/act")
async def take(order_id: str, visit: Seller, fields: FieldsNow) -> Response:
    """Do it, once however often the button is pressed."""
    fields.only(*_FIELDS)
    asked = _filled(fields)
    stand = await _stand(visit, order_id, fields.text("case"))
    if error := _wrong(asked, stand):
        return await _shown(visit, stand, asked, error)
    return await once(visit, fields, lambda: _do(visit, stand, asked))


async def _do(visit: Visit, stand: Stand, asked: Asked) -> Response:
    """Put the act before the case and say what it came to."""
    zone = ZoneInfo(visit.workspace.policy.timezone)
    today = local_date(visit.now, zone)
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await audit.add_record(
            session,
            visit.workspace_id,
            person=visit.by,
            action="case.action",
            subject=f"order {stand.row.order_id}, case {stand.row.id}",
            detail=": ".join(filter(None, (_audited(asked), cases.without_numbers(asked.why)))),
            now=visit.now,
        )
    event = _event(asked, visit.person.name)
    try:
        came_to = await act(visit.services, stand.row, event, mail_id=_mail_id(visit, asked))
    except ActRefused as refused:
        error = act_words.refusal_error(refused.type, asked, await _again(visit, stand), today=today)
        return await _shown(visit, await _again(visit, stand), asked, error)
    except CaseOver:
        return await _shown(visit, await _again(visit, stand), asked, _ended(asked))
    except WorkflowsUnavailable:
        unknown = FieldError(
            "",
            "We have no answer yet. It may be done all the same: look at the activity before you repeat it.",
        )
        return await _shown(visit, stand, asked, unknown, HTTPStatus.CONFLICT)
    return await _came_to(visit, stand, asked, came_to)


async def _came_to(visit: Visit, stand: Stand, asked: Asked, came_to: ManualAnswer) -> Response:
    """Go on to the order, or say at the field what the courier refused."""
    zone, courier = ZoneInfo(visit.workspace.policy.timezone), stand.row.courier_name or "The courier"
    url, today = order_url(stand.row.order_id), local_date(visit.now, zone)
    if came_to.is_done:
        told = act_words.told_message(asked, stand, now=visit.now)
        return see_other(
            visit,
            url,
            Toast(
                act_words.done_words(asked, stand.row.courier_name, today=today),
                "The customer was told." if told else "",
            ),
        )
    if came_to.state == State.ACTING:
        return see_other(
            visit,
            url,
            Toast(
                f"Asked. {courier} has not answered yet.", "We keep asking; the answer comes to the activity."
            ),
        )
    if asked.what == RESEND and came_to.state == State.HELD:
        quiet = act_words.quiet_words(stand.policy, zone=zone, now=visit.now)
        return see_other(
            visit, url, Toast("The message waits.", f"{quiet}; then it is sent." if quiet else "")
        )
    now = await _again(visit, stand)
    # The next try is another act, and not a repeat of this one.
    asked = replace(asked, ask=secrets.token_urlsafe(18))
    if asked.action is None:
        why = f" {came_to.note}." if came_to.note else ""
        return await _shown(
            visit, now, asked, FieldError("", f"It was not done. The activity says why.{why}")
        )
    return await _shown(visit, now, asked, await _refused_by_courier(visit, now, asked, came_to))


async def _refused_by_courier(visit: Visit, stand: Stand, asked: Asked, came_to: ManualAnswer) -> FieldError:
    """Return the courier's refusal in its own words, with what is left."""
    resources, courier = visit.services.resources, stand.row.courier_name or "The courier"
    async with resources.database.transaction(visit.workspace_id) as session:
        tried = await actions.list_asked(session, resources.cipher, visit.workspace_id, (stand.row.id,))
    latest = next((each for each in tried if each.request.action == asked.action), None)
    said = quoted(latest.detail if latest else came_to.note)
    is_day = latest is not None and latest.answer == Answer.REFUSED_DATE
    zone = ZoneInfo(visit.workspace.policy.timezone)
    if is_day and stand.days:
        days = ", ".join(plain_day(day, today=local_date(visit.now, zone)) for day in stand.days)
        return FieldError("on", f"{courier} refused this day. It says: {said}. Possible: {days}.")
    rest = act_words.not_possible(asked, stand).text if stand.row.is_open else "The case has ended with that."
    return FieldError("", f"{courier} refused. It says: {said}. {rest}")


async def _shown(
    visit: Visit,
    stand: Stand,
    asked: Asked,
    error: FieldError | None = None,
    status: HTTPStatus = _UNPROCESSABLE,
) -> Response:
    """Return the question's page."""
    zone = ZoneInfo(visit.workspace.policy.timezone)
    today = local_date(visit.now, zone)
    title, crumb = act_words.heading(asked, stand.row.order_id, today=today)
    yes, keep, is_danger = act_words.buttons(asked)
    told = act_words.told_message(asked, stand, now=visit.now)
    checks = act_words.effects(asked, stand, zone=zone, now=visit.now)
    checks += act_words.told_checks(asked, stand, told, zone=zone, now=visit.now)
    messages: tuple[Message, ...] = ()
    if told:
        messages = (Message(paragraphs=(told,), time=clock(visit.now, zone), iso=iso(visit.now, zone)),)
    if asked.what == RESEND:
        checks, messages = await _with_preview(visit, stand, checks, zone)
    chooses = asked.action is Action.RESCHEDULE and (
        asked.on is None or (error is not None and error.field == "on")
    )
    facts = stand.facts
    page = ActPage(
        order_id=stand.row.order_id,
        url=order_url(stand.row.order_id),
        title=title,
        crumb=crumb,
        case_id=stand.row.id,
        asked=asked,
        checks=checks,
        messages=messages,
        days=tuple((day.isoformat(), plain_day(day, today=today)) for day in stand.days) if chooses else (),
        pincode=facts.failure.address.pincode if facts.capabilities.needs_same_pincode else "",
        has_phone=facts.capabilities.contact_phone,
        yes=yes,
        keep=keep,
        is_danger=is_danger,
        is_possible=not _is_impossible(asked, stand),
        foot=f"Recorded with mode “Seller portal” and your name, {visit.person.name}.",
        errors=(error,) if error else (),
    )
    return await render(
        visit, "order_act.html", page, current="orders", status=status if error else HTTPStatus.OK
    )


async def _with_preview(
    visit: Visit, stand: Stand, checks: tuple[Check, ...], zone: ZoneInfo
) -> tuple[tuple[Check, ...], tuple[Message, ...]]:
    """Return the message that is sent again, with its price and what may keep it back."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        preview = await resend_preview(session, stand, zone=zone, now=visit.now)
    return (*checks, *preview.checks), (preview.message,) if preview.message else ()


async def _stand(visit: Visit, order_id: str, case_id: str) -> Stand:
    """Return a case of the order; one of another order or workspace is no different from none (I11).

    Raises:
        Problem: 404.
    """
    resources = visit.services.resources
    async with resources.database.transaction(visit.workspace_id) as session:
        row = await cases.find_case(session, visit.workspace_id, case_id)
        if row is None or row.order_id != order_id:
            raise not_found()
        return await read_stand(session, resources.cipher, row, visit.now)


async def _again(visit: Visit, stand: Stand) -> Stand:
    return await _stand(visit, stand.row.order_id, stand.row.id)


def _asked(what: str, on: str, *, ask: str) -> Asked:
    """Return what an address asks for.

    Raises:
        Problem: 404 for what nobody can ask for.
    """
    if what not in _WHAT:
        raise not_found()
    return Asked(what, _day(on) if what == Action.RESCHEDULE else None, ask=ask)


def _filled(fields: Form) -> Asked:
    asked = _asked(fields.text("action"), fields.text("on"), ask=fields.text("ask", longest=_LONGEST_PART))
    return replace(
        asked,
        address=clean(fields.text("address", longest=_LONGEST_ADDRESS)),
        landmark=clean(fields.text("landmark", longest=_LONGEST_PART)),
        phone=fields.text("phone", longest=_LONGEST_PART),
        words=clean(fields.text("words", longest=_LONGEST_ADDRESS)),
        why=clean(fields.text("why", longest=_LONGEST_ADDRESS)),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_impossible(asked: Asked, stand: Stand) -> bool:
    if not stand.row.is_open or stand.row.state == State.ACTING:
        return True
    return asked.action is not None and asked.action not in stand.possible


def _wrong(asked: Asked, stand: Stand) -> FieldError | None:
    """Return what can be said before the case is asked; the case has the last word on the rest."""
    if _is_impossible(asked, stand):
        return act_words.not_possible(asked, stand)
    if asked.action is Action.RESCHEDULE and asked.on is None:
        return FieldError("on", "Choose a day")
    if asked.action is Action.UPDATE_ADDRESS and asked.phone and find_mobile(asked.phone) is None:
        return FieldError("phone", "Enter an Indian mobile number with ten digits, or leave this empty")
    return None


def _event(asked: Asked, person: str) -> Event:
    if asked.what == RESEND:
        return ResendAsked(Mode.SELLER_PORTAL, person)
    if asked.what == CLOSE:
        return CloseAsked(Mode.SELLER_PORTAL, person, asked.why)
    draft = AddressDraft()
    if asked.action is Action.UPDATE_ADDRESS:
        lines = ", ".join(line.strip(" ,") for line in asked.address.split("\n") if line.strip(" ,"))
        draft = AddressDraft(
            text=lines, pincode=find_pincode(lines) or "", landmark=asked.landmark, phone=asked.phone
        ).tidied()
    said = asked.words.split("\n") if asked.action is Action.DISPUTE else []
    words = tuple(line.strip() for line in said if line.strip())[:_MOST_LINES]
    return ActionTaken(Action(asked.what), Mode.SELLER_PORTAL, person, asked.on, draft, words)


def _mail_id(visit: Visit, asked: Asked) -> str:
    """Return the id of a case's mail: the same for the same question, so that a repeat is the same act."""
    said = f"{visit.workspace_id}\0{visit.person.id}\0{asked.ask}\0{asked.what}\0{asked.on}".encode()
    return "portal:" + hashlib.sha256(said).hexdigest()[:32]


def _audited(asked: Asked) -> str:
    return " ".join(filter(None, (asked.what, asked.on.isoformat() if asked.on else "")))


def _ended(asked: Asked) -> FieldError:
    if asked.what == CLOSE:
        return FieldError("", "This case has ended meanwhile by itself.")
    return FieldError("", "This case has ended meanwhile. Nothing was asked for.")
