"""A day of the order system's events as its webhook received them: forward and return journeys of several sellers.

`python -m tests.recorded.day --seed 7 --events 2000 > day.jsonl` writes one line for each callback, in the order in which
they came: when (`received_at`), at whose address (`workspace`), and the body. Among them are repeats, events out of order,
late ones, events at another seller's address, bad phones and values left out. The same seed gives the same day.
"""

import argparse
import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random  # noqa: TID251 - a made-up day
from typing import Any

INDIA = timezone(timedelta(hours=5, minutes=30))
MIDNIGHT = datetime(2026, 11, 26, tzinfo=INDIA)
"""The day begins."""

QUIET = ((timedelta(hours=8), timedelta(hours=8, minutes=31)),)
"""Nothing comes while what waited for the morning goes out: what of it is still news must not depend on the minute."""

SELLERS = ("kapaskraft", "nakshi", "nilgiritea")
BRANDS = {"kapaskraft": "KapasKraft", "nakshi": "Nakshi", "nilgiritea": "Nilgiri Tea"}
FORWARD = ("created", "packed", "ready_to_ship", "intransit", "out_for_delivery", "delivered")
ENDS = (
    "delivered",
    "delivered",
    "delivered",
    "delivered",
    "cancelled_order",
    "rto",
    "lost",
    "failed_delivery",
)
RETURN = ("created", "approved", "picked_up", "failed_delivery", "complete")
FIRST_PHONE = 9_999_900_000
PHONES = 400
"""Customers' phones are numbered from the first one; the reckoning of a test may give some of them a story."""


@dataclass(frozen=True, slots=True)
class _Told:
    """One callback."""

    received_at: datetime
    workspace: str
    body: dict[str, Any]

    def line(self) -> str:
        return json.dumps(
            {
                "received_at": self.received_at.astimezone(UTC).isoformat(),
                "workspace": self.workspace,
                "body": self.body,
            },
            ensure_ascii=False,
        )


def day(seed: int, events: int) -> list[str]:
    """Return the lines of a day."""
    random = Random(seed)  # noqa: S311 - a made-up day, the same for the same seed
    told: list[_Told] = []
    for number in range(events):
        if len(told) >= events:
            break
        told += _journey(random, number)
    told = told[:events]
    told.sort(key=lambda each: each.received_at)
    return [each.line() for each in told]


def _journey(random: Random, number: int) -> Iterator[_Told]:
    """Yield what is heard of one parcel, and sometimes of its way back."""
    seller = random.choice(SELLERS)
    order = _order(random, seller, number)
    is_return = random.random() < 0.2
    steps = list(RETURN if is_return else (*FORWARD[:-1], random.choice(ENDS)))
    first = random.randrange(len(steps))
    steps = steps[first : first + random.randint(1, 4)]
    at = MIDNIGHT + timedelta(minutes=random.randrange(24 * 60 - 1))
    for step in steps:
        if random.random() < 0.06:
            continue  # an event that never came
        came_late = random.random()
        received = at + timedelta(seconds=random.randint(1, 40))
        if came_late < 0.05:
            received += timedelta(minutes=random.randint(30, 300))
        happened = at - timedelta(hours=random.randint(25, 60)) if 0.05 <= came_late < 0.08 else at
        body = _body(random, seller, order, step, happened, is_return=is_return)
        yield from _callbacks(random, seller, body, received)
        at += timedelta(minutes=random.choice((3, 20, 45, 90, 200)))


def _callbacks(random: Random, seller: str, body: dict[str, Any], received: datetime) -> Iterator[_Told]:
    """Yield the callbacks of one event: usually one, sometimes again, sometimes at another seller's address."""
    received = _outside_the_morning(received)
    if received >= MIDNIGHT + timedelta(days=1):
        return
    chance = random.random()
    if chance < 0.02:
        other = random.choice([each for each in SELLERS if each != seller])
        yield _Told(received, other, body)
        return
    yield _Told(received, seller, body)
    again = _outside_the_morning(received + timedelta(minutes=random.randint(1, 240)))
    if again >= MIDNIGHT + timedelta(days=1):
        return
    if chance < 0.10:
        yield _Told(again, seller, body)
    elif chance < 0.14:  # the same step, told as another event
        other_body = copy.deepcopy(body)
        other_body["eventTime"] = _india(again)
        yield _Told(again, seller, other_body)


