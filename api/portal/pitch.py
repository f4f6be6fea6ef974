"""What the Gupshup app would bring: shown by each page that is of no use without it (R2.4)."""

from dataclasses import dataclass, replace

from api.portal.parts import Message, message_of
from api.portal.visits import Visit
from db import people
from db.people import Role
from db.session import Session
from db.workspaces import Workspace
from domain.journey import find_event
from domain.preview import preview
from domain.shipments import JourneyEvent
from domain.variables import SAMPLES

__all__ = ["Pitch", "pitch_of", "who_owns"]

_TIME = "14:12"


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch on a page.

    Attributes:
        message: A message as the customer would see it.
        is_owner: Whether the reader can install the app themselves.
        owners: Who can.
    """

    message: Message
    is_owner: bool
    owners: str


async def pitch_of(session: Session, visit: Visit) -> Pitch:
    """Return the pitch for somebody's workspace."""
    return Pitch(_message(visit.workspace), visit.is_owner, await who_owns(session, visit.workspace_id))


async def who_owns(session: Session, workspace_id: str) -> str:
    """Return who may do what only owners can: "Meera Iyer or Arjun Nair"."""
    names = [
        person.name
        for person in await people.list_people(session, workspace_id)
        if person.role is Role.OWNER and person.disabled_at is None
    ]
    return " or ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])


def _message(workspace: Workspace) -> Message:
    """Return the proposed message of a failed delivery, with samples for its values."""
    entry = find_event(JourneyEvent.FAILED_DELIVERY)
    text = entry.text("en") if entry is not None else None
    if text is None:
        raise LookupError("the journey has no failed delivery in English")
    shown = preview(
        header=text.header,
        body=text.body,
        footer=text.footer,
        buttons=[("QUICK_REPLY", label) for label in text.buttons],
        mapping=[(variable, "") for variable in text.variables],
        samples=SAMPLES | {"brand": workspace.brand},
    )
    # Here it is an example as a whole: nobody has to tell the samples from the text.
    paragraphs = tuple("".join(part.text for part in paragraph) for paragraph in shown.paragraphs)
    return replace(message_of(shown, time=_TIME), paragraphs=paragraphs)
