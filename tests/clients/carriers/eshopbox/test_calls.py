"""Actions and readings: bodies as recorded, and every way a request can end."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.carriers.base import ActionTarget, CarrierAnswer, CarrierCredentials, CarrierUnavailable
from clients.carriers.eshopbox import Eshopbox
from clients.carriers.eshopbox.calls import write_resolution
from clients.carriers.eshopbox.tracking import read_tracking
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Mode
from domain.replies import AddressDraft
from domain.shipments import Address, ShipmentMove
from simulators.carriers.app import create_app
from simulators.carriers.state import Config, Workspace

SAMPLES = Path("tests/payloads/eshopbox")
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CREDENTIALS = CarrierCredentials(
    workspace_id="kapaskraft", client_id="app-1", client_secret="top-secret", refresh_token="refresh-secret"
)
TARGET = ActionTarget(
    order_id="ORD123456",
    tracking_id="70011223344",
    phone="919999900001",
    customer_name="Asha Rao",
    address=Address("Asha Rao", ("House 168, Lane 4", "Indiranagar"), "Bengaluru", "Karnataka", "560038"),
    attempt=1,
)
REATTEMPT = ActionRequest("case/1", Action.REATTEMPT, Mode.WHATSAPP)
RESCHEDULE = ActionRequest("case/1", Action.RESCHEDULE, Mode.WHATSAPP, on=date(2026, 11, 24))
NEW_ADDRESS = ActionRequest(
    "case/1",
    Action.UPDATE_ADDRESS,
    Mode.WHATSAPP,
    address=AddressDraft(
        text="Flat 4B, Lake View, 12th Main, Indiranagar, Bengaluru",
        pincode="560038",
        landmark="opposite BDA complex",
        phone="9999900002",
    ),
)

Handle = Callable[[httpx.Request], httpx.Response]


def sample(name: str) -> Any:
    """Read a recorded body."""
    return json.loads((SAMPLES / name).read_bytes())


@dataclass
class OrderSystem:
    """Answer from memory: tokens by itself, the rest by what the test says; remember every request."""

    handle: Handle
    requests: list[httpx.Request] = field(default_factory=list)
    tokens_issued: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        if request.url.path == "/api/v1/generateToken":
            self.tokens_issued += 1
            return httpx.Response(
                200, json=sample("response-generate-token.json") | {"access_token": f"t{self.tokens_issued}"}
            )
        return self.handle(request)

    @property
    def calls(self) -> list[httpx.Request]:
        """Return the requests that were not for a token."""
        return [request for request in self.requests if not request.url.path.endswith("generateToken")]


def client(handle: Handle, **options: Any) -> tuple[Eshopbox, OrderSystem]:
    """Build the client over an order system in memory."""
    system = OrderSystem(handle)
    http = httpx.AsyncClient(transport=httpx.MockTransport(system))
    eshopbox = Eshopbox(
        http,
        base_url="https://wms.example/",
        auth_url="https://auth.example",
        clock=lambda: NOW,
        **options,
    )
    return eshopbox, system


async def take(handle: Handle, request: ActionRequest = REATTEMPT) -> CarrierAnswer:
    """Take one action."""
    eshopbox, _ = client(handle)
    return await eshopbox.take_action(CREDENTIALS, TARGET, request)


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (REATTEMPT, "request-ndr-resolution-reattempt.json"),
        (RESCHEDULE, "request-ndr-resolution-reschedule.json"),
        (NEW_ADDRESS, "request-ndr-resolution-address.json"),
    ],
)
async def test_body_equals_the_recorded_one(request_: ActionRequest, name: str) -> None:
    """R6.5: path, bearer and body are those that the order system documents."""
    eshopbox, system = client(lambda _: httpx.Response(200))
    await eshopbox.take_action(CREDENTIALS, TARGET, request_)
    (call,) = system.calls
    assert (call.method, str(call.url)) == ("POST", "https://wms.example/api/v2/ndrResolution")
    assert call.headers["authorization"] == "Bearer t1"
    assert json.loads(call.content) == sample(name)


def test_cancel_carries_no_shipping_details() -> None:
    """A cancellation says who and what, and nothing about an address."""
    body = write_resolution(TARGET, ActionRequest("c/1", Action.CANCEL, Mode.SELLER_PORTAL))
    assert body["resolutionCode"] == "ACTF003"
    assert body["actionSource"] == "seller_portal"
    assert "shippingDetails" not in body
    assert "deferredDate" not in body


def test_dispute_carries_the_customers_words() -> None:
    """R6.4: the customer's own words are the evidence."""
    words = ("Nobody came\ntoday", "I was at home")
    body = write_resolution(TARGET, ActionRequest("c/1", Action.DISPUTE, Mode.WHATSAPP, words=words))
    assert body["resolutionCode"] == "ACTF004"
    assert body["remarks"] == 'customer\'s reply on WhatsApp, attempt 1: "Nobody came today"; "I was at home"'


