"""How things look on the wire: answers about templates and subscriptions, and callbacks in both formats.

Each callback is built once from our own facts as an `Event`, which holds the v2 body (Gupshup's envelope) and the v3
body (Meta's envelope with Gupshup's ids added).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .state import ALL_MODES, App, Message, Reply, Subscription, Template

_MODE_BITS: Final = {mode: 1 << position for position, mode in enumerate(ALL_MODES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One callback: what it is, which subscriptions get it, and its body in either format."""

    kind: str
    mode: str
    v2: Mapping[str, Any]
    v3: Mapping[str, Any]
    phone: str = ""
    note: str = ""

    def body(self, version: int) -> Mapping[str, Any]:
        """Return the body in the format of a subscription."""
        return self.v3 if version == 3 else self.v2  # noqa: PLR2004 - the two formats' own numbers


def milliseconds(at: datetime) -> int:
    """Return a time as Gupshup's envelope writes it."""
    return int(at.timestamp() * 1000)


def _envelope(app: App, kind: str, payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "app": app.name,
        "timestamp": milliseconds(at),
        "version": 2,
        "type": kind,
        "payload": dict(payload),
    }


def _meta_envelope(app: App, value: Mapping[str, Any], field: str = "messages") -> dict[str, Any]:
    if field == "messages":
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": app.phone, "phone_number_id": "200000000000001"},
            **value,
        }
    return {
        "entry": [{"changes": [{"field": field, "value": dict(value)}], "id": "100000000000001"}],
        "gs_app_id": app.id,
        "object": "whatsapp_business_account",
    }


def status_event(
    message: Message, step: str, at: datetime, *, early: bool = False, with_gs_id: bool = True
) -> Event:
    """Report how far a message got.

    Args:
        message: the message; its code and reason are used when it failed.
        step: enqueued, sent, delivered, read or failed.
        at: when it happened.
        early: refused before WhatsApp knew of it.
        with_gs_id: False as in events more than a week old.
    """
    seconds = int(at.timestamp())
    # Until WhatsApp knows of the message its id is ours; afterwards it is WhatsApp's, and ours moves to gsId.
    known = step != "enqueued" and not early
    payload: dict[str, Any] = {"id": message.whatsapp_id if known else message.id}
    if known and with_gs_id:
        payload["gsId"] = message.id
    payload |= {"type": step, "destination": message.phone}
    status: dict[str, Any] = {
        "gs_id": message.id,
        "id": message.whatsapp_id,
        "meta_msg_id": message.meta_id,
        "recipient_id": message.phone,
        "status": step,
        "timestamp": str(seconds),
    }
    if step == "enqueued":
        kind = "template" if message.content.kind == "template" else "session"
        payload["payload"] = {"whatsappMessageId": message.whatsapp_id, "type": kind}
        status["timestamp"] = milliseconds(at)
    elif step == "failed":
        payload["payload"] = {"code": message.code, "reason": message.reason}
        status["errors"] = [{"code": message.code, "title": message.reason}]
    else:
        payload["payload"] = {"ts": seconds}
    if not known:
        status.pop("meta_msg_id")
    if step == "sent":
        payload["pricing"] = {
            "policy": "PMP",
            "category": message.content.category,
            "type": _price_type(message),
        }
        status["pricing"] = {
            "billable": _price_type(message) == "regular",
            "pricing_model": "PMP",
            "category": message.content.category,
            "type": _price_type(message),
        }
    return Event(
        kind=f"message-event {step}",
        mode=step.upper(),
        v2=_envelope(message.app, "message-event", payload, at),
        v3=_meta_envelope(message.app, {"statuses": [status]}),
        phone=message.phone,
        note=f"{message.code}" if step == "failed" else "",
    )


def _price_type(message: Message) -> str:
    free = message.in_window and message.content.category in {"utility", "service"}
    return "free_customer_service" if free else "regular"


def billing_event(message: Message, at: datetime) -> Event:
    """Report what a delivered message costs."""
    deductions = {
        "type": _price_type(message),
        "model": "PMP",
        "source": "whatsapp",
        "billable": _price_type(message) == "regular",
        "category": message.content.category,
    }
    references = {"id": message.whatsapp_id, "gsId": message.id, "destination": message.phone}
    meta_references = {"id": message.whatsapp_id, "gs_id": message.id, "destination": message.phone}
    billing = {"billing": {"deductions": deductions, "references": meta_references}}
    return Event(
        kind="billing-event",
        mode="BILLING",
        v2=_envelope(message.app, "billing-event", {"deductions": deductions, "references": references}, at),
        v3=_meta_envelope(message.app, billing, "billing-event"),
        phone=message.phone,
        note=str(deductions["type"]).replace("_", " "),
    )


