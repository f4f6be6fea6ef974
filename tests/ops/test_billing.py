"""Money from the terminal: prices, taxes, statements, corrections, reconciliation, schedules (R5.4)."""

import csv
from pathlib import Path

import pytest

from db import audit, messages, statuses
from db.workspaces import PLATFORM
from domain.billing import STATEMENT_COLUMNS
from domain.messages import MessageStatus
from tests.factories import new_message
from tests.ops.conftest import Terminal

_PERSON = ("--person", "meera")


async def _sent(terminal: Terminal, status: MessageStatus = MessageStatus.SUBMITTED) -> None:
    async with terminal.system.database.transaction() as session:
        message = await messages.add_message(
            session, terminal.system.cipher, new_message(now=terminal.stage.clock(), category="utility")
        )
        taken = {"gupshup_message_id": f"gs-{message.id}"} if status is MessageStatus.SUBMITTED else {}
        await statuses.record_outcome(session, message.id, status=status, now=terminal.stage.clock(), **taken)


async def _audited(terminal: Terminal) -> list[tuple[str, str]]:
    async with terminal.system.database.transaction() as session:
        return [(one.action, one.person) for one in await audit.list_records(session, PLATFORM)]


async def test_a_rate_is_set_shown_and_on_record(terminal: Terminal) -> None:
    """With window, allowance and tiers; who set it stands in the audit (R5.4, I19)."""
    words = ("utility", "35", "--window", "open", "--free", "100", "--tier", "1000:30", "--tier", "5000:25")
    code, printed = await terminal.run("billing", "rate", *words, "--from", "2027-01-01", *_PERSON)
    assert code == 0
    assert "from 2027-01-01 00:00 on a utility message costs 35 paise" in printed
    _, printed = await terminal.run("billing", "rates")
    assert "utility   open    2027-01-01 00:00  ₹0.35  100           1000: ₹0.30, 5000: ₹0.25" in printed
    assert await _audited(terminal) == [("rate.set", "meera (ops)")]
    code, printed = await terminal.run("billing", "rate", "utility", "1", "--tier", "5:1", "--tier", "5:2")
    assert (code, "two tiers" in printed) == (2, True)


async def test_a_rate_of_the_past_counts_from_now_on(terminal: Terminal) -> None:
    """And says so: what was sent keeps its price (R5.4)."""
    _, printed = await terminal.run("billing", "rate", "utility", "40", "--from", "2026-01-01", *_PERSON)
    assert "what was sent before keeps its price" in printed


async def test_a_month_is_shown_closed_and_written(terminal: Terminal, tmp_path: Path) -> None:
    """Open it says so; closed it is the same for ever, and its CSV adds up (R5.4)."""
    await _sent(terminal)
    assert (await terminal.run("billing", "tax", "GST", "18", "--from", "2026-01-01", *_PERSON))[0] == 0
    _, printed = await terminal.run("billing", "tax")
    assert "GST  18%    2026-01-01" in printed
    _, printed = await terminal.run("billing", "statement", "kapaskraft")
    assert "Net    ₹0.35\nGST 18%  ₹0.06\nTotal  ₹0.41\nOpen: it still changes." in printed
    code, printed = await terminal.run("billing", "close", *_PERSON)
    assert (code, printed) == (0, "Nothing is due.\n")
    terminal.stage.clock.pass_by(days=20)
    _, printed = await terminal.run("billing", "close", "--workspace", "kapaskraft", *_PERSON)
    assert printed.startswith("kapaskraft  2026-11 is closed: ₹0.41, ")
    path = tmp_path / "november.csv"
    november = ("billing", "statement", "kapaskraft", "--month", "2026-11")
    _, printed = await terminal.run(*november)
    assert "by meera" in printed
    assert (await terminal.run(*november, "--csv", str(path)))[0] == 0
    header, line, net, tax, total = list(csv.reader(path.read_text("utf-8").splitlines()))
    assert header == list(STATEMENT_COLUMNS)
    assert line[:4] == ["line", "account-1", "eshopbox", "failed_delivery"]
    assert [(row[0], row[-1]) for row in (net, tax, total)] == [("net", "35"), ("tax", "6"), ("total", "41")]
    _, printed = await terminal.run(*november, "--csv", "-")
    assert printed.splitlines()[-1].endswith(",41")
    _, printed = await terminal.run("billing", "all", "--month", "2026-11")
    assert "kapaskraft  1         ₹0.35     ₹0.00   ₹0.35  ₹0.06  closed 2026-12-10" in printed
    assert "2026-11: ₹0.35 before taxes" in printed


async def test_an_amount_by_hand_is_booked_once_and_on_record(terminal: Terminal) -> None:
    """In the open month, with its reason (R5.4, I19)."""
    words = ("billing", "adjust", "kapaskraft", "--reason", "goodwill", *_PERSON, "--", "-1250")
    code, printed = await terminal.run(*words)
    assert (code, printed) == (0, "−₹12.50 stands in 2026-11 of kapaskraft.\n")
    assert (await terminal.run(*words))[0] == 1
    _, printed = await terminal.run("billing", "statement", "kapaskraft")
    assert "Correction  by_hand, goodwill, 1: −₹12.50" in printed
    assert await _audited(terminal) == [("charge.adjusted", "meera (ops)")]


@pytest.mark.parametrize(
    "words",
    [
        ("statement", "nobody"),
        ("close", "--workspace", "nobody"),
        ("close", "--days", "0"),
        ("adjust", "nobody", "5", "--reason", "x"),
        ("tax", "GST"),
        ("tax", "GST", "101", "--from", "2026-01-01"),
    ],
)
async def test_what_is_not_there_is_said(terminal: Terminal, words: tuple[str, ...]) -> None:
    """Exit code 2, and nothing is stored."""
    assert (await terminal.run("billing", *words))[0] == 2
    assert await _audited(terminal) == []


async def test_reconciliation_lists_what_differs(terminal: Terminal) -> None:
    """After the hours that Gupshup may take; before that nothing differs (R5.4)."""
    await _sent(terminal)
    await _sent(terminal, MessageStatus.UNKNOWN)
    terminal.stage.clock.pass_by(hours=47)
    _, printed = await terminal.run("billing", "reconcile")
    assert "Nothing differs." in printed
    terminal.stage.clock.pass_by(hours=2)
    _, printed = await terminal.run("billing", "reconcile", "--month", "2026-11")
    assert printed.splitlines()[-2:] == ["unknown: 1", "ours_only: 1"]
    assert printed.splitlines()[3].startswith("unknown    2026-11-")
    _, printed = await terminal.run("billing", "reconcile", "--month", "2026-10")
    assert "Nothing differs." in printed


@pytest.mark.parametrize(
    "words",
    [
        ("rate", "utility", "-5"),
        ("rate", "utility", "5", "--tier", "x:5"),
        ("statement", "kapaskraft", "--month", "November"),
        ("tax", "GST", "1.234", "--from", "2026-01-01"),
    ],
)
async def test_words_that_mean_nothing_are_refused(
    terminal: Terminal, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is done."""
    with pytest.raises(SystemExit):
        await terminal.run("billing", *words)
    assert "argument" in capsys.readouterr().err
