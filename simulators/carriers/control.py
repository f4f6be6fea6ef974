"""Serve our own control routes: make parcels and failures, order faults, read the ledger."""

from datetime import datetime
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, Field, model_validator

from simulators.carriers.journey import EVENTS, WHOLE_JOURNEYS, ReasonName, Resource
from simulators.carriers.state import (
    Behaviour,
    DuplicateShipmentError,
    Options,
    Order,
    OrderSystem,
    Shipment,
    Strict,
    UnknownWorkspaceError,
    Workspace,
)
from simulators.carriers.webhooks import WebhookSender
from simulators.carriers.wire import webhook_body

CONFLICT: Final = 409
NOT_FOUND: Final = 404
UNPROCESSABLE: Final = 422


class NewShipment(Order):
    """Ask for a parcel; the workspace follows from the phone where it is not named."""

    phone: str
    workspace: str | None = None
    customer_name: str | None = None


class NewFailure(Strict):
    """Ask for a failed attempt of a parcel, or of the open one of a phone; `language` becomes the customer's."""

    phone: str | None = None
    shipment_id: str | None = None
    workspace: str | None = None
    reason: ReasonName = "unavailable"
    attempt: int | None = None
    language: str | None = None

    @model_validator(mode="after")
    def _names_a_parcel(self) -> "NewFailure":
        if (self.phone is None) == (self.shipment_id is None):
            raise ValueError("name either a phone or a shipment_id")
        return self


class Rejection(Strict):
    """Ask for an accepted resolution to be taken back."""

    shipment_id: str
    remark: str = "Route closed"


class NewEvent(Strict):
    """Ask for any webhook of a parcel, as often as wanted, with fields replaced if wanted."""

    shipment_id: str
    event: str
    resource: Resource = "shipment"
    event_time: AwareDatetime | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    actor: str = "SYSTEM"
    repeat: int = 1

    @model_validator(mode="after")
    def _exists(self) -> "NewEvent":
        if self.event not in EVENTS[self.resource]:
            raise ValueError(f"{self.resource} has no event {self.event!r}")
        return self


class NewJourney(Strict):
    """Ask for a whole journey of a parcel, its own or back, step by step; without a parcel a new one is made.

    `steps` are announced instead of all that a journey has where nothing goes wrong.
    """

    phone: str | None = None
    shipment_id: str | None = None
    workspace: str | None = None
    resource: Resource = "shipment"
    steps: tuple[str, ...] | None = None
    seconds_apart: float = Field(default=2.0, ge=0.0, le=600.0)

    @model_validator(mode="after")
    def _exists(self) -> "NewJourney":
        if (self.phone is None) == (self.shipment_id is None):
            raise ValueError("name either a phone or a shipment_id")
        unknown = [step for step in self.steps or () if step not in EVENTS[self.resource]]
        if unknown:
            raise ValueError(f"{self.resource} has no event {unknown[0]!r}")
        if self.resource == "shipment" and "failed_delivery" in (self.steps or ()):
            raise ValueError("a failed attempt has its own reason: use /control/fail")
        return self


def control_routes(system: OrderSystem, sender: WebhookSender) -> APIRouter:
    """Build the routes that move parcels and read what happened."""
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        """Tell that the program runs."""
        return {"status": "ok"}

    @router.get("/control/ledger")
    async def read_ledger() -> Any:
        """Show what was received, accepted and sent."""
        return system.ledger.as_json()

    @router.get("/control/under-way")
    async def tell_under_way() -> dict[str, int]:
        """Tell how many webhooks are still being delivered, and count what has happened so far."""
        return {"under_way": sender.under_way, "version": system.ledger.newest}

    @router.get("/control/shipments")
    async def list_shipments() -> list[dict[str, Any]]:
        """Show every parcel."""
        return [shipment.as_json() for shipment in system.shipments.values()]

    @router.post("/control/shipments")
    async def create_shipment(wanted: NewShipment) -> dict[str, Any]:
        """Create a parcel; nothing is announced."""
        workspace = _workspace(system, wanted.workspace, phone=wanted.phone)
        given = wanted.model_dump(exclude={"phone", "workspace", "customer_name"}, exclude_unset=True)
        try:
            shipment = system.create_shipment(
                workspace,
                phone=wanted.phone,
                customer_name=wanted.customer_name,
                order=Order.model_validate(given) if given else None,
            )
        except DuplicateShipmentError as error:
            raise HTTPException(CONFLICT, str(error)) from error
        return shipment.as_json()

    @router.post("/control/fail")
    async def fail_delivery(wanted: NewFailure) -> dict[str, Any]:
        """Fail the next attempt of a parcel and announce it."""
        if wanted.shipment_id is not None:
            shipment = _shipment(system, wanted.shipment_id)
            workspace = system.find_workspace(shipment.workspace)
        else:
            phone = wanted.phone or ""
            workspace = _workspace(system, wanted.workspace, phone=phone)
            shipment = system.find_open_shipment(phone, workspace=workspace.slug) or system.create_shipment(
                workspace, phone=phone
            )
        if wanted.attempt is None and not shipment.is_open:
            raise HTTPException(CONFLICT, f"shipment {shipment.shipment_id} has no attempt left to fail")
        if wanted.language is not None:
            shipment.order = shipment.order.model_copy(update={"language": wanted.language})
        attempt = wanted.attempt or shipment.attempt + 1
        failure = shipment.fail(wanted.reason, attempt=attempt, at=system.clock())
        sender.send(
            webhook_body(workspace, shipment, resource="shipment", event="failed_delivery", at=failure.at)
        )
        return shipment.as_json()

    @router.post("/control/reject")
    async def reject_resolution(wanted: Rejection) -> dict[str, Any]:
        """Take back a resolution that was accepted, as a courier does who cannot do it after all."""
        shipment = _shipment(system, wanted.shipment_id)
        if shipment.resolution_id is None:
            raise HTTPException(CONFLICT, f"shipment {shipment.shipment_id} has no accepted resolution")
        shipment.reject(at=system.clock(), remark=wanted.remark)
        sender.send(
            webhook_body(
                system.find_workspace(shipment.workspace),
                shipment,
                resource="shipment",
                event="ndr_resolution_rejected",
                at=shipment.log[-1].at,
            )
        )
        return shipment.as_json()

    @router.post("/control/events")
    async def emit_event(wanted: NewEvent) -> dict[str, Any]:
        """Announce any event; a forward one also moves the parcel, at its place in time."""
        shipment = _shipment(system, wanted.shipment_id)
        at = wanted.event_time or _time_of(shipment, wanted) or system.clock()
        if wanted.resource == "shipment" and wanted.event != "failed_delivery":
            shipment.record(wanted.event, at=at)
        body = webhook_body(
            system.find_workspace(shipment.workspace),
            shipment,
            resource=wanted.resource,
            event=wanted.event,
            at=at,
            actor=wanted.actor,
            overrides=wanted.overrides,
        )
        for _ in range(wanted.repeat):
            sender.send(body)
        return body

    return router


