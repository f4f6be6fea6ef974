"""Webhooks: checked, stored, answered; never before it is stored, and never with a word too much."""

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import ClientDisconnect

from api.errors import Problem
from api.limits import read_body
from api.remembered import Remembered
from db import tables
from tests.api.conftest import Opened, Outside
from tests.factories import failed_delivery
from tests.intake.stage import ORDER_SECRET, SAMPLES, SECRET, TOKEN, Stage, sample

_ADDRESS = f"/webhooks/gupshup/{TOKEN}"
_SECRET = {"X-Webhook-Secret": SECRET}
_ORDERS = "/webhooks/orders/kapaskraft"
_ORDER_SECRET = {"X-Webhook-Secret": f"{ORDER_SECRET}kapaskraft"}


def _samples(provider: str) -> list[Any]:
    paths = sorted(SAMPLES.glob(f"{provider}/webhook-*.json"))
    return [pytest.param(path.read_bytes(), id=path.stem) for path in paths]


async def _rows(stage: Stage) -> list[Any]:
    table = tables.inbox
    async with stage.database.transaction() as session:
        return list((await session.execute(select(table.c.source, table.c.state, table.c.note))).all())


@pytest.mark.parametrize("body", _samples("gupshup"))
async def test_every_sample_of_gupshup_is_taken(outside: Outside, body: bytes) -> None:
    """R8.2: 2xx with an empty body; afterwards handled or ignored, never left over."""
    answer = await outside.http.post(_ADDRESS, content=body, headers=_SECRET)
    assert (answer.status_code, answer.content) == (200, b"")
    await outside.handled()
    (row,) = await _rows(outside.stage)
    assert row.state in ("handled", "ignored")


@pytest.mark.parametrize("body", _samples("eshopbox"))
async def test_every_sample_of_the_order_system_is_taken(outside: Outside, body: bytes) -> None:
    """R8.1: its own format."""
    answer = await outside.http.post(_ORDERS, content=body, headers=_ORDER_SECRET)
    assert (answer.status_code, answer.content) == (200, b"")
    await outside.handled()
    (row,) = await _rows(outside.stage)
    assert row.state in ("handled", "ignored")


async def test_wrong_secrets_store_nothing_and_are_counted(outside: Outside) -> None:
    """F42, S1, S2: unknown address 404; wrong header 401; nothing says which workspace exists."""
    body = sample("gupshup/webhook-v2-message-text")
    assert (await outside.http.post("/webhooks/gupshup/guess", json=body, headers=_SECRET)).status_code == 404
    assert (await outside.http.post(_ADDRESS, json=body)).status_code == 401
    assert (
        await outside.http.post(_ADDRESS, json=body, headers={"X-Webhook-Secret": "no"})
    ).status_code == 401
    event = sample("eshopbox/webhook-shipment-delivered")
    wrong = await outside.http.post(_ORDERS, json=event, headers={"X-Webhook-Secret": "no"})
    absent = await outside.http.post("/webhooks/orders/nobody", json=event, headers=_ORDER_SECRET)
    other = await outside.http.post("/webhooks/orders/nakshi", json=event, headers=_ORDER_SECRET)
    assert [answer.status_code for answer in (wrong, absent, other)] == [401, 401, 401]
    assert wrong.json() | {"id": ""} == absent.json() | {"id": ""}
    assert not await _rows(outside.stage)
    figures = (await outside.http.get("/metrics")).text
    assert 'callbacks_total{result="404",source="gupshup"} 1.0' in figures
    assert 'callbacks_total{result="401",source="gupshup"} 2.0' in figures


async def test_right_secret_does_not_open_the_door_for_a_wrong_one(outside: Outside) -> None:
    """S2: what is remembered for a moment is what was presented, nothing else."""
    body = sample("gupshup/webhook-v2-message-text")
    assert (await outside.http.post(_ADDRESS, json=body, headers=_SECRET)).status_code == 200
    assert (await outside.http.post(_ADDRESS, json=body)).status_code == 401


def test_what_is_remembered_is_forgotten_in_seconds() -> None:
    """S1: a secret that is taken away stops working."""
    now = 0.0
    remembered: Remembered[str] = Remembered(clock=lambda: now)
    remembered.keep("who", "token", "header")
    assert remembered.find("token", "header") == "who"
    assert remembered.find("token") is None
    assert remembered.find("tokenheader") is None
    now = 6.0
    assert remembered.find("token", "header") is None


async def test_order_system_may_present_its_secret_as_a_bearer(outside: Outside) -> None:
    """carriers.md 2.5: headers are what was registered."""
    event = sample("eshopbox/webhook-shipment-delivered")
    headers = {"Authorization": f"Bearer {ORDER_SECRET}kapaskraft"}
    assert (await outside.http.post(_ORDERS, json=event, headers=headers)).status_code == 200