def inbound_event(reply: Reply, at: datetime) -> Event:
    """Report what a customer sent."""
    number = reply.phone.number
    payload: dict[str, Any] = {
        "id": reply.id,
        "source": number,
        "type": reply.kind,
        "payload": dict(reply.body),
        "sender": {
            "phone": number,
            "name": reply.phone.name,
            "country_code": number[:-10],
            "dial_code": number[-10:],
        },
    }
    if reply.context is not None:
        payload["context"] = dict(reply.context)
    meta: dict[str, Any] = {
        "from": number,
        "id": reply.id,
        "timestamp": str(int(at.timestamp())),
        **_meta_message(reply),
    }
    if reply.context is not None:
        meta["context"] = {"from": reply.app.phone, "id": reply.context.get("id", "")}
        if "gsId" in reply.context:
            meta["context"]["gs_id"] = reply.context["gsId"]
    contacts = [{"profile": {"name": reply.phone.name}, "wa_id": number}]
    return Event(
        kind=f"message {reply.kind}",
        mode="MESSAGE",
        v2=_envelope(reply.app, "message", payload, at),
        v3=_meta_envelope(reply.app, {"contacts": contacts, "messages": [meta]}),
        phone=number,
        note=reply.text,
    )


def _meta_message(reply: Reply) -> dict[str, Any]:
    body = reply.body
    if body.get("type") == "button":
        payload = body.get("postbackText", body["text"])
        return {"type": "button", "button": {"payload": payload, "text": body["text"]}}
    match reply.kind:
        case "text":
            return {"type": "text", "text": {"body": body["text"]}}
        case "button_reply" | "list_reply" | "quick_reply":
            kind = "list_reply" if reply.kind == "list_reply" else "button_reply"
            inside = {"msgid": body.get("id", ""), "postbackText": body.get("postbackText", "")}
            chosen = {"id": json.dumps(inside, separators=(",", ":")), "title": body["title"]}
            if body.get("description"):
                chosen["description"] = body["description"]
            return {"type": "interactive", "interactive": {"type": kind, kind: chosen}}
        case "nfm_reply":
            details = json.dumps({"values": body["addressDetails"]}, ensure_ascii=False)
            inner = {"name": "address_message", "body": body["body"], "response_json": details}
            return {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": inner}}
        case "location":
            place = {key: float(body[key]) for key in ("latitude", "longitude")}
            return {
                "type": "location",
                "location": {**{k: body[k] for k in ("name", "address") if k in body}, **place},
            }
        case "contact":
            return {"type": "contacts", "contacts": body["contacts"]}
        case "reaction":
            return {
                "type": "reaction",
                "reaction": {"message_id": body.get("id", ""), "emoji": body.get("emoji", "")},
            }
        case kind:
            name = "document" if kind == "file" else kind
            media = {
                "id": reply.id[-16:],
                "mime_type": body.get("contentType", ""),
                "url": body.get("url", ""),
            }
            return {"type": name, name: media | ({"caption": body["caption"]} if body.get("caption") else {})}


def template_event(app: App, template: Template, at: datetime, *, old_category: str | None = None) -> Event:
    """Report that a template's status, or its category, has changed."""
    payload: dict[str, Any] = {
        "id": template.id,
        "elementName": template.element_name,
        "languageCode": template.language_code,
    }
    meta: dict[str, Any] = {"message_template_name": template.element_name, "gs_template_id": template.id}
    if old_category is not None:
        kind = "category-update"
        payload |= {"type": kind, "category": {"old": old_category, "new": template.category}}
        meta |= {"new_category": template.category}
    else:
        kind = "status-update"
        payload |= {"type": kind, "status": template.status.lower(), "rejectedReason": template.reason}
        meta |= {"event": template.status.upper(), "reason": template.reason or None}
    field = "template_category_update" if old_category is not None else "message_template_status_update"
    return Event(
        kind=f"template-event {kind}",
        mode="TEMPLATE",
        v2=_envelope(app, "template-event", payload, at),
        v3=_meta_envelope(app, meta, field),
        note=template.element_name,
    )


def url_check(app: App, at: datetime) -> Event:
    """Build what a new subscription's address is tried with; the phone is a literal word."""
    payload = {"phone": "callbackSetPhone", "type": "sandbox-start"}
    status = {"status": "set-callback", "timestamp": str(int(at.timestamp()))}
    return Event(
        kind="user-event sandbox-start",
        mode="OTHERS",
        v2=_envelope(app, "user-event", payload, at),
        v3=_meta_envelope(app, {"statuses": [status]}),
    )


def template_json(app: App, template: Template) -> dict[str, Any]:
    """Show a template as the list of templates does: body flattened, details as JSON inside a string."""
    buttons: list[dict[str, str]] = []
    tail = ""
    for button in template.buttons:
        entry = {"type": button.type, "text": button.text}
        if button.url:
            entry["url"] = button.url
        if button.phone_number:
            entry["phone_number"] = button.phone_number
        buttons.append(entry)
        target = button.url or button.phone_number
        tail += f" | [{button.text},{target}]" if target else f" | [{button.text}]"
    shown = {
        "id": template.id,
        "appId": app.id,
        "elementName": template.element_name,
        "externalId": str(int(template.id.encode().hex(), 16) % 10**16).zfill(16),
        "languageCode": template.language_code,
        "languagePolicy": "deterministic",
        "category": template.category,
        "internalCategory": 0,
        "internalType": 0,
        "templateType": template.template_type,
        "status": template.status,
        "stage": "NONE",
        "quality": template.quality,
        "vertical": "Delivery update",
        "data": "\n".join(part for part in (template.header, template.data, template.footer) if part) + tail,
        "meta": json.dumps({"example": template.data}, ensure_ascii=False),
        "namespace": "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9",
        "wabaId": "100000000000001",
        "priority": 1,
        "retry": 0,
        "createdOn": milliseconds(template.created_at),
        "modifiedOn": milliseconds(template.created_at),
    }
    if any(button.type == "QUICK_REPLY" for button in template.buttons):
        shown["buttonSupported"] = "QR"
    if template.reason:
        shown["reason"] = template.reason
    if template.container_meta is True:
        details: dict[str, Any] = {"appId": app.id, "data": template.data}
        details |= {name: value for name in ("header", "footer") if (value := getattr(template, name))}
        details |= {"buttons": buttons} if buttons else {}
        details |= {"sampleText": template.data, "enableSample": True, "editTemplate": False}
        shown["containerMeta"] = json.dumps(
            details | {"allowTemplateCategoryChange": False}, ensure_ascii=False
        )
    elif isinstance(template.container_meta, str):
        shown["containerMeta"] = template.container_meta
    return shown


def business_json(app: App) -> dict[str, Any]:
    """Show the business behind an app. The contact's number is a person's, not the one that sends."""
    return {
        "addressLine1": "12 MG Road",
        "addressLine2": "",
        "city": "Bengaluru",
        "contactName": app.display_name,
        "contactNumber": "919999900000",
        "country": "IN",
        "createdOn": 1780000000000,
        "displayAddress": "12 MG Road, Bengaluru",
        "email": "owner@example.com",
        "emailVerified": True,
        "hqRegion": "IN",
        "id": app.id,
        "modifiedOn": 1780000000000,
        "name": app.display_name,
        "pinCode": "560001",
        "preferredCountry": "IN",
        "state": "Karnataka",
        "tncAccepted": True,
        "vertical": "Retail",
        "website": None,
    }


def subscription_json(app: App, subscription: Subscription) -> dict[str, Any]:
    """Show a subscription as the management calls do."""
    shown = {
        "active": True,
        "appId": app.id,
        "createdOn": milliseconds(subscription.created_at),
        "id": subscription.id,
        "mode": sum(_MODE_BITS.get(mode, 0) for mode in subscription.modes),
        "modes": list(subscription.modes),
        "modifiedOn": milliseconds(subscription.created_at),
        "showOnUI": False,
        "tag": subscription.tag,
        "url": subscription.url,
        "version": subscription.version,
    }
    if subscription.headers:
        shown["meta"] = json.dumps({"headers": dict(subscription.headers)})
    return shown
