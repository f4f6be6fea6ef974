"""What the JSON API takes and gives. Inputs refuse what they do not know; answers are built field by field (S27)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from datetime import date as Day  # noqa: N812 - a field of the API is called date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from clients.carriers.eshopbox import read_phone
from db.cases import CaseRow
from db.messages import Message
from db.timeline import TimelineEntry
from domain.failures import Action, Reason
from domain.replies import AddressDraft
from domain.shipments import Address, FailedDelivery, Item

_UNWANTED = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MOST_ATTEMPTS = 9


def _plain(text: str) -> str:
    if _UNWANTED.search(text):
        raise ValueError("no control or direction characters")
    return text


def _phone(text: str) -> str:
    """Return an Indian mobile number as E.164 digits; the rule is that of the order system's own events."""
    phone, problem = read_phone(text)
    if problem:
        raise ValueError(
            "an Indian mobile number, as +919999900001 or 9999900001; no landline, no other country's"
        )
    return phone


def _form(pattern: str, words: str) -> tuple[AfterValidator, Any]:
    """Return a check against a pattern whose refusal says in words what would be right."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if not form.search(text):
            raise ValueError(words)
        return text

    return AfterValidator(check), Field(json_schema_extra={"pattern": pattern})


Id = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_plain)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_plain)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_plain)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30), AfterValidator(_phone)
]
Url = Annotated[
    str,
    StringConstraints(max_length=500),
    *_form(r"^(https?://[^\s]+)?\Z", "an address that begins with https:// or http://"),
    AfterValidator(_plain),
]
Language = Annotated[str, *_form(r"^([a-z]{2,3})?\Z", "a language code, as en or hi")]
Pincode = Annotated[str, *_form(r"^([1-9][0-9]{5})?\Z", "a pincode of six digits, as 560038")]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerIn(_Input):
    """Who gets the parcel."""

    name: Line = Field(default="", examples=["Asha Rao"])
    phone: Phone | None = Field(
        default=None,
        description="Indian mobile number. Without one the case ends at once as undeliverable",
        examples=["+919999900001"],
    )
    language: Language = Field(default="", examples=["en"])


class AddressIn(_Input):
    """Where the parcel goes."""

    lines: tuple[Line, ...] = Field(default=(), max_length=4, examples=[["House 168, Lane 4", "Indiranagar"]])
    city: Line = Field(default="", examples=["Bengaluru"])
    state: Line = Field(default="", examples=["Karnataka"])
    pincode: Pincode = Field(default="", examples=["560038"])


class ItemIn(_Input):
    """One line of the order."""

    sku: Line = Field(default="", examples=["KK-TEE-M"])
    title: Line = Field(default="", examples=["Cotton T-shirt, M"])
    brand: Line = Field(default="", examples=["KapasKraft"])
    quantity: int = Field(default=1, ge=1, le=10_000)


class PaymentIn(_Input):
    """What the customer pays at the door."""

    is_cod: bool = False
    amount_due_paise: int = Field(default=0, ge=0, le=10_000_000_00, examples=[149900])


class FailedDeliveryIn(_Input):
    """A delivery attempt that failed."""

    order_id: Id = Field(description="The seller's order number", examples=["ORD123456"])
    shipment_id: Id = Field(description="The parcel", examples=["ORD123456-5943-9018"])
    tracking_id: Id = Field(description="The courier's parcel number", examples=["70011223344"])
    attempt: int = Field(description="Which attempt failed", ge=1, le=_MOST_ATTEMPTS, examples=[1])
    reason: Reason = Field(description="Why it failed", examples=[Reason.CUSTOMER_UNAVAILABLE])
    failed_at: AwareDatetime = Field(
        description="When it failed; the deadline counts from here", examples=["2026-11-21T14:20:00+05:30"]
    )
    raw_code: Line = Field(default="", description="The courier's own code", examples=["1"])
    raw_reason: Line = Field(default="", description="Its own words", examples=["Customer not available"])
    raw_remark: Text = Field(default="", description="Its remark")
    resolutions: tuple[Action, ...] = Field(
        default=(),
        description="What can be executed for this failure; where left out, what its reason usually allows",
        max_length=len(Action),
        examples=[[Action.REATTEMPT, Action.RESCHEDULE, Action.CANCEL]],
    )
    customer: CustomerIn = Field(default_factory=CustomerIn)
    address: AddressIn = Field(default_factory=AddressIn)
    items: tuple[ItemIn, ...] = Field(default=(), max_length=50)
    payment: PaymentIn = Field(default_factory=PaymentIn)
    brand: Line = Field(default="", description="Where left out, the workspace's", examples=["KapasKraft"])
    courier_name: Line = Field(default="", examples=["Delhivery"])
    tracking_url: Url = Field(default="", examples=["https://track.example.in/70011223344"])
    expected_on: Day | None = Field(default=None, description="The day it was expected")

    def as_failure(self, workspace_id: str) -> FailedDelivery:
        """Return the report in the words of the domain."""
        return FailedDelivery(
            workspace_id=workspace_id,
            order_id=self.order_id,
            shipment_id=self.shipment_id,
            tracking_id=self.tracking_id,
            attempt=self.attempt,
            reason=self.reason,
            failed_at=self.failed_at.astimezone(UTC),
            raw_code=self.raw_code,
            raw_reason=self.raw_reason,
            raw_remark=self.raw_remark,
            resolutions=self.resolutions,
            customer_name=self.customer.name,
            customer_phone=self.customer.phone or "",
            address=Address(
                name=self.customer.name,
                lines=self.address.lines,
                city=self.address.city,
                state=self.address.state,
                pincode=self.address.pincode,
            ),
            items=tuple(Item(item.sku, item.title, item.brand, item.quantity) for item in self.items),
            brand=self.brand,
            courier_name=self.courier_name,
            tracking_url=self.tracking_url,
            is_cod=self.payment.is_cod,
            amount_due_paise=self.payment.amount_due_paise,
            expected_on=self.expected_on.isoformat() if self.expected_on else "",
            language=self.customer.language,
        )


class NewAddressIn(_Input):
    """A corrected address; city and state stay the order's."""

    text: Text = Field(description="House, street and area", examples=["House 168, Lane 4, Indiranagar"])
    pincode: Pincode = Field(default="", examples=["560038"])
    landmark: Line = Field(default="", examples=["Beside the metro station"])
    phone: Phone | None = Field(default=None, description="Another contact number")
    name: Line = Field(default="", description="Another recipient")

    def as_draft(self) -> AddressDraft:
        """Return the address in the words of the domain."""
        return AddressDraft(
            text=self.text,
            pincode=self.pincode,
            landmark=self.landmark,
            phone=(self.phone or "")[-10:],
            name=self.name,
        )


