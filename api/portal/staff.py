"""What the pages of Eshopbox's own people share: their times, their audit, the password asked for again."""

from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.portal.visits import Visit
from db import audit
from db.session import Session
from db.workspaces import PLATFORM
from domain.formats import moment

__all__ = ["ask_password", "moment_words", "month_begins", "record", "run_url", "zone_of"]


def zone_of(visit: Visit) -> ZoneInfo:
    """Return the zone in which staff read times: the platform's."""
    return ZoneInfo(visit.workspace.policy.timezone)


def moment_words(visit: Visit, at: datetime | None, *, otherwise: str = "–") -> str:
    """Return a day and a time of day as staff read it."""
    return otherwise if at is None else moment(at, now=visit.now, zone=zone_of(visit))


def month_begins(visit: Visit) -> datetime:
    """Return when this month began, by the platform's calendar."""
    return visit.now.astimezone(zone_of(visit)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def record(
    session: Session,
    visit: Visit,
    action: str,
    *,
    subject: str = "",
    detail: str = "",
    workspace_id: str = PLATFORM,
) -> None:
    """Record what somebody of staff does, in the transaction that does it (S28).

    Args:
        session: The transaction.
        visit: Who does it.
        action: What, as a dotted word.
        subject: With what.
        detail: In words.
        workspace_id: In whose chain: the platform's for what concerns all.
    """
    await audit.add_record(
        session, workspace_id, person=visit.by, action=action, subject=subject, detail=detail, now=visit.now
    )


def ask_password(visit: Visit, url: str) -> Response | None:
    """Return the way to the password where it was not given a short while ago (S11); None where it was."""
    if visit.is_confirmed:
        return None
    return RedirectResponse(f"/account/confirm?next={quote(url, safe='')}", HTTPStatus.SEE_OTHER)


def run_url(visit: Visit, workflow_id: str) -> str:
    """Return where Temporal's own pages show a run."""
    settings = visit.services.resources.settings
    namespace = quote(settings.temporal_namespace, safe="")
    return f"{settings.codec_origin}/namespaces/{namespace}/workflows/{quote(workflow_id, safe='')}"
