"""The order system's stand-in answers, refuses and announces as the recorded samples and the provider's pages say."""

import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from simulators.carriers import Config, create_app
from simulators.carriers.journey import FORWARD_EVENTS, REASONS, RETURN_EVENTS
from simulators.carriers.state import moved_clock

SAMPLES = Path(__file__).parents[1] / "payloads" / "eshopbox"
PHONE = "919999900001"
NOW = datetime(2026, 11, 21, 8, 50, tzinfo=UTC)  # 14:20 in India
KAPAS = {
    "slug": "kapaskraft",
    "name": "KapasKraft Pvt Ltd",
    "brand": "KapasKraft",
    "client_id": "client-1",
    "client_secret": "secret-1",
    "refresh_token": "refresh-1",
    "webhook": {"url": "http://receiver.test/hook", "headers": {"X-Webhook-Secret": "s3cret"}},
    "customers": [
        {"phone": PHONE, "name": "Asha Rao", "order_id": "ORD123456", "email": "asha.rao@example.in"}
    ],
}
OTHER = KAPAS | {"slug": "other", "client_id": "client-2", "customers": []}


@dataclass
class Receiver:
    """Stand where our API stands: keep what arrives, answer as told."""

    statuses: list[int | Exception] = field(default_factory=list)
    received: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take one request."""
        self.received.append(request)
        answer = self.statuses.pop(0) if self.statuses else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Return what arrived, decoded."""
        return [json.loads(request.content) for request in self.received]


@dataclass
class World:
    """Drive the stand-in as production code and a demo would."""

    app: FastAPI
    client: httpx.AsyncClient
    receiver: Receiver
    now: datetime = NOW

    async def control(self, path: str, body: dict[str, Any]) -> Any:
        """Use a control route that must work."""
        response = await self.client.post(f"/control/{path}", json=body)
        assert response.is_success, response.text
        return response.json()

    async def fail(self, **fields: Any) -> dict[str, Any]:
        """Fail a delivery of the customer."""
        shipment: dict[str, Any] = await self.control("fail", {"phone": PHONE} | fields)
        return shipment

    async def ask_for_token(self, **fields: Any) -> httpx.Response:
        """Log in with the right credentials, some of them changed."""
        body = {"grant_type": "refresh_token"} | {
            name: KAPAS[name] for name in ("client_id", "client_secret", "refresh_token")
        }
        return await self.client.post("/api/v1/generateToken", json=body | fields)

    async def headers(self, **fields: Any) -> dict[str, str]:
        """Log in and return what authorises a call."""
        token = (await self.ask_for_token(**fields)).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    async def resolve(self, shipment: dict[str, Any], **fields: Any) -> httpx.Response:
        """Send a delivery action that fits, some fields changed."""
        body = {
            "customerOrderNumber": shipment["order_id"],
            "trackingId": shipment["tracking_id"],
            "resolutionCode": "ACTF001",
            "contactPhoneNumber": shipment["phone"][-10:],
            "actionSource": "whatsapp",
        }
        return await self.client.post(
            "/api/v2/ndrResolution", json=body | fields, headers=await self.headers()
        )

    async def ledger(self) -> dict[str, list[dict[str, Any]]]:
        """Return the ledger once every webhook was delivered or given up."""
        await self.app.state.sender.drain()
        ledger: dict[str, list[dict[str, Any]]] = (await self.client.get("/control/ledger")).json()
        return ledger


