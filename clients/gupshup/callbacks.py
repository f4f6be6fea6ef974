"""Read a callback's body: Gupshup's own format (v2), and Meta's with Gupshup's ids added (v3).

Which callbacks arrive is Gupshup's to decide, so the reader never insists: a known fact becomes its event, and
everything else an `OtherEvent`. What an event means for a message or a case is intake's to know.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from clients.gupshup import contents, wire
from clients.gupshup.errors import UnreadableCallback
from clients.gupshup.events import (
    AccountEvent,
    BillingEvent,
    Callback,
    CallbackEvent,
    InboundMessage,
    OtherEvent,
    PreferenceEvent,
    StatusEvent,
    StatusKind,
    TemplateEvent,
    UserEvent,
)

_Object = Mapping[str, Any]

_BSUID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z._-]{1,128}")
_LONGEST_KIND = 64
_STATUS_KINDS: Mapping[str, StatusKind] = {
    "enqueued": "enqueued",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "deleted": "deleted",
    "mismatch": "mismatch",
    "mismatched": "mismatch",
}
# Told before WhatsApp has given the message an id: a lone `id` is then Gupshup's own.
_BEFORE_WHATSAPP = {"enqueued", "failed", "mismatch"}
_USER_KINDS: Mapping[str, Literal["opted_in", "opted_out", "sandbox_start"]] = {
    "opted-in": "opted_in",
    "opted-out": "opted_out",
    "sandbox-start": "sandbox_start",
}
_ACCOUNT_KINDS: Mapping[str, Literal["tier", "status", "review", "display_name", "capability"]] = {
    "tier-event": "tier",
    "status-event": "status",
    "review-event": "review",
    "pndn-event": "display_name",
    "capability-event": "capability",
}


def parse_callback(body: bytes) -> Callback:
    """Read a callback's body.

    Raises:
        UnreadableCallback: The body is no JSON object, is nested too deeply, or holds what cannot be kept.
    """
    try:
        value = wire.load(body)
    except wire.UnreadableJsonError as error:
        raise UnreadableCallback(str(error)) from None
    if not isinstance(value, dict):
        raise UnreadableCallback("not an object")
    return _read_v3(value) if isinstance(value.get("entry"), list) else _read_v2(value)


def _read_v2(envelope: _Object) -> Callback:
    kind = wire.first_text(envelope.get("type"))
    payload = wire.mapping(envelope.get("payload"))
    read = _V2_READERS.get(kind)
    events = tuple(read(payload, wire.moment(envelope.get("timestamp")), envelope)) if read else ()
    return Callback(
        app_name=wire.text(envelope.get("app")) or None,
        app_id=wire.identifier(envelope.get("appId")),
        version=2,
        events=events or (_other(kind, envelope),),
        phone=wire.phone(envelope.get("phone")),
    )


def _read_v3(envelope: _Object) -> Callback:
    events: list[CallbackEvent] = []
    app_phone = None
    for entry in wire.mappings(envelope.get("entry")):
        at = wire.moment(entry.get("time"))
        for change in wire.mappings(entry.get("changes")):
            value = wire.mapping(change.get("value"))
            metadata = wire.mapping(value.get("metadata"))
            app_phone = app_phone or wire.phone(metadata.get("display_phone_number"))
            events.extend(_read_change(change, value, at, envelope))
    return Callback(
        app_name=None,
        app_id=wire.identifier(envelope.get("gs_app_id")),
        version=3,
        events=tuple(events) or (_other("", envelope),),
        phone=app_phone,
    )


def _read_change(
    change: _Object, value: _Object, at: datetime | None, envelope: _Object
) -> Iterable[CallbackEvent]:
    field = wire.first_text(change.get("field"))
    if "messages" in value or "statuses" in value:
        found: tuple[CallbackEvent, ...] = (
            *(_inbound_v3(message, value) for message in wire.mappings(value.get("messages"))),
            *(_status_v3(status) for status in wire.mappings(value.get("statuses"))),
        )
    elif field == "billing-event":
        found = tuple(_billing(wire.mapping(value.get("billing")), at))
    elif wire.identifier(value.get("gs_template_id")):
        found = tuple(_template_v3(field, value, at, envelope))
    elif field == "user_preferences":
        found = tuple(_preferences(value, at))
    else:
        found = ()
    # The envelope's id and time tell two equal changes apart.
    return found or (_other(field, change, at, [envelope.get("gs_app_id"), str(at)]),)


# Inbound messages


def _inbound_v2(payload: _Object, at: datetime | None, _envelope: _Object) -> Iterable[CallbackEvent]:
    message_id = wire.identifier(payload.get("id"))
    if message_id is None:
        return
    sender = wire.mapping(payload.get("sender"))
    inner = wire.mapping(payload.get("payload"))
    # A reaction names the message it is about inside its content.
    about = inner if payload.get("type") == "reaction" else {}
    context = wire.mapping(payload.get("context"))
    content, message_ref = contents.read_v2(payload)
    yield InboundMessage(
        event_key=_key("message", message_id),
        occurred_at=at,
        message_id=message_id,
        phone=wire.phone(sender.get("phone"), payload.get("source")),
        bsuid=_bsuid(payload.get("userId"), sender.get("userId"), payload.get("source"), sender.get("phone")),
        profile_name=wire.first_text(sender.get("name")),
        content=content,
        context_ids=_ids(about.get("gsId"), about.get("id"), context.get("gsId"), context.get("id")),
        message_ref=message_ref,
    )


def _inbound_v3(message: _Object, value: _Object) -> CallbackEvent:
    message_id = wire.identifier(message.get("id"))
    if message_id is None:
        return _other("message", message)
    sender = message.get("from")
    contact = _contact_of(message, value)
    context = wire.mapping(message.get("context"))
    reaction = wire.mapping(message.get("reaction"))
    content, message_ref = contents.read_v3(message)
    return InboundMessage(
        event_key=_key("message", message_id),
        occurred_at=wire.moment(message.get("timestamp")),
        message_id=message_id,
        phone=wire.phone(sender, contact.get("wa_id")),
        bsuid=_bsuid(message.get("from_user_id"), contact.get("user_id"), sender),
        profile_name=wire.first_text(wire.mapping(contact.get("profile")).get("name")),
        content=content,
        context_ids=_ids(
            reaction.get("gs_id"),
            reaction.get("message_id"),
            context.get("gs_id"),
            context.get("id"),
            context.get("meta_msg_id"),
        ),
        message_ref=message_ref,
    )


def _contact_of(message: _Object, value: _Object) -> _Object:
    """Find who wrote a message among the contacts of its change; one alone is it."""
    known = wire.mappings(value.get("contacts"))
    matching = (contact for contact in known if contact.get("wa_id") == message.get("from"))
    return next(matching, known[0] if len(known) == 1 else {})


# Statuses of what was sent


def _status_v2(payload: _Object, at: datetime | None, envelope: _Object) -> Iterable[CallbackEvent]:
    inner = wire.mapping(payload.get("payload"))
    pricing = wire.mapping(payload.get("pricing")) or wire.mapping(inner.get("pricing"))
    yield _status(
        word=wire.first_text(payload.get("type")),
        gupshup_id=wire.identifier(payload.get("gsId"), inner.get("gsId")),
        lone_id=wire.identifier(payload.get("id")),
        whatsapp_id=wire.identifier(inner.get("whatsappMessageId")),
        inner_at=wire.moment(inner.get("ts"), payload.get("ts")),
        envelope_at=at,
        destination=wire.phone(payload.get("destination")),
        bsuid=_bsuid(payload.get("userId"), inner.get("userId"), payload.get("destination")),
        code=wire.first_text(inner.get("code"), payload.get("code")),
        reason=wire.first_text(inner.get("reason"), payload.get("reason")),
        pricing=pricing,
        raw=envelope,
    )


def _status_v3(status: _Object) -> CallbackEvent:
    error = next(iter(wire.mappings(status.get("errors"))), {})
    own_id, meta_id = wire.identifier(status.get("id")), wire.identifier(status.get("meta_msg_id"))
    return _status(
        word=wire.first_text(status.get("status"), status.get("type")),
        gupshup_id=wire.identifier(status.get("gs_id")),
        lone_id=own_id,
        whatsapp_id=None if own_id else meta_id,
        inner_at=wire.moment(status.get("timestamp")),
        envelope_at=None,
        destination=wire.phone(status.get("recipient_id")),
        bsuid=_bsuid(status.get("recipient_user_id"), status.get("recipient_id")),
        code=wire.first_text(error.get("code"), status.get("code")),
        reason=wire.first_text(error.get("title"), error.get("message"), status.get("reason")),
        pricing=wire.mapping(status.get("pricing")),
        raw=status,
    )


def _status(
    *,
    word: str,
    gupshup_id: str | None,
    lone_id: str | None,
    whatsapp_id: str | None,
    inner_at: datetime | None,
    envelope_at: datetime | None,
    destination: str | None,
    bsuid: str | None,
    code: str,
    reason: str,
    pricing: _Object,
    raw: _Object,
) -> CallbackEvent:
    """Build a status. `lone_id` is Gupshup's id before WhatsApp knew the message, and WhatsApp's after."""
    kind = _STATUS_KINDS.get(word.lower(), "other")
    if gupshup_id is None and kind in _BEFORE_WHATSAPP:
        gupshup_id, lone_id = lone_id, None
    whatsapp_id = whatsapp_id or lone_id
    if whatsapp_id == gupshup_id:
        whatsapp_id = None
    if gupshup_id is None and whatsapp_id is None:
        return _other(word or "status", raw, inner_at or envelope_at)  # of no message: an address being set
    # Of a kind unknown to us we cannot tell what makes it the same again, so all of it does.
    facts = [raw] if kind == "other" else [kind, str(inner_at), code]
    return StatusEvent(
        event_key=_key("status", whatsapp_id, gupshup_id, *facts),
        occurred_at=inner_at or envelope_at,
        kind=kind,
        gupshup_id=gupshup_id,
        whatsapp_id=whatsapp_id,
        destination=destination,
        bsuid=bsuid,
        code=code or None,
        reason=reason,
        pricing_category=wire.first_text(pricing.get("category")),
        pricing_model=wire.first_text(pricing.get("policy"), pricing.get("pricing_model")),
        pricing_type=wire.first_text(pricing.get("type")),
    )


# Money, templates, account, customers' wishes


def _billing_v2(payload: _Object, at: datetime | None, _envelope: _Object) -> Iterable[CallbackEvent]:
    return _billing(payload, at)


def _billing(billing: _Object, at: datetime | None) -> Iterable[CallbackEvent]:
    deductions = wire.mapping(billing.get("deductions"))
    references = wire.mapping(billing.get("references"))
    gupshup_id = wire.identifier(references.get("gsId"), references.get("gs_id"))
    whatsapp_id = wire.identifier(references.get("id"))
    if gupshup_id is None and whatsapp_id is None:
        return
    deduction = wire.first_text(deductions.get("type"))
    billable = wire.claim(deductions.get("billable"))
    yield BillingEvent(
        event_key=_key("billing", gupshup_id, whatsapp_id, deduction),
        occurred_at=at,
        gupshup_id=gupshup_id,
        whatsapp_id=whatsapp_id,
        billable=not deduction.startswith("free") if billable is None else billable,
        category=wire.first_text(deductions.get("category")),
        model=wire.first_text(deductions.get("model")),
        type=deduction,
        destination=wire.phone(references.get("destination")),
    )


def _template_v2(payload: _Object, at: datetime | None, envelope: _Object) -> Iterable[CallbackEvent]:
    template_id = wire.identifier(payload.get("id"))
    if template_id is None:
        return
    category = wire.mapping(payload.get("category"))
    if announced := _word(category.get("correct")):
        old, new = _word(category.get("current")), announced
    else:
        old = _word(category.get("old"))
        new = _word(category.get("new")) or _word(payload.get("category"))
    yield from _template(
        template_id=template_id,
        element_name=payload.get("elementName"),
        language=payload.get("languageCode"),
        status=_word(payload.get("status")),
        old_category=old,
        new_category=new,
        is_announcement=bool(announced),
        quality=_word(payload.get("quality")),
        reasons=(payload.get("rejectedReason"), payload.get("reason"), payload.get("description")),
        at=at,
        raw=envelope,
    )


def _template_v3(
    field: str, value: _Object, at: datetime | None, envelope: _Object
) -> Iterable[CallbackEvent]:
    announced = _word(value.get("correct_category"))
    yield from _template(
        template_id=wire.first_text(value.get("gs_template_id")),
        element_name=value.get("message_template_name"),
        language=value.get("message_template_language"),
        status=_word(value.get("event")),
        old_category=_word(value.get("previous_category")),
        new_category=announced or _word(value.get("new_category")),
        is_announcement=bool(announced),
        quality=_word(value.get("new_quality_score")),
        reasons=(value.get("reason"),),
        at=at,
        raw={"app": envelope.get("gs_app_id"), "at": str(at), "field": field, "value": value},
    )


def _template(
    *,
    template_id: str,
    element_name: object,
    language: object,
    status: str,
    old_category: str,
    new_category: str,
    is_announcement: bool,
    quality: str,
    reasons: tuple[object, ...],
    at: datetime | None,
    raw: _Object,
) -> Iterable[CallbackEvent]:
    """Build a change of a template from what it names: the old form of a status names no kind."""
    kind: Literal["status", "category", "quality"]
    if status:
        kind = "status"
    elif new_category:
        kind = "category"
    elif quality:
        kind = "quality"
    else:
        return
    yield TemplateEvent(
        event_key=_key("template", raw),
        occurred_at=at,
        template_id=template_id,
        element_name=wire.first_text(element_name),
        language=wire.first_text(language),
        kind=kind,
        status=status,
        old_category=old_category,
        new_category=new_category,
        is_announcement=is_announcement,
        quality=quality,
        reason=next((said for given in reasons if (said := wire.first_text(given)) not in {"", "NONE"}), ""),
    )


def _account_v2(payload: _Object, at: datetime | None, envelope: _Object) -> Iterable[CallbackEvent]:
    inner = wire.mapping(payload.get("payload"))
    yield AccountEvent(
        event_key=_key("account", envelope),
        occurred_at=at,
        kind=_ACCOUNT_KINDS.get(wire.first_text(payload.get("type")), "other"),
        status=_word(inner.get("status")) or _word(inner.get("event")),
        old_limit=_word(inner.get("oldLimit")) or _word(inner.get("currentTier")),
        new_limit=_word(inner.get("newTier"))
        or _word(inner.get("currentLimit"))
        or _word(inner.get("maxDailyConversationPerPhone")),
    )


def _user_v2(payload: _Object, at: datetime | None, envelope: _Object) -> Iterable[CallbackEvent]:
    yield UserEvent(
        event_key=_key("user", envelope),
        occurred_at=at,
        kind=_USER_KINDS.get(wire.first_text(payload.get("type")), "other"),
        phone=wire.phone(payload.get("phone")),  # the literal word `callbackSetPhone` is none
    )


def _preference_v2(payload: _Object, at: datetime | None, _envelope: _Object) -> Iterable[CallbackEvent]:
    return _preferences(wire.mapping(payload.get("payload")), at)


def _preferences(value: _Object, at: datetime | None) -> Iterable[CallbackEvent]:
    for entry in wire.mappings(value.get("user_preferences")):
        wish = wire.first_text(entry.get("value")).lower()
        said_at = wire.moment(entry.get("timestamp")) or at
        if wish not in {"stop", "resume"}:
            yield _other("user_preferences", entry, said_at, [str(said_at)])
            continue
        yield PreferenceEvent(
            event_key=_key("preference", entry, str(said_at)),
            occurred_at=said_at,
            phone=wire.phone(entry.get("wa_id")),
            bsuid=_bsuid(entry.get("user_id"), entry.get("userId"), entry.get("wa_id")),
            category=wire.first_text(entry.get("category")),
            value="stop" if wish == "stop" else "resume",
        )


_V2_READERS: Mapping[str, Callable[[_Object, datetime | None, _Object], Iterable[CallbackEvent]]] = {
    "message": _inbound_v2,
    "message-event": _status_v2,
    "billing-event": _billing_v2,
    "template-event": _template_v2,
    "account-event": _account_v2,
    "user-event": _user_v2,
    "preference-event": _preference_v2,
}


def _other(kind: str, raw: _Object, at: datetime | None = None, told_apart_by: object = None) -> OtherEvent:
    return OtherEvent(
        event_key=_key("other", raw, told_apart_by),
        occurred_at=at or wire.moment(raw.get("timestamp")),
        kind=kind[:_LONGEST_KIND] or "unknown",
        raw=raw,
    )


def _key(kind: str, *facts: object) -> str:
    """Build an event key: a digest, because WhatsApp's ids hold the customer's number and have no sure length."""
    written = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return f"{kind}:{hashlib.sha256(written.encode()).hexdigest()}"


def _ids(*values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(wire.identifier, values))))


def _bsuid(*values: object) -> str | None:
    found = (wire.first_text(value) for value in values)
    return next((value for value in found if _BSUID.fullmatch(value)), None)


def _word(value: object) -> str:
    return wire.first_text(value).upper()