def _outside_the_morning(at: datetime) -> datetime:
    for begins, ends in QUIET:
        if MIDNIGHT + begins <= at < MIDNIGHT + ends:
            return at + (ends - begins)
    return at


def _order(random: Random, seller: str, number: int) -> dict[str, Any]:
    """Return what every event says of one order."""
    phone = str(FIRST_PHONE + random.randrange(PHONES))
    oddity = random.random()
    written = phone
    if oddity < 0.03:
        written = ""
    elif oddity < 0.06:
        written = random.choice(("12345", "00000 00000", "+1 202 555 0143"))
    elif oddity < 0.2:
        written = random.choice((f"+91 {phone}", f"0{phone}", f"91{phone}", f"{phone[:5]} {phone[5:]}"))
    total = random.choice((249.0, 499.5, 1499.0, 98_431.0))
    is_cod = random.random() < 0.5
    order: dict[str, Any] = {
        "customerOrderNumber": f"ORD{seller[:2].upper()}{number:05}",
        "externalShipmentID": f"S-{seller[:2]}-{number:05}",
        "trackingID": f"7{number:010}",
        "courierName": random.choice(("Delhivery", "Blue Dart", "")),
        "trackingURL": f"https://track.example.in/7{number:010}",
        "paymentType": random.choice(("COD", "Cash on Delivery (COD)")) if is_cod else "Prepaid",
        "invoiceNumber": f"INV{number}",
        "orderTotal": total,
        "balanceDue": total if is_cod else 0.0,
        "shippingAddress": {
            "customerName": random.choice(("Asha Rao", "Vikram Shah", "Meera <b>Iyer</b>")),
            "contactPhone": written,
            "addressLine1": f"House {number}",
            "addressLine2": "Indiranagar",
            "city": "Bengaluru",
            "state": "Karnataka",
            "postalCode": "560038",
        },
        "items": [
            {
                "sku": f"SKU-{number % 50}",
                "productTitle": random.choice(("Cotton T-shirt, M", "Handloom kurta", "Green tea, 100 g")),
                "brand": BRANDS[seller] if random.random() < 0.7 else "",
                "quantity": random.randint(1, 3),
            }
        ],
        "externalReturnID": f"RET-{number}",
        "refundAmount": random.choice((total, 749.5, 100.0)),
    }
    if random.random() < 0.8:
        order["expectedDeliveryDate"] = f"2026-11-{random.randint(26, 30)} 00:00:00"
    if random.random() < 0.3:
        order["customerLanguage"] = random.choice(("hi", "hi-IN", "ta"))
    return order


def _body(
    random: Random, seller: str, order: dict[str, Any], step: str, at: datetime, *, is_return: bool
) -> dict[str, Any]:
    data = copy.deepcopy(order)
    if is_return and random.random() < 0.05:
        del data["externalReturnID"]
    if not is_return:
        del data["externalReturnID"], data["refundAmount"]
    if step == "failed_delivery" and not is_return:
        data |= {"attemptCount": 1, "ndrDetails": {"ndrCode": "1", "reason": "Customer not available"}}
    return {
        "resource": "returnShipment" if is_return else "shipment",
        "eventType": "POST" if step == "created" else "PUT",
        "eventSubType": step,
        "accountSlug": seller,
        "version": "v1",
        "eventTime": _india(at),
        "request_data": [],
        "response_data": data,
    }


def _india(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


def main() -> None:
    """Write a day to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events", type=int, default=2000)
    wanted = parser.parse_args()
    sys.stdout.writelines(f"{line}\n" for line in day(wanted.seed, wanted.events))


if __name__ == "__main__":
    main()
