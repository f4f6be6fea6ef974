"""Shipment events: every recorded body, every tolerated form, and nothing that raises anything else."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.carriers.eshopbox.events import (
    FIELDS,
    OrderEvent,
    UnreadableOrderEvent,
    parse_order_event,
    read_phone,
)
from clients.carriers.eshopbox.vocabulary import EVENTS
from domain.failures import Action, Reason
from domain.shipments import Address, Item, JourneyEvent, ShipmentMove
from simulators.carriers.app import create_app
from simulators.carriers.state import Config, Webhook, Workspace

SAMPLES = {path.name: path.read_bytes() for path in Path("tests/payloads/eshopbox").glob("webhook-*.json")}
RECEIVED = datetime(2026, 12, 4, tzinfo=UTC)
FAILURE = "webhook-shipment-failed-delivery-unavailable.json"

J, M = JourneyEvent, ShipmentMove
EXPECTED: dict[str, tuple[JourneyEvent | None, ShipmentMove | None]] = {
    "webhook-return-complete.json": (J.RESTOCKED, None),
    "webhook-return-created.json": (J.RETURN_CREATED, None),
    "webhook-return-failed-delivery.json": (None, None),
    "webhook-return-picked-up.json": (J.RETURN_PICKED_UP, None),
    "webhook-shipment-cancelled-order.json": (J.CANCELLED, M.CANCELLED),
    "webhook-shipment-created.json": (J.CREATED, None),
    "webhook-shipment-delivered.json": (J.DELIVERED, M.DELIVERED),
    "webhook-shipment-failed-delivery-address.json": (J.FAILED_DELIVERY, None),
    "webhook-shipment-failed-delivery-no-resolutions.json": (J.FAILED_DELIVERY, None),
    "webhook-shipment-failed-delivery-not-attempted.json": (J.FAILED_DELIVERY, None),
    "webhook-shipment-failed-delivery-refused.json": (J.FAILED_DELIVERY, None),
    "webhook-shipment-failed-delivery-second-attempt.json": (J.FAILED_DELIVERY, None),
    FAILURE: (J.FAILED_DELIVERY, None),
    "webhook-shipment-intransit.json": (J.ON_THE_WAY, None),
    "webhook-shipment-out-for-delivery.json": (J.OUT_FOR_DELIVERY, M.OUT_FOR_DELIVERY),
    "webhook-shipment-packed.json": (J.PACKED, None),
    "webhook-shipment-rto.json": (J.RTO, M.RTO),
}
ALL = (Action.REATTEMPT, Action.UPDATE_ADDRESS, Action.RESCHEDULE, Action.CANCEL, Action.DISPUTE)
FAILURES: dict[str, tuple[int, Reason, str, tuple[Action, ...]]] = {
    "address": (1, Reason.ADDRESS_INCOMPLETE, "2", (Action.REATTEMPT, Action.UPDATE_ADDRESS, Action.CANCEL)),
    "no-resolutions": (1, Reason.UNKNOWN, "0", ()),
    "not-attempted": (1, Reason.NOT_ATTEMPTED, "4", ()),
    "refused": (1, Reason.REFUSED, "3", (Action.CANCEL, Action.DISPUTE)),
    "second-attempt": (2, Reason.CUSTOMER_UNAVAILABLE, "1", ALL),
    "unavailable": (1, Reason.CUSTOMER_UNAVAILABLE, "1", ALL),
}


def parse(body: object, *, received_at: datetime = RECEIVED) -> OrderEvent:
    """Read a body given as what it holds."""
    return parse_order_event(json.dumps(body).encode(), received_at=received_at)


def changed(change: Callable[[dict[str, Any]], None], name: str = FAILURE) -> OrderEvent:
    """Read a recorded body after a change."""
    body = json.loads(SAMPLES[name])
    change(body)
    return parse(body)


def failure_with(**data: Any) -> OrderEvent:
    """Read the recorded failure with other fields in `response_data`; None removes one."""

    def change(body: dict[str, Any]) -> None:
        for name, value in data.items():
            body["response_data"].pop(name, None)
            if value is not None:
                body["response_data"][name] = value

    return changed(change)


def test_every_recorded_body_is_covered() -> None:
    """A new sample needs a line in the table."""
    assert set(SAMPLES) == set(EXPECTED)
    assert {name for name in SAMPLES if "shipment-failed" in name} == {
        f"webhook-shipment-failed-delivery-{kind}.json" for kind in FAILURES
    }


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_recorded_event(name: str) -> None:
    """R4.1, R6.9: what each pair of resource and subtype means; a return's failure means nothing."""
    event = parse_order_event(SAMPLES[name], received_at=RECEIVED)
    body = json.loads(SAMPLES[name])
    assert (event.journey, event.move) == EXPECTED[name]
    assert (event.resource, event.subtype) == (body["resource"], body["eventSubType"])
    assert (event.workspace_slug, event.order_id) == ("kapaskraft", "ORD123456")
    assert (event.shipment_id, event.tracking_id) == ("ORD123456-5943-9018", "70011223344")
    assert event.occurred_at.isoformat(sep=" ") == _utc(body["eventTime"])
    assert (event.failed is not None) == ("webhook-shipment-failed" in name)
    assert event.facts.refund_paise == (74950 if "return" in name else 0)