@asynccontextmanager
async def running(config: dict[str, Any], *, retries: int = 3) -> AsyncIterator[World]:
    """Run the stand-in in this process, with a receiver behind its webhooks."""
    receiver = Receiver()
    app = create_app(
        Config.model_validate(config),
        http=httpx.AsyncClient(transport=httpx.MockTransport(receiver)),
        clock=lambda: stage.now,
        retry_pauses=(0.0,) * retries,
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://orders.test")
    stage = World(app=app, client=client, receiver=receiver)
    async with app.router.lifespan_context(app), client:
        yield stage


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Two workspaces, one customer."""
    async with running({"workspaces": [KAPAS, OTHER]}) as running_world:
        yield running_world


def keys(value: Any, path: str = "") -> set[str]:
    """Collect the path of every field."""
    if isinstance(value, dict):
        return {f"{path}.{name}" for name in value}.union(
            *(keys(inner, f"{path}.{name}") for name, inner in value.items())
        )
    if isinstance(value, list):
        return set[str]().union(*(keys(inner, f"{path}[]") for inner in value))
    return set()


def sample(name: str) -> dict[str, Any]:
    """Load a recorded body."""
    loaded: dict[str, Any] = json.loads((SAMPLES / name).read_bytes())
    return loaded


FAILURES = {
    "webhook-shipment-failed-delivery-unavailable.json": ("unavailable", 1),
    "webhook-shipment-failed-delivery-second-attempt.json": ("unavailable", 2),
    "webhook-shipment-failed-delivery-address.json": ("address", 1),
    "webhook-shipment-failed-delivery-refused.json": ("refused", 1),
    "webhook-shipment-failed-delivery-not-attempted.json": ("not_attempted", 1),
    "webhook-shipment-failed-delivery-no-resolutions.json": ("no_resolutions", 1),
}


def failure_log(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines about the failure, without their times."""
    lines = data.get("forwardTrackingTimeline", {}).get("statusLog", [])
    return [{name: value for name, value in line.items() if name != "dateTime"} for line in lines]


def sample_names() -> list[str]:
    """Name the webhook samples; their absence is a failure, not an empty run."""
    names = sorted(path.name for path in SAMPLES.glob("webhook-*.json"))
    return names or ["webhook-samples-are-missing"]


@pytest.mark.parametrize("name", sample_names())
async def test_webhook_has_exactly_the_fields_of_its_sample(world: World, name: str) -> None:
    """Each recorded event and the emitted one have the same fields and the same head."""
    recorded = sample(name)
    if name in FAILURES:
        reason, attempt = FAILURES[name]
        await world.fail(reason=reason, attempt=attempt)
    else:
        shipment = await world.control("shipments", {"phone": PHONE})
        await world.control(
            "events",
            {
                "shipment_id": shipment["shipment_id"],
                "event": recorded["eventSubType"],
                "resource": recorded["resource"],
            },
        )
    await world.ledger()
    [emitted] = world.receiver.bodies
    assert keys(emitted) == keys(recorded)
    for field_ in (
        "resource",
        "eventType",
        "eventSubType",
        "accountSlug",
        "actor",
        "version",
        "request_data",
    ):
        assert emitted[field_] == recorded[field_]
    data, recorded_data = emitted["response_data"], recorded["response_data"]
    for field_ in ("attemptCount", "ndrDetails", "shippingAddress", "paymentType", "customerOrderNumber"):
        assert data.get(field_) == recorded_data.get(field_)
    assert failure_log(data) == failure_log(recorded_data)


async def test_webhook_carries_the_registered_headers_and_indian_time(world: World) -> None:
    """The caller proves itself by the registered headers; times have no zone and mean India's."""
    await world.fail()
    await world.ledger()
    [request] = world.receiver.received
    assert str(request.url) == "http://receiver.test/hook"
    assert request.headers["x-webhook-secret"] == "s3cret"
    assert request.headers["content-type"] == "application/json"
    assert world.receiver.bodies[0]["eventTime"] == "2026-11-21 14:20:00"


@pytest.mark.parametrize(
    ("resource", "event"),
    [("shipment", name) for name in FORWARD_EVENTS if name != "failed_delivery"]
    + [("returnShipment", name) for name in RETURN_EVENTS],
)
async def test_every_event_of_both_journeys_can_be_announced(world: World, resource: str, event: str) -> None:
    """Every documented pair of resource and subtype is emitted on demand."""
    shipment = await world.control("shipments", {"phone": PHONE})
    body = {"shipment_id": shipment["shipment_id"], "event": event, "resource": resource}
    emitted = await world.control("events", body)
    assert (emitted["resource"], emitted["eventSubType"]) == (resource, event)
    assert ("externalReturnID" in emitted["response_data"]) == (resource == "returnShipment")


@pytest.mark.parametrize("reason", list(REASONS))
async def test_every_reason_can_be_made(world: World, reason: str) -> None:
    """A failure of each kind is announced with its code."""
    await world.fail(reason=reason)
    await world.ledger()
    details = world.receiver.bodies[0]["response_data"]["ndrDetails"]
    assert details["ndrCode"] == REASONS[reason].code  # type: ignore[index]


async def test_same_phone_fails_again_as_the_next_attempt_until_a_new_order(world: World) -> None:
    """One attempt plus at most two more; then the phone's next failure is another parcel's."""
    failed = [await world.fail() for _ in range(4)]
    assert [shipment["attempt"] for shipment in failed] == [1, 2, 3, 1]
    assert len({shipment["shipment_id"] for shipment in failed}) == 2
    assert failed[0]["order_id"] == "ORD123456"
    assert failed[3]["order_id"] != "ORD123456"


async def test_unknown_phone_gets_a_parcel_in_the_first_workspace(world: World) -> None:
    """A demo may fail a delivery for anybody."""
    shipment = await world.fail(phone="919999900077")
    assert (shipment["workspace"], shipment["customer_name"]) == ("kapaskraft", "Customer")


async def test_customer_has_a_language_where_one_was_given(world: World) -> None:
    """R6.13: the order system names it with every event of the parcel from then on."""
    await world.fail()
    await world.fail(language="hi")
    await world.fail()
    await world.ledger()
    told = [body["response_data"].get("customerLanguage") for body in world.receiver.bodies]
    assert told == [None, "hi", "hi"]


async def test_what_is_under_way_can_be_asked(world: World) -> None:
    """A rehearsal waits for it; whatever happened since the last look shows in the version."""
    before = (await world.client.get("/control/under-way")).json()
    await world.fail()
    during = (await world.client.get("/control/under-way")).json()
    await world.app.state.sender.drain()
    after = (await world.client.get("/control/under-way")).json()
    assert (before["under_way"], during["under_way"], after["under_way"]) == (0, 1, 0)
    assert after["version"] > before["version"]


async def test_moved_clock_is_ahead_by_what_the_file_says(tmp_path: Path) -> None:
    """A rehearsal moves it while the stand-in runs."""
    ahead = tmp_path / "clock"
    ahead.write_text("0")
    clock = moved_clock(ahead)
    before = clock()
    ahead.write_text("3600.5")
    assert timedelta(hours=1) < clock() - before < timedelta(hours=1, minutes=1)


async def test_last_attempt_leaves_only_the_cancellation(world: World) -> None:
    """What the third failure offers cannot be another attempt."""
    await world.fail(attempt=3)
    await world.ledger()
    offered = world.receiver.bodies[0]["response_data"]["ndrDetails"]["resolutions"]
    assert [entry["resolutionCode"] for entry in offered] == ["ACTF003"]


async def test_token_answer_has_the_fields_of_its_sample(world: World) -> None:
    """The login answers as recorded, and the same token until it expires."""
    first, second = await world.ask_for_token(), await world.ask_for_token()
    assert first.json() == second.json()
    assert keys(first.json()) == keys(sample("response-generate-token.json"))
    world.now += timedelta(days=1)
    assert (await world.ask_for_token()).json()["access_token"] != first.json()["access_token"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"refresh_token": ""}, 401),
        ({"client_id": None}, 401),
        ({"grant_type": "password"}, 400),
    ],
)
async def test_wrong_credentials_are_refused(world: World, changed: dict[str, Any], status: int) -> None:
    """No token for a stranger."""
    assert (await world.ask_for_token(**changed)).status_code == status


