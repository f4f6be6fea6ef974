"""The order system's late no: a case of the next visit, what the seller reads, and what is none of ours (R6.5, F54)."""

from datetime import timedelta
from typing import Any

import pytest

from db import actions, cases, outgoing_events, workspaces
from db.cases import CaseRow
from domain.case_events import ActionRequest, Answer
from domain.cases import Outcome
from domain.failures import Action, Mode
from tests.factories import NOW, failed_delivery
from tests.intake.stage import Stage, sample


def _rejected(
    *, at: str = "2026-11-20 12:10:00", subtype: str = "ndr_resolution_rejected", **details: Any
) -> dict[str, Any]:
    body = sample("eshopbox/webhook-shipment-intransit")
    body |= {"eventSubType": subtype, "eventTime": at, "accountSlug": "kapaskraft"}
    body["response_data"] |= {
        "externalShipmentID": "SHIP1001",
        "customerOrderNumber": "KK1001",
        "trackingID": "TRK1001",
        "ndrDetails": details or {"resolutionRemark": "Route closed"},
    }
    return body


async def _accepted(stage: Stage, row: CaseRow, request: ActionRequest) -> None:
    """Have an action accepted and the case end, as its run would."""
    async with stage.database.transaction() as session:
        begun = await actions.begin_action(
            session,
            stage.cipher,
            request,
            workspace_id=row.workspace_id,
            case_id=row.id,
            now=stage.clock(),
            lease_until=stage.clock() + timedelta(seconds=30),
        )
        await actions.record_answer(
            session, request.id, tries=begun.tries, answer=Answer.ACCEPTED, detail="ok", now=stage.clock()
        )
    await stage.end(row, Outcome.RESOLVED, accepted=request.action.value)


async def _open_accepted(stage: Stage, *, mode: Mode = Mode.WHATSAPP, **request: Any) -> CaseRow:
    row = await stage.open(failed_delivery())
    values = {"id": f"{row.id}/9", "action": Action.REATTEMPT, "mode": mode} | request
    await _accepted(stage, row, ActionRequest(**values))
    stage.clock.pass_by(minutes=10)
    return row


async def _facts(stage: Stage, row: CaseRow) -> Any:
    async with stage.database.transaction() as session:
        facts, _ = await cases.get_start(session, stage.cipher, row.workspace_id, row.id)
    return facts


async def test_customers_action_opens_the_next_visit(stage: Stage) -> None:
    """R6.5: with what was refused withdrawn, the failure's own deadline, and told to seller and workspace."""
    async with stage.database.transaction() as session:
        endpoint = workspaces.EventEndpoint("kapaskraft", "https://shop.example/hooks", "whsec_c2VjcmV0")
        await workspaces.save_event_endpoint(session, stage.cipher, endpoint)
    row = await _open_accepted(stage)
    rejected = await stage.order_event(_rejected())
    assert await stage.came_to(rejected) == ("handled", "reattempt was taken back")
    first, second = await stage.cases()
    assert (second.attempt, second.visit, second.deadline_at - first.deadline_at < timedelta(minutes=1)) == (
        1,
        2,
        True,
    )
    facts = await _facts(stage, second)
    assert facts.taken_back.action is Action.REATTEMPT
    assert facts.taken_back.detail == "Route closed"
    assert facts.withdrawn == (Action.REATTEMPT,)
    assert [ref.visit for ref in stage.workflows.started] == [1, 2]
    entry = next(entry for entry in await stage.activity("KK1001") if entry.topic == "reattempt_taken_back")
    assert (entry.kind, entry.detail, entry.case_id) == ("handover", "Route closed", row.id)
    (event_id,) = [delivered.partition("/")[2] for delivered in stage.workflows.delivered]
    async with stage.database.transaction() as session:
        event = await outgoing_events.get_event(session, stage.cipher, "kapaskraft", event_id)
    assert (event.type, event.data["answer"], event.data["action"]) == (
        "case.action_refused",
        "taken_back",
        "reattempt",
    )


@pytest.mark.parametrize(
    "body",
    [
        _rejected(subtype="ndr_resolution_failed"),
        _rejected(subtype="ndr_resolution_submitted", resolutionStatus="REJECTED"),
        _rejected(subtype="ndr_resolution_submitted", status="Declined by courier"),
    ],
)
async def test_each_way_of_saying_no(stage: Stage, body: dict[str, Any]) -> None:
    """R6.5: by the event's name, or by the state it tells of."""
    await _open_accepted(stage)
    await stage.order_event(body)
    assert [row.visit for row in await stage.cases()] == [1, 2]


async def test_day_that_was_taken_back_leaves_the_other_days(stage: Stage) -> None:
    """R6.5: another day can still be chosen."""
    on = (NOW + timedelta(days=2)).date()
    await _open_accepted(stage, action=Action.RESCHEDULE, on=on)
    await stage.order_event(_rejected())
    facts = await _facts(stage, (await stage.cases())[1])
    assert (facts.withdrawn, facts.refused_days) == ((), (on,))


async def test_sellers_action_is_the_sellers_to_see_to(stage: Stage) -> None:
    """R6.5: the customer did not ask for it, and is not asked now."""
    await _open_accepted(stage, mode=Mode.SELLER_PORTAL)
    rejected = await stage.order_event(_rejected())
    assert (await stage.came_to(rejected))[1].endswith("the customer did not ask for it")
    assert [row.visit for row in await stage.cases()] == [1]
    assert "reattempt_taken_back" in [entry.topic for entry in await stage.activity("KK1001")]


async def test_again_and_echo_change_nothing(stage: Stage) -> None:
    """I2, F56: the same no once more, and a late echo of the first yes, do not end or repeat the second visit."""
    await _open_accepted(stage)
    await stage.order_event(_rejected())
    again = await stage.order_event(_rejected(at="2026-11-20 12:11:00"))
    assert (await stage.came_to(again))[0] == "ignored"
    echo = _rejected(subtype="ndr_resolution_submitted", at="2026-11-20 12:00:05", ndrCode="1")
    await stage.order_event(echo)
    assert [row.visit for row in await stage.cases()] == [1, 2]
    assert not [mail for ref, mail in stage.workflows.mail if ref.visit == 2]


async def test_what_is_none_of_ours_has_no_effect(stage: Stage) -> None:
    """F43: nothing accepted, no case, or the parcel is past it."""
    nothing = await stage.order_event(_rejected())
    assert await stage.came_to(nothing) == ("ignored", "an action was taken back that is none of ours")
    await stage.open(failed_delivery())
    still_open = await stage.order_event(_rejected(at="2026-11-20 12:12:00"))
    assert (await stage.came_to(still_open))[0] == "ignored"


async def test_start_that_temporal_missed_is_made_up_for(stage: Stage) -> None:
    """F6, F9: the case is committed; the sweep starts its run."""
    await _open_accepted(stage)
    stage.workflows.is_down = True
    await stage.order_event(_rejected())
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=2)
    await stage.intake.sweep()
    assert [ref.visit for ref in stage.workflows.started] == [1, 2]