def _utc(indian: str) -> str:
    return datetime.fromisoformat(f"{indian}+05:30").astimezone(UTC).isoformat(sep=" ")


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_recorded_failure(kind: str) -> None:
    """R6.1, R6.2: attempt, reason and what the order system allows; its own words are kept."""
    failed = parse_order_event(
        SAMPLES[f"webhook-shipment-failed-delivery-{kind}.json"], received_at=RECEIVED
    ).failed
    assert failed is not None
    assert (failed.attempt, failed.reason, failed.raw_code, failed.resolutions) == FAILURES[kind]
    assert failed.raw_reason
    assert failed.raw_remark


def test_facts_of_a_failure() -> None:
    """Everything a message or an action needs comes with the event."""
    event = parse_order_event(SAMPLES[FAILURE], received_at=RECEIVED)
    failed = event.failed
    assert failed is not None
    assert failed.workspace_id == "kapaskraft"
    assert failed.failed_at == datetime(2026, 11, 21, 8, 50, tzinfo=UTC)
    assert (failed.customer_name, failed.customer_phone) == ("Asha Rao", "919999900001")
    assert failed.address == Address(
        "Asha Rao", ("House 168, Lane 4", "Indiranagar"), "Bengaluru", "Karnataka", "560038"
    )
    assert failed.address.one_line() == "House 168, Lane 4, Indiranagar, Bengaluru, 560038"
    assert failed.items == (Item("KK-TEE-M", "Cotton T-shirt, M", "KapasKraft", 2),)
    assert (failed.brand, failed.courier_name) == ("KapasKraft", "Delhivery")
    assert failed.tracking_url == "https://track.example.in/70011223344"
    assert (failed.is_cod, failed.amount_due_paise) == (True, 149900)
    assert (failed.expected_on, failed.language) == ("2026-11-21", "")
    assert (failed.raw_reason, failed.raw_remark) == (
        "Customer not available",
        "CUSTOMER NOT AVAILABLE AT ADDRESS",
    )
    facts = event.facts
    assert (facts.invoice, facts.gtin, facts.ean, facts.upc) == (
        "INVKK92",
        "08901234567894",
        "8901234567894",
        "890123456789",
    )


def test_every_journey_event_has_a_pair() -> None:
    """R4.1: no switch in the portal for something that never comes."""
    assert {meaning.journey for meaning in EVENTS.values()} - {None} == set(JourneyEvent)
    assert {meaning.move for meaning in EVENTS.values()} - {None} == set(ShipmentMove)


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-21 14:20:00", "2026-11-21T08:50:00"),
        ("2026-11-21T14:20:00", "2026-11-21T08:50:00"),
        ("21-11-2026 14:20:00", "2026-11-21T08:50:00"),
        ("2026-11-21T08:50:00Z", "2026-11-21T08:50:00"),
        ("2026-11-21T14:20:00.000+05:30", "2026-11-21T08:50:00"),
        (1795251000, "2026-11-21T08:50:00"),
        (1795251000.0, "2026-11-21T08:50:00"),
        (1795251000000, "2026-11-21T08:50:00"),
        ("1795251000000", "2026-11-21T08:50:00"),
    ],
)
def test_times_in_any_form(written: object, utc: str) -> None:
    """F59: seconds, milliseconds, two orders of day and year; Indian time where no zone stands."""
    event = changed(lambda body: body.update(eventTime=written))
    assert event.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert event.event_key == parse_order_event(SAMPLES[FAILURE], received_at=RECEIVED).event_key


