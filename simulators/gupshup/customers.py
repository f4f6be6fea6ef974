"""What customers can do with their phones: tap, type, send things, fill in the address form.

Both the control routes and the phone on the screen go through here, so that both make the same callbacks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from .network import Network
from .state import App, Choice, Message, Phone, Reply
from .wire import milliseconds

Variant = Literal["A", "B", "no_postback", "no_context", "context_id_only"]

ADDRESS_KEYS: Final = {
    "name": "name",
    "phoneNumber": "phone_number",
    "inPinCode": "in_pin_code",
    "houseNumber": "house_number",
    "floorNumber": "floor_number",
    "towerNumber": "tower_number",
    "buildingName": "building_name",
    "address": "address",
    "landmarkArea": "landmark_area",
    "city": "city",
    "state": "state",
}
"""What the form is prefilled with, and how the same thing is called in the answer."""

_MEDIA: Final = {
    "image": "image/jpeg",
    "file": "application/pdf",
    "audio": "audio/ogg; codecs=opus",
    "video": "video/mp4",
    "sticker": "image/webp",
}
_KEPT_FOR: Final = timedelta(days=7)


class NoSuchChoice(Exception):
    """The message has no choice of this title or at this place."""


class Customers:
    """The people behind the phones."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world

    def tap(
        self, message: Message, *, title: str | None = None, index: int | None = None, variant: Variant = "A"
    ) -> Reply:
        """Tap a button or a list row of a message.

        Args:
            message: what is shown.
            title: the label to tap; or
            index: its place, from 0.
            variant: the form of the callback. Of a template's button A is `quick_reply` and B `text` without postback;
                of a session button B is `quick_reply` too.

        Raises:
            NoSuchChoice: nothing there to tap.
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        place, choice = _choice(message, title, index)
        content = message.content
        body: dict[str, Any]
        if content.kind == "template":
            kind = "text" if variant == "B" else "quick_reply"
            body = {"text": choice.title, "type": "button"}
            with_postback = variant not in {"B", "no_postback"}
        else:
            kind = "list_reply" if content.kind == "list" else "button_reply"
            if variant == "B" and kind == "button_reply":
                kind = "quick_reply"
            body = {"title": choice.title, "id": content.message_tag, "reply": f"{choice.title} {place + 1}"}
            with_postback = variant != "no_postback"
        if with_postback and choice.postback is not None:
            body["postbackText"] = choice.postback
        if content.kind == "list" and choice.description:
            body["description"] = choice.description
        context: Mapping[str, Any] | None = None
        if variant == "no_context":
            context = {}
        elif variant == "context_id_only":
            context = {"id": message.whatsapp_id}
        message.tapped.add(place)
        return self._network.say(
            message.app,
            self._world.phone(message.phone),
            kind=kind,
            body=body,
            text=choice.title,
            answers=message,
            context=context,
            quoted=content.kind == "template",
        )

    def write(self, app: App, phone: Phone, text: str, answers: Message | None = None) -> Reply:
        """Type a text.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        return self._network.say(
            app,
            phone,
            kind="text",
            body={"text": text},
            text=text,
            answers=answers,
            quoted=answers is not None,
        )

    def send_media(
        self, app: App, phone: Phone, kind: str, given: Mapping[str, str], answers: Message | None
    ) -> Reply:
        """Send a photo, document, voice note, video or sticker.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        address = f"{self._world.media_base_url}/wa/{app.id}/wa/media/{uuid.uuid4()}?download=false"
        body: dict[str, Any] = {
            "url": given.get("url") or address,
            "contentType": given.get("content_type") or _MEDIA[kind],
            "urlExpiry": milliseconds(self._world.clock() + _KEPT_FOR),
        }
        if kind == "file":
            body["name"] = given.get("name") or "address-proof.pdf"
        if kind in {"image", "video", "file"}:
            body["caption"] = given.get("caption", "")
        text = given.get("caption") or body.get("name") or ""
        return self._network.say(
            app, phone, kind=kind, body=body, text=text, answers=answers, quoted=answers is not None
        )

    def send_location(
        self, app: App, phone: Phone, given: Mapping[str, str], answers: Message | None
    ) -> Reply:
        """Send a place; the figures travel as strings.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        body = {
            "longitude": given.get("longitude") or "77.594566",
            "latitude": given.get("latitude") or "12.971599",
            **{key: given[key] for key in ("name", "address") if given.get(key)},
        }
        text = given.get("name") or "Location"
        return self._network.say(app, phone, kind="location", body=body, text=text, answers=answers)

    def send_contact(
        self, app: App, phone: Phone, given: Mapping[str, str], answers: Message | None
    ) -> Reply:
        """Send a contact card.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        name = given.get("name") or "Ravi Rao"
        number = given.get("contact_phone") or "919999900002"
        card = {
            "name": {"formatted_name": name, "first_name": name.partition(" ")[0]},
            "phones": [
                {"phone": f"+{number[:-10]} {number[-10:-5]} {number[-5:]}", "type": "CELL", "wa_id": number}
            ],
        }
        return self._network.say(
            app, phone, kind="contact", body={"contacts": [card]}, text=name, answers=answers
        )

    def react(self, app: App, phone: Phone, emoji: str, message: Message) -> Reply:
        """React to a message; an empty emoji takes the reaction back.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        message.reaction = emoji
        body = {"emoji": emoji, "id": message.whatsapp_id, "gsId": message.id}
        # The link is inside the inner payload; there is no context.
        return self._network.say(app, phone, kind="reaction", body=body, text=emoji)

    def send_address(self, app: App, phone: Phone, given: Mapping[str, str], form: Message | None) -> Reply:
        """Send the address form back.

        Args:
            app: the business.
            phone: whose phone.
            given: the fields, by their snake_case names.
            form: the message with the form; without one, the newest in this chat.

        Raises:
            PhoneCannotSend: not on WhatsApp, or the business is blocked.
        """
        if form is None:
            forms = list(self._world.messages_to(phone.number, app.id))
            form = next((each for each in reversed(forms) if each.content.kind == "address_message"), None)
        details = {key: given[key] for key in ADDRESS_KEYS.values() if key in given}
        lines = (
            (details.get("name"),),
            (details.get("phone_number"),),
            tuple(
                details.get(key) for key in ("house_number", "floor_number", "tower_number", "building_name")
            ),
            tuple(details.get(key) for key in ("address", "landmark_area")),
            tuple(details.get(key) for key in ("city", "state", "in_pin_code")),
        )
        text = "\n".join(joined for line in lines if (joined := ", ".join(part for part in line if part)))
        context = None
        if form is not None:
            form.tapped.add(0)
            context = {
                "id": form.whatsapp_id,
                "gsId": form.id,
                "forwarded": False,
                "frequently_forwarded": False,
            }
        body = {
            "id": str(uuid.uuid4().int % 10**6),
            "name": "address_message",
            "addressDetails": details,
            "body": text,
        }
        return self._network.say(
            app, phone, kind="nfm_reply", body=body, text=text, answers=form, context=context
        )


def _choice(message: Message, title: str | None, index: int | None) -> tuple[int, Choice]:
    for place, choice in enumerate(message.content.choices):
        if place == index or (index is None and choice.title == title):
            return place, choice
    raise NoSuchChoice("no such choice")