async def test_address_check_is_answered(outside: Outside) -> None:
    """gupshup-api 9.1: the URL is looked at before it is used."""
    assert (await outside.http.get(_ADDRESS, headers=_SECRET)).status_code == 200
    assert (await outside.http.get("/webhooks/gupshup/guess")).status_code == 404


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.7", 200),
        ("203.0.113.200, 2001:db8::5", 200),
        ("203.0.113.7, 198.51.100.1", 403),
        ("::ffff:203.0.113.7", 200),
        ("198.51.100.1", 403),
        ("unknown", 403),
        (None, 403),
    ],
)
async def test_callbacks_come_from_the_allowed_addresses_only(
    opened: Opened, forwarded: str | None, status: int
) -> None:
    """S2: by the one header that our proxy owns, of which only the last entry is the proxy's own."""
    allowed = "203.0.113.0/25, 2001:db8::/32"
    async with opened(allowed_callback_addresses=allowed, forwarded_header="X-Real-IP") as outside:
        headers = {"X-Forwarded-For": "203.0.113.7"} | ({"X-Real-IP": forwarded} if forwarded else {})
        text = sample("gupshup/webhook-v2-message-text")
        event = sample("eshopbox/webhook-shipment-delivered")
        answers = [
            await outside.http.post(_ADDRESS, json=text, headers=_SECRET | headers),
            await outside.http.get(_ADDRESS, headers=_SECRET | headers),
            await outside.http.post(_ORDERS, json=event, headers=_ORDER_SECRET | headers),
        ]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert len(await _rows(outside.stage)) == (2 if status == HTTPStatus.OK else 0)


async def test_without_a_header_of_a_proxy_the_connection_counts(opened: Opened) -> None:
    """S2: what a caller writes into a header is not believed."""
    body = sample("gupshup/webhook-v2-message-text")
    for allowed, status in (("127.0.0.1", 200), ("203.0.113.7", 403)):
        async with opened(allowed_callback_addresses=allowed) as outside:
            headers = _SECRET | {"X-Real-IP": "203.0.113.7", "X-Forwarded-For": "203.0.113.7"}
            assert (await outside.http.post(_ADDRESS, json=body, headers=headers)).status_code == status


async def test_fifty_at_once_are_one_effect(outside: Outside) -> None:
    """F39, I2: all are answered 2xx."""
    row = await outside.stage.open(failed_delivery())
    body = sample("gupshup/webhook-v2-message-text")
    answers = await asyncio.gather(
        *(outside.http.post(_ADDRESS, json=body, headers=_SECRET) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    await outside.handled()
    assert len(await _rows(outside.stage)) == 1
    assert len(outside.workflows.told) == 1
    replies = [entry for entry in await outside.stage.activity(row.order_id) if entry.kind == "reply"]
    assert len(replies) == 1


async def test_old_callback_replayed_is_a_duplicate(outside: Outside) -> None:
    """F44: genuine and old."""
    await outside.stage.open(failed_delivery())
    body = sample("gupshup/webhook-v2-message-text")
    for _ in range(2):
        await outside.http.post(_ADDRESS, json=body, headers=_SECRET)
        await outside.handled()
    assert len(outside.workflows.told) == 1


async def test_temporal_away_is_no_matter_for_the_answer(outside: Outside) -> None:
    """F9, I1: 2xx, kept, and drained by a later sweep."""
    await outside.stage.open(failed_delivery())
    outside.workflows.is_down = True
    answer = await outside.http.post(
        _ADDRESS, json=sample("gupshup/webhook-v2-message-text"), headers=_SECRET
    )
    assert answer.status_code == 200
    await outside.handled()
    assert [row.state for row in await _rows(outside.stage)] == ["new"]
    outside.workflows.is_down = False
    outside.stage.clock.pass_by(minutes=5)
    assert await outside.stage.intake.sweep() == 1
    assert len(outside.workflows.mail) == 1


async def test_database_away_is_never_answered_2xx(opened: Opened) -> None:
    """F16: 503 within two seconds, so that it is sent again."""
    async with opened(database_url="postgresql://127.0.0.1:1/nowhere") as outside:
        began = perf_counter()
        answer = await outside.http.post(_ADDRESS, json={}, headers=_SECRET)
        assert perf_counter() - began < 2
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in answer.text
        assert (await outside.http.get("/healthz")).status_code == 200
        assert (await outside.http.get("/readyz")).status_code == 503
        assert (await outside.http.get("/metrics")).status_code == 200


_DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("address", [_ADDRESS, _ORDERS])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b'{"a":"\\u0000"}',
        b'{"type":"\xff"}',
        b"null",
        _DEEP,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"timestamp":' + b"9" * 5000 + b"}",
        b'{"a":1e999}',
        b"--form\r\n",
    ],
    ids=lambda body: repr(body[:14]),
)
async def test_what_cannot_be_read_is_parked_and_answered_2xx(
    outside: Outside, address: str, body: bytes
) -> None:
    """F45, F46: authentic but unreadable is stored; sending it again would not help."""
    headers = _SECRET | {} if address == _ADDRESS else _ORDER_SECRET
    answer = await outside.http.post(address, content=body, headers=headers)
    assert answer.status_code == 200
    await outside.handled()
    (row,) = await _rows(outside.stage)
    assert row.state in ("parked", "ignored")
    assert row.note


