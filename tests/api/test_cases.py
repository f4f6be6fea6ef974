"""The JSON API: report, read, list, act and close, by key and for the key's workspace only."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from api.dependencies import Services
from api.idempotency import Once
from db import workspaces
from domain.case_events import ActionTaken, CloseAsked, ResendAsked
from domain.cases import Outcome
from domain.failures import Action, Mode
from tests.api.conftest import Opened, Outside
from tests.factories import failed_delivery
from tests.intake.stage import sample
from workflows.client import ActRefused, ManualAnswer

Keys = dict[str, dict[str, str]]


def _report(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "attempt": 1,
        "reason": "customer_unavailable",
        "failed_at": "2026-11-20T12:00:00+05:30",
        "customer": {"name": "Asha Rao", "phone": "+91 99999 00001", "language": "en"},
        "address": {"lines": ["House 168, Lane 4"], "city": "Bengaluru", "pincode": "560038"},
        "payment": {"is_cod": True, "amount_due_paise": 149900},
    }
    return body | changes


async def _open(outside: Outside, key: dict[str, str], **changes: Any) -> str:
    answer = await outside.http.post("/v1/failed-deliveries", json=_report(**changes), headers=key)
    assert answer.status_code == 201, answer.text
    case_id: str = answer.json()["id"]
    return case_id


def _problem(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["id"]
    kind: str = body["type"].removeprefix("urn:problem:")
    return kind


# --- Reporting ---


async def test_report_opens_a_case_and_starts_its_run(outside: Outside, keys: Keys) -> None:
    """R8.1: 201 with the case; phones are E.164 digits inside."""
    case_id = await _open(outside, keys["kapaskraft"])
    (start,) = outside.workflows.started.values()
    failure = start.facts.failure
    assert start.facts.case_id == case_id
    assert (failure.customer_phone, failure.workspace_id, failure.brand) == (
        "919999900001",
        "kapaskraft",
        "Kapaskraft",
    )
    assert failure.failed_at == datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


async def test_same_report_again_gets_the_same_case(outside: Outside, keys: Keys) -> None:
    """I13, F56: 200 and the same case, other content 409; the same instant in another zone is the same content."""
    case_id = await _open(outside, keys["kapaskraft"])
    again = await outside.http.post(
        "/v1/failed-deliveries", json=_report(failed_at="2026-11-20T06:30:00Z"), headers=keys["kapaskraft"]
    )
    assert (again.status_code, again.json()["id"]) == (200, case_id)
    other = await outside.http.post(
        "/v1/failed-deliveries", json=_report(reason="refused"), headers=keys["kapaskraft"]
    )
    assert other.status_code == 409
    assert _problem(other) == "conflict"
    assert len(outside.workflows.started) == 1


async def test_many_at_once_open_one_case(outside: Outside, keys: Keys) -> None:
    """I3: the database's unique key decides."""
    answers = await asyncio.gather(
        *(
            outside.http.post("/v1/failed-deliveries", json=_report(), headers=keys["kapaskraft"])
            for _ in range(10)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_same_shipment_of_two_workspaces_are_two_cases(outside: Outside, keys: Keys) -> None:
    """I11: ids of shipments are the workspace's own."""
    assert await _open(outside, keys["kapaskraft"]) != await _open(outside, keys["nakshi"])


async def test_report_is_taken_while_temporal_is_away(outside: Outside, keys: Keys) -> None:
    """F6, F9: the row is the promise; the sweep starts the run."""
    outside.workflows.is_down = True
    await _open(outside, keys["kapaskraft"])
    outside.workflows.is_down = False
    outside.stage.clock.pass_by(minutes=1)
    await outside.stage.intake.sweep()
    assert len(outside.workflows.started) == 1


async def test_report_that_leads_to_nothing_says_why(outside: Outside, keys: Keys) -> None:
    """R5.1, F56: switched off, outdated."""
    await _open(outside, keys["kapaskraft"], attempt=2)
    older = await outside.http.post("/v1/failed-deliveries", json=_report(), headers=keys["kapaskraft"])
    assert _problem(older) == "outdated"
    await outside.stage.switch("kapaskraft", on=False)
    off = await outside.http.post(
        "/v1/failed-deliveries", json=_report(shipment_id="SHIP2"), headers=keys["kapaskraft"]
    )
    assert (off.status_code, _problem(off)) == (409, "not-sent")
    assert "switched off" in off.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"attempt": 0}, "body.attempt"),
        ({"attempt": "x"}, "body.attempt"),
        ({"reason": "tired"}, "body.reason"),
        ({"failed_at": "2026-11-20T12:00:00"}, "body.failed_at"),
        ({"failed_at": "2036-11-20T12:00:00Z"}, "body.failed_at"),
        ({"order_id": ""}, "body.order_id"),
        ({"order_id": "a\u0000b"}, "body.order_id"),
        ({"order_id": "a\u202eb"}, "body.order_id"),
        ({"customer": {"phone": "12345"}}, "body.customer.phone"),
        ({"unknown": 1}, "body.unknown"),
        ({"tracking_url": "javascript:alert(1)"}, "body.tracking_url"),
        ({"payment": {"amount_due_paise": 14.5}}, "body.payment.amount_due_paise"),
    ],
    ids=str,
)
async def test_wrong_field_is_named_and_not_repeated(
    outside: Outside, keys: Keys, changes: dict[str, Any], where: str
) -> None:
    """S27: unknown fields are refused; the answer says where, what and what is expected."""
    answer = await outside.http.post(
        "/v1/failed-deliveries", json=_report(**changes), headers=keys["kapaskraft"]
    )
    assert answer.status_code == 422
    assert _problem(answer) == "invalid"
    (field,) = answer.json()["errors"]
    assert field["where"] == where
    assert field["expected"]
    assert "12345" not in answer.text