async def test_needless_token_calls_are_limited_when_told(world: World) -> None:
    """Asking before expiry is rate limited once the option is on."""
    await world.control("options", {"limit_needless_tokens": True})
    assert (await world.ask_for_token()).status_code == 200
    assert (await world.ask_for_token()).status_code == 429
    assert [entry["http_status"] for entry in (await world.ledger())["tokens"]] == [200, 429]


async def test_expired_or_revoked_or_missing_token_is_401(world: World) -> None:
    """Only a living bearer token opens the warehouse host."""
    shipment = await world.fail()
    path, headers = "/api/v2/ndrResolution", await world.headers()
    assert (await world.client.post(path, json={})).status_code == 401
    await world.client.delete("/control/tokens")
    assert (await world.client.post(path, json={}, headers=headers)).status_code == 401
    headers = await world.headers()
    world.now += timedelta(days=1, seconds=1)
    assert (await world.client.post(path, json={}, headers=headers)).status_code == 401
    assert (await world.resolve(shipment)).status_code == 200


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("request-ndr-resolution-reattempt.json", "unavailable"),
        ("request-ndr-resolution-reschedule.json", "unavailable"),
        ("request-ndr-resolution-address.json", "address"),
    ],
)
async def test_recorded_requests_are_accepted_and_announced(world: World, name: str, reason: str) -> None:
    """What production code is to send is taken, logged and announced, once."""
    await world.control("shipments", {"phone": PHONE, "order_id": "ORD123456", "tracking_id": "70011223344"})
    await world.fail(reason=reason)
    post = world.client.post
    answer = await post("/api/v2/ndrResolution", json=sample(name), headers=await world.headers())
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "id"}
    ledger = await world.ledger()
    assert [body["eventSubType"] for body in world.receiver.bodies] == [
        "failed_delivery",
        "ndr_resolution_submitted",
    ]
    [entry] = ledger["resolutions"]
    assert entry["body"] == sample(name)
    assert (entry["accepted"], entry["workspace"], entry["trackingId"]) == (True, "kapaskraft", "70011223344")
    assert entry["id"] == answer.json()["id"]
    assert (await world.client.get("/control/under-way")).json()["under_way"] == 0


