"""What the stand-in remembers: workspaces, shipments, tokens, what it was told to do, and the ledger of what happened.

The ledger is the truth in fault tests: it holds what was really received, accepted and sent, in one order.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from simulators.carriers.journey import (
    CURRENT_STATUS,
    ENDED,
    LOG_STATUS,
    MAX_ATTEMPTS,
    REASONS,
    ReasonName,
)

INDIA: Final = timezone(timedelta(hours=5, minutes=30))

Clock = Callable[[], datetime]
ErrorShape = Literal["message", "object"]
LedgerKind = Literal["resolutions", "tokens", "tracking_reads", "webhooks", "events"]
Endpoint = Literal["resolution", "token", "tracking", "events"]
Mode = Literal["status", "hang_after_accept", "hang_before", "cut_after_accept", "refuse"]


class Strict(BaseModel):
    """Refuse unknown fields, so that a misspelt one in a demo or a test is seen at once."""

    model_config = ConfigDict(extra="forbid")


class Item(Strict):
    """Describe one line of an order."""

    sku: str = "KK-TEE-M"
    title: str = "Cotton T-shirt, M"
    brand: str = ""
    gtin: str = "08901234567894"
    ean: str = "8901234567894"
    upc: str = "890123456789"
    quantity: int = 2
    total: float = 1499.0


class Order(Strict):
    """Describe an order and its parcel; what is left out is made up."""

    order_id: str | None = None
    shipment_id: str | None = None
    tracking_id: str | None = None
    email: str = "customer@example.in"
    language: str = ""
    address_line1: str = "House 168, Lane 4"
    address_line2: str = "Indiranagar"
    city: str = "Bengaluru"
    state: str = "Karnataka"
    pincode: str = "560038"
    payment: str = "COD"
    courier: str = "Delhivery"
    items: tuple[Item, ...] = (Item(),)


class Customer(Order):
    """Describe somebody who orders in a workspace; the order's fields serve for their first shipment."""

    phone: str
    name: str = "Customer"


class Webhook(Strict):
    """Say where a workspace's events go, with the headers registered for it."""

    url: str
    headers: dict[str, str] = {}


class Workspace(Strict):
    """Describe a seller's tenant of the order system."""

    slug: str
    name: str
    brand: str
    client_id: str
    client_secret: str
    refresh_token: str
    webhook: Webhook | None = None
    customers: tuple[Customer, ...] = ()
    account_id: int = 733
    channel_id: int = 5943
    # The provider's pages contradict one another about this format.
    deferred_date_format: Literal["yyyy-mm-dd", "dd-mm-yyyy"] = "yyyy-mm-dd"


class Config(Strict):
    """Describe the stand-in at its start."""

    workspaces: tuple[Workspace, ...] = ()


class Options(Strict):
    """Say how the order system behaves until told otherwise."""

    error_shape: ErrorShape = "message"
    token_seconds: int = 86_400
    limit_needless_tokens: bool = False