def test_location_pin_travels_in_the_notes_and_the_orders_pincode_stays() -> None:
    """R6.4: a pin alone replaces no address; a text without pincode keeps the order's."""
    only_pin = ActionRequest(
        "c/1", Action.UPDATE_ADDRESS, Mode.WHATSAPP, address=AddressDraft(pin="12.97,77.59")
    )
    details = write_resolution(TARGET, only_pin)["shippingDetails"]
    assert details["notes"] == "location 12.97,77.59"
    assert "updatedAddress" not in details
    without = ActionRequest(
        "c/1", Action.UPDATE_ADDRESS, Mode.OPS, address=AddressDraft(text="Flat 4B, Lake View")
    )
    assert (
        write_resolution(TARGET, without)["shippingDetails"]["updatedAddress"]
        == "Flat 4B, Lake View, Bengaluru, 560038"
    )
    within = ActionRequest(
        "c/1", Action.UPDATE_ADDRESS, Mode.OPS, address=AddressDraft(text="Flat 4B, Pune 560038")
    )
    assert write_resolution(TARGET, within)["shippingDetails"]["updatedAddress"] == "Flat 4B, Pune 560038"


def test_date_format_is_configuration() -> None:
    """The documentation contradicts itself, so the format is a setting."""
    assert write_resolution(TARGET, RESCHEDULE, date_format="%d-%m-%Y")["deferredDate"] == "24-11-2026"


async def test_what_the_order_system_cannot_do_is_refused_without_a_request() -> None:
    """An action without a code, and a reschedule without a day, never leave the house."""
    eshopbox, system = client(lambda _: httpx.Response(200))
    not_mine = ActionRequest("c/1", Action.NOT_MY_ORDER, Mode.WHATSAPP)
    no_day = ActionRequest("c/1", Action.RESCHEDULE, Mode.WHATSAPP)
    assert (await eshopbox.take_action(CREDENTIALS, TARGET, not_mine)).answer is Answer.REFUSED
    assert (await eshopbox.take_action(CREDENTIALS, TARGET, no_day)).answer is Answer.REFUSED_DATE
    assert not system.requests