@pytest.mark.parametrize("written", [None, "", "soon", 5, -1, True, [], "0001-01-01T00:00:00+05:30", 1e300])
def test_missing_time_is_taken_from_the_log_and_else_from_the_receipt(written: object) -> None:
    """A failure has its time in the log too."""
    event = changed(lambda body: body.update(eventTime=written))
    assert event.occurred_at == datetime(2026, 11, 21, 8, 50, tzinfo=UTC)
    delivered = changed(lambda body: body.update(eventTime=written), "webhook-shipment-delivered.json")
    assert delivered.occurred_at == RECEIVED


def test_failure_is_never_later_than_its_report() -> None:
    """I17: a clock of theirs that is ahead must not move the deadline."""
    early = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    failed = parse_order_event(SAMPLES[FAILURE], received_at=early).failed
    assert failed is not None
    assert failed.failed_at == early


@pytest.mark.parametrize(
    ("written", "phone", "problem"),
    [
        ("9999900001", "919999900001", ""),
        (9999900001, "919999900001", ""),
        (9999900001.0, "919999900001", ""),
        ("+91 99999 00001", "919999900001", ""),
        ("+91-9999900001", "919999900001", ""),
        ("09999900001", "919999900001", ""),
        ("919999900001", "919999900001", ""),
        ("0091 9999900001", "919999900001", ""),
        ("(+91) 99999-00001", "919999900001", ""),
        ("9999900001 / 9999900002", "919999900001", ""),
        ("n/a, 9999900002", "919999900002", ""),
        (None, "", "no_phone"),
        ("", "", "no_phone"),
        ("not given", "", "no_phone"),
        ([], "", "no_phone"),
        ("12345", "", "invalid_phone"),
        ("0000000000", "", "invalid_phone"),
        ("5999900001", "", "invalid_phone"),
        ("+1 202 555 0100", "", "invalid_phone"),
        ("9" * 400, "", "invalid_phone"),
    ],
)
def test_phone_in_any_form(written: object, phone: str, problem: str) -> None:
    """F49: E.164 once, at the edge; R5.1: none and a wrong one are two reasons."""
    assert read_phone(written) == (phone, problem)


def test_event_without_a_phone_is_read_all_the_same() -> None:
    """R5.1: nobody is written to, and the activity can say why."""
    event = changed(lambda body: body["response_data"]["shippingAddress"].update(contactPhone="12345"))
    assert event.phone_problem == "invalid_phone"
    assert event.failed is not None
    assert event.failed.customer_phone == ""


@pytest.mark.parametrize(
    ("payment", "is_cod"),
    [
        ("COD", True),
        ("Cash on Delivery (COD)", True),
        ("cash_on_delivery", True),
        ("Pay on Delivery", True),
        ("Partial-COD", True),
        ("Prepaid", False),
        ("PREPAID", False),
        ("Non-COD", False),
        ("Credit card", False),
        ("", False),
        (None, False),
    ],
)
def test_payment_in_any_wording(payment: str | None, is_cod: bool) -> None:  # noqa: FBT001
    """The wording varies; what matters is whether money is due at the door."""
    failed = failure_with(paymentType=payment).failed
    assert failed is not None
    assert failed.is_cod is is_cod