PHONE_MISMATCH = "Contact phone number does not match the order"
NOT_ALLOWED = "Resolution is not allowed for this failure reason"


def on(day: str) -> dict[str, Any]:
    """Ask for a date."""
    return {"resolutionCode": "ACTF002", "deferredDate": day}


@dataclass(frozen=True)
class Impossible:
    """One action that cannot be had, and the answer to it."""

    fields: dict[str, Any]
    status: int
    message: str
    reason: str = "unavailable"
    attempt: int = 1


@pytest.mark.parametrize(
    "case",
    [
        Impossible({"trackingId": "1"}, 404, "Tracking id not found"),
        Impossible({"trackingId": None}, 400, "trackingId is required"),
        Impossible({"resolutionCode": "ACTF009"}, 400, "resolutionCode is not known"),
        Impossible({"customerOrderNumber": "ORD1"}, 400, "Order does not have this tracking id"),
        Impossible({"contactPhoneNumber": "9999900002"}, 400, PHONE_MISMATCH),
        Impossible({"contactPhoneNumber": PHONE}, 400, PHONE_MISMATCH),
        Impossible({"resolutionCode": "ACTF002"}, 400, "deferredDate is required"),
        Impossible(on("22-11-2026"), 400, "deferredDate has an invalid format"),
        Impossible(on("2026-11-21"), 422, "deferredDate is not possible"),
        Impossible(on("2026-11-29"), 422, "deferredDate is not possible"),
        Impossible({}, 422, "Shipment has reached max attempt count", attempt=3),
        Impossible({"resolutionCode": "ACTF004"}, 422, NOT_ALLOWED, reason="address"),
        Impossible({"resolutionCode": "ACTF003"}, 422, NOT_ALLOWED, reason="not_attempted"),
    ],
)
@pytest.mark.parametrize("shape", ["message", "object"])
async def test_impossible_action_is_refused_in_either_shape(
    world: World, case: Impossible, shape: str
) -> None:
    """Every refusal is a 4xx in the shape of the recorded errors, and changes nothing."""
    await world.control("options", {"error_shape": shape})
    shipment = await world.fail(reason=case.reason, attempt=case.attempt)
    answer = await world.resolve(shipment, **case.fields)
    assert answer.status_code == case.status
    assert keys(answer.json()) == keys(sample(f"response-error-{shape}.json"))
    told = answer.json() if shape == "message" else answer.json()["error"]
    assert told["message"] == case.message
    ledger = await world.ledger()
    assert [(entry["accepted"], entry["reason"]) for entry in ledger["resolutions"]] == [
        (False, case.message)
    ]
    assert len(ledger["webhooks"]) == 1