def _says(status: int, /, **body: Any) -> Handle:
    return lambda _: httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("handle", "answer"),
    [
        (lambda _: httpx.Response(200), Answer.ACCEPTED),
        (lambda _: httpx.Response(204), Answer.ACCEPTED),
        (lambda _: httpx.Response(200, content=b" \n"), Answer.ACCEPTED),
        (lambda _: httpx.Response(200, json=[]), Answer.ACCEPTED),
        (lambda _: httpx.Response(200, json="done"), Answer.ACCEPTED),
        (_says(200, message="Resolution submitted successfully", id="NDR-1"), Answer.ACCEPTED),
        (_says(201, status="success", error=None, success="true"), Answer.ACCEPTED),
        (_says(200, error="no"), Answer.REFUSED),
        (_says(200, errors=[{"message": "no"}]), Answer.REFUSED),
        (_says(200, status="ERROR"), Answer.REFUSED),
        (_says(200, success=False), Answer.REFUSED),
        (_says(200, success="false"), Answer.REFUSED),
        (_says(200, error={"code": "INVALID_STATUS"}), Answer.NOT_WAITING),
        (_says(400, message="Contact phone number does not match the order"), Answer.REFUSED),
        (_says(404, message="Tracking id not found"), Answer.REFUSED),
        (_says(422, error={"code": "ATTEMPTS_EXHAUSTED", "message": "No update possible"}), Answer.REFUSED),
        (lambda _: httpx.Response(400, text="<html>"), Answer.REFUSED),
        (lambda _: httpx.Response(400, json=sample("response-error-message.json")), Answer.NOT_WAITING),
        (lambda _: httpx.Response(400, json=sample("response-error-object.json")), Answer.NOT_WAITING),
        (_says(409, message="Resolution already submitted for this attempt"), Answer.NOT_WAITING),
        (_says(409, error={"code": "ALREADY_RESOLVED"}), Answer.NOT_WAITING),
        (_says(401), Answer.UNAVAILABLE),
        (_says(403), Answer.UNAVAILABLE),
        (_says(408), Answer.UNAVAILABLE),
        (_says(429), Answer.UNAVAILABLE),
        (_says(503), Answer.UNAVAILABLE),
        (_says(500), Answer.UNKNOWN),
        (_says(502), Answer.UNKNOWN),
        (_says(504), Answer.UNKNOWN),
        (lambda _: httpx.Response(303, headers={"location": "https://evil.example"}), Answer.UNKNOWN),
        (lambda _: httpx.Response(200, text="<html>please log in</html>"), Answer.UNKNOWN),
        (lambda _: httpx.Response(200, content=b'"' + b"x" * (1024 * 1024) + b'"'), Answer.UNKNOWN),
    ],
)
async def test_answer_by_status_and_body(handle: Handle, answer: Answer) -> None:
    """R6.5, F53, F54: each answer of the order system is one of ours."""
    assert (await take(handle)).answer is answer


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "INVALID_DATE", "message": "deferredDate is not possible"}},
        {"message": "deferred date must be within 7 days"},
        {"message": "Date has passed"},
    ],
)
async def test_refused_date_is_told_from_other_refusals(body: dict[str, Any]) -> None:
    """R6.5: a day that is not possible leads to other days; only a reschedule has a day."""

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json=body)

    assert (await take(handle, RESCHEDULE)).answer is Answer.REFUSED_DATE
    assert (await take(handle, REATTEMPT)).answer is Answer.REFUSED


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (httpx.ConnectError("refused, DNS or TLS"), Answer.UNAVAILABLE),
        (httpx.ConnectTimeout(""), Answer.UNAVAILABLE),
        (httpx.PoolTimeout(""), Answer.UNAVAILABLE),
        (httpx.ReadTimeout(""), Answer.UNKNOWN),
        (httpx.WriteTimeout(""), Answer.UNKNOWN),
        (httpx.ReadError(""), Answer.UNKNOWN),
        (httpx.WriteError(""), Answer.UNKNOWN),
        (httpx.RemoteProtocolError(""), Answer.UNKNOWN),
    ],
)
async def test_answer_when_the_connection_fails(error: httpx.HTTPError, answer: Answer) -> None:
    """F27, F55: what was not sent may be asked again, what was cut is unknown."""

    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    came = await take(handle)
    assert came == CarrierAnswer(answer, type(error).__name__, None)


class _CutBody(httpx.AsyncByteStream):
    async def __aiter__(self) -> Any:
        yield b'{"mess'
        raise httpx.RemoteProtocolError("peer closed connection")


async def test_success_whose_body_is_cut_is_unknown_and_a_refusal_stays_one() -> None:
    """F55: half an answer may have been an error; a refusing status needs no body."""
    assert (await take(lambda _: httpx.Response(200, stream=_CutBody()))).answer is Answer.UNKNOWN
    assert (await take(lambda _: httpx.Response(400, stream=_CutBody()))).answer is Answer.REFUSED


