"""Made-up values that are right in every field a test does not care about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from db.accounts import AppAccount
from db.messages import NewMessage
from db.workspaces import Workspace
from domain.cases import CaseFacts
from domain.failures import Action, Capabilities, Reason
from domain.shipments import Address, FailedDelivery, Item

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
"""Noon in India, on a Friday."""

PHONE = "919999900001"


def failed_delivery(**changes: Any) -> FailedDelivery:
    """Return a first attempt that failed because nobody was at home."""
    values: dict[str, Any] = {
        "workspace_id": "kapaskraft",
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "attempt": 1,
        "reason": Reason.CUSTOMER_UNAVAILABLE,
        "failed_at": NOW,
        "raw_code": "1",
        "raw_reason": "Customer unavailable",
        "raw_remark": "door locked",
        "resolutions": (Action.REATTEMPT, Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.CANCEL),
        "customer_name": "Asha Rao",
        "customer_phone": PHONE,
        "address": Address("Asha Rao", ("14 Lotus Lane", "Indiranagar"), "Bengaluru", "Karnataka", "560038"),
        "items": (Item("SKU1", "Cotton kurta", "KapasKraft"),),
        "brand": "KapasKraft",
        "courier_name": "Delhivery",
    }
    return FailedDelivery(**(values | changes))


def capabilities() -> Capabilities:
    """Return what the order system can execute."""
    return Capabilities(
        (Action.REATTEMPT, Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.CANCEL, Action.DISPUTE)
    )


def case_facts(*, case_id: str | None = None, account_id: str = "account-1", **changes: Any) -> CaseFacts:
    """Return the facts of a case; the changes are those of its failed delivery."""
    return CaseFacts(case_id or str(uuid4()), account_id, failed_delivery(**changes), capabilities())


def workspace(**changes: Any) -> Workspace:
    """Return a seller's workspace."""
    values: dict[str, Any] = {"id": "kapaskraft", "name": "KapasKraft Pvt Ltd", "brand": "KapasKraft"}
    return Workspace(**(values | changes))


def app_account(**changes: Any) -> AppAccount:
    """Return Eshopbox's own account."""
    values: dict[str, Any] = {
        "id": "account-1",
        "owner": "eshopbox",
        "workspace_id": None,
        "app_name": "EshopboxLive",
        "app_id": "app-1",
        "phone": "918047100020",
        "header_name": "X-Webhook-Secret",
    }
    return AppAccount(**(values | changes))


def new_message(**changes: Any) -> NewMessage:
    """Return a failed-delivery template that is about to be sent."""
    values: dict[str, Any] = {
        "workspace_id": "kapaskraft",
        "case_id": None,
        "account_id": "account-1",
        "account_owner": "eshopbox",
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "event": "failed_delivery",
        "kind": "template",
        "purpose": "failed_delivery",
        "template_id": "template-1",
        "template_name": "delivery_failed_v3",
        "language": "en",
        "category": "UTILITY",
        "command_id": f"{uuid4()}/1",
        "phone": PHONE,
        "content": {"params": ["Asha Rao", "14 Lotus Lane"]},
        "price_paise": 35,
        "now": NOW,
        "attempt": 1,
        "lease_until": NOW + timedelta(seconds=20),
    }
    return NewMessage(**(values | changes))