@pytest.mark.parametrize("phone", ["08040123456", "+14155552671", "1800 120 1234", "+91 12345 67890", "call"])
async def test_only_an_indian_mobile_is_a_phone(outside: Outside, keys: Keys, phone: str) -> None:
    """R5.1: the rule of the order system's own events; a landline has no WhatsApp."""
    answer = await outside.http.post(
        "/v1/failed-deliveries", json=_report(customer={"phone": phone}), headers=keys["kapaskraft"]
    )
    assert answer.status_code == 422
    (field,) = answer.json()["errors"]
    assert field["where"] == "body.customer.phone"
    assert field["expected"].startswith("an Indian mobile number")
    assert phone not in answer.text


@pytest.mark.parametrize(
    ("changes", "problem", "expected"),
    [
        ({"order_id": None}, "not a text", "a text"),
        ({"order_id": "x" * 101}, "too long", "at most 100 characters"),
        ({"unknown": 1}, "not a field of this request", "only the fields"),
        ({"attempt": "x"}, "not a whole number", "a whole number"),
        ({"attempt": 0}, "too small", "at least 1"),
        ({"attempt": 10}, "too large", "at most 9"),
        ({"reason": "tired"}, "not one of the known words", "'refused'"),
        ({"failed_at": "2026-11-20T12:00:00"}, "without its zone", "2026-11-21T14:20:00+05:30"),
        ({"failed_at": "yesterday"}, "not a time", "2026-11-21T14:20:00+05:30"),
        ({"expected_on": "soon"}, "not a day", "2026-11-23"),
        ({"customer": []}, "not an object", "a JSON object"),
        ({"items": {}}, "not a list", "a list"),
        ({"items": [{}] * 51}, "too many", "at most 50"),
        ({"address": {"pincode": "012345"}}, "not right", "a pincode of six digits"),
        ({"customer": {"language": "English"}}, "not right", "a language code"),
        ({"payment": {"is_cod": "perhaps"}}, "neither true nor false", "true or false"),
    ],
    ids=str,
)
async def test_wrong_field_is_told_in_plain_words(
    outside: Outside, keys: Keys, changes: dict[str, Any], problem: str, expected: str
) -> None:
    """S27: what is wrong and what would be right, also together in the detail."""
    answer = await outside.http.post(
        "/v1/failed-deliveries", json=_report(**changes), headers=keys["kapaskraft"]
    )
    (field,) = answer.json()["errors"]
    assert field["problem"] == problem
    assert expected in field["expected"]
    assert f"{field['where']}: {problem}" in answer.json()["detail"]


# --- Reading ---