class _ByHand(_Input):
    person: Line = Field(default="", description="Who asks; shown on the order's activity")


class ActionIn(_ByHand):
    """An action for an open case."""

    action: Action = Field(description="What is asked for", examples=[Action.RESCHEDULE])
    date: Annotated[Day | None, Field(description="The day, for a reschedule", examples=["2026-11-23"])] = (
        None
    )
    address: NewAddressIn | None = Field(default=None, description="The new address, for an update")
    words: tuple[Text, ...] = Field(
        default=(), max_length=10, description="What the customer says, for a dispute"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.action is Action.RESCHEDULE) != (self.date is not None):
            raise ValueError("a date goes with reschedule, and only with it")
        if (self.action is Action.UPDATE_ADDRESS) != (self.address is not None):
            raise ValueError("an address goes with update_address, and only with it")
        if self.words and self.action is not Action.DISPUTE:
            raise ValueError("words go with dispute only")
        return self


class ResendIn(_ByHand):
    """Send the first message again."""


class CloseIn(_ByHand):
    """End a case by hand."""

    note: Line = Field(default="", description="Why; shown on the order's activity")


class CaseOut(BaseModel):
    """A case: our handling of one failed delivery."""

    id: str
    order_id: str
    shipment_id: str
    tracking_id: str
    attempt: int
    reason: str = Field(description="Why the attempt failed, in our words")
    raw_code: str = Field(description="The courier's own code")
    raw_reason: str
    raw_remark: str
    courier_name: str
    language: str
    is_open: bool
    state: str = Field(description="Where it stands", examples=["waiting"])
    waits_for: str = Field(description="What it waits for, in words")
    wake_at: datetime | None = Field(description="When it does something by itself next")
    outcome: str = Field(description="How it ended; empty while open", examples=["resolved"])
    note: str = Field(description="What happened last, in words")
    accepted_action: str = Field(description="The action that the order system accepted; empty while none")
    accepted_on: Day | None = Field(description="The day of an accepted reschedule")
    failed_at: datetime
    opened_at: datetime
    deadline_at: datetime
    last_reply_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: CaseRow) -> Self:
        """Build it from the row."""
        return cls(
            id=row.id,
            order_id=row.order_id,
            shipment_id=row.shipment_id,
            tracking_id=row.tracking_id,
            attempt=row.attempt,
            reason=row.reason,
            raw_code=row.raw_code,
            raw_reason=row.raw_reason,
            raw_remark=row.raw_remark,
            courier_name=row.courier_name,
            language=row.language,
            is_open=row.is_open,
            state=row.state,
            waits_for=row.waits_for,
            wake_at=row.wake_at,
            outcome=row.outcome,
            note=row.note,
            accepted_action=row.accepted_action,
            accepted_on=row.accepted_on,
            failed_at=row.failed_at,
            opened_at=row.opened_at,
            deadline_at=row.deadline_at,
            last_reply_at=row.last_reply_at,
            ended_at=row.ended_at,
        )


