"""Recorded events of order systems from a file: once each, in spite of bad lines, whatever was broken off."""

import asyncio
import copy
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from db import cases, shipments, tables
from db.notifications import Notification, save_notification
from tests.intake.stage import ACCOUNT, sample
from tests.ops.conftest import Terminal

Json = dict[str, Any]

_FAILED = "eshopbox/webhook-shipment-failed-delivery-unavailable"


def _event(
    terminal: Terminal, number: int, *, name: str = _FAILED, slug: str = "kapaskraft", hours: float = 1
) -> Json:
    """Return an event of a parcel of its own, as it happened some hours ago."""
    body = copy.deepcopy(sample(name))
    at = terminal.stage.clock() - timedelta(hours=hours)
    body |= {"accountSlug": slug, "eventTime": at.isoformat()}
    body["response_data"] |= {
        "customerOrderNumber": f"KK{number}",
        "externalShipmentID": f"SHIP{number}",
        "trackingID": f"TRK{number}",
    }
    return body


def _file(tmp_path: Path, lines: Iterable[object], name: str = "recorded.jsonl") -> str:
    path = tmp_path / name
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return str(path)


async def _counts(terminal: Terminal) -> dict[str, int]:
    """Return how many rows tell of what happened."""
    async with terminal.system.database.transaction() as session:
        return {
            table.name: (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (tables.inbox, tables.cases, tables.shipments, tables.timeline)
        }


async def test_a_few_hundred_lines_twice_have_their_effect_once(terminal: Terminal, tmp_path: Path) -> None:
    """R8.1 recorded, I2: as posted, in every form a line may have; the second time nothing is added, told or started."""
    plain = [_event(terminal, number) for number in range(100)]
    wrapped = [
        {"workspace": "nakshi", "body": _event(terminal, number, slug="nakshi")} for number in range(100, 200)
    ]
    verbatim = [
        {"workspace": "kapaskraft", "body": json.dumps(_event(terminal, number))}
        for number in range(200, 300)
    ]
    given = _file(tmp_path, [*plain, "", *wrapped, *verbatim, plain[0]])
    code, printed = await terminal.run("events", "replay", given)
    assert code == 0, printed
    assert "300 events taken, 1 known before, 0 lines left out." in printed
    assert "300 had their effect" in printed
    counts = await _counts(terminal)
    assert (counts["cases"], counts["inbox"]) == (300, 300)
    started = len(terminal.stage.workflows.started)
    assert started == 300
    code, printed = await terminal.run("events", "import", given)
    assert code == 0
    assert "0 events taken, 301 known before, 0 lines left out." in printed
    assert await _counts(terminal) == counts
    assert len(terminal.stage.workflows.started) == started
    assert "301 lines" not in printed
    assert "of 302 lines" in printed


async def test_what_was_posted_before_is_known(terminal: Terminal, tmp_path: Path) -> None:
    """I2: the file and the webhook are one way in."""
    body = _event(terminal, 1)
    await terminal.stage.order_event(body)
    code, printed = await terminal.run("events", "replay", _file(tmp_path, [body]))
    assert (code, "0 events taken, 1 known before" in printed) == (0, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "no JSON"),
        ("[1, 2]", "no JSON object"),
        ('"text"', "no JSON object"),
        ({"resource": "shipment"}, "it does not say whose event it is"),
        ({"workspace": "nobody", "body": {}}, "there is no such workspace"),
        ({"workspace": "-", "body": {}}, "there is no such workspace"),
        ({"workspace": "kapaskraft", "body": {"resource": "shipment"}}, "eventSubType"),
        ({"workspace": "kapaskraft", "body": {}, "received_at": "yesterday"}, "received_at is a time"),
        ({"workspace": "kapaskraft", "body": {}, "received_at": "2026-11-20T12:00:00"}, "no time zone"),
        ({"workspace": "kapaskraft", "body": {}, "received_at": "2099-11-20T12:00:00Z"}, "in the future"),
    ],
)
async def test_bad_line_is_said_with_its_number_and_the_rest_is_taken(
    terminal: Terminal, tmp_path: Path, line: object, reason: str
) -> None:
    """Nothing of a line is repeated: it may hold a name or a phone."""
    given = _file(tmp_path, [_event(terminal, 1), line, _event(terminal, 2)])
    code, printed = await terminal.run("events", "replay", given)
    assert code == 1
    (said,) = [row for row in printed.splitlines() if row.startswith("line ")]
    assert said.startswith("line 2: ")
    assert "2 events taken, 0 known before, 1 lines left out." in printed
    assert reason in said or "missing" in said


async def test_event_of_another_workspace_is_left_out(terminal: Terminal, tmp_path: Path) -> None:
    """I11: what the body says counts against what the line or the command says."""
    body = _event(terminal, 1, slug="nakshi")
    for line, options in (
        ({"workspace": "kapaskraft", "body": body}, ()),
        (body, ("--workspace", "kapaskraft")),
    ):
        code, printed = await terminal.run("events", "replay", _file(tmp_path, [line]), *options)
        assert code == 1
        assert "another workspace" in printed
    assert (await _counts(terminal))["inbox"] == 0