@pytest.mark.parametrize(
    ("reason", "attempt", "fields"),
    [
        ("unavailable", 1, {"resolutionCode": "ACTF002", "deferredDate": "2026-11-22"}),
        ("unavailable", 1, {"resolutionCode": "ACTF002", "deferredDate": "2026-11-28"}),
        ("unavailable", 3, {"resolutionCode": "ACTF003"}),
        ("no_resolutions", 1, {"resolutionCode": "ACTF004"}),
        ("not_attempted", 1, {}),
    ],
)
async def test_possible_action_is_accepted(
    world: World, reason: str, attempt: int, fields: dict[str, Any]
) -> None:
    """The edges of what is still possible; the attempt nobody made may be asked for."""
    shipment = await world.fail(reason=reason, attempt=attempt)
    assert (await world.resolve(shipment, **fields)).status_code == 200


async def test_refusal_for_a_parcel_that_moved_on_is_the_recorded_one(world: World) -> None:
    """Not a failed delivery any more: the recorded message."""
    shipment = await world.fail()
    await world.control("events", {"shipment_id": shipment["shipment_id"], "event": "out_for_delivery"})
    answer = await world.resolve(shipment)
    assert answer.status_code == 400
    assert answer.json() == sample("response-error-message.json")


async def test_accepted_action_can_be_taken_back_and_another_one_is_accepted(world: World) -> None:
    """It is announced, logged, and the parcel waits for another resolution."""
    shipment = await world.fail()
    where = {"shipment_id": shipment["shipment_id"]}
    assert (await world.client.post("/control/reject", json=where)).status_code == 409
    assert (await world.resolve(shipment)).status_code == 200
    await world.control("reject", where | {"remark": "No rider"})
    await world.app.state.sender.drain()
    body = world.receiver.bodies[-1]
    assert body["eventSubType"] == "ndr_resolution_rejected"
    assert body["response_data"]["ndrDetails"] == {
        "resolutionStatus": "REJECTED",
        "resolutionRemark": "No rider",
    }
    assert (await world.resolve(shipment)).status_code == 200


async def test_second_action_for_an_attempt_is_refused_and_the_next_attempt_is_free(world: World) -> None:
    """One resolution for each failed attempt."""
    shipment = await world.fail()
    assert (await world.resolve(shipment)).status_code == 200
    assert (await world.resolve(shipment)).status_code == 409
    await world.fail()
    assert (await world.resolve(shipment)).status_code == 200


