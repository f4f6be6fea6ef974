"""Cases by hand from the terminal: found and read for all workspaces, acted on through their own runs (R6.11)."""

import getpass
from dataclasses import replace
from datetime import date, timedelta

import pytest

from db import actions, audit, cases, timeline
from db.cases import CaseRow
from db.encryption import Cipher
from db.session import Database
from domain.case_events import ActionRequest, ActionTaken, Answer, CloseAsked, Event, ResendAsked
from domain.cases import Outcome, Progress
from domain.failures import Action, Mode
from domain.replies import AddressDraft
from domain.timing import Policy
from tests.factories import NOW, PHONE, case_facts, failed_delivery
from tests.intake.stage import sample
from tests.ops.conftest import Terminal
from workflows.client import ActRefused, ManualAnswer

_IDS = ("11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002")


async def _act(terminal: Terminal, *words: str) -> tuple[int, str, list[Event]]:
    """Act as Asha of ops; return the exit code, the words, and what the case was told."""
    before = len(terminal.stage.workflows.acts)
    code, printed = await terminal.run("cases", *words, "--person", "Asha")
    return code, printed, [mail.event for _, mail in terminal.stage.workflows.acts[before:]]


async def _refuse(terminal: Terminal, row: CaseRow, action: Action) -> None:
    """Have the order system refuse an action of a case."""
    now = terminal.stage.clock()
    request = ActionRequest(f"{row.id}/5", action, Mode.WHATSAPP)
    async with terminal.system.database.transaction() as session:
        await actions.begin_action(
            session,
            terminal.system.cipher,
            request,
            workspace_id=row.workspace_id,
            case_id=row.id,
            now=now,
            lease_until=now,
        )
        await actions.record_answer(session, request.id, tries=1, answer=Answer.REFUSED, detail="no", now=now)


# --- Finding and reading ---


async def test_cases_of_all_workspaces_are_listed_and_chosen(terminal: Terminal) -> None:
    """By whose they are, order, parcel, state and outcome; times are the workspace's own."""
    first = await terminal.stage.open(failed_delivery())
    terminal.stage.clock.pass_by(minutes=1)
    other = await terminal.stage.open(failed_delivery(workspace_id="nakshi", order_id="N1", tracking_id="T9"))
    await terminal.stage.end(other, Outcome.DELIVERED)

    async def listed(*options: str) -> list[str]:
        code, printed = await terminal.run("cases", "list", *options)
        assert code == 0
        header, *rows = printed.splitlines()
        assert header.split()[:4] == ["CASE", "WORKSPACE", "ORDER", "TRACKING"]
        return [row.split()[0] for row in rows]

    assert await listed() == [other.id[:8], first.id[:8]]
    assert await listed("--workspace", "nakshi") == [other.id[:8]]
    assert await listed("--order", "KK1001") == [first.id[:8]]
    assert await listed("--tracking", "T9") == [other.id[:8]]
    assert await listed("--state", "open") == await listed("--state", "held") == [first.id[:8]]
    assert await listed("--state", "ended") == await listed("--outcome", "delivered") == [other.id[:8]]
    assert await listed("--outcome", "rto") == []
    assert await listed("--limit", "1") == [other.id[:8], "…"]


async def test_list_shows_what_a_case_waits_for_and_until_when(terminal: Terminal) -> None:
    """As its last effect saved it."""
    row = await terminal.stage.open(failed_delivery())
    _, printed = await terminal.run("cases", "list")
    assert printed.splitlines()[1].split() == [row.id[:8], "kapaskraft", "KK1001", "TRK1001", "1", "held"]
    now = terminal.stage.clock()
    progress = Progress("waiting", "the customer's choice, else a reminder", now + timedelta(hours=4))
    async with terminal.system.database.transaction() as session:
        await cases.save_progress(session, row.workspace_id, row.id, progress, now)
    _, printed = await terminal.run("cases", "list")
    assert (
        "waiting           the customer's choice, else a reminder  Fri 20 Nov 16:00 (Asia/Kolkata)" in printed
    )


