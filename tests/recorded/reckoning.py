"""What a recorded day must come to, reckoned from its lines alone: nothing of the program is used here.

The sellers' set-up and the customers' stories stand here too; the test furnishes the database by them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

INDIA: Final = timezone(timedelta(hours=5, minutes=30))
MORNING: Final = datetime(2026, 11, 26, 8, 30, tzinfo=INDIA)
SHARED, OWN = "account-1", "account-2"
SENDERS: Final = {"kapaskraft": SHARED, "nakshi": OWN}
OWNERS: Final = {SHARED: "eshopbox", OWN: "client"}
BRANDS: Final = {"kapaskraft": "Kapaskraft", "nakshi": "Nakshi", "nilgiritea": "Nilgiritea"}
PRICES: Final = {"utility": 35, "marketing": 90}

STEPS: Final = {
    ("shipment", "created"): ("created", 0),
    ("shipment", "packed"): ("packed", 1),
    ("shipment", "intransit"): ("on_the_way", 2),
    ("shipment", "out_for_delivery"): ("out_for_delivery", 3),
    ("shipment", "delivered"): ("delivered", 4),
    ("shipment", "cancelled_order"): ("cancelled", 4),
    ("shipment", "rto"): ("rto", 4),
    ("returnShipment", "created"): ("return_created", 0),
    ("returnShipment", "picked_up"): ("return_picked_up", 1),
    ("returnShipment", "complete"): ("restocked", 4),
}
ENDS: Final = {"delivered": "delivered", "cancelled_order": "cancelled", "rto": "rto", "lost": "lost"}
SAME_DAY: Final = {"out_for_delivery", "delivered"}
_LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SetUp:
    """One notification of a seller, as the test switches it on."""

    seller: str
    event: str
    body: str
    language: str = "en"
    category: str = "UTILITY"
    params: tuple[tuple[str, str], ...] = (("customer_name", ""), ("customer_order_id", ""))
    is_on: bool = True
    attention: str = ""
    account: str = ""

    @property
    def template_id(self) -> str:
        return f"{self.seller}-{self.event}-{self.language}"


_K, _N = "kapaskraft", "nakshi"
SET_UPS: Final = (
    SetUp(_K, "created", "Hi {{1}}, order {{2}} is with us."),
    SetUp(_K, "created", "नमस्ते {{1}}, ऑर्डर {{2}} मिल गया।", language="hi"),
    SetUp(_K, "packed", "Packed {{1}} {{2}}", is_on=False),
    SetUp(
        _K,
        "on_the_way",
        "{{2}} brings {{1}}, to pay: {{3}}",
        params=(("product_title", ""), ("courier_name", "the courier"), ("amount_due", "nothing")),
    ),
    SetUp(
        _K,
        "out_for_delivery",
        "{{1}}: today, {{2}}; {{3}}",
        params=(("customer_order_id", ""), ("expected_date", "soon"), ("payment_method", "")),
    ),
    SetUp(_K, "delivered", "{{1}}, {{2}} is there.", category="MARKETING"),
    SetUp(_K, "delivered", "{{1}}, {{2}} पहुँच गया।", language="hi", category="MARKETING"),
    SetUp(_K, "cancelled", "{{1}}, {{2}} is cancelled."),
    SetUp(_K, "rto", "{{1}} from {{2}} goes back.", params=(("customer_order_id", ""), ("brand", ""))),
    SetUp(_K, "return_created", "{{1}}, return of {{2}}."),
    SetUp(_K, "return_picked_up", "{{1}}, return of {{2}} collected."),
    SetUp(_K, "restocked", "Refund {{1}} for {{2}}", params=(("refund_amount", ""), ("item_quantity", ""))),
    SetUp(_N, "created", "Hello {{1}}, {{2}}."),
    SetUp(_N, "packed", "Never sent", account=SHARED, params=()),
    SetUp(_N, "on_the_way", "{{1}} with {{2}}", params=(("tracking_id", ""), ("courier_name", ""))),
    SetUp(
        _N,
        "out_for_delivery",
        "{{1}} on {{2}}, call {{3}}",
        params=(("customer_order_id", ""), ("expected_date", ""), ("customer_phone", "")),
    ),
    SetUp(_N, "delivered", "{{1}} {{2}}", attention="template paused"),
    SetUp(_N, "return_created", "Wapsi {{1}} {{2}}", language="hi"),
    SetUp(_N, "restocked", "{{1}} {{2}}", params=(("refund_amount", ""), ("pincode", ""))),
)


def story(phone: str) -> str:
    """Return what is special about a customer, by the number of their phone."""
    number = int(phone[-3:])
    stories = (
        (37, 5, "opted out"),
        (41, 7, "not my order"),
        (29, 3, "no answer"),
        (31, 4, "not on WhatsApp"),
        (23, 2, "throttled"),
    )
    return next((words for of, rest, words in stories if number % of == rest), "")


def tracked(tracking_id: str) -> Mapping[str, str] | None:
    """Return what the order system's tracking says of a parcel; None where it never answers."""
    match int(tracking_id) % 3:
        case 0:
            return {"expected_date": "2026-11-29", "courier_name": "Ekart"}
        case 1:
            return {"expected_date": "", "courier_name": ""}
        case _:
            return None


