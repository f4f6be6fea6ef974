"""An account that is uninstalled: its open cases learn of it at once, and whoever called for it is noted."""

from typing import Any

import pytest

from db import accounts, cases, installations
from domain.case_events import MessageNotSent
from domain.case_state import Progress
from domain.cases import Outcome
from domain.messages import NotSent
from tests.factories import failed_delivery
from tests.intake.stage import ACCOUNT, APP_ID, Stage, gupshup, typed

GONE = MessageNotSent("", NotSent.ACCOUNT_REMOVED, is_template=False)


async def _uninstall(stage: Stage, workspace_id: str = "kapaskraft") -> None:
    async with stage.database.transaction(workspace_id) as session:
        await installations.uninstall(session, workspace_id, ACCOUNT, person="Meera", now=stage.clock())


def _told(stage: Stage) -> list[str]:
    return [ref.shipment_id for ref, mail in stage.workflows.mail if mail.event == GONE]


async def test_open_cases_of_an_uninstalled_account_are_told_at_once(stage: Stage) -> None:
    """R3.3: those of this workspace, whether their run has begun or not; no ended one, and nobody else's."""
    await stage.open(failed_delivery(shipment_id="S1"))
    await stage.open(failed_delivery(shipment_id="S2"), is_run=False)
    ended = await stage.open(failed_delivery(shipment_id="S3"))
    await stage.end(ended, Outcome.DELIVERED)
    await stage.open(failed_delivery(shipment_id="S4", workspace_id="nakshi"))
    await _uninstall(stage)
    await stage.intake.tell_removed("kapaskraft", stage.clock())
    assert sorted(_told(stage)) == ["S1", "S2"]


async def test_case_whose_action_is_on_its_way_is_left_alone(stage: Stage) -> None:
    """R3.3: the order system may still accept it; what it would write afterwards finds out by itself."""
    row = await stage.open(failed_delivery())
    acting = Progress("acting", "the order system's answer", None, "", "", "")
    async with stage.database.transaction() as session:
        await cases.save_progress(session, "kapaskraft", row.id, acting, stage.clock())
    await _uninstall(stage)
    await stage.intake.tell_removed("kapaskraft", stage.clock())
    assert _told(stage) == []


async def test_cases_that_could_not_be_told_learn_by_the_sweep(stage: Stage) -> None:
    """R3.3: Temporal was away when the account was uninstalled, or the process died."""
    for number in range(3):
        await stage.open(failed_delivery(shipment_id=f"S{number}"))
    await _uninstall(stage)
    stage.workflows.is_down = True
    await stage.intake.tell_removed("kapaskraft", stage.clock())
    assert _told(stage) == []
    stage.workflows.is_down = False
    stage.clock.pass_by(seconds=16)
    await stage.intake.sweep()
    assert sorted(_told(stage)) == ["S0", "S1", "S2"]
    stage.clock.pass_by(minutes=5)
    await stage.intake.sweep()
    ids = {mail.id for _, mail in stage.workflows.told}
    assert len(ids) == 1  # said again it is the same fact
    assert len(stage.workflows.mail) == 3


async def test_account_that_is_installed_again_has_nothing_to_tell(stage: Stage) -> None:
    """R3.3: the cases go on."""
    await stage.open(failed_delivery())
    await _uninstall(stage)
    async with stage.database.transaction() as session:
        await installations.install(session, "kapaskraft", ACCOUNT, stage.clock())
    stage.clock.pass_by(minutes=1)
    await stage.intake.sweep()
    assert _told(stage) == []


async def test_callbacks_are_noted_once_a_minute(stage: Stage) -> None:
    """Pages say when Gupshup last called; late handling of an old one changes nothing."""

    async def last() -> Any:
        async with stage.database.transaction() as session:
            return (await accounts.get_account(session, ACCOUNT)).last_callback_at

    assert await last() is None
    old = await stage.store(typed("hello"))
    first = stage.clock()
    await stage.callback(typed("one"))
    stage.clock.pass_by(seconds=59)
    await stage.callback(typed("two"))
    assert await last() == first
    stage.clock.pass_by(seconds=2)
    await stage.callback(typed("three"))
    assert await last() == stage.clock()
    await stage.new_intake().handle(old)
    assert await last() == stage.clock()


@pytest.mark.parametrize(
    ("events", "quality"), [(["flagged"], "RED"), (["FLAGGED", "unflagged"], ""), (["upgrade"], "")]
)
async def test_number_that_whatsapp_flags_is_of_low_quality(
    stage: Stage, events: list[str], quality: str
) -> None:
    """A flag is all that WhatsApp tells of a number's quality by itself."""
    for number, event in enumerate(events):
        body = gupshup("v2-account-event-tier") | {"timestamp": 1791968400000 + number, "appId": APP_ID}
        body["payload"]["payload"]["event"] = event
        await stage.callback(body)
    async with stage.database.transaction() as session:
        assert (await accounts.get_account(session, ACCOUNT)).quality == quality