async def test_parcel_of_another_workspace_is_not_found(world: World) -> None:
    """A token opens its own workspace only."""
    shipment = await world.fail()
    headers = await world.headers(client_id="client-2")
    body = {
        "customerOrderNumber": shipment["order_id"],
        "trackingId": shipment["tracking_id"],
        "resolutionCode": "ACTF001",
        "contactPhoneNumber": PHONE[-10:],
    }
    assert (await world.client.post("/api/v2/ndrResolution", json=body, headers=headers)).status_code == 404
    path = f"/api/v1/shipping/trackingDetails?trackingIds={shipment['tracking_id']}"
    assert (await world.client.get(path, headers=headers)).json()["trackingDetails"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_tracking_tells_state_and_log_in_two_date_formats(world: World, method: str) -> None:
    """Status in upper case, log in lower case, a resolution visible after the failure."""
    shipment = await world.fail()
    await world.resolve(shipment, remarks="asked on WhatsApp")
    path = f"/api/v1/shipping/trackingDetails?trackingIds={shipment['tracking_id']},unknown"
    answer = (await world.client.request(method, path, headers=await world.headers())).json()
    assert set(answer) == {"Status", "trackingDetails"}
    [details] = answer["trackingDetails"]
    assert details["currentStatus"] == "FAILED_DELIVERY"
    assert details["dateTime"] == "21-11-2026 14:20:00"
    assert details["expectedDeliveryDate"] == "2026-11-24 00:00:00"
    assert [entry["status"] for entry in details["statusLogs"]] == [
        "created",
        "failed_delivery",
        "ndr_resolution",
    ]
    assert [entry.get("ndrStatus") for entry in details["statusLogs"]] == [
        None,
        "Customer not available",
        None,
    ]
    assert details["statusLogs"][2]["remarks"] == "asked on WhatsApp"


@pytest.mark.parametrize("query", ["", "?trackingIds=", "?trackingIds=" + ",".join(["7"] * 51)])
async def test_tracking_takes_one_to_fifty_ids(world: World, query: str) -> None:
    """More than the documented number is refused."""
    answer = await world.client.get(f"/api/v1/shipping/trackingDetails{query}", headers=await world.headers())
    assert answer.status_code == 400


async def test_webhook_is_repeated_until_it_is_taken(world: World) -> None:
    """Neither an error, nor a redirect, nor a refused connection ends the delivery."""
    world.receiver.statuses = [503, 302, httpx.ConnectError("refused"), 200]
    await world.fail()
    tries = (await world.ledger())["webhooks"]
    assert [(entry["status"], entry["error"]) for entry in tries] == [
        (503, None),
        (302, None),
        (None, "ConnectError"),
        (200, None),
    ]
    assert world.receiver.bodies == [world.receiver.bodies[0]] * 4


async def test_webhook_is_given_up_at_last(world: World) -> None:
    """The order system does not try for ever."""
    world.receiver.statuses = [500] * 10
    await world.fail()
    assert [entry["attempt"] for entry in (await world.ledger())["webhooks"]] == [1, 2, 3, 4]


async def test_event_can_be_repeated_late_and_with_other_content(world: World) -> None:
    """F56: the same again, the same with other content, and one that arrives after its successor."""
    shipment = await world.fail()
    event = {"shipment_id": shipment["shipment_id"], "event": "failed_delivery"}
    world.now += timedelta(minutes=5)
    await world.control("events", event | {"repeat": 2})
    await world.control("events", event | {"overrides": {"attemptCount": 2}})
    await world.ledger()
    first, *again, other = world.receiver.bodies
    assert again == [first, first]
    assert other["response_data"]["attemptCount"] == 2
    late = {"event": "out_for_delivery", "event_time": "2026-11-21T13:00:00+05:30"}
    emitted = await world.control("events", event | late)
    assert emitted["eventTime"] == "2026-11-21 13:00:00"
    assert (await world.client.get("/control/shipments")).json()[0]["status"] == "failed_delivery"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("fail", {}, 422),
        ("fail", {"phone": PHONE, "shipment_id": "x"}, 422),
        ("fail", {"shipment_id": "unknown"}, 404),
        ("fail", {"phone": PHONE, "workspace": "unknown"}, 404),
        ("fail", {"phone": PHONE, "reason": "weather"}, 422),
        ("events", {"shipment_id": "unknown", "event": "delivered"}, 404),
        ("events", {"shipment_id": "unknown", "event": "teleported"}, 422),
        ("events", {"shipment_id": "unknown", "event": "rto", "resource": "returnShipment"}, 422),
        ("shipments", {"phone": PHONE, "colour": "red"}, 422),
        ("behaviour", {"endpoint": "resolution", "mode": "explode"}, 422),
    ],
)
async def test_control_route_refuses_what_makes_no_sense(
    world: World, path: str, body: dict[str, Any], status: int
) -> None:
    """A misspelt step of a demo or a test is seen at once."""
    assert (await world.client.post(f"/control/{path}", json=body)).status_code == status