async def test_cases_are_listed_by_order_parcel_and_state(outside: Outside, keys: Keys) -> None:
    """R8.1: newest first, page by page."""
    key = keys["kapaskraft"]
    ids = [await _open(outside, key, shipment_id=f"S{n}", order_id=f"O{n % 2}") for n in range(5)]
    first = (await outside.http.get("/v1/cases", params={"limit": 3}, headers=key)).json()
    rest = (
        await outside.http.get("/v1/cases", params={"limit": 3, "before": first["next"]}, headers=key)
    ).json()
    assert [case["id"] for case in first["cases"] + rest["cases"]] == ids[::-1]
    assert rest["next"] is None
    by_order = (await outside.http.get("/v1/cases", params={"order_id": "O1"}, headers=key)).json()
    assert {case["order_id"] for case in by_order["cases"]} == {"O1"}
    ended = (await outside.http.get("/v1/cases", params={"state": "ended"}, headers=key)).json()
    assert ended["cases"] == []
    for params in ({"before": "x"}, {"state": "odd"}, {"limit": 0}, {"order_id": "\x00"}):
        assert (await outside.http.get("/v1/cases", params=params, headers=key)).status_code == 422


async def test_case_is_read_with_what_can_be_done(outside: Outside, keys: Keys) -> None:
    """R6.2, R6.11: the same actions that the customer is offered."""
    case_id = await _open(outside, keys["kapaskraft"], resolutions=["reattempt", "cancel"])
    found = (await outside.http.get(f"/v1/cases/{case_id}", headers=keys["kapaskraft"])).json()
    assert found["possible_actions"] == ["reattempt", "cancel", "not_my_order"]
    assert found["is_open"] is True
    assert found["messages"] == []
    assert "Asha" not in str(found)


async def test_activity_shows_what_happened(outside: Outside, keys: Keys) -> None:
    """R5.3: newest first, also for an order number with a slash."""
    row = await outside.stage.open(failed_delivery(order_id="A/B 1"))
    await outside.stage.callback(sample("gupshup/webhook-v2-message-text"))
    answer = await outside.http.get("/v1/orders/A%2FB%201/activity", headers=keys["kapaskraft"])
    entries = answer.json()["entries"]
    assert [entry["kind"] for entry in entries] == ["reply", "report"]
    assert entries[0]["data"]["text"] == "Please come tomorrow after 6"
    assert entries[0]["case_id"] == row.id


async def test_activity_is_read_page_by_page(outside: Outside, keys: Keys) -> None:
    """R5.3: nothing is left out or shown twice where several entries are of one instant."""
    row = await outside.stage.open(failed_delivery())
    await outside.stage.callback(sample("gupshup/webhook-v2-message-text"))
    path, seen, params = f"/v1/orders/{row.order_id}/activity", [], {"limit": "1"}
    for _ in range(2):
        page = (await outside.http.get(path, params=params, headers=keys["kapaskraft"])).json()
        seen += [entry["kind"] for entry in page["entries"]]
        params["before"] = page["next"] or "-"
    assert (seen, page["next"]) == (["reply", "report"], None)
    for wrong in ("2026-11-20T12:00:00Z", "x", "é"):
        answer = await outside.http.get(path, params={"before": wrong}, headers=keys["kapaskraft"])
        assert (answer.status_code, _problem(answer)) == (422, "invalid")


# --- Acting ---


@pytest.mark.parametrize(
    ("path", "body", "event"),
    [
        ("actions", {"action": "reattempt", "person": "Meera"}, ActionTaken),
        ("resend", {"person": "Meera"}, ResendAsked),
        ("close", {"person": "Meera", "note": "sold again"}, CloseAsked),
    ],
)
async def test_act_by_hand_reaches_the_case(
    outside: Outside, keys: Keys, path: str, body: dict[str, Any], event: type
) -> None:
    """R6.11: the mode says who."""
    case_id = await _open(outside, keys["kapaskraft"])
    answer = await outside.http.post(f"/v1/cases/{case_id}/{path}", json=body, headers=keys["kapaskraft"])
    assert answer.status_code == 200
    assert answer.json() == {"is_done": True, "state": "ended", "outcome": "resolved", "note": "done"}
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, event)
    assert isinstance(mail.event, ActionTaken | ResendAsked | CloseAsked)
    assert mail.event.mode is Mode.API
    assert mail.event.person.startswith("Meera (key ")