@dataclass
class Parcel:
    """What is known of a parcel, or of a return."""

    steps: dict[str, int] = field(default_factory=dict)
    ends: list[tuple[datetime, int, str]] = field(default_factory=list)
    has_failed: bool = False
    heard_at: datetime = _LONG_AGO


@dataclass
class Book:
    """What a day comes to.

    Attributes:
        messages: Seller, order, step, account, template, language, phone, text and status of each.
        entries: Seller, order, topic and detail of what stands on the activity.
        usage: Seller, order, step, account, owner, category, price and outcome of each.
        told: Seller, order, step and reason of what the order system hears.
    """

    messages: list[tuple[str, ...]] = field(default_factory=list)
    entries: list[tuple[str, ...]] = field(default_factory=list)
    usage: list[tuple[Any, ...]] = field(default_factory=list)
    told: list[tuple[str, ...]] = field(default_factory=list)

    def sorted(self) -> "Book":
        """Return it in an order that is the same however it was made."""
        return Book(sorted(self.messages), sorted(self.entries), sorted(self.usage), sorted(self.told))


@dataclass
class _Held:
    seller: str
    event: str
    stage: int
    at: datetime
    data: dict[str, Any]
    parcel: Parcel


class Reckoning:
    """Goes through a day by hand."""

    def __init__(self) -> None:
        self.book = Book()
        self._parcels: dict[tuple[str, str], Parcel] = {}
        self._seen: set[tuple[str, ...]] = set()
        self._held: list[_Held] = []

    def reckon(self, lines: Iterable[str]) -> Book:
        """Return what the day comes to, the next morning included."""
        is_morning_over = False
        for number, line in enumerate(lines):
            told = json.loads(line)
            received = datetime.fromisoformat(told["received_at"])
            if received >= MORNING and not is_morning_over:
                self._release()
                is_morning_over = True
            self._take(number, told["workspace"], told["body"], received)
        self._release()
        return self.book.sorted()

    def _take(self, number: int, address: str, body: dict[str, Any], received: datetime) -> None:
        data = body["response_data"]
        kind = (body["resource"], body["eventSubType"])
        subject = data.get("externalReturnID") or data["externalShipmentID"]
        identity = (address, *kind, subject, body["eventTime"])
        if identity in self._seen or body["accountSlug"] != address:
            return
        self._seen.add(identity)
        at = datetime.fromisoformat(body["eventTime"]).replace(tzinfo=INDIA)
        parcel = self._parcels.setdefault((address, subject), Parcel())
        if kind[0] == "shipment" and (kind in STEPS or kind[1] in ENDS or kind[1] == "failed_delivery"):
            parcel.heard_at = max(parcel.heard_at, at)
        if kind == ("shipment", "failed_delivery"):
            self._failed(address, data, parcel)
            return
        if kind[0] == "shipment" and kind[1] in ENDS:
            parcel.ends.append((at, number, ENDS[kind[1]]))
        if kind not in STEPS or STEPS[kind][0] in parcel.steps:
            return
        event, stage = STEPS[kind]
        parcel.steps[event] = stage
        self._step(_Held(address, event, stage, at, data, parcel), received)

    def _failed(self, seller: str, data: dict[str, Any], parcel: Parcel) -> None:
        if not parcel.ends and not parcel.has_failed:
            why = "the notification is switched off" if seller in SENDERS else _NO_ACCOUNT
            self._not_sent(seller, data, "failed_delivery", why)
        parcel.has_failed = True

    def _step(self, step: _Held, received: datetime) -> None:
        why = self._not_wanted(step) or self._overtaken(step)
        local = received.astimezone(INDIA)
        until = _midnight_after(step.at) if step.event in SAME_DAY else step.at + timedelta(hours=24)
        is_evening = local.hour >= 21
        if not why and received >= until:
            why = "too late: it happened too long ago"
        if not why and is_evening and step.event in SAME_DAY:
            why = "too late: quiet hours end when it is no news any more"
        why = why or self._nobody_to_write_to(step)
        if why:
            self._not_sent(step.seller, step.data, step.event, why)
        elif is_evening or local.hour < 8:
            self._held.append(step)
        else:
            self._send(step)

    def _release(self) -> None:
        held, self._held = self._held, []
        for step in held:
            if why := self._overtaken(step):
                self._not_sent(step.seller, step.data, step.event, why)
            else:
                self._send(step)

    def _not_wanted(self, step: _Held) -> str:
        if step.seller not in SENDERS:
            return _NO_ACCOUNT
        found = _set_up(step.seller, step.event, step.data)
        if found is None or not found.is_on:
            return "the notification is switched off"
        return f"template: {found.attention}" if found.attention else ""

    def _overtaken(self, step: _Held) -> str:
        parcel = step.parcel
        end = max(parcel.ends)[2] if parcel.ends else ""
        later = [(stage, event) for event, stage in parcel.steps.items() if stage > step.stage]
        past = ""
        if end and end != step.event:
            past = end
        elif later:
            past = max(later)[1]
        elif parcel.has_failed and step.stage < 4 and (step.stage < 3 or step.at < parcel.heard_at):
            past = "failed delivery"
        return f"the parcel is past this: {past.replace('_', ' ')}" if past else ""

    def _nobody_to_write_to(self, step: _Held) -> str:
        written = step.data["shippingAddress"]["contactPhone"]
        if not written:
            return "no_phone"
        phone = _phone(step.data)
        if not phone:
            return "invalid_phone"
        if story(phone) == "not my order" and step.seller == "kapaskraft":
            return "wrong_number"
        return "opted_out" if story(phone) == "opted out" else ""

    def _send(self, step: _Held) -> None:
        set_up = _set_up(step.seller, step.event, step.data)
        assert set_up is not None
        values = _values(step, set_up.language)
        missing = [name for name, fallback in set_up.params if not (values[name] or fallback)]
        if missing:
            self._not_sent(step.seller, step.data, step.event, f"missing_value: {', '.join(missing)}")
            return
        text = set_up.body
        for place, (name, fallback) in enumerate(set_up.params, start=1):
            text = text.replace(f"{{{{{place}}}}}", values[name] or fallback)
        phone, order, account = _phone(step.data), step.data["customerOrderNumber"], SENDERS[step.seller]
        status, outcome = {
            "no answer": ("unknown", "unknown"),
            "not on WhatsApp": ("refused", "refused"),
        }.get(story(phone), ("submitted", "accepted"))
        self.book.messages.append(
            (
                step.seller,
                order,
                step.event,
                account,
                set_up.template_id,
                set_up.language,
                phone,
                text,
                status,
            )
        )
        self.book.entries.append((step.seller, order, step.event, ""))
        category = set_up.category.lower()
        price = PRICES[category] if OWNERS[account] == "eshopbox" else 0
        self.book.usage.append(
            (step.seller, order, step.event, account, OWNERS[account], category, price, outcome)
        )
        if status == "refused":
            self.book.told.append((step.seller, order, step.event, "recipient"))

    def _not_sent(self, seller: str, data: dict[str, Any], event: str, why: str) -> None:
        order = data["customerOrderNumber"]
        self.book.entries.append((seller, order, f"{event}_not_sent", why))
        word = why.partition(":")[0]
        if word in {"template", "no_phone", "invalid_phone", "wrong_number", "opted_out", "missing_value"}:
            self.book.told.append((seller, order, event, word))