@pytest.mark.parametrize(
    ("data", "due"),
    [
        ({"balanceDue": 1499.0}, 149900),
        ({"balanceDue": 749.3333333333334}, 74933),
        ({"balanceDue": 0.1 + 0.2}, 30),
        ({"balanceDue": "1,499.00"}, 149900),
        ({"balanceDue": "Rs. 1,499/-"}, 149900),
        ({"balanceDue": "₹1499.5"}, 149950),
        ({"balanceDue": 0}, 0),
        ({"balanceDue": None}, 149900),
        ({"balanceDue": None, "paymentType": "Prepaid"}, 0),
        ({"balanceDue": -5, "orderTotal": None}, 0),
        ({"balanceDue": 1e300, "orderTotal": True}, 0),
        ({"balanceDue": "free", "orderTotal": "12"}, 1200),
    ],
)
def test_amounts_become_paise(data: dict[str, Any], due: int) -> None:
    """Money is integer paise; without a balance a COD order's total is due."""
    failed = failure_with(**data).failed
    assert failed is not None
    assert failed.amount_due_paise == due


@pytest.mark.parametrize(("written", "attempt"), [(2, 2), ("2", 2), (2.0, 2), ("2.0", 2), (None, 1), ("", 1)])
def test_attempt_in_any_form(written: object, attempt: int) -> None:
    """R6.1: without a count the failures in the log are counted; here there is one."""
    failed = changed(lambda body: body["response_data"].update(attemptCount=written)).failed
    assert failed is not None
    assert failed.attempt == attempt


@pytest.mark.parametrize(("logged", "attempt"), [(0, 1), (1, 1), (3, 3)])
def test_missing_attempt_is_counted_from_the_log(logged: int, attempt: int) -> None:
    """Only failed deliveries count, however their status is spelt."""
    log = [{"status": "intransit"}, *({"status": "FAILED_DELIVERY"} for _ in range(logged))]
    failed = failure_with(attemptCount=None, forwardTrackingTimeline={"statusLog": log}).failed
    assert failed is not None
    assert failed.attempt == attempt


def test_remark_is_the_newest_failures() -> None:
    """The log holds earlier attempts as well, in whichever order."""
    log = [
        {"status": "failed_delivery", "remark": "second", "dateTime": "2026-11-22 10:00:00"},
        {"status": "failed_delivery", "remark": "first", "dateTime": "2026-11-21 10:00:00"},
    ]
    failed = failure_with(forwardTrackingTimeline={"statusLog": log}).failed
    assert failed is not None
    assert failed.raw_remark == "second"


@pytest.mark.parametrize(
    ("subtype", "data", "taken_back"),
    [
        ("ndr_resolution_rejected", {"ndrDetails": {"resolutionRemark": "Route closed"}}, "Route closed"),
        ("ndr_resolution_failed", {}, ""),
        ("ndr_resolution_submitted", {"ndrDetails": {"resolutionStatus": "REJECTED"}}, ""),
        (
            "ndr_resolution_submitted",
            {
                "forwardTrackingTimeline": {
                    "statusLog": [
                        {"status": "ndr_resolution", "ndrStatus": "Declined", "remarks": "no rider"}
                    ]
                }
            },
            "Declined",
        ),
        ("ndr_resolution_submitted", {"ndrDetails": {"resolutionStatus": "ACCEPTED"}}, None),
        # What a customer wrote is in the remark; it says nothing of the action's fate.
        (
            "ndr_resolution_submitted",
            {
                "forwardTrackingTimeline": {
                    "statusLog": [{"status": "ndr_resolution", "remarks": "the courier refused to come up"}]
                }
            },
            None,
        ),
        ("delivered", {"ndrDetails": {"resolutionStatus": "REJECTED"}}, None),
    ],
)
def test_action_that_is_taken_back(subtype: str, data: dict[str, Any], taken_back: str | None) -> None:
    """R6.5, F54: by the event's name, its state, or its line in the log; then it is no news that it was accepted."""
    body = json.loads(SAMPLES["webhook-shipment-intransit.json"])
    body["eventSubType"] = subtype
    body["response_data"] |= data
    event = parse(body)
    assert event.taken_back == taken_back
    if taken_back is not None:
        assert event.move is None


def test_failure_details_may_stand_with_the_item() -> None:
    """The order's own answer carries them per item."""
    details = {
        "ndrCode": 2,
        "reason": "x",
        "resolutions": [{"resolutionCode": "actf003"}, {"resolutionCode": "NEW"}],
    }
    failed = failure_with(ndrDetails=None, items=[{"sku": "A", "ndrDetails": details}]).failed
    assert failed is not None
    assert (failed.reason, failed.resolutions) == (Reason.ADDRESS_INCOMPLETE, (Action.CANCEL,))