async def test_taken_shipment_id_is_a_conflict(world: World) -> None:
    """Two parcels never share a number."""
    body = {"phone": PHONE, "shipment_id": "S1"}
    await world.control("shipments", body)
    assert (await world.client.post("/control/shipments", json=body)).status_code == 409


async def test_workspace_added_while_running_works_at_once(world: World) -> None:
    """A demo installs sellers as it goes; changed credentials end the old token."""
    headers = await world.headers()
    changed = KAPAS | {"refresh_token": "refresh-9", "webhook": {"url": "http://receiver.test/new"}}
    assert (await world.client.put("/control/workspaces", json=changed)).is_success
    tracking = "/api/v1/shipping/trackingDetails?trackingIds=1"
    assert (await world.client.get(tracking, headers=headers)).status_code == 401
    await world.fail()
    await world.ledger()
    assert str(world.receiver.received[0].url) == "http://receiver.test/new"


async def test_our_events_are_recorded_as_they_came(world: World) -> None:
    """Headers and the raw body, since a signature covers both."""
    raw = '{"type": "case.resolved"}'
    answer = await world.client.post("/events/kapaskraft", content=raw, headers={"webhook-id": "msg_1"})
    assert answer.status_code == 200
    [entry] = (await world.ledger())["events"]
    assert (entry["workspace"], entry["raw"], entry["body"]) == ("kapaskraft", raw, json.loads(raw))
    assert entry["headers"]["webhook-id"] == "msg_1"


