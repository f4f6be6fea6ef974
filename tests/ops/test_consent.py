"""What customers want, from the terminal: a list is taken once however often, and every word has its proof."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import ProgrammingError

from db import accounts, customers, installations, tables
from db.customers import Customer
from domain.case_events import CustomerOptedOut
from tests.factories import NOW, PHONE, app_account, failed_delivery
from tests.intake.stage import ACCOUNT
from tests.ops.conftest import Terminal

OWN = "account-own"


@pytest.fixture
async def own(terminal: Terminal) -> Terminal:
    """The first workspace has an account of its own too."""
    account = app_account(
        id=OWN,
        owner="client",
        workspace_id="kapaskraft",
        app_name="KapasOwn",
        app_id="own",
        phone="919999900099",
    )
    async with terminal.system.database.transaction() as session:
        await accounts.save_account(
            session, terminal.system.cipher, account, api_key="k", webhook_token="t-own", header_secret=None
        )
        await installations.install(session, "kapaskraft", OWN, NOW)
    return terminal


async def _customer(terminal: Terminal, phone: str, account_id: str = OWN) -> Customer:
    async with terminal.system.database.transaction() as session:
        return await customers.customer(session, account_id, terminal.system.cipher.phone_hash(phone))


def _list(tmp_path: Path, *lines: str, name: str = "list.csv") -> str:
    path = tmp_path / name
    path.write_text("\n".join(("phone,since,scope,note", *lines)), encoding="utf-8-sig")
    return str(path)


async def test_list_is_taken_line_by_line_and_again_changes_nothing(own: Terminal, tmp_path: Path) -> None:
    """R5.5 import: good lines count although others are wrong; corrected and given again nothing is taken twice."""
    given = _list(
        tmp_path,
        "+91 99999 00001,2026-01-05,,by e-mail",
        "12345,2026-01-05,,",
        "9999900002 / 9999900003,2026-01-05,,",
        "9999900004,2026-02-01,marketing,",
    )
    code, printed = await own.run(
        "consent", "import", given, "--workspace", "kapaskraft", "--person", "Meera"
    )
    assert code == 1
    assert "2 opt-outs taken, 0 known before, 2 lines not taken." in printed
    assert "line 3: the phone is no Indian mobile number" in printed
    assert "line 4: " in printed
    assert (await _customer(own, PHONE)).refuses("utility")
    only_marketing = await _customer(own, "919999900004")
    assert (only_marketing.refuses("utility"), only_marketing.refuses("marketing")) == (False, True)
    assert not (await _customer(own, "919999900002")).refuses("marketing")
    corrected = _list(
        tmp_path,
        "9999900001,2026-01-05,,another note",
        "9999900004,2026-02-01,marketing,",
        "9999900002,2026-01-05,,",
        name="again.csv",
    )
    code, printed = await own.run("consent", "import", corrected, "--workspace", "kapaskraft")
    assert (code, "1 opt-outs taken, 2 known before" in printed) == (0, True)
    code, printed = await own.run("consent", "show", PHONE, "--workspace", "kapaskraft")
    assert code == 0
    assert printed.count("list.csv, sha256 ") == 1
    assert "line 2" in printed
    assert "Meera" in printed
    assert "by e-mail" in printed


async def test_checking_a_list_takes_nothing(own: Terminal, tmp_path: Path) -> None:
    """R5.5 import: so that it can be corrected first."""
    given = _list(tmp_path, "9999900001,2026-01-05,,", "x,2026-01-05,,")
    code, printed = await own.run("consent", "import", given, "--check", "--workspace", "kapaskraft")
    assert code == 1
    assert "1 lines can be taken, 1 cannot. Nothing was taken yet." in printed
    assert not (await _customer(own, PHONE)).refuses()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xef\xbb\xbfphone,since\n9999900001,2026-01-05\n\xff\xfe,2026-01-05", "line 3 is not UTF-8 text"),
        (b"number,since\n9999900001,2026-01-05", "line 1 names the columns"),
        (b"", "line 1 names the columns"),
    ],
)
async def test_file_that_is_no_list_is_not_begun(
    own: Terminal, tmp_path: Path, data: bytes, words: str
) -> None:
    """R5.5 import: half a file would be taken for the whole."""
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    code, printed = await own.run("consent", "import", str(path), "--workspace", "kapaskraft")
    assert code
    assert words in printed
    assert not (await _customer(own, PHONE)).refuses()


async def test_earlier_opt_out_does_not_undo_a_later_start(own: Terminal, tmp_path: Path) -> None:
    """R5.5 proof: the customer's last word counts, whenever it reaches us; both stay on record, and no case is told."""
    row = await own.stage.open(failed_delivery())
    await own.run(
        "consent", "lift", PHONE, "--account", ACCOUNT, "--note", "asked by phone", "--person", "Meera"
    )
    told = len(own.stage.workflows.mail)
    given = _list(tmp_path, "9999900001,2026-01-05,,")
    code, printed = await own.run("consent", "import", given, "--account", ACCOUNT, "--person", "Meera")
    assert (code, "1 opt-outs taken" in printed) == (0, True)
    assert not (await _customer(own, PHONE, ACCOUNT)).refuses()
    assert len(own.stage.workflows.mail) == told
    _, printed = await own.run("consent", "show", PHONE, "--account", ACCOUNT)
    assert "all messages: may be sent" in printed
    assert "asked by phone" in printed
    assert "list.csv" in printed
    assert row.is_open