async def test_address_keeps_the_orders_pincode(outside: Outside, keys: Keys) -> None:
    """R6.4: another pincode is refused with the right one."""
    case_id = await _open(outside, keys["kapaskraft"])
    address = {"text": "12 MG Road, Lake View", "pincode": "560001", "phone": "9999900002"}
    body = {"action": "update_address", "address": address}
    outside.workflows.act_answer = ActRefused("OtherPincode", "the order's only; possible: 560038")
    answer = await outside.http.post(f"/v1/cases/{case_id}/actions", json=body, headers=keys["kapaskraft"])
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["where"], error["expected"]) == ("body.address.pincode", "560038")
    ((_, mail),) = outside.workflows.acts
    assert isinstance(mail.event, ActionTaken)
    assert (mail.event.address.pincode, mail.event.address.phone) == ("560001", "9999900002")


@pytest.mark.parametrize(
    "body",
    [
        {"action": "reschedule"},
        {"action": "reattempt", "date": "2026-11-23"},
        {"action": "update_address"},
        {"action": "cancel", "words": ["x"]},
        {"action": "explode"},
    ],
    ids=str,
)
async def test_action_without_what_it_needs_is_refused(
    outside: Outside, keys: Keys, body: dict[str, Any]
) -> None:
    """S27: before the case is asked."""
    case_id = await _open(outside, keys["kapaskraft"])
    answer = await outside.http.post(f"/v1/cases/{case_id}/actions", json=body, headers=keys["kapaskraft"])
    assert answer.status_code == 422
    assert not outside.workflows.acts


@pytest.mark.parametrize(
    ("refused", "status", "kind"),
    [
        (
            ActRefused("ActionNotPossible", "cancel is not possible now; possible: reattempt"),
            409,
            "action-not-possible",
        ),
        (
            ActRefused("DayNotPossible", "that day is not possible; possible: 2026-11-21"),
            409,
            "day-not-possible",
        ),
        (ActRefused("AddressIncomplete", "an address needs house, street and area"), 422, "invalid"),
        (ActRefused("CaseEnded", "the case has ended"), 409, "case-ended"),
    ],
    ids=lambda value: value.type if isinstance(value, ActRefused) else None,
)
async def test_refusal_names_what_is_possible(
    outside: Outside, keys: Keys, refused: ActRefused, status: int, kind: str
) -> None:
    """R6.2: the API's checks are the case's own."""
    case_id = await _open(outside, keys["kapaskraft"])
    outside.workflows.act_answer = refused
    answer = await outside.http.post(
        f"/v1/cases/{case_id}/actions", json={"action": "cancel"}, headers=keys["kapaskraft"]
    )
    assert (answer.status_code, _problem(answer)) == (status, kind)
    if "possible: " in str(refused):
        assert answer.json()["errors"][0]["expected"] == str(refused).rpartition("possible: ")[2]


async def test_ended_case_takes_no_act(outside: Outside, keys: Keys) -> None:
    """R6.9: 409, whether the row says so or the run is gone."""
    row = await outside.stage.open(failed_delivery())
    await outside.stage.end(row, Outcome.DELIVERED)
    answer = await outside.http.post(f"/v1/cases/{row.id}/close", json={}, headers=keys["kapaskraft"])
    assert (answer.status_code, _problem(answer)) == (409, "case-ended")


async def test_acting_while_temporal_is_away_says_try_again(outside: Outside, keys: Keys) -> None:
    """F9: reads work, acts are 503 with Retry-After; the same key may be used again."""
    case_id = await _open(outside, keys["kapaskraft"])
    outside.workflows.is_down = True
    headers = keys["kapaskraft"] | {"Idempotency-Key": "once"}
    answer = await outside.http.post(f"/v1/cases/{case_id}/close", json={}, headers=headers)
    assert (answer.status_code, _problem(answer)) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    assert (await outside.http.get(f"/v1/cases/{case_id}", headers=headers)).status_code == 200
    outside.workflows.is_down = False
    assert (
        await outside.http.post(f"/v1/cases/{case_id}/close", json={}, headers=headers)
    ).status_code == 200


# --- The same request again ---


