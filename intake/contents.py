"""A customer's message in our words: the answer that a case takes, and the words that the order's activity keeps."""

import hashlib
from dataclasses import asdict
from datetime import date, datetime
from typing import Final, assert_never

from clients.gupshup import (
    Address,
    Contact,
    Content,
    InboundMessage,
    Location,
    Media,
    Reaction,
    Tap,
    Text,
    Unsupported,
)
from domain.replies import AddressDraft, Reply, ReplyKind, clean
from domain.shipments import FailedDelivery, find_mobile, national_number
from domain.understanding import NOTHING, understand

__all__ = ["LONGEST_LINE", "as_it_came", "line", "read_reply"]

_LONGEST_TEXT: Final = 4096
LONGEST_LINE: Final = 200
_LONGEST_PINCODE: Final = 10


def read_reply(
    event: InboundMessage,
    *,
    choice: str,
    received_at: datetime,
    failure: FailedDelivery | None,
    today: date | None,
) -> Reply:
    """Return an answer in our words; its id tells nothing of the customer, since it goes into ids of ours.

    Args:
        event: The message.
        choice: What was tapped stands for.
        received_at: When it came.
        failure: What an address form may repeat of the order.
        today: The day it is for the workspace, which words like "tomorrow" count from.
    """
    reply_id = hashlib.sha256(event.message_id.encode()).hexdigest()[:32]
    content: Content = event.content
    match content:
        case Tap():
            return Reply(reply_id, ReplyKind.CHOICE, received_at, text=line(content.title), choice=choice)
        case Text():
            text = clean(content.text)[:_LONGEST_TEXT]
            said = understand(text, today) if today is not None else NOTHING
            return Reply(reply_id, ReplyKind.TEXT, received_at, text=text, said=said)
        case Media():
            caption = clean(content.caption)[:_LONGEST_TEXT]
            return Reply(reply_id, ReplyKind.MEDIA, received_at, text=caption, media_kind=content.kind)
        case Location():
            return Reply(
                reply_id,
                ReplyKind.LOCATION,
                received_at,
                latitude=content.latitude,
                longitude=content.longitude,
                place=", ".join(filter(None, (line(content.name), line(content.address)))),
            )
        case Address():
            draft = _draft(content, failure)
            return Reply(reply_id, ReplyKind.ADDRESS, received_at, text=draft.text, address=draft)
        case Contact():
            return Reply(reply_id, ReplyKind.CONTACT, received_at)
        case Reaction():
            return Reply(reply_id, ReplyKind.REACTION, received_at, text=line(content.emoji))
        case Unsupported():
            return Reply(reply_id, ReplyKind.OTHER, received_at)
        case _:
            assert_never(content)


def _draft(form: Address, failure: FailedDelivery | None) -> AddressDraft:
    """Return WhatsApp's address form as a draft; city and state stay the order's.

    A phone and a name are taken only where they differ: the form comes back with the order's own filled in.
    """
    floor = f"Floor {form.floor_number}" if form.floor_number.isdigit() else form.floor_number
    tower = f"Tower {form.tower_number}" if len(form.tower_number) in (1, 2) else form.tower_number
    parts = (form.house_number, floor, tower, form.building_name, form.address)
    text = ", ".join(filter(None, (line(part) for part in parts)))
    phone, name = find_mobile(form.phone) or "", line(form.name)
    if failure is not None:
        phone = "" if phone == national_number(failure.customer_phone) else phone
        name = "" if name.casefold() == failure.customer_name.casefold() else name
    draft = AddressDraft().with_text(clean(form.body)) if not text else AddressDraft(text=text)
    return AddressDraft(
        text=draft.text,
        pincode="".join(filter(str.isdigit, form.pincode))[:_LONGEST_PINCODE] or draft.pincode,
        landmark=line(form.landmark) or draft.landmark,
        phone=phone,
        name=name,
    )


def as_it_came(content: Content) -> dict[str, object]:
    """Return an answer for the order's activity (R5.3); sealed there."""
    match content:
        case Tap():
            return {"text": line(content.title), "tapped": content.via}
        case Text():
            return {"text": clean(content.text)[:_LONGEST_TEXT]}
        case Media():
            return {
                "media": content.kind,
                "url": content.url,
                "text": clean(content.caption)[:_LONGEST_TEXT],
                "content_type": content.content_type,
                "name": line(content.name),
            }
        case Location():
            return {
                "latitude": content.latitude,
                "longitude": content.longitude,
                "text": ", ".join(filter(None, (line(content.name), line(content.address)))),
            }
        case Address():
            fields = {
                name: line(value) for name, value in asdict(content).items() if name != "body" and value
            }
            return {
                "text": clean(content.body)[:_LONGEST_TEXT] or _draft(content, None).text,
                "form": "address",
                "fields": fields,
            }
        case Contact():
            return {"names": list(content.names), "phones": list(content.phones)}
        case Reaction():
            return {"text": line(content.emoji)}
        case Unsupported():
            return {"unsupported": content.kind}
        case _:
            assert_never(content)


def line(text: str) -> str:
    """Return a text as one clean line of bounded length."""
    return " ".join(clean(text).split())[:LONGEST_LINE]