async def test_event_without_any_time_is_no_news(terminal: Terminal, tmp_path: Path) -> None:
    """It would be taken for what happened just now, and tell people of the past; a line may say when it came."""
    body = _event(terminal, 1, name="eshopbox/webhook-shipment-out-for-delivery")
    del body["eventTime"]
    code, printed = await terminal.run("events", "replay", _file(tmp_path, [body]))
    assert (code, "neither the event nor the line says when it happened" in printed) == (1, True)
    at = (terminal.stage.clock() - timedelta(days=3)).isoformat()
    line = {"workspace": "kapaskraft", "body": body, "received_at": at}
    code, printed = await terminal.run("events", "replay", _file(tmp_path, [line]))
    assert (code, "1 events taken" in printed) == (0, True)


async def test_old_failure_asks_nobody(terminal: Terminal, tmp_path: Path) -> None:
    """R6.7, F56: its deadline is past, which its case begins with; the run hands it over and sends nothing."""
    await terminal.run("events", "replay", _file(tmp_path, [_event(terminal, 1, hours=72)]))
    (start,) = terminal.stage.workflows.started.values()
    assert start.facts.failure.failed_at < terminal.stage.clock() - timedelta(hours=24)


async def test_old_step_of_the_journey_is_no_news(terminal: Terminal, tmp_path: Path) -> None:
    """R8.1 recorded, R5.1 journey: the activity says that it came too late; what happened just now is told."""
    notification = Notification(
        "kapaskraft", ACCOUNT, "on_the_way", "en", "template-2", category="UTILITY", body="Hi", is_on=True
    )
    async with terminal.system.database.transaction() as session:
        await save_notification(session, notification)
    name = "eshopbox/webhook-shipment-intransit"
    lines = [_event(terminal, 1, name=name, hours=72), _event(terminal, 2, name=name, hours=0.1)]
    await terminal.run("events", "replay", _file(tmp_path, lines))
    (late,) = await terminal.stage.activity("KK1")
    assert (late.topic, late.detail) == ("on_the_way_not_sent", "too late: it happened too long ago")
    (task,) = terminal.stage.workflows.notified.values()
    assert task.subject_id == "SHIP2"


async def test_quietly_only_the_parcels_are_known_afterwards(terminal: Terminal, tmp_path: Path) -> None:
    """A backfill: no case, no message; what is posted again has no effect, and what comes later finds the parcel."""
    failed = _event(terminal, 1)
    delivered = _event(terminal, 1, name="eshopbox/webhook-shipment-delivered", hours=0.5)
    code, printed = await terminal.run("events", "replay", _file(tmp_path, [failed, delivered]), "--quiet")
    assert code == 0
    assert "2 only recorded" in printed
    counts = await _counts(terminal)
    assert (counts["cases"], counts["shipments"], counts["timeline"]) == (0, 1, 0)
    async with terminal.system.database.transaction() as session:
        parcel = await shipments.find_shipment(session, "kapaskraft", "SHIP1")
    assert parcel is not None
    assert (parcel.attempt, parcel.final) == (1, "delivered")
    await terminal.stage.order_event(failed)
    async with terminal.system.database.transaction() as session:
        assert (await cases.list_cases(session, "kapaskraft", limit=10))[0] == ()
    assert not terminal.stage.workflows.started


async def test_broken_off_it_says_where_and_the_rest_is_enough(terminal: Terminal, tmp_path: Path) -> None:
    """The lines before are done; given whole again they would do no harm either."""
    given = _file(tmp_path, [_event(terminal, number) for number in range(5)])
    whole = terminal.system

    def dying() -> datetime:
        if len(terminal.stage.workflows.started) == 2:
            raise asyncio.CancelledError  # a person presses Ctrl-C
        return terminal.stage.clock()

    terminal.system = replace(whole, clock=dying)
    with pytest.raises(asyncio.CancelledError):
        await terminal.run("events", "replay", given)
    terminal.system = whole
    assert "Broken off at line 2." in terminal.capsys.readouterr().err
    code, printed = await terminal.run("events", "replay", given, "--from-line", "2")
    assert (code, "3 events taken, 1 known before" in printed) == (0, True)
    assert (await _counts(terminal))["cases"] == 5


async def test_without_temporal_events_wait_in_the_inbox(terminal: Terminal, tmp_path: Path) -> None:
    """F9: nothing is lost, and nothing has to be given again."""
    terminal.stage.workflows.is_down = True
    code, printed = await terminal.run("events", "replay", _file(tmp_path, [_event(terminal, 1)]))
    assert (code, "1 wait and are handled soon" in printed) == (0, True)


async def test_asking_wrong_is_told_in_words(terminal: Terminal, tmp_path: Path) -> None:
    """A file is one that can be read; its options are about files."""
    given = _file(tmp_path, [_event(terminal, 1)])
    for words, said in (
        (("replay", str(tmp_path / "none.jsonl")), "cannot be read"),
        (("replay", "a1b2c3d4", "--quiet"), "are about a file"),
        (("import", given, "--workspace", "nobody"), "There is no workspace nobody"),
    ):
        code, printed = await terminal.run("events", *words)
        assert code
        assert said in printed