class Behaviour(Strict):
    """Order a fault for the next `times` calls of an endpoint."""

    endpoint: Endpoint
    mode: Mode
    status: int | None = None
    message: str = ""
    error_shape: ErrorShape | None = None
    seconds: float = 600.0
    times: int = 1
    workspace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """Keep one line of a parcel's history."""

    status: str
    at: datetime
    remark: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Keep the failed attempt that the parcel stands in."""

    reason: ReasonName
    attempt: int
    remark: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Shipment:
    """Hold one parcel as the order system knows it."""

    workspace: str
    order_id: str
    shipment_id: str
    tracking_id: str
    phone: str
    customer_name: str
    order: Order
    number: int
    ordered_at: datetime
    log: list[LogEntry]
    attempt: int = 0
    failure: Failure | None = None
    resolution_id: str | None = None
    resolution_code: str | None = None

    @property
    def status(self) -> str:
        """Return the word of the newest log line."""
        return self.log[-1].status

    @property
    def current_status(self) -> str:
        """Return the status as the tracking answer spells it."""
        return CURRENT_STATUS.get(self.status, self.status.upper())

    @property
    def waits_for_resolution(self) -> bool:
        """Tell whether the newest thing that happened is a failed attempt, resolved or not."""
        return self.failure is not None and self.current_status == "FAILED_DELIVERY"

    @property
    def is_open(self) -> bool:
        """Tell whether another attempt can still fail."""
        ended = self.status in ENDED or self.status.startswith("rto")
        return not ended and self.attempt < MAX_ATTEMPTS

    @property
    def expected_on(self) -> date:
        """Return the delivery date once promised."""
        return (self.ordered_at + timedelta(days=3)).astimezone(INDIA).date()

    def record(self, event: str, *, at: datetime, remark: str = "", reason: str | None = None) -> None:
        """Write a forward event into the log; one that comes late is filed where it belongs in time."""
        self.log.append(LogEntry(status=LOG_STATUS.get(event, event), at=at, remark=remark, reason=reason))
        self.log.sort(key=lambda entry: entry.at)

    def fail(self, reason: ReasonName, *, attempt: int, at: datetime) -> Failure:
        """Mark an attempt as failed: it may be resolved once."""
        remark = REASONS[reason].remark
        if reason == "unavailable" and attempt > 1:
            remark = "Consignee unavailable"
        self.attempt = attempt
        self.failure = Failure(reason=reason, attempt=attempt, remark=remark, at=at)
        self.resolution_id = self.resolution_code = None
        self.record("failed_delivery", at=at, remark=remark, reason=REASONS[reason].reason)
        return self.failure

    def resolve(self, code: str, *, at: datetime, remark: str) -> str:
        """Accept a resolution for the failed attempt and return its id."""
        self.resolution_id = f"NDR-{self.tracking_id}-{self.attempt}"
        self.resolution_code = code
        self.record("ndr_resolution_submitted", at=at, remark=remark)
        return self.resolution_id

    def reject(self, *, at: datetime, remark: str) -> None:
        """Take back the resolution that was accepted: the parcel waits for another one."""
        self.resolution_id = self.resolution_code = None
        self.record("ndr_resolution_rejected", at=at, remark=remark, reason="REJECTED")

    def as_json(self) -> dict[str, Any]:
        """Return what the control routes show of it."""
        return {
            "workspace": self.workspace,
            "order_id": self.order_id,
            "shipment_id": self.shipment_id,
            "tracking_id": self.tracking_id,
            "phone": self.phone,
            "customer_name": self.customer_name,
            "status": self.status,
            "attempt": self.attempt,
            "reason": self.failure.reason if self.failure else None,
            "resolution_id": self.resolution_id,
            "resolution_code": self.resolution_code,
        }


class Ledger:
    """Keep what happened, each entry with a number of one sequence and its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seq = 0
        self._entries: dict[LedgerKind, list[dict[str, Any]]] = {
            "resolutions": [],
            "tokens": [],
            "tracking_reads": [],
            "webhooks": [],
            "events": [],
        }

    def add(self, kind: LedgerKind, **fields: Any) -> None:
        """Append one entry."""
        self._seq += 1
        self._entries[kind].append({"seq": self._seq, "at": self._clock().isoformat(), **fields})

    @property
    def newest(self) -> int:
        """The number of the newest entry."""
        return self._seq

    def as_json(self) -> dict[LedgerKind, list[dict[str, Any]]]:
        """Return all entries by kind."""
        return self._entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Hold an access token that was issued."""

    value: str
    workspace: str
    credentials: tuple[str, str, str]
    expires_at: datetime


class UnknownWorkspaceError(LookupError):
    """No workspace of that name is configured."""


class DuplicateShipmentError(ValueError):
    """A shipment or tracking id is already taken."""


@dataclass(slots=True)
class OrderSystem:
    """Hold the whole state of the stand-in and find things in it."""

    clock: Clock
    ledger: Ledger
    options: Options = field(default_factory=Options)
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    shipments: dict[str, Shipment] = field(default_factory=dict)
    _tokens: dict[str, Token] = field(default_factory=dict)
    _behaviours: list[Behaviour] = field(default_factory=list)
    _tracking: dict[str, Shipment] = field(default_factory=dict)
    _first_orders_used: set[tuple[str, str]] = field(default_factory=set)

    def put_workspace(self, workspace: Workspace) -> None:
        """Add a workspace or replace the one of that name; tokens of changed credentials end."""
        self.workspaces[workspace.slug] = workspace
        token = self._tokens.get(workspace.slug)
        if token is not None and token.credentials != _credentials(workspace):
            del self._tokens[workspace.slug]

    def find_workspace(self, slug: str) -> Workspace:
        """Return the workspace.

        Raises:
            UnknownWorkspaceError: If there is none of that name.
        """
        try:
            return self.workspaces[slug]
        except KeyError:
            raise UnknownWorkspaceError(f"no workspace {slug!r}") from None

    def workspace_of_phone(self, phone: str) -> Workspace:
        """Return the first workspace that knows the phone as a customer's, else the first of all.

        Raises:
            UnknownWorkspaceError: If no workspace is configured at all.
        """
        for workspace in self.workspaces.values():
            if find_customer(workspace, phone) is not None:
                return workspace
        for workspace in self.workspaces.values():
            return workspace
        raise UnknownWorkspaceError("no workspace is configured")

    def issue_token(self, credentials: tuple[str, str, str]) -> tuple[Token, bool] | None:
        """Return the token for these credentials and whether asking was needless; None if they are wrong."""
        now = self.clock()
        for workspace in self.workspaces.values():
            if not secrets.compare_digest(
                "\n".join(credentials).encode(), "\n".join(_credentials(workspace)).encode()
            ):
                continue
            token = self._tokens.get(workspace.slug)
            if token is not None and now < token.expires_at:
                return token, True
            token = Token(
                value=f"simulated.{secrets.token_urlsafe(24)}",
                workspace=workspace.slug,
                credentials=credentials,
                expires_at=now + timedelta(seconds=self.options.token_seconds),
            )
            self._tokens[workspace.slug] = token
            return token, False
        return None

    def workspace_of_token(self, value: str) -> Workspace | None:
        """Return whose token this is; None if it is unknown, ended or expired."""
        now = self.clock()
        for token in self._tokens.values():
            if secrets.compare_digest(token.value.encode(), value.encode()) and now < token.expires_at:
                return self.workspaces.get(token.workspace)
        return None

    def end_tokens(self) -> None:
        """End every token, as if all had been revoked."""
        self._tokens.clear()

    def order_behaviour(self, behaviour: Behaviour) -> None:
        """Queue a fault; faults of one endpoint take effect one after the other."""
        self._behaviours.append(behaviour)

    def clear_behaviours(self) -> None:
        """Forget every fault that was ordered."""
        self._behaviours.clear()

    def take_behaviour(self, endpoint: Endpoint, *, workspace: str | None) -> Behaviour | None:
        """Return the fault ordered for this call, and count it as used."""
        for behaviour in self._behaviours:
            if behaviour.endpoint == endpoint and behaviour.workspace in {None, workspace}:
                behaviour.times -= 1
                if behaviour.times <= 0:
                    self._behaviours.remove(behaviour)
                return behaviour
        return None

    def create_shipment(
        self,
        workspace: Workspace,
        *,
        phone: str,
        customer_name: str | None = None,
        order: Order | None = None,
    ) -> Shipment:
        """Create a parcel for a phone, with the details known of that customer where none are given.

        Raises:
            DuplicateShipmentError: If the given shipment or tracking id is taken.
        """
        customer = find_customer(workspace, phone)
        if order is None:
            order = self._first_order(workspace, customer) if customer else Order()
        number = self._free_number()
        order_id = order.order_id or f"ORD{number}"
        shipment = Shipment(
            workspace=workspace.slug,
            order_id=order_id,
            shipment_id=order.shipment_id or f"{order_id}-{workspace.channel_id}-{number % 10_000:04}",
            tracking_id=order.tracking_id or f"7{number:010}",
            phone=phone,
            customer_name=customer_name or (customer.name if customer else "Customer"),
            order=order,
            number=number,
            ordered_at=self.clock(),
            log=[LogEntry(status="created", at=self.clock())],
        )
        if shipment.shipment_id in self.shipments or shipment.tracking_id in self._tracking:
            raise DuplicateShipmentError(f"shipment {shipment.shipment_id} or its tracking id exists")
        self.shipments[shipment.shipment_id] = shipment
        self._tracking[shipment.tracking_id] = shipment
        return shipment

    def find_open_shipment(self, phone: str, *, workspace: str) -> Shipment | None:
        """Return the newest parcel of this phone whose delivery can still fail."""
        wanted = national_number(phone)
        for shipment in reversed(self.shipments.values()):
            if (
                shipment.workspace == workspace
                and shipment.is_open
                and national_number(shipment.phone) == wanted
            ):
                return shipment
        return None

    def find_tracked(self, tracking_id: str, *, workspace: str) -> Shipment | None:
        """Return the parcel with that number, if it is this workspace's."""
        shipment = self._tracking.get(tracking_id)
        return shipment if shipment is not None and shipment.workspace == workspace else None

    def _first_order(self, workspace: Workspace, customer: Customer) -> Order:
        """Return the customer's details; the ids among them serve one time only."""
        details = Order.model_validate(customer.model_dump(exclude={"phone", "name"}))
        key = (workspace.slug, customer.phone)
        if key in self._first_orders_used:
            return details.model_copy(update={"order_id": None, "shipment_id": None, "tracking_id": None})
        self._first_orders_used.add(key)
        return details

    def _free_number(self) -> int:
        """Draw an order number at random: a restarted stand-in must not repeat what our database remembers."""
        taken = {shipment.number for shipment in self.shipments.values()}
        while (number := 10_000_000 + secrets.randbelow(90_000_000)) in taken:
            pass
        return number


def find_customer(workspace: Workspace, phone: str) -> Customer | None:
    """Return the workspace's customer with that phone, however it is written."""
    wanted = national_number(phone)
    return next((known for known in workspace.customers if national_number(known.phone) == wanted), None)


def national_number(phone: str) -> str:
    """Reduce a phone to its ten digits without country code."""
    return re.sub(r"\D", "", phone)[-10:]


def utc_now() -> datetime:
    """Read the real clock."""
    return datetime.now(UTC)


def moved_clock(ahead: Path) -> Clock:
    """Return a clock that is ahead by the seconds that stand in a file."""
    return lambda: utc_now() + timedelta(seconds=float(ahead.read_text()))


def _credentials(workspace: Workspace) -> tuple[str, str, str]:
    return (workspace.client_id, workspace.client_secret, workspace.refresh_token)