class MessageOut(BaseModel):
    """A message that was sent for a case."""

    id: str
    kind: str = Field(description="template or session")
    purpose: str = Field(examples=["failed_delivery"])
    template_name: str
    language: str
    status: str = Field(examples=["delivered"])
    code: str = Field(description="Why it failed, as a code")
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> Self:
        """Build it from the row."""
        return cls(
            id=message.id,
            kind=message.kind,
            purpose=message.purpose,
            template_name=message.template_name,
            language=message.language,
            status=message.status.value,
            code=message.code,
            created_at=message.created_at,
        )


class CaseDetailOut(CaseOut):
    """A case with what can be done, and what was sent."""

    possible_actions: list[Action] = Field(
        default_factory=list,
        description="What can be asked for now, unless the order system refused it before",
    )
    messages: list[MessageOut] = Field(default_factory=list)


class CasesOut(BaseModel):
    """A page of cases, newest first."""

    cases: list[CaseOut]
    next: str | None = Field(description="Give this as `before` for the following page; null on the last one")


class ActOut(BaseModel):
    """What an act by hand came to."""

    is_done: bool = Field(
        description="Whether what was asked for happened; if not, `note` says how it stands"
    )
    state: str = Field(examples=["ended"])
    outcome: str = Field(examples=["resolved"])
    note: str


class StatusOut(BaseModel):
    """When a message reached a status."""

    status: str
    at: datetime
    code: str
    reason: str


class EntryOut(BaseModel):
    """Something that happened to an order."""

    at: datetime
    kind: Literal["notification", "reply", "action", "automatic", "report", "handover"]
    topic: str = Field(description="What happened, as a fixed word", examples=["failed_delivery"])
    detail: str
    mode: str = Field(description="Where it came from", examples=["whatsapp"])
    person: str
    case_id: str | None
    shipment_id: str | None
    data: Mapping[str, object] = Field(description="What was said, as it came: text, media link, location, …")
    message_status: str | None
    statuses: list[StatusOut]

    @classmethod
    def of(cls, shown: TimelineEntry) -> Self:
        """Build it from the entry."""
        entry = shown.entry
        return cls(
            at=entry.at,
            kind=entry.kind,
            topic=entry.topic,
            detail=entry.detail,
            mode=entry.mode,
            person=entry.person,
            case_id=entry.case_id,
            shipment_id=entry.shipment_id,
            data=entry.data,
            message_status=shown.message_status.value if shown.message_status else None,
            statuses=[
                StatusOut(
                    status=reached.status.value, at=reached.at, code=reached.code, reason=reached.reason
                )
                for reached in shown.statuses
            ],
        )


class ActivityOut(BaseModel):
    """An order's activity, newest first."""

    entries: list[EntryOut]
    next: str | None = Field(description="Give this as `before` for the following page; null on the last one")