async def test_body_over_the_limit_is_refused(outside: Outside) -> None:
    """S26: 512 kB, announced or not."""
    body = b'{"a":"' + b"x" * (600 * 1024) + b'"}'
    assert (await outside.http.post(_ADDRESS, content=body, headers=_SECRET)).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 4096):
            yield body[start : start + 4096]

    assert (await outside.http.post(_ADDRESS, content=chunks(), headers=_SECRET)).status_code == 413
    assert not await _rows(outside.stage)


async def test_packed_body_is_refused(outside: Outside) -> None:
    """F45: a few bytes could become gigabytes."""
    headers = _SECRET | {"Content-Encoding": "gzip"}
    assert (await outside.http.post(_ADDRESS, content=b"\x1f\x8b", headers=headers)).status_code == 415


async def test_slow_body_is_given_up() -> None:
    """F45: 408; a caller that drips does not hold a place for ever."""

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    with pytest.raises(Problem) as raised:
        await read_body(drip(), {}, seconds=0.05)
    assert raised.value.status is HTTPStatus.REQUEST_TIMEOUT


async def test_cut_body_is_not_taken_for_a_whole_one() -> None:
    """I1: who went away gets nothing stored half."""

    async def cut() -> AsyncIterator[bytes]:
        yield b'{"a":'
        raise ClientDisconnect

    with pytest.raises(Problem) as raised:
        await read_body(cut(), {})
    assert raised.value.status is HTTPStatus.BAD_REQUEST


async def test_too_many_callbacks_of_one_account_are_sent_away(opened: Opened) -> None:
    """S26, I18: 503, so that they come again; another account's are taken."""
    async with opened(callback_limit_per_second=3) as outside:
        body = sample("gupshup/webhook-v2-system-event")
        answers = [await outside.http.post(_ADDRESS, json=body, headers=_SECRET) for _ in range(6)]
        assert [answer.status_code for answer in answers][:4] == [200, 200, 200, 503]
        event = sample("eshopbox/webhook-shipment-packed")
        assert (await outside.http.post(_ORDERS, json=event, headers=_ORDER_SECRET)).status_code == 200


async def test_body_with_several_facts_gives_each_its_row(outside: Outside) -> None:
    """gupshup-api 11: and one with absurdly many is parked whole."""
    await outside.stage.open(failed_delivery())
    body = sample("gupshup/webhook-v3-message-text")
    value = body["entry"][0]["changes"][0]["value"]
    message = value["messages"][0]
    value["messages"] = [message | {"id": f"wamid.{number}"} for number in range(3)]
    await outside.http.post(_ADDRESS, json=body, headers=_SECRET)
    await outside.handled()
    assert [row.state for row in await _rows(outside.stage)] == ["handled"] * 3
    assert len(outside.workflows.mail) == 3
    value["messages"] = [message | {"id": f"wamid.{number}"} for number in range(60)]
    await outside.http.post(_ADDRESS, json=body, headers=_SECRET)
    assert [row.note for row in await _rows(outside.stage) if row.state == "parked"] == [
        "60 events in one body"
    ]


async def test_whole_path_from_failure_to_reply(outside: Outside) -> None:
    """The order system reports, the customer answers, the run learns of both."""
    event = sample("eshopbox/webhook-shipment-failed-delivery-unavailable")
    await outside.http.post(_ORDERS, json=event, headers=_ORDER_SECRET)
    await outside.handled()
    await outside.http.post(_ADDRESS, json=sample("gupshup/webhook-v2-message-text"), headers=_SECRET)
    await outside.handled()
    assert len(outside.workflows.started) == 1
    assert [mail.event.kind for _, mail in outside.workflows.mail] == ["customer_replied"]


async def test_nothing_personal_or_secret_is_readable_in_the_inbox(outside: Outside) -> None:
    """S17, F66: the stored body is sealed."""
    body = sample("gupshup/webhook-v2-message-text")
    await outside.http.post(_ADDRESS, json=body, headers=_SECRET)
    async with outside.stage.database.transaction() as session:
        (row,) = (await session.execute(select(tables.inbox))).all()
    kept = repr(tuple(row))
    assert "919999900001" not in kept
    assert json.dumps(body)[5:40] not in kept
    assert TOKEN not in kept