def test_optional_parts_may_be_missing() -> None:
    """Only what identifies the failure is needed."""
    failed = parse(
        {
            "resource": "shipment",
            "eventSubType": "failed_delivery",
            "response_data": {"customerOrderNumber": 123456, "trackingId": 70011223344},
        }
    ).failed
    assert failed is not None
    assert (failed.workspace_id, failed.order_id, failed.attempt) == ("", "123456", 1)
    assert failed.shipment_id == failed.tracking_id == "70011223344"
    assert failed.failed_at == RECEIVED
    assert failed.address == Address()


def test_texts_are_cleaned() -> None:
    """S24: no control or direction characters, no half characters, one line, bounded."""
    name = "A\u202esha\x00 \n Rao\ud800" + "x" * 5000
    address = {"customerName": name, "contactPhone": "9999900001"}
    failed = failure_with(shippingAddress=address, trackingURL="javascript:alert(1)").failed
    assert failed is not None
    assert failed.customer_name.startswith("Asha Rao\ufffdxxx")
    assert len(failed.customer_name) <= 500
    assert failed.tracking_url == ""


@pytest.mark.parametrize(
    ("name", "where"),
    [("customerOrderNumber", "order_id"), ("trackingID", "tracking_id")],
)
@pytest.mark.parametrize("value", [None, "", [], "x" * 129])
def test_missing_id_is_named(name: str, where: str, value: object) -> None:
    """R6.5: without it no action could be asked for."""
    with pytest.raises(UnreadableOrderEvent) as caught:
        failure_with(**{name: value})
    assert (caught.value.reason, caught.value.where.split()[0]) == ("missing", where)


def test_event_without_any_parcel_is_unreadable() -> None:
    """Neither number of the parcel is there."""

    def change(body: dict[str, Any]) -> None:
        del body["response_data"]["externalShipmentID"], body["response_data"]["trackingID"]

    with pytest.raises(UnreadableOrderEvent, match="shipment_id"):
        changed(change, "webhook-shipment-delivered.json")


@pytest.mark.parametrize("written", [0, -1, 1.5, 100, "second", True, [2], {"n": 2}])
def test_unreadable_attempt_is_named(written: object) -> None:
    """R6.1: the attempt is part of a case's identity, so it is never guessed over what is there."""
    with pytest.raises(UnreadableOrderEvent, match="attempt") as caught:
        failure_with(attemptCount=written)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "not an object"),
        (b'"x"', "not an object"),
        (b"null", "not an object"),
        (b"{}", "missing"),
        (b'{"resource": "shipment"}', "missing"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_unreadable_body(body: bytes, reason: str) -> None:
    """F45: whatever comes is named in a few words that quote nothing."""
    with pytest.raises(UnreadableOrderEvent) as caught:
        parse_order_event(body, received_at=RECEIVED)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("resource", "subtype"),
    [("channel_inventory", "updated"), ("shipment", "shipment_held"), ("returnShipment", "delivered")],
)
def test_kind_without_meaning_needs_nothing(resource: str, subtype: str) -> None:
    """F46: what means nothing to us is no poison."""
    event = parse({"resource": resource, "eventSubType": subtype, "response_data": None})
    assert (event.journey, event.move, event.failed) == (None, None, None)


def test_event_key_is_the_same_for_the_same_event_only() -> None:
    """R7.9, F56: attempt and time tell events apart; fields that do not identify it do not."""
    base = parse_order_event(SAMPLES[FAILURE], received_at=RECEIVED).event_key
    again = failure_with(courierName="Another").event_key
    keys = [
        failure_with(attemptCount=2).event_key,
        failure_with(externalShipmentID="other").event_key,
        changed(lambda body: body.update(eventTime="2026-11-21 14:20:01")).event_key,
        changed(lambda body: body.update(accountSlug="other")).event_key,
        *(parse_order_event(body, received_at=RECEIVED).event_key for body in SAMPLES.values()),
    ]
    assert again == base
    assert len(set(keys)) == 4 + len(SAMPLES)