async def test_same_key_gets_the_same_answer(outside: Outside, keys: Keys) -> None:
    """S5, I13: acted once; another body with the key is an error; a workspace's keys are its own."""
    case_id = await _open(outside, keys["kapaskraft"])
    headers = keys["kapaskraft"] | {"Idempotency-Key": "k-1"}
    path = f"/v1/cases/{case_id}/actions"
    first = await outside.http.post(path, json={"action": "reattempt"}, headers=headers)
    outside.workflows.act_answer = ManualAnswer("waiting", is_done=False)
    again = await outside.http.post(path, json={"action": "reattempt"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(outside.workflows.acts) == 1
    other = await outside.http.post(path, json={"action": "cancel"}, headers=headers)
    assert (other.status_code, _problem(other)) == (409, "key-reused")
    assert "a key of its own" in other.json()["detail"]


async def test_key_stays_its_requests_own_after_trouble(outside: Outside, keys: Keys) -> None:
    """S5: after a 503 nobody knows whether the act arrived, so another body must not pass for it."""
    case_id = await _open(outside, keys["kapaskraft"])
    headers = keys["kapaskraft"] | {"Idempotency-Key": "k-4"}
    path = f"/v1/cases/{case_id}/actions"
    outside.workflows.is_down = True
    assert (await outside.http.post(path, json={"action": "reattempt"}, headers=headers)).status_code == 503
    outside.workflows.is_down = False
    other = await outside.http.post(path, json={"action": "cancel"}, headers=headers)
    assert (other.status_code, _problem(other)) == (409, "key-reused")
    assert (await outside.http.post(path, json={"action": "reattempt"}, headers=headers)).status_code == 200


def test_act_of_another_body_is_another_mail() -> None:
    """I4: even under one key, so that a case never takes one act for another."""
    services = cast("Services", None)
    ids = {Once(services, "kapaskraft", "k", hashed).mail_id("") for hashed in (b"a", b"b", b"a")}
    assert len(ids) == 2


async def test_refusal_is_repeated_too(outside: Outside, keys: Keys) -> None:
    """I13: the same request again gives the same answer, also when that was no."""
    case_id = await _open(outside, keys["kapaskraft"])
    outside.workflows.act_answer = ActRefused("ActionNotPossible", "no; possible: none")
    headers = keys["kapaskraft"] | {"Idempotency-Key": "k-2"}
    path = f"/v1/cases/{case_id}/actions"
    answers = [await outside.http.post(path, json={"action": "cancel"}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert {_problem(answer) for answer in answers} == {"action-not-possible"}
    assert len(outside.workflows.acts) == 1


async def test_act_under_one_key_is_one_mail(outside: Outside, keys: Keys) -> None:
    """I4: a repeat after our own death is the same act, since the case knows its id."""
    case_id = await _open(outside, keys["kapaskraft"])
    headers = keys["kapaskraft"] | {"Idempotency-Key": "k-3"}
    outside.workflows.failures = 1
    path = f"/v1/cases/{case_id}/actions"
    broken = await outside.http.post(path, json={"action": "reattempt"}, headers=headers)
    assert (broken.status_code, _problem(broken)) == (500, "internal")
    assert "bug" not in broken.text
    assert (await outside.http.post(path, json={"action": "reattempt"}, headers=headers)).status_code == 200
    ((_, mail),) = outside.workflows.acts
    assert mail.id.startswith("api:")
    assert "k-3" not in mail.id


# --- Who may ---


async def test_another_workspaces_case_does_not_exist(outside: Outside, keys: Keys) -> None:
    """F63, I11: 404 on every route, and no different from an id that never was."""
    theirs = await _open(outside, keys["nakshi"])
    for case_id in (theirs, "11111111-1111-1111-1111-111111111111", "odd"):
        answers = [
            await outside.http.get(f"/v1/cases/{case_id}", headers=keys["kapaskraft"]),
            await outside.http.post(
                f"/v1/cases/{case_id}/actions", json={"action": "cancel"}, headers=keys["kapaskraft"]
            ),
            await outside.http.post(f"/v1/cases/{case_id}/resend", json={}, headers=keys["kapaskraft"]),
            await outside.http.post(f"/v1/cases/{case_id}/close", json={}, headers=keys["kapaskraft"]),
        ]
        assert {(answer.status_code, _problem(answer)) for answer in answers} == {(404, "no-such-case")}
    assert not outside.workflows.acts
    listed = (await outside.http.get("/v1/cases", headers=keys["kapaskraft"])).json()
    assert listed["cases"] == []
    activity = await outside.http.get("/v1/orders/KK1001/activity", headers=keys["kapaskraft"])
    assert activity.json() == {"entries": [], "next": None}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer esb_a_b", "Basic eDp5", "Bearer x"])
async def test_without_a_key_nothing_is_answered(outside: Outside, header: str | None) -> None:
    """S5: 401, and what kind of key is wanted."""
    headers = {} if header is None else {"Authorization": header}
    answer = await outside.http.get("/v1/cases", headers=headers)
    assert (answer.status_code, _problem(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_expired_key_and_key_without_the_scope_are_refused(outside: Outside) -> None:
    """S5: expiry and scopes."""
    async with outside.stage.database.transaction() as session:
        expired = await workspaces.add_api_key(
            session, "kapaskraft", expires_at=datetime.now(UTC) - timedelta(days=1)
        )
        narrow = await workspaces.add_api_key(session, "kapaskraft", scopes=("other",))
    for key, status in ((expired, 401), (narrow, 403)):
        answer = await outside.http.get("/v1/cases", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status


async def test_key_that_asks_too_often_is_slowed(opened: Opened, keys: Keys) -> None:
    """S26: 429 with Retry-After; the other workspace goes on."""
    async with opened(api_limit_per_second=3) as outside:
        answers = [await outside.http.get("/v1/cases", headers=keys["kapaskraft"]) for _ in range(5)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["Retry-After"]
        assert (await outside.http.get("/v1/cases", headers=keys["nakshi"])).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * (600 * 1024), {}, 413),
        (b'{"a":' * 40 + b"1" + b"}" * 40, {}, 400),
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b'{"attempt":' + b"9" * 5000 + b"}", {}, 400),
        (b"{}", {"Content-Encoding": "gzip"}, 415),
        (b"[]", {}, 422),
        (b'{"order_id":"\\ud800"}', {}, 422),
    ],
    ids=["long", "deep", "cut", "not UTF-8", "huge number", "packed", "list", "surrogate"],
)
async def test_body_that_cannot_be_taken(
    outside: Outside, keys: Keys, body: bytes, headers: dict[str, str], status: int
) -> None:
    """F45: a problem, never a 5xx."""
    sent = keys["kapaskraft"] | {"Content-Type": "application/json"} | headers
    answer = await outside.http.post("/v1/failed-deliveries", content=body, headers=sent)
    assert answer.status_code == status
    _problem(answer)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b'{"order_id":"K\xff"}', "not-utf-8", ("byte 14 belongs to no character", "JSON in UTF-8")),
        (
            b'{"attempt":' + b"9" * 5000 + b"}",
            "number-too-long",
            ("5000 digits at byte 11", "at most 300 digits"),
        ),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too-deep", ("at byte 160", "at most 32 levels")),
        (b'{"order_id":}', "not-json", ("at character 12", "a JSON object")),
    ],
    ids=["not UTF-8", "huge number", "deep", "cut"],
)
async def test_unreadable_body_is_told_where_and_what(
    outside: Outside, keys: Keys, body: bytes, kind: str, said: tuple[str, str]
) -> None:
    """S27: what is wrong, where it stands and what would be right."""
    sent = keys["kapaskraft"] | {"Content-Type": "application/json"}
    answer = await outside.http.post("/v1/failed-deliveries", content=body, headers=sent)
    assert (answer.status_code, _problem(answer)) == (400, kind)
    (field,) = answer.json()["errors"]
    assert field["where"] == "body"
    assert said[0] in field["problem"]
    assert field["expected"] == said[1]


async def test_digits_in_a_text_are_no_number(outside: Outside, keys: Keys) -> None:
    """A long note of digits is refused for its length as a text, if at all."""
    changes = {"raw_remark": "9" * 400}
    await _open(outside, keys["kapaskraft"], **changes)


def test_every_action_of_the_domain_may_be_asked_for() -> None:
    """R6.11: the API knows no fewer actions than the customer."""
    assert {action.value for action in Action} == {
        "reattempt",
        "reschedule",
        "update_address",
        "cancel",
        "dispute",
        "not_my_order",
    }