async def test_detail_is_the_order_systems_words_short_and_without_phones() -> None:
    """S19: the words reach the activity, a phone in them does not."""
    words = "Phone +91 9999900001 or 99999 00002 of 2026-11-24 " + "x" * 400
    came = await take(_says(400, message=words))
    assert came.detail.startswith("Phone +91 … or … of 2026-11-24 xxx")
    assert len(came.detail) == 200
    assert came.raw_status == 400


async def test_total_time_is_limited() -> None:
    """An answer that never ends costs the total limit, and is unknown."""

    class Endless(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("generateToken"):
                return httpx.Response(200, json=sample("response-generate-token.json"))
            await asyncio.sleep(60)
            raise AssertionError

    eshopbox = Eshopbox(
        httpx.AsyncClient(transport=Endless()),
        base_url="https://wms.example",
        auth_url="https://auth.example",
        clock=lambda: NOW,
        total_seconds=0.05,
    )
    assert (await eshopbox.take_action(CREDENTIALS, TARGET, REATTEMPT)).answer is Answer.UNKNOWN


def test_secrets_and_personal_data_are_not_shown() -> None:
    """I12: whoever prints these objects prints no secret and nobody's address."""
    shown = f"{CREDENTIALS} {TARGET}"
    assert not any(
        word in shown for word in ("secret'", "top-secret", "refresh-secret", "Asha", "99999", "Lane")
    )


def _tracking(*entries: tuple[str, str], status: str = "FAILED_DELIVERY", **more: Any) -> dict[str, Any]:
    logs = [{"status": word, "dateTime": at, "remarks": "as it was"} for word, at in entries]
    parcel = {"journeyType": "forward", "trackingId": TARGET.tracking_id, "currentStatus": status}
    return {"Status": "SUCCESS", "trackingDetails": [parcel | {"statusLogs": logs} | more]}


FAILED = ("failed_delivery", "21-11-2026 14:20:00")
RESOLVED = ("ndr_resolution", "21-11-2026 15:00:00")
FAILED_AGAIN = ("failed_delivery", "22-11-2026 15:05:00")


@pytest.mark.parametrize(
    ("body", "is_failed", "recorded", "move", "failures"),
    [
        (_tracking(FAILED), True, False, None, 1),
        (_tracking(FAILED, RESOLVED), True, True, None, 1),
        (_tracking(RESOLVED, FAILED), True, True, None, 1),  # newest first
        (_tracking(FAILED, RESOLVED, FAILED_AGAIN), True, False, None, 2),
        (_tracking(FAILED_AGAIN, RESOLVED, FAILED), True, False, None, 2),
        (_tracking(FAILED, ("ndr_resolution", FAILED[1])), True, True, None, 1),  # within one second
        (_tracking(FAILED, status="NDR_RESOLUTION"), True, True, None, 1),
        (
            _tracking(FAILED, RESOLVED, status="OUT_FOR_DELIVERY"),
            False,
            True,
            ShipmentMove.OUT_FOR_DELIVERY,
            1,
        ),
        (_tracking(status="DELIVERED"), False, False, ShipmentMove.DELIVERED, 0),
        (_tracking(status="RTO_INTRANSIT"), False, False, ShipmentMove.RTO, 0),
        (_tracking(status="CANCELLED_ORDER"), False, False, ShipmentMove.CANCELLED, 0),
        (_tracking(status="DAMAGED"), False, False, ShipmentMove.LOST, 0),
        (_tracking(status="INTRANSIT"), False, False, None, 0),
        (_tracking(status="Some new word"), False, False, None, 0),
    ],
)
async def test_reading_of_a_shipment(
    body: dict[str, Any],
    is_failed: bool,  # noqa: FBT001 - a column of the table
    recorded: bool,  # noqa: FBT001
    move: ShipmentMove | None,
    failures: int,
) -> None:
    """F55: after an unknown outcome the log says whether the action arrived."""
    eshopbox, system = client(lambda _: httpx.Response(200, json=body))
    reading = await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)
    assert (
        reading.is_failed_delivery,
        reading.resolution_recorded,
        reading.move,
        len(reading.attempts),
    ) == (
        is_failed,
        recorded,
        move,
        failures,
    )
    (call,) = system.calls
    assert (call.method, call.url.path) == ("POST", "/api/v1/shipping/trackingDetails")
    assert call.url.params["trackingIds"] == TARGET.tracking_id


