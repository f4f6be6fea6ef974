"""Apps at Gupshup's stand-in that no workspace has connected yet: what Connect and verify is tried with.

One key has an app that is ready, with a template in every status, and one that is not live. Another key has one app.
The stand-in forgets all of it when it stops, so these keys are no secrets.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from ops.seeded_templates import at_gupshup

_NAMESPACE = uuid.UUID("0c3d8a52-7e4b-4b52-9d0e-3a6a0f4c8b21")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareTemplate:
    """A template of a spare app."""

    id: str
    name: str
    status: str
    category: str = "UTILITY"
    labels: tuple[str, ...] = ("Try again", "Choose another date", "See all options")
    reason: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareApp:
    """An app that waits to be connected."""

    id: str
    name: str
    phone: str
    display_name: str
    api_key: str = field(repr=False)
    is_live: bool = True
    templates: tuple[SpareTemplate, ...] = ()

    def template(self, name: str) -> SpareTemplate:
        """Return the template of a name.

        Raises:
            KeyError: There is none.
        """
        return {template.name: template for template in self.templates}[name]


_REASONS = {"REJECTED": "INVALID_FORMAT", "FAILED": "Template could not be submitted"}
_STATUSES = (
    "APPROVED",
    "PENDING",
    "REJECTED",
    "FAILED",
    "PAUSED",
    "DISABLED",
    "DELETED",
    "SANDBOX_REQUESTED",
    "IN_APPEAL",
)


def _id(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


def _templates(app: str) -> tuple[SpareTemplate, ...]:
    return (
        *(
            SpareTemplate(
                id=_id(f"{app}:{status}"),
                name=f"delivery_failed_{status.lower()}",
                status=status,
                reason=_REASONS.get(status, ""),
            )
            for status in _STATUSES
        ),
        SpareTemplate(
            id=_id(f"{app}:plain"), name="delivery_failed_no_buttons", status="APPROVED", labels=()
        ),
        SpareTemplate(
            id=_id(f"{app}:marketing"),
            name="delivery_failed_marketing",
            status="APPROVED",
            category="MARKETING",
        ),
    )


READY = SpareApp(
    id=_id("ChanderiLive"),
    name="ChanderiLive",
    phone="918047100031",
    display_name="Chanderi Loom",
    api_key="sk_spare_chanderi",
    templates=_templates("ChanderiLive"),
)
"""Can be connected."""

NOT_LIVE = SpareApp(
    id=_id("ChanderiSandbox"),
    name="ChanderiSandbox",
    phone="918047100032",
    display_name="Chanderi Loom",
    api_key=READY.api_key,
    is_live=False,
    templates=(SpareTemplate(id=_id("sandbox"), name="delivery_failed_sandbox", status="SANDBOX_REQUESTED"),),
)
"""Of the same key, and not live."""

OF_ANOTHER_KEY = SpareApp(
    id=_id("NilgiriTeaLive"),
    name="NilgiriTeaLive",
    phone="918047100041",
    display_name="Nilgiri Tea Co",
    api_key="sk_spare_nilgiri",
    templates=_templates("NilgiriTeaLive"),
)
"""Another seller's, with a key of its own; can be connected too."""

SPARE_APPS = (READY, NOT_LIVE, OF_ANOTHER_KEY)


def spare_apps() -> list[dict[str, Any]]:
    """Return the spare apps as the stand-in's configuration writes them."""
    return [
        {
            "id": app.id,
            "name": app.name,
            "phone": app.phone,
            "api_key": app.api_key,
            "display_name": app.display_name,
            "live": app.is_live,
            "balance": "12.50",
            "templates": [
                {
                    "id": template.id,
                    "elementName": template.name,
                    "languageCode": template.language,
                    "category": template.category,
                    "status": template.status,
                    "templateType": "TEXT",
                    "header": "We missed you today",
                    "data": "Hi {{1}}, the courier could not deliver your {{2}} order {{3}}: {{4}}.\n\nWhat should we do?",
                    "footer": "Reply STOP to end messages",
                    "buttons": [{"type": "QUICK_REPLY", "text": label} for label in template.labels],
                    "reason": template.reason,
                }
                for template in app.templates
            ]
            + (at_gupshup(app.name, are_named=True) if app is READY else []),
        }
        for app in SPARE_APPS
    ]
