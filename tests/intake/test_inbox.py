"""Intake's own rules: handled once, repeated after a crash, parked when hopeless, nobody held up."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from db import browser_sessions, inbox, messages, outgoing_events, people
from db.people import Role
from db.session import Database, DatabaseUnavailable
from db.tables import browser_sessions as browser_sessions_table
from db.tables import orphan_statuses
from domain.case_events import MessageNotSent
from domain.messages import MessageStatus, NotSent
from intake.inbox import Intake
from tests.factories import failed_delivery, new_message
from tests.intake.stage import ACCOUNT, Stage, sample


def _text(number: int = 0) -> dict[str, Any]:
    body = sample("gupshup/webhook-v2-message-text")
    body["payload"]["id"] = f"wamid.{number}"
    return body


async def test_row_is_handled_once_by_whoever_comes_first(stage: Stage) -> None:
    """I2, F39: fifty at the same instant, by several processes, are one effect."""
    row = await stage.open(failed_delivery())
    inbox_id = await stage.store(_text())
    processes = [stage.new_intake() for _ in range(4)]
    await asyncio.gather(*(processes[number % 4].handle(inbox_id) for number in range(50)))
    assert len(stage.workflows.told) == 1
    assert len([entry for entry in await stage.activity(row.order_id) if entry.kind == "reply"]) == 1


async def test_death_after_the_commit_repeats_the_telling_under_the_same_id(stage: Stage) -> None:
    """F3: killed between telling and marking; the case knows the id."""
    row = await stage.open(failed_delivery())
    inbox_id = await stage.store(_text())
    stage.workflows.dies_next = True
    with pytest.raises(asyncio.CancelledError):
        await stage.intake.handle(inbox_id)
    stage.clock.pass_by(minutes=5)
    await stage.new_intake().sweep()
    assert len(stage.workflows.told) == 2
    assert len(stage.workflows.mail) == 1
    assert len([entry for entry in await stage.activity(row.order_id) if entry.kind == "reply"]) == 1
    assert await stage.came_to(inbox_id) == ("handled", "reply")


async def test_outage_of_temporal_costs_a_row_nothing(stage: Stage) -> None:
    """F9: however long it is away, nothing is parked, and afterwards all drains."""
    await stage.open(failed_delivery())
    stage.workflows.is_down = True
    inbox_id = await stage.callback(_text())
    for _ in range(20):
        stage.clock.pass_by(minutes=2)
        await stage.intake.sweep()
    assert (await stage.came_to(inbox_id))[0] == "new"
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=2)
    assert await stage.intake.sweep() == 1
    assert (await stage.came_to(inbox_id))[0] == "handled"
    assert len(stage.workflows.mail) == 1


async def test_row_that_fails_by_itself_is_parked_after_five_tries(stage: Stage) -> None:
    """Reliability rule 3, I18: over about ten minutes; the queue moves on meanwhile."""
    await stage.open(failed_delivery())
    stage.workflows.failures = 5
    began = stage.clock()
    inbox_id = await stage.callback(_text())
    while (await stage.came_to(inbox_id))[0] == "new":
        stage.clock.pass_by(seconds=5)
        assert await stage.intake.sweep() == 0  # nothing came to its end: no reason to sweep again at once
    assert await stage.came_to(inbox_id) == ("parked", "RuntimeError")
    assert not stage.workflows.failures
    assert 420 <= (stage.clock() - began).total_seconds() <= 660
    other = await stage.callback(_text(2))
    assert (await stage.came_to(other))[0] == "handled"


async def test_poison_is_parked_and_stops_nobody(stage: Stage) -> None:
    """F46: what cannot be read any more is parked at once."""
    await stage.open(failed_delivery())
    async with stage.database.transaction() as session:
        poison, _ = await inbox.store(
            session,
            stage.cipher,
            source="gupshup",
            owner_id=ACCOUNT,
            event_key="poison",
            body=b"\xff",
            position=0,
            now=stage.clock(),
        )
    healthy = await stage.store(_text())
    await stage.intake.sweep()
    assert (await stage.came_to(poison))[0] == "parked"
    assert (await stage.came_to(healthy))[0] == "handled"


async def test_database_away_leaves_the_row_for_later(stage: Stage) -> None:
    """F16: nothing is raised into whoever drains the queue."""
    away = Database("postgresql://127.0.0.1:1/nowhere")
    intake = Intake(database=away, cipher=stage.cipher, workflows=stage.workflows, clock=stage.clock)
    await intake.handle(1)
    with pytest.raises(DatabaseUnavailable):
        await intake.sweep()


async def test_sweep_begins_what_was_committed_and_not_begun(stage: Stage) -> None:
    """F6: cases and outgoing events; a fact for a case whose run never began starts it first."""
    row = await stage.open(failed_delivery(), is_run=False)
    assert not stage.workflows.started
    await stage.callback(_text())
    assert len(stage.workflows.started) == len(stage.workflows.mail) == 1
    other = await stage.open(failed_delivery(shipment_id="SHIP2"), is_run=False)
    async with stage.database.transaction() as session:
        event_id = await outgoing_events.add_event(
            session,
            stage.cipher,
            workspace_id=row.workspace_id,
            type="case.resolved",
            data={"case_id": row.id},
            now=stage.clock(),
        )
    stage.clock.pass_by(minutes=1)
    assert await stage.intake.sweep() == 2
    assert {ref.shipment_id for ref in stage.workflows.started} == {row.shipment_id, other.shipment_id}
    assert stage.workflows.delivered == [f"kapaskraft/{event_id}"]
    assert await stage.intake.sweep() == 0


async def test_what_never_starts_keeps_nobody_from_starting(stage: Stage) -> None:
    """Two cases and two events fail for ever, with room for two in a sweep: the next ones have their turn."""
    stage.workflows.stuck = {"STUCK1", "STUCK2"}
    for shipment_id in ("STUCK1", "STUCK2", "SHIP3"):
        await stage.open(failed_delivery(shipment_id=shipment_id), is_run=False)
        stage.clock.pass_by(seconds=1)
    events = []
    for _ in range(3):
        async with stage.database.transaction() as session:
            event_id = await outgoing_events.add_event(
                session,
                stage.cipher,
                workspace_id="kapaskraft",
                type="case.resolved",
                data={},
                now=stage.clock(),
            )
        events.append(event_id)
        stage.clock.pass_by(seconds=1)
    stage.workflows.stuck |= set(events[:2])
    stage.clock.pass_by(minutes=1)
    assert await stage.intake.sweep(limit=2) == 0  # no success, so no reason to sweep again at once
    assert await stage.intake.sweep(limit=2) == 2
    assert {ref.shipment_id for ref in stage.workflows.started} == {"SHIP3"}
    assert stage.workflows.delivered == [f"kapaskraft/{events[2]}"]
    stage.workflows.stuck.clear()
    stage.clock.pass_by(minutes=1)
    assert [await stage.intake.sweep(limit=2) for _ in range(2)] == [4, 0]


@pytest.mark.parametrize("is_down", [False, True])
async def test_half_sent_message_that_failed_is_told_to_its_case(stage: Stage, *, is_down: bool) -> None:
    """A failure that came before the send was given up is its outcome; Temporal away only delays the telling.

    Its workspace hears of it too (R8.3).
    """
    await stage.want_events()
    row = await stage.open(failed_delivery())
    async with stage.database.transaction() as session:
        message = await messages.add_message(
            session, stage.cipher, new_message(case_id=row.id, command_id=f"{row.id}/1", now=stage.clock())
        )
    await stage.callback(sample("gupshup/webhook-v2-message-event-failed"))
    assert (await stage.message(message)).status is MessageStatus.SENDING
    stage.clock.pass_by(minutes=6)
    stage.workflows.is_down = is_down
    await stage.intake.sweep()
    stage.workflows.is_down = False
    await stage.intake.sweep()
    assert (await stage.message(message)).status is MessageStatus.FAILED
    assert [mail.event for _, mail in stage.workflows.told] == [
        MessageNotSent(f"{row.id}/1", NotSent.RECIPIENT, "1002")
    ]
    (event,) = await stage.events_told()
    assert event.data["message_id"] == message.id
    assert stage.workflows.delivered == [f"kapaskraft/{event.id}"]


async def test_events_of_one_body_are_rows_of_their_own(stage: Stage) -> None:
    """gupshup-api 11: one v3 body may hold several facts."""
    await stage.open(failed_delivery())
    body = sample("gupshup/webhook-v3-message-text")
    value = body["entry"][0]["changes"][0]["value"]
    value["messages"] = [value["messages"][0] | {"id": f"wamid.{number}"} for number in range(3)]
    raw = json.dumps(body).encode()
    async with stage.database.transaction() as session:
        for position in range(3):
            await inbox.store(
                session,
                stage.cipher,
                source="gupshup",
                owner_id=ACCOUNT,
                event_key=f"key-{position}",
                body=raw,
                position=position,
                now=stage.clock(),
            )
    assert await stage.intake.sweep() == 3
    assert len(stage.workflows.mail) == 3


async def test_status_whose_message_never_came_is_forgotten_after_a_day(stage: Stage) -> None:
    """Reliability rule 6: kept for 24 h in case its send's answer is late, and no longer."""
    stranger = sample("gupshup/webhook-v2-message-event-sent")
    await stage.callback(stranger)
    stage.clock.pass_by(hours=23)
    await stage.intake.sweep()
    async with stage.database.transaction() as session:
        kept = len((await session.execute(select(orphan_statuses.c.id))).all())
    stage.clock.pass_by(hours=2)
    await stage.intake.sweep()
    async with stage.database.transaction() as session:
        left = len((await session.execute(select(orphan_statuses.c.id))).all())
    assert (kept, left) == (1, 0)


async def test_sessions_that_ran_out_are_forgotten(stage: Stage) -> None:
    """S9: with the sweep's hourly cleaning nothing is left of them."""
    async with stage.database.transaction() as session:
        person = await people.add_person(
            session,
            workspace_id="kapaskraft",
            email="m@x.example",
            name="Meera",
            role=Role.MEMBER,
            password_hash="",
        )
        await browser_sessions.begin_session(
            session, person.id, device="", is_complete=True, now=stage.clock()
        )
    await stage.intake.sweep()
    stage.clock.pass_by(hours=13)
    await stage.intake.sweep()
    async with stage.database.transaction() as session:
        assert (await session.execute(select(browser_sessions_table.c.person_id))).all() == []