@pytest.mark.parametrize(
    ("behaviour", "status", "body"),
    [
        ({"mode": "status"}, 503, {"message": "Service unavailable"}),
        ({"mode": "status", "status": 500, "message": "x"}, 500, {"message": "x"}),
        ({"mode": "refuse", "message": "No"}, 400, {"message": "No"}),
        (
            {"mode": "refuse", "status": 422, "message": "No", "error_shape": "object"},
            422,
            {"error": {"code": "SIMULATED", "message": "No"}},
        ),
        ({"mode": "hang_before", "seconds": 0.01}, 503, {}),
    ],
)
async def test_ordered_fault_changes_nothing_and_passes(
    world: World, behaviour: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    """F53 F54: a fault for so many calls, then the usual answer."""
    shipment = await world.fail()
    await world.control("behaviour", {"endpoint": "resolution", "times": 2} | behaviour)
    for _ in range(2):
        answer = await world.resolve(shipment)
        assert (answer.status_code, answer.json()) == (status, body)
    assert (await world.resolve(shipment)).status_code == 200
    assert [entry["accepted"] for entry in (await world.ledger())["resolutions"]] == [False, False, True]


async def test_answer_after_acceptance_can_come_late(world: World) -> None:
    """F55: accepted at once, answered after the caller may have given up."""
    shipment = await world.fail()
    await world.control("behaviour", {"endpoint": "resolution", "mode": "hang_after_accept", "seconds": 0.01})
    assert (await world.resolve(shipment)).status_code == 200
    [entry] = (await world.ledger())["resolutions"]
    assert (entry["accepted"], entry["answered"]) == (True, False)


async def test_fault_can_be_meant_for_one_workspace_and_cleared(world: World) -> None:
    """Others are unaffected, and a forgotten fault is gone."""
    shipment = await world.fail()
    for behaviour in (
        {"endpoint": "resolution", "mode": "status", "workspace": "other"},
        {"endpoint": "tracking", "mode": "status"},
    ):
        await world.control("behaviour", behaviour)
    assert (await world.resolve(shipment)).status_code == 200
    await world.client.delete("/control/behaviour")
    path = f"/api/v1/shipping/trackingDetails?trackingIds={shipment['tracking_id']}"
    assert (await world.client.get(path, headers=await world.headers())).status_code == 200


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve on a real socket, for what cannot be seen in process; yield the base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # whoever connects before the thread serves waits, and is not refused
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cut_after_accept", httpx.RemoteProtocolError),
        ("hang_after_accept", httpx.ReadTimeout),
        ("hang_before", httpx.ReadTimeout),
    ],
)
async def test_lost_answer_is_seen_as_unknown_by_the_caller(
    mode: str, expected: type[httpx.HTTPError]
) -> None:
    """F55: over a real connection the answer never comes, whether or not the action was accepted."""
    receiver: Callable[[httpx.Request], httpx.Response] = Receiver()
    http = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    with serving(create_app(Config.model_validate({"workspaces": [KAPAS]}), http=http)) as base_url:
        async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=5) as client:
            shipment = (await client.post("/control/fail", json={"phone": PHONE})).json()
            token = (
                await client.post(
                    "/api/v1/generateToken",
                    json={
                        "grant_type": "refresh_token",
                        "client_id": "client-1",
                        "client_secret": "secret-1",
                        "refresh_token": "refresh-1",
                    },
                )
            ).json()["access_token"]
            await client.post("/control/behaviour", json={"endpoint": "resolution", "mode": mode})
            body = {
                "customerOrderNumber": shipment["order_id"],
                "trackingId": shipment["tracking_id"],
                "resolutionCode": "ACTF001",
                "contactPhoneNumber": PHONE[-10:],
            }
            headers = {"Authorization": f"Bearer {token}"}
            with pytest.raises(expected):
                await client.post("/api/v2/ndrResolution", json=body, headers=headers, timeout=0.3)
            entries = (await client.get("/control/ledger")).json()["resolutions"]
    assert [(entry["accepted"], entry["answered"]) for entry in entries] == [(mode != "hang_before", False)]


async def test_whole_journey_is_announced_step_by_step(world: World) -> None:
    """Its steps in order, of a new parcel and back again; the tracking stands where the last one left it."""
    begun = await world.control("journeys", {"phone": PHONE, "seconds_apart": 0})
    await world.app.state.sender.drain()
    back = {"shipment_id": begun["shipment_id"], "resource": "returnShipment", "seconds_apart": 0}
    await world.control("journeys", back)
    await world.app.state.sender.drain()
    assert [(body["resource"], body["eventSubType"]) for body in world.receiver.bodies] == [
        ("shipment", "created"),
        ("shipment", "packed"),
        ("shipment", "intransit"),
        ("shipment", "out_for_delivery"),
        ("shipment", "delivered"),
        ("returnShipment", "created"),
        ("returnShipment", "picked_up"),
        ("returnShipment", "complete"),
    ]
    shipments = (await world.client.get("/control/shipments")).json()
    assert [each["status"] for each in shipments if each["shipment_id"] == begun["shipment_id"]] == [
        "delivered"
    ]


@pytest.mark.parametrize("steps", [["flown"], ["created", "failed_delivery"]])
async def test_journey_with_a_step_that_is_none_is_refused(world: World, steps: list[str]) -> None:
    """A misspelt step is seen at once; a failure needs its reason."""
    answer = await world.client.post("/control/journeys", json={"phone": PHONE, "steps": steps})
    assert answer.status_code == 422
    assert not world.receiver.received