async def test_case_is_told_in_words_without_the_phone(terminal: Terminal) -> None:
    """Facts, what is possible, messages with their status, and the activity, newest last, with mode and person."""
    row = await terminal.stage.open(failed_delivery())
    await terminal.stage.send(row, gupshup_id="b6c2d1e4-7a3f-4c55-8e21-0f9d8c7b6a51")
    await terminal.stage.callback(sample("gupshup/webhook-v2-message-event-delivered"))
    said = sample("gupshup/webhook-v2-message-text")
    said["payload"]["payload"] = {"text": f"call me\x1b[2J on {PHONE}"}
    await terminal.stage.callback(said)
    await _refuse(terminal, row, Action.REATTEMPT)
    await terminal.stage.open(failed_delivery(attempt=2))
    by_hand = timeline.Entry(
        row.workspace_id,
        row.order_id,
        NOW + timedelta(minutes=1),
        "automatic",
        "resend_asked",
        "by-hand",
        case_id=row.id,
        mode="ops",
        person="Asha",
    )
    async with terminal.system.database.transaction() as session:
        await timeline.add_entry(session, terminal.system.cipher, by_hand)
    code, printed = await terminal.run("cases", "show", row.id[:6])
    assert code == 0
    head, messages, activity = (part.splitlines() for part in printed.split("\n\n"))
    facts = dict(line.split(maxsplit=1) for line in head)
    assert facts["Case"] == f"{row.id}, workspace kapaskraft"
    assert facts["Order"] == "KK1001, parcel TRK1001"
    assert facts["Failed"] == "attempt 1, Fri 20 Nov 12:00 (Asia/Kolkata): nobody was at home"
    assert facts["Courier"] == "Delhivery (code 1; Customer unavailable; door locked)"
    assert facts["Customer"] == "…0001"
    possible = facts["Possible"]
    assert possible.startswith("reschedule (--on 2026-11-21, ")
    assert possible.endswith("), update_address, cancel, not_my_order, resend, close")
    assert messages[-1].split()[-4:] == ["failed_delivery", "template", "delivery_failed_v3", "delivered"]
    assert [" ".join(line.split()).split("(Asia/Kolkata) ")[1] for line in activity[2:]] == [
        "report: failed delivery attempt 1: nobody was at home automatic",
        "reply: text “call me[2J on …” whatsapp",
        "automatic: resend asked ops Asha",
    ]
    assert PHONE[2:] not in printed
    assert "\x1b" not in printed


async def test_long_numbers_of_orders_and_parcels_stay_whole(terminal: Terminal) -> None:
    """Courier numbers look like phones; ops need them."""
    row = await terminal.stage.open(failed_delivery(order_id="4001234567890", tracking_id="70012152985123"))
    for command in (("list",), ("show", row.id)):
        _, printed = await terminal.run("cases", *command)
        assert "4001234567890" in printed
        assert "70012152985123" in printed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("11111", "too short"),
        ("ffffff", "There is no case ffffff"),
        ("no-such-case", "There is no case"),
        ("111111", f"{_IDS[0]}  kapaskraft  order A1\n  {_IDS[1]}  kapaskraft  order A2"),
    ],
)
@pytest.mark.parametrize("command", ["show", "resend"])
async def test_id_that_names_no_single_case_is_told(
    terminal: Terminal, given: str, words: str, command: str
) -> None:
    """Exit code 2: nothing was done, and what could be meant is listed."""
    async with terminal.system.database.transaction() as session:
        for number, case_id in enumerate(_IDS, start=1):
            facts = case_facts(case_id=case_id, order_id=f"A{number}", shipment_id=f"S{number}")
            await cases.add_case(session, terminal.system.cipher, facts, Policy(), deadline_at=NOW, now=NOW)
    code, printed = await terminal.run("cases", command, given)
    assert code == 2
    assert words in printed
    assert not terminal.stage.workflows.acts


# --- Acting ---


