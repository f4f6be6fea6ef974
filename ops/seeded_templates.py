"""Templates for every other step of the journey, as the help article proposes them: at the stand-in, and on offer.

The failed delivery's own, with its buttons, is the seed's.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from db.notifications import Notification, Param
from domain.journey import JOURNEY, TemplateText
from domain.shipments import JourneyEvent

_NAMESPACE = uuid.UUID("7a8f4c0e-51f7-4a86-9a52-0d0f7b3c9e64")
_STEPS = tuple(entry for entry in JOURNEY if entry.key != JourneyEvent.FAILED_DELIVERY.value)


def at_gupshup(account: str, *, are_named: bool = False) -> list[dict[str, Any]]:
    """Return an account's templates as the stand-in's configuration writes them.

    Args:
        account: What makes their ids differ from another account's.
        are_named: Whether placeholders are names, which map themselves, or numbers.
    """
    return [
        {
            "id": _id(account, text),
            "elementName": text.name,
            "languageCode": text.language,
            "category": text.category,
            "status": "APPROVED",
            "templateType": "TEXT",
            "header": text.header,
            "data": text.named_body if are_named else text.body,
            "footer": text.footer,
            "buttons": [],
        }
        for _, text in _texts()
    ]


def on_offer(workspace_id: str, account_id: str, account: str) -> Iterator[Notification]:
    """Return what the platform offers for each step through its account (R4.4)."""
    for event, text in _texts():
        yield Notification(
            workspace_id=workspace_id,
            account_id=account_id,
            event=event,
            language=text.language,
            template_id=_id(account, text),
            template_name=text.name,
            category=text.category,
            header=text.header,
            body=text.body,
            footer=text.footer,
            params=tuple(Param(variable) for variable in text.variables),
            is_on=True,
        )


def _texts() -> Iterator[tuple[str, TemplateText]]:
    return ((entry.key, text) for entry in _STEPS for text in entry.texts)


def _id(account: str, text: TemplateText) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{account}:{text.name}:{text.language}"))