@pytest.mark.parametrize(
    ("entries", "resolved"),
    [
        ((FAILED, RESOLVED, FAILED_AGAIN), (True, False)),
        ((FAILED_AGAIN, RESOLVED, FAILED), (True, False)),  # newest first
        ((FAILED, FAILED_AGAIN, ("ndr_resolution", "22-11-2026 15:30:00")), (False, True)),
    ],
)
async def test_reading_tells_which_attempt_an_action_was_accepted_for(
    entries: tuple[tuple[str, str], ...], resolved: tuple[bool, ...]
) -> None:
    """I4: what was accepted for one attempt says nothing of another."""
    eshopbox, _ = client(lambda _: httpx.Response(200, json=_tracking(*entries)))
    reading = await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)
    assert tuple(attempt.is_resolved for attempt in reading.attempts) == resolved


@pytest.mark.parametrize(
    ("after", "recorded"),
    [
        ([{"status": "ndr_resolution", "ndrStatus": "REJECTED"}], False),
        ([{"status": "ndr_resolution_rejected"}], False),
        ([{"status": "ndr_resolution", "ndrStatus": "REJECTED"}, {"status": "ndr_resolution"}], True),
        ([{"status": "ndr_resolution", "remarks": "customer: the courier refused to come up"}], True),
    ],
)
async def test_action_taken_back_is_not_recorded_any_more(
    after: list[dict[str, str]],
    recorded: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """R6.5, I4: what was logged of an action last says whether it stands."""
    body = _tracking(FAILED, RESOLVED)
    logs = body["trackingDetails"][0]["statusLogs"]
    logs += [line | {"dateTime": f"21-11-2026 16:0{minute}:00"} for minute, line in enumerate(after)]
    eshopbox, _ = client(lambda _: httpx.Response(200, json=body))
    reading = await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)
    assert reading.resolution_recorded is recorded
    assert reading.attempts[-1].is_resolved is recorded


async def test_history_is_read_oldest_first_in_utc() -> None:
    """Two date formats stand in one answer; both are Indian time."""
    body = _tracking(FAILED_AGAIN, ("failed_delivery", "2026-11-21 14:20:00"))
    eshopbox, _ = client(lambda _: httpx.Response(200, json=body))
    entries = (await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)).entries
    assert [entry.at for entry in entries] == [
        datetime(2026, 11, 21, 8, 50, tzinfo=UTC),
        datetime(2026, 11, 22, 9, 35, tzinfo=UTC),
    ]
    assert entries[0].remark == "as it was"


@pytest.mark.parametrize("refusal", [404, 405])
async def test_tracking_tries_the_other_method_and_remembers_it(refusal: int) -> None:
    """The documentation names POST, others use GET: what works is kept."""

    def handle(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(200, json=_tracking(FAILED))
            if request.method == "GET"
            else httpx.Response(refusal)
        )

    eshopbox, system = client(handle)
    for _ in range(2):
        assert (await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)).is_failed_delivery
    assert [call.method for call in system.calls] == ["POST", "GET", "GET"]
    other, asked = client(lambda _: httpx.Response(refusal), tracking_method="GET")
    with pytest.raises(CarrierUnavailable):
        await other.read_shipment(CREDENTIALS, TARGET.tracking_id)
    assert [call.method for call in asked.calls] == ["GET", "POST"]


def _raises(error: Exception) -> Handle:
    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    return handle