@pytest.mark.parametrize(
    ("words", "event"),
    [
        (["act", "reattempt"], ActionTaken(Action.REATTEMPT, Mode.OPS, "Asha")),
        (
            ["act", "reschedule", "--on", "2026-11-23"],
            ActionTaken(Action.RESCHEDULE, Mode.OPS, "Asha", date(2026, 11, 23)),
        ),
        (
            [
                "act",
                "update_address",
                "--address",
                "9 Lotus Lane",
                "--pincode",
                "560038",
                "--landmark",
                "temple",
            ],
            ActionTaken(
                Action.UPDATE_ADDRESS,
                Mode.OPS,
                "Asha",
                address=AddressDraft("9 Lotus Lane", "560038", "temple"),
            ),
        ),
        (
            ["act", "dispute", "--words", "I was at home", "Nobody rang"],
            ActionTaken(Action.DISPUTE, Mode.OPS, "Asha", words=("I was at home", "Nobody rang")),
        ),
        (["resend"], ResendAsked(Mode.OPS, "Asha")),
        (["close", "--note", f"asked {PHONE}"], CloseAsked(Mode.OPS, "Asha", "asked …")),
    ],
    ids=["reattempt", "reschedule", "update_address", "dispute", "resend", "close"],
)
async def test_act_goes_to_the_cases_run_in_the_name_of_ops(
    terminal: Terminal, words: list[str], event: Event
) -> None:
    """With the person, everything that was given, and an id of its own each time (I13)."""
    row = await terminal.stage.open(failed_delivery())
    command, *rest = words
    for _ in range(2):
        code, printed, told = await _act(terminal, command, row.id[:8], *rest)
        assert (code, told) == (0, [event])
        assert printed == "Done: done. The case has ended: resolved.\n"
    assert len({mail.id for _, mail in terminal.stage.workflows.acts}) == 2


async def test_person_is_the_login_unless_named(terminal: Terminal) -> None:
    """Nobody acts without a name, and what they do stands in the audit."""  # I19
    row = await terminal.stage.open(failed_delivery())
    assert (await terminal.run("cases", "resend", row.id))[0] == 0
    ((_, mail),) = terminal.stage.workflows.acts
    assert mail.event == ResendAsked(Mode.OPS, getpass.getuser())
    async with terminal.stage.database.transaction() as session:
        (record,) = await audit.list_records(session, "kapaskraft")
    assert (record.action, record.person) == ("case.action", f"{getpass.getuser()} (ops)")


async def test_act_that_the_case_refuses_says_why_and_what_is_possible(terminal: Terminal) -> None:
    """Exit code 1."""
    row = await terminal.stage.open(failed_delivery())
    terminal.stage.workflows.act_answer = ActRefused(
        "ActionNotPossible", "reattempt is not possible now; possible: cancel"
    )
    code, printed, _ = await _act(terminal, "act", row.id, "reattempt")
    assert (code, printed) == (1, "Refused: reattempt is not possible now; possible: cancel.\n")


async def test_act_that_the_order_system_refuses_says_what_is_still_possible(terminal: Terminal) -> None:
    """Exit code 1, and the refused action is no longer among it."""
    row = await terminal.stage.open(failed_delivery())
    await _refuse(terminal, row, Action.CANCEL)
    terminal.stage.workflows.act_answer = ManualAnswer("waiting", note="cancel: too late", is_done=False)
    code, printed, _ = await _act(terminal, "act", row.id, "cancel")
    assert code == 1
    assert printed.startswith("Not done: cancel: too late. Possible: reattempt, reschedule (--on 2026-11-21")
    assert printed.endswith("update_address, not_my_order, resend, close.\n")


async def test_act_that_is_not_answered_yet_is_not_told_as_done(terminal: Terminal) -> None:
    """The case keeps asking (I14)."""
    row = await terminal.stage.open(failed_delivery())
    terminal.stage.workflows.act_answer = ManualAnswer("acting", note="order system: 503", is_done=False)
    code, printed, _ = await _act(terminal, "act", row.id, "reattempt")
    assert code == 1
    assert printed == "Not done: order system: 503. It is not answered yet; the case keeps asking.\n"