def journey_routes(system: OrderSystem, sender: WebhookSender) -> APIRouter:
    """Build the route that takes a parcel through a whole journey."""
    router = APIRouter()

    @router.post("/control/journeys")
    async def emit_journey(wanted: NewJourney) -> dict[str, Any]:
        """Announce the steps of a journey one after the other, and answer at once."""
        if wanted.shipment_id is not None:
            shipment = _shipment(system, wanted.shipment_id)
        else:
            phone = wanted.phone or ""
            shipment = system.create_shipment(_workspace(system, wanted.workspace, phone=phone), phone=phone)
        workspace = system.find_workspace(shipment.workspace)

        def announce(event: str) -> dict[str, Any]:
            at = system.clock()
            if wanted.resource == "shipment" and event != shipment.status:
                shipment.record(event, at=at)
            return webhook_body(workspace, shipment, resource=wanted.resource, event=event, at=at)

        steps = WHOLE_JOURNEYS[wanted.resource] if wanted.steps is None else wanted.steps
        sender.send_in_turn([partial(announce, step) for step in steps], seconds_apart=wanted.seconds_apart)
        return shipment.as_json() | {"steps": steps}

    return router


def fault_routes(system: OrderSystem) -> APIRouter:
    """Build the routes that change how the order system itself behaves."""
    router = APIRouter()

    @router.post("/control/behaviour")
    async def order_fault(behaviour: Behaviour) -> Behaviour:
        """Order a fault for the next calls of an endpoint."""
        system.order_behaviour(behaviour)
        return behaviour

    @router.delete("/control/behaviour")
    async def clear_faults() -> dict[str, str]:
        """Forget the faults that were ordered."""
        system.clear_behaviours()
        return {"status": "ok"}

    @router.post("/control/options")
    async def set_options(options: Options) -> Options:
        """Replace the lasting options."""
        system.options = options
        return options

    @router.delete("/control/tokens")
    async def end_tokens() -> dict[str, str]:
        """Revoke every access token."""
        system.end_tokens()
        return {"status": "ok"}

    @router.put("/control/workspaces")
    async def put_workspace(workspace: Workspace) -> dict[str, str]:
        """Add or replace a workspace."""
        system.put_workspace(workspace)
        return {"slug": workspace.slug}

    return router


def _workspace(system: OrderSystem, slug: str | None, *, phone: str) -> Workspace:
    try:
        return system.workspace_of_phone(phone) if slug is None else system.find_workspace(slug)
    except UnknownWorkspaceError as error:
        raise HTTPException(NOT_FOUND, str(error)) from error


def _shipment(system: OrderSystem, shipment_id: str) -> Shipment:
    shipment = system.shipments.get(shipment_id)
    if shipment is None:
        raise HTTPException(NOT_FOUND, f"no shipment {shipment_id!r}")
    return shipment


def _time_of(shipment: Shipment, wanted: NewEvent) -> datetime | None:
    """Return when the failure happened, so that announcing it again says the same.

    Raises:
        HTTPException: If a failure is to be announced that never happened.
    """
    if wanted.resource != "shipment" or wanted.event != "failed_delivery":
        return None
    if shipment.failure is None:
        raise HTTPException(UNPROCESSABLE, "nothing failed yet: use /control/fail")
    return shipment.failure.at