@pytest.mark.parametrize(
    "handle",
    [
        _says(500),
        _says(401),
        _says(429),
        lambda _: httpx.Response(302, headers={"location": "/"}),
        lambda _: httpx.Response(200),
        lambda _: httpx.Response(200, text="<html>"),
        _says(200, Status="ERROR", trackingDetails=_tracking(FAILED)["trackingDetails"]),
        _says(200, trackingDetails=[]),
        _says(200, trackingDetails=None),
        _says(200, trackingDetails=[{"trackingId": "another", "currentStatus": "DELIVERED"}]),
        _says(200, trackingDetails=[{"trackingId": TARGET.tracking_id}]),
        _raises(httpx.ConnectError("")),
        _raises(httpx.ReadTimeout("")),
    ],
)
async def test_reading_without_a_usable_answer_raises(handle: Handle) -> None:
    """A reading decides what is done next, so it is never made up."""
    eshopbox, _ = client(handle)
    with pytest.raises(CarrierUnavailable):
        await eshopbox.read_shipment(CREDENTIALS, TARGET.tracking_id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "message", "status", "code"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
LOG = st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "dateTime", "remarks", "ndrStatus"), JSON))


@given(st.integers(200, 599), JSON)
@settings(max_examples=100, deadline=None)
def test_no_answer_makes_an_action_raise(status: int, body: Any) -> None:
    """R6.5: whatever stands in the body, an action has an answer, and only a success is accepted."""
    content = json.dumps(body).encode()
    came = asyncio.run(take(lambda _: httpx.Response(status, content=content)))
    assert (came.answer is not Answer.ACCEPTED) or status < 300
    assert len(came.detail) <= 200


@given(st.lists(LOG, max_size=4) | JSON, JSON)
@settings(max_examples=200, deadline=None)
def test_no_tracking_answer_raises(logs: Any, status: Any) -> None:
    """S27: a provider's answer is read like a stranger's input."""
    parcel = {"trackingId": TARGET.tracking_id, "currentStatus": status, "statusLogs": logs}
    read_tracking({"trackingDetails": [parcel]}, TARGET.tracking_id)
    read_tracking({"trackingDetails": status}, TARGET.tracking_id)
    read_tracking(status, TARGET.tracking_id)


@pytest.fixture
def simulator() -> httpx.AsyncClient:
    """Serve the order system's stand-in in this process."""
    workspace = Workspace(
        slug="kapaskraft",
        name="KapasKraft",
        brand="KapasKraft",
        client_id=CREDENTIALS.client_id,
        client_secret=CREDENTIALS.client_secret,
        refresh_token=CREDENTIALS.refresh_token,
    )
    app = create_app(Config(workspaces=(workspace,)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator")


@pytest.mark.parametrize("shape", ["message", "object"])
async def test_action_and_reading_against_the_simulator(simulator: httpx.AsyncClient, shape: str) -> None:
    """R6.5, I4: accepted once, seen in the log, and refused as no longer waiting the second time."""
    await simulator.post("/control/options", json={"error_shape": shape})
    failed = await simulator.post("/control/fail", json={"phone": "919999900001", "reason": "unavailable"})
    shipment = failed.json()
    shipment = shipment.get("shipment", shipment)
    target = ActionTarget(
        order_id=shipment["order_id"],
        tracking_id=shipment["tracking_id"],
        phone="919999900001",
        customer_name="Asha Rao",
        address=TARGET.address,
        attempt=1,
    )
    eshopbox = Eshopbox(
        simulator,
        base_url="http://simulator",
        auth_url="http://simulator/api/v1/generateToken",
        clock=lambda: datetime.now(UTC),
    )
    before = await eshopbox.read_shipment(CREDENTIALS, target.tracking_id)
    assert (before.is_failed_delivery, before.resolution_recorded) == (True, False)
    late = ActionRequest("c/0", Action.RESCHEDULE, Mode.WHATSAPP, on=date(2020, 1, 1))
    assert (await eshopbox.take_action(CREDENTIALS, target, late)).answer is Answer.REFUSED_DATE
    assert (await eshopbox.take_action(CREDENTIALS, target, REATTEMPT)).answer is Answer.ACCEPTED
    after = await eshopbox.read_shipment(CREDENTIALS, target.tracking_id)
    assert (after.is_failed_delivery, after.resolution_recorded) == (True, True)
    assert (await eshopbox.take_action(CREDENTIALS, target, REATTEMPT)).answer is Answer.NOT_WAITING
