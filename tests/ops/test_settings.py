"""Choices and texts from the terminal, and that cases that open afterwards go by them."""

from datetime import UTC, datetime

from db import cases
from tests.factories import failed_delivery
from tests.ops.conftest import Terminal


async def test_choices_are_made_shown_and_count_for_new_cases(terminal: Terminal) -> None:
    """R6.7, R6.8, R7.6: what was chosen is in the policy that a case begins with; an open case keeps its own."""
    before = await terminal.stage.open(failed_delivery())
    code, printed = await terminal.run(
        "settings", "set", "kapaskraft", "quiet=22:00-07:00", "hours=10:00-18:00", "language=hi"
    )
    assert code == 0
    assert "quiet is 22:00-07:00: quiet hours" in printed
    _, shown = await terminal.run("settings", "show", "kapaskraft")
    assert "22:00-07:00" in shown
    after = await terminal.stage.open(failed_delivery(shipment_id="SHIP2", tracking_id="TRK2"))
    async with terminal.system.database.transaction() as session:
        _, old = await cases.get_start(session, terminal.system.cipher, "kapaskraft", before.id)
        facts, new = await cases.get_start(session, terminal.system.cipher, "kapaskraft", after.id)
    assert (old.quiet_from, new.quiet_from, new.works_from) == ("21:00", "22:00", "10:00")
    assert (facts.language, new.language) == ("hi", "hi")


async def test_public_holidays_of_the_state_are_fixed_when_a_case_opens(terminal: Terminal) -> None:
    """R6.4: from the library, in the policy, so that a replay decides the same."""
    await terminal.run("settings", "set", "kapaskraft", "region=IN-KA", "holidays=2026-12-05")
    terminal.stage.clock.now = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    row = await terminal.stage.open(failed_delivery(failed_at=terminal.stage.clock()))
    async with terminal.system.database.transaction() as session:
        _, policy = await cases.get_start(session, terminal.system.cipher, "kapaskraft", row.id)
    days = [day.isoformat() for day in policy.holidays]
    assert days[0] == "2026-12-05"
    assert "2026-12-25" in days


async def test_wrong_choice_changes_nothing(terminal: Terminal) -> None:
    """All or none, and in words."""
    for wrong, words in (
        ("quiet=never", "for example 21:00-08:00"),
        ("region=IN-XX", "no state “XX” in IN"),
        ("colour=red", "no setting “colour”"),
    ):
        code, printed = await terminal.run("settings", "set", "kapaskraft", "nudge=20m", wrong)
        assert code == 2
        assert words in printed
    _, shown = await terminal.run("settings", "show", "kapaskraft")
    assert "30m" in shown
    assert (await terminal.run("settings", "show", "nobody"))[0] == 2
    assert (await terminal.run("settings", "set", "-", "nudge=20m"))[0] == 2


async def test_presets_of_the_shared_account_are_edited_by_ops(terminal: Terminal) -> None:
    """R7.10: on the shared account the platform's texts count, whatever the workspace has of its own."""
    await terminal.run("settings", "text", "kapaskraft", "nudge", "--text", "Ours?")
    code, printed = await terminal.run("settings", "text", "-", "nudge", "--text", "{brand}: and now?")
    assert (code, printed.strip()) == (0, "own: {brand}: and now?")
    row = await terminal.stage.open(failed_delivery())
    async with terminal.system.database.transaction() as session:
        _, policy = await cases.get_start(session, terminal.system.cipher, "kapaskraft", row.id)
    assert policy.text("nudge", "en") == "{brand}: and now?"
    assert policy.answer_unexpected
    code, printed = await terminal.run("settings", "text", "-", "nudge", "--preset")
    assert printed.startswith("preset: We still need your answer")
    code, printed = await terminal.run("settings", "text", "-", "nudge", "--text", "on {day}")
    assert code == 2
    assert "possible: {brand}, {order_id}" in printed