_NO_ACCOUNT: Final = "no WhatsApp account is installed"


def _set_up(seller: str, event: str, data: dict[str, Any]) -> SetUp | None:
    wanted = data.get("customerLanguage", "en")[:2]
    found = [
        one
        for one in SET_UPS
        if (one.seller, one.event) == (seller, event) and one.account in ("", SENDERS[seller])
    ]
    found.sort(key=lambda one: (one.language != wanted, one.language != "en", one.language))
    return found[0] if found else None


def _phone(data: dict[str, Any]) -> str:
    digits = re.sub(r"\D", "", data["shippingAddress"]["contactPhone"])
    match = re.fullmatch(r"(?:0|91)?([6-9]\d{9})", digits)
    return f"91{match[1]}" if match else ""


def _values(step: _Held, language: str) -> dict[str, str]:
    data, item = step.data, step.data["items"][0]
    is_cod = data["paymentType"] != "Prepaid"
    payment = (
        {"en": ("Cash on delivery", "Prepaid")}[language][0 if is_cod else 1] if language == "en" else ""
    )
    phone = _phone(data)
    day = data.get("expectedDeliveryDate", "")[:10]
    courier = data["courierName"]
    wanted = {name for name, _ in _params(step)}
    if ("expected_date" in wanted and not day) or ("courier_name" in wanted and not courier):
        known = tracked(data["trackingID"]) or {"expected_date": "", "courier_name": ""}
        day, courier = day or known["expected_date"], courier or known["courier_name"]
    return {
        "customer_name": data["shippingAddress"]["customerName"],
        "customer_order_id": data["customerOrderNumber"],
        "customer_phone": f"+91 {phone[2:7]} {phone[7:]}",
        "pincode": data["shippingAddress"]["postalCode"],
        "product_title": item["productTitle"],
        "item_quantity": str(item["quantity"]),
        "brand": item["brand"] or BRANDS[step.seller],
        "courier_name": courier,
        "tracking_id": data["trackingID"],
        "payment_method": payment,
        "amount_due": _rupees(data["balanceDue"]) if data["balanceDue"] else "",
        "refund_amount": _rupees(data["refundAmount"]) if "refundAmount" in data else "",
        "expected_date": datetime.fromisoformat(day).strftime("%a %-d %b") if day else "",
    }


def _params(step: _Held) -> tuple[tuple[str, str], ...]:
    set_up = _set_up(step.seller, step.event, step.data)
    return set_up.params if set_up is not None else ()


def _rupees(amount: float) -> str:
    whole, paise = divmod(round(amount * 100), 100)
    lakhs, rest = divmod(whole, 1000)
    grouped = f"{lakhs},{rest:03}" if lakhs else str(rest)  # nothing of the day costs a lakh
    return f"₹{grouped}.{paise:02}" if paise else f"₹{grouped}"


def _midnight_after(at: datetime) -> datetime:
    return at.astimezone(INDIA).replace(hour=0, minute=0, second=0) + timedelta(days=1)