async def test_temporal_away_is_told_and_nothing_is_claimed(terminal: Terminal) -> None:
    """F9: exit code 1; whether it was done can be looked up."""
    row = await terminal.stage.open(failed_delivery())
    terminal.stage.workflows.is_down = True
    code, printed, told = await _act(terminal, "act", row.id, "reattempt")
    assert (code, told) == (1, [])
    assert "Try again" in printed
    assert f"`cases show {row.id[:8]}`" in printed


async def test_database_away_is_told(terminal: Terminal) -> None:
    """F16: exit code 1, in words."""
    away = Database("postgresql://127.0.0.1:1/nowhere")
    terminal.system = replace(terminal.system, database=away)
    code, printed = await terminal.run("cases", "list")
    assert code == 1
    assert "try again" in printed


async def test_keys_of_another_system_are_told(terminal: Terminal) -> None:
    """What is sealed stays closed: exit code 1, in words."""
    row = await terminal.stage.open(failed_delivery())
    terminal.system = replace(terminal.system, cipher=Cipher({"other": bytes(32)}, hash_key=b"h" * 32))
    code, printed = await terminal.run("cases", "show", row.id)
    assert (code, "MASTER_KEYS" in printed) == (1, True)


@pytest.mark.parametrize("is_known", [True, False])
async def test_ended_case_is_not_acted_on(terminal: Terminal, *, is_known: bool) -> None:
    """Also when it ended between the look and the act; exit code 1, with the outcome (R6.9)."""
    row = await terminal.stage.open(failed_delivery())
    if is_known:
        await terminal.stage.end(row, Outcome.DELIVERED)
    else:
        terminal.stage.workflows.act_answer = ActRefused("CaseEnded", "the case has ended")
    code, printed, told = await _act(terminal, "act", row.id, "reattempt")
    assert code == 1
    assert "The case has ended: " in printed
    assert ("delivered" in printed, len(told)) == ((True, 0) if is_known else (False, 1))


async def test_run_that_is_not_there_is_told(terminal: Terminal) -> None:
    """Somebody terminated it: no act can help, and nothing is said to be done."""
    row = await terminal.stage.open(failed_delivery())
    terminal.stage.workflows.ended.update(terminal.stage.workflows.started)
    code, printed, _ = await _act(terminal, "resend", row.id)
    assert (code, "run is not there" in printed) == (1, True)


async def test_case_whose_run_was_not_started_is_started_first(terminal: Terminal) -> None:
    """F6: Temporal was away when it was reported."""
    row = await terminal.stage.open(failed_delivery(), is_run=False)
    code, _, told = await _act(terminal, "resend", row.id)
    assert (code, len(told), len(terminal.stage.workflows.started)) == (0, 1, 1)


async def test_new_address_keeps_the_orders_pincode(terminal: Terminal) -> None:
    """The carrier takes no other; the case says so."""
    row = await terminal.stage.open(failed_delivery())
    terminal.stage.workflows.act_answer = ActRefused("OtherPincode", "the order's only; possible: 560038")
    address = ("--address", "9 Lotus Lane, Indiranagar", "--pincode", "110001")
    code, printed, _ = await _act(terminal, "act", row.id, "update_address", *address)
    assert code == 1
    assert "560038" in printed


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("cancel", ["--on", "2026-11-23"]),
        ("reattempt", ["--address", "9 Lotus Lane"]),
        ("reschedule", ["--on", "2026-11-23", "--words", "at home"]),
    ],
)
async def test_option_of_another_action_is_refused(
    terminal: Terminal, action: str, options: list[str]
) -> None:
    """It would be dropped without a word; exit code 2."""
    row = await terminal.stage.open(failed_delivery())
    code, printed, told = await _act(terminal, "act", row.id, action, *options)
    assert (code, told) == (2, [])
    assert "only" in printed


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--limit", "0"],
        ["list", "--state", "lost"],
        ["act", "123456", "reattempt", "--pincode", "12"],
        ["act", "123456", "fly"],
        ["close", "123456"],
    ],
)
async def test_wrong_command_line_is_refused(terminal: Terminal, words: list[str]) -> None:
    """By the parser, with exit code 2."""
    with pytest.raises(SystemExit) as refused:
        await terminal.run("cases", *words)
    assert refused.value.code == 2
