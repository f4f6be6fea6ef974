"""Events from the terminal: how they stand, and delivering them again under their own ids (R8.3, I15, F57)."""

from datetime import timedelta

from db import outgoing_events
from tests.factories import NOW
from tests.ops.conftest import Terminal

_HOUR = timedelta(hours=1)


async def _add(
    terminal: Terminal,
    *,
    workspace_id: str = "kapaskraft",
    type_: str = "case.resolved",
    order_id: str = "KK1",
) -> str:
    async with terminal.system.database.transaction() as session:
        return await outgoing_events.add_event(
            session,
            terminal.system.cipher,
            workspace_id=workspace_id,
            type=type_,
            data={"order_id": order_id},
            now=terminal.stage.clock(),
        )


async def _give_up(terminal: Terminal, event_id: str, note: str = "HTTP 503") -> None:
    async with terminal.system.database.transaction() as session:
        await outgoing_events.mark_failed(session, "kapaskraft", event_id, terminal.stage.clock(), note=note)


async def _deliver(terminal: Terminal, event_id: str) -> None:
    async with terminal.system.database.transaction() as session:
        await outgoing_events.mark_delivered(session, "kapaskraft", event_id, terminal.stage.clock())


async def _listed(terminal: Terminal, *options: str) -> list[str]:
    code, printed = await terminal.run("events", "list", *options)
    assert code == 0
    return [row.split()[0] for row in printed.splitlines()[1:]]


async def test_events_are_listed_with_how_they_stand(terminal: Terminal) -> None:
    """Whose, about which order, since when, and why the last try failed; only what was given up is "failed"."""
    delivered, failed = await _add(terminal), await _add(terminal, type_="message.failed")
    terminal.stage.clock.pass_by(minutes=1)
    trying = await _add(terminal)
    terminal.stage.clock.pass_by(minutes=1)
    other = await _add(terminal, workspace_id="nakshi", type_="case.ended", order_id="N1")
    await _deliver(terminal, delivered)
    await _give_up(terminal, failed, "HTTP 410")
    async with terminal.system.database.transaction() as session:
        await outgoing_events.note_try(session, "kapaskraft", trying, note="HTTP 503")
    _, printed = await terminal.run("events", "list")
    shown = {line.split()[0]: line for line in printed.splitlines()[1:]}
    assert list(shown)[:2] == [other, trying]
    at = "Fri 20 Nov 12:02 (Asia/Kolkata)"
    assert shown[failed].split("kata)", 1)[1].split("  ", 1)[1] == f"given up   {at}  HTTP 410"
    assert shown[delivered].endswith(f"delivered  {at}")
    assert shown[trying].endswith("retrying                                    HTTP 503")
    assert shown[other].split()[1:4] == ["nakshi", "case.ended", "N1"]
    assert shown[other].endswith("waiting")
    assert await _listed(terminal, "--failed") == [failed]
    assert set(await _listed(terminal, "--undelivered")) == {other, trying, failed}
    assert await _listed(terminal, "--type", "case.ended") == [other]
    assert set(await _listed(terminal, "--workspace", "kapaskraft")) == {trying, failed, delivered}
    assert await _listed(terminal, "--limit", "1") == [other, "…"]


async def test_named_events_are_delivered_again_delivered_or_not(terminal: Terminal) -> None:
    """Each by a run of its own, once though it is named twice; what was given up no longer is."""
    await terminal.stage.want_events()
    delivered, failed = await _add(terminal), await _add(terminal)
    await _deliver(terminal, delivered)
    await _give_up(terminal, failed)
    terminal.stage.clock.pass_by(hours=1)
    code, printed = await terminal.run("events", "replay", delivered, failed[:8], failed)
    assert code == 0
    assert printed.count("on its way again") == 2
    at = NOW + _HOUR
    assert terminal.stage.workflows.replayed == [
        (f"kapaskraft/{delivered}", at),
        (f"kapaskraft/{failed}", at),
    ]
    assert await _listed(terminal, "--failed") == []


async def test_all_that_was_given_up_for_a_workspace_is_delivered_again(terminal: Terminal) -> None:
    """Oldest first, from a day on as the workspace counts days; another press finds nothing left."""
    await terminal.stage.want_events()
    early = await _add(terminal)
    terminal.stage.clock.now = NOW.replace(day=20, hour=18, minute=30)  # midnight in India
    late = await _add(terminal)
    terminal.stage.clock.pass_by(hours=1)
    later = await _add(terminal)
    for event_id in (early, late, later):
        await _give_up(terminal, event_id)
    await _add(terminal)
    terminal.stage.clock.pass_by(hours=1)
    replay = ("events", "replay", "--failed", "--workspace", "kapaskraft")
    assert (await terminal.run(*replay, "--since", "2026-11-21"))[0] == 0
    assert [key for key, _ in terminal.stage.workflows.replayed] == [
        f"kapaskraft/{late}",
        f"kapaskraft/{later}",
    ]
    code, printed = await terminal.run(*replay)
    assert (code, "1 events are on their way again." in printed) == (0, True)
    assert terminal.stage.workflows.replayed[-1][0] == f"kapaskraft/{early}"
    code, printed = await terminal.run(*replay)
    assert (code, "0 events" in printed) == (0, True)


async def test_temporal_away_says_how_far_it_came(terminal: Terminal) -> None:
    """F9: exit code 1; the same command again does the rest."""
    await terminal.stage.want_events()
    first, second = await _add(terminal), await _add(terminal)
    for event_id in (first, second):
        await _give_up(terminal, event_id)
    terminal.stage.clock.pass_by(hours=1)
    terminal.stage.workflows.is_down = True
    replay = ("events", "replay", "--failed", "--workspace", "kapaskraft")
    code, printed = await terminal.run(*replay)
    assert (code, "0 of 2 events are on their way. Try again" in printed) == (1, True)
    assert set(await _listed(terminal, "--failed")) == {first, second}
    terminal.stage.workflows.is_down = False
    assert (await terminal.run(*replay))[0] == 0
    assert await _listed(terminal, "--failed") == []


async def test_event_without_an_address_is_not_delivered_again(terminal: Terminal) -> None:
    """It would be given up at once; the command that sets one is named."""
    event_id = await _add(terminal)
    code, printed = await terminal.run("events", "replay", event_id)
    assert (code, "connect events kapaskraft URL" in printed) == (1, True)
    assert not terminal.stage.workflows.replayed


async def test_replay_of_nothing_or_of_what_is_unknown_is_refused(terminal: Terminal) -> None:
    """Exit code 2, and nothing is delivered, not even what is known."""
    await terminal.stage.want_events()
    known = await _add(terminal)
    for words in (
        [],
        ["--failed"],
        [known, "--failed", "--workspace", "kapaskraft"],
        ["--failed", "--workspace", "nobody"],
        [known, "ffffffff"],
        [known[:5]],
    ):
        code, _ = await terminal.run("events", "replay", *words)
        assert code == 2, words
    assert not terminal.stage.workflows.replayed