async def test_stop_by_hand_is_told_to_open_cases_and_lifted_with_proof(terminal: Terminal) -> None:
    """R5.5: as if the customer had written STOP; the activity says so; START, or staff, lift it."""
    row = await terminal.stage.open(failed_delivery())
    words = ("--account", ACCOUNT, "--note", "letter of 5 January", "--person", "Meera")
    code, printed = await terminal.run("consent", "stop", PHONE, *words)
    assert (code, "are stopped" in printed) == (0, True)
    (_, mail) = terminal.stage.workflows.mail[-1]
    assert isinstance(mail.event, CustomerOptedOut)
    entry = (await terminal.stage.activity(row.order_id))[-1]
    assert (entry.kind, entry.topic, entry.mode) == ("automatic", "opted_out", "ops")
    terminal.stage.clock.now += timedelta(minutes=1)
    await terminal.run("consent", "lift", PHONE, *words)
    assert not (await _customer(terminal, PHONE, ACCOUNT)).refuses()


async def test_marketing_is_stopped_alone(terminal: Terminal) -> None:
    """R5.5: nothing of a case ends by it."""
    await terminal.stage.open(failed_delivery())
    words = ("--account", ACCOUNT, "--scope", "marketing", "--note", "by phone", "--person", "Meera")
    await terminal.run("consent", "stop", PHONE, *words)
    customer = await _customer(terminal, PHONE, ACCOUNT)
    assert (customer.refuses("utility"), customer.refuses("marketing")) == (False, True)
    assert not terminal.stage.workflows.mail


async def test_asking_wrong_is_told_in_words(terminal: Terminal, tmp_path: Path) -> None:
    """Nothing is guessed: whose account, which phone, which file."""
    for words, said in (
        (("show", PHONE, "--workspace", "nobody"), "There is no workspace nobody"),
        (("show", PHONE, "--workspace", "kapaskraft"), "has no account of its own"),
        (("show", PHONE, "--account", "none"), "There is no account none"),
        (("show", "5", "--account", ACCOUNT), "one Indian mobile number"),
        (("stop", PHONE, "--account", ACCOUNT, "--note", " ", "--person", "Meera"), "--note says how"),
        (("import", str(tmp_path / "no.csv"), "--account", ACCOUNT, "--person", "Meera"), "cannot be read"),
    ):
        code, printed = await terminal.run("consent", *words)
        assert code
        assert said in printed


async def test_what_was_said_is_never_changed(own: Terminal, tmp_path: Path) -> None:
    """R5.5 proof, S28: the program itself may only add to it."""
    await own.run(
        "consent", "import", _list(tmp_path, "9999900001,2026-01-05,,"), "--account", OWN, "--person", "M"
    )
    async with own.system.database.transaction() as session:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(update(tables.consents).values(is_wanted=True))