def test_without_time_only_the_same_body_is_the_same_event() -> None:
    """Two events must not be taken for one because both leave out what tells them apart."""
    body = {"resource": "channel_inventory", "eventSubType": "updated", "response_data": {"sku": "A"}}
    other = deepcopy(body) | {"response_data": {"sku": "B"}}
    assert parse(body).event_key == parse(body, received_at=datetime(2026, 12, 5, tzinfo=UTC)).event_key
    assert parse(body).event_key != parse(other).event_key


def test_every_path_begins_where_bodies_begin() -> None:
    """The table of fields holds no typing mistake in its first steps."""
    assert all(paths for paths in FIELDS.values())
    first = {path.split(".")[0] for paths in FIELDS.values() for path in paths}
    assert first == {"resource", "eventSubType", "accountSlug", "eventTime", "response_data"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("unavailable", Reason.CUSTOMER_UNAVAILABLE),
        ("address", Reason.ADDRESS_INCOMPLETE),
        ("cod", Reason.COD_NOT_READY),
        ("refused", Reason.REFUSED),
        ("not_attempted", Reason.NOT_ATTEMPTED),
        ("no_resolutions", Reason.UNKNOWN),
        ("unreachable", Reason.CUSTOMER_UNREACHABLE),
        ("rescheduled", Reason.RESCHEDULE_REQUESTED),
    ],
)
async def test_events_of_the_simulator(said: str, reason: Reason) -> None:
    """The stand-in was written from the same pages by somebody else: both read them alike."""
    sent: list[bytes] = []

    def receive(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(204)

    workspace = Workspace(
        slug="kapaskraft",
        name="KapasKraft",
        brand="KapasKraft",
        client_id="app-1",
        client_secret="s",
        refresh_token="r",
        webhook=Webhook(url="https://ours.example/webhooks"),
    )
    app = create_app(
        Config(workspaces=(workspace,)), http=httpx.AsyncClient(transport=httpx.MockTransport(receive))
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as http:
        wanted = {"phone": "919999900001", "reason": said, "attempt": 2}
        shipment = (await http.post("/control/fail", json=wanted)).json()
    await app.state.sender.drain()
    (body,) = sent
    failed = parse_order_event(body, received_at=datetime.now(UTC)).failed
    assert failed is not None
    assert (failed.reason, failed.attempt, failed.customer_phone) == (reason, 2, "919999900001")
    assert (failed.shipment_id, failed.tracking_id) == (shipment["shipment_id"], shipment["tracking_id"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """F45: unreadable is the only complaint."""
    with suppress(UnreadableOrderEvent):
        parse_order_event(body, received_at=RECEIVED)


PATHS = sorted(
    {path for paths in FIELDS.values() for path in paths} | {"response_data", "response_data.items.0"}
)


@given(st.sampled_from(sorted(SAMPLES)), st.lists(st.tuples(st.sampled_from(PATHS), JSON), max_size=4))
@settings(max_examples=400, deadline=None)
def test_no_value_in_any_place_raises_anything_else(name: str, mutations: list[tuple[str, Any]]) -> None:
    """F45, F46: any field may hold anything; what is read is storable, and its key is stable."""
    body = json.loads(SAMPLES[name])
    for path, value in mutations:
        _put(body, path.split("."), value)
    raw = json.dumps(body).encode()
    try:
        event = parse_order_event(raw, received_at=RECEIVED)
    except UnreadableOrderEvent:
        return
    assert event.event_key == parse_order_event(raw, received_at=RECEIVED).event_key
    assert event.occurred_at.tzinfo is UTC
    shown = repr(event)
    assert "\\x00" not in shown
    assert "\\ud8" not in shown
    if event.failed is not None:
        assert event.failed.failed_at <= RECEIVED
        assert 1 <= event.failed.attempt <= 99


def _put(body: Any, steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        body = (
            body.get(step) if isinstance(body, dict) else body[0] if isinstance(body, list) and body else None
        )
    if isinstance(body, dict):
        body[steps[-1]] = value
