"""The database as a whole: the migrations build the tables, workspaces are apart, nothing personal is readable."""

import asyncio
import os
import sys
from datetime import timedelta

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from db import (
    acceptances,
    accounts,
    actions,
    audit,
    browser_sessions,
    cases,
    consents,
    customers,
    inbox,
    installations,
    messages,
    outgoing_events,
    people,
    references,
    shipments,
    statuses,
    suppressions,
    timeline,
    workspaces,
)
from db.encryption import Cipher
from db.migrate import config, upgrade
from db.session import ALL_WORKSPACES, ONE_WORKSPACE, Database, Session
from db.tables import metadata
from domain.case_events import ActionRequest, Answer
from domain.consent import Scope, Source
from domain.failures import Action, Mode
from domain.messages import MessageStatus
from domain.replies import AddressDraft
from domain.timing import Policy
from tests.dumps import read_rows
from tests.factories import NOW, PHONE, app_account, case_facts, new_message, workspace

WITHOUT_WORKSPACE = {
    "app_accounts",
    "billing_events",
    "browser_sessions",
    "consents",
    "customers",
    "inbox",
    "orphan_statuses",
    "people",
    "rate_card",
    "sample_values",
    "sign_in_failures",
    "tax_rates",
}


def test_there_is_one_head_and_it_builds_exactly_the_tables(database_url: str) -> None:
    """Migrations and metadata say the same; running them again does nothing."""  # F23
    made = config(database_url)
    assert len(ScriptDirectory.from_config(made).get_heads()) == 1
    upgrade(database_url)
    command.check(made)


def test_every_row_of_a_workspace_says_whose_it_is() -> None:
    """Each table has its workspace, or is known not to be one's; keys between them contain it."""  # S13
    for table in metadata.sorted_tables:
        if table.name in WITHOUT_WORKSPACE | {"workspaces"}:
            continue
        assert not table.c.workspace_id.nullable, table.name
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name not in {"workspaces", "app_accounts"}:
                assert "workspace_id" in constraint.column_keys, (table.name, constraint.name)


async def test_row_level_security_is_forced_on_every_such_table(session: Session) -> None:
    """The catalogue says so, and the program's roles neither own a table nor pass it by."""  # S13
    secured = await session.execute(
        text(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relrowsecurity AND relforcerowsecurity"
        )
    )
    assert set(secured.scalars()) == set(metadata.tables) - WITHOUT_WORKSPACE | {"app_accounts", "people"}
    roles = await session.execute(
        text(
            "SELECT rolname, rolbypassrls OR rolsuper OR rolcanlogin OR EXISTS"
            " (SELECT FROM pg_class WHERE relowner = pg_roles.oid) FROM pg_roles WHERE rolname LIKE 'rescue%'"
        )
    )
    assert {name: powerful for name, powerful in roles.all()} == {ALL_WORKSPACES: False, ONE_WORKSPACE: False}  # noqa: C416
    assert (await session.execute(text("SELECT current_user"))).scalar_one() == ALL_WORKSPACES


async def test_a_transaction_of_one_workspace_sees_and_changes_no_other(
    database: Database, cipher: Cipher
) -> None:
    """Even with a query that forgot its filter; and the pooled connection carries nothing over."""  # I11 S13
    async with database.transaction() as session:
        await _fill(session, cipher, "kapaskraft")
        await _fill(session, cipher, "other")
    for table in metadata.sorted_tables:
        if table.name in WITHOUT_WORKSPACE:
            continue
        key = table.c.id if table.name == "workspaces" else table.c.workspace_id
        async with database.transaction("kapaskraft") as session:
            seen = set((await session.execute(select(key))).scalars())
        assert seen <= {"kapaskraft"}, table.name
        async with database.transaction() as session:
            everything = set((await session.execute(select(key))).scalars())
        assert everything in ({"kapaskraft", "other"}, set()), table.name
    async with database.transaction("kapaskraft") as session:
        assert await workspaces.find_workspace(session, "other") is None
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with session.begin_nested():
                await workspaces.save_event_endpoint(
                    session, cipher, workspaces.EventEndpoint("other", "https://x.example", "s")
                )
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with session.begin_nested():
                await inbox.backlog(session)
        assert (await accounts.get_account(session, "account-1")).owner == "eshopbox"


SECRETS = {
    "phone": PHONE,
    "national phone": PHONE[2:],
    "name": "Asha Rao",
    "address": "Lotus Lane",
    "reply": "please come tomorrow",
    "api key": "sk-account-1",
    "webhook token": "token-account-1",
    "client secret": "client-secret-1",
    "refresh token": "refresh-token-1",
    "order webhook secret": "order-webhook-1",
    "header secret": "header-secret-1",
    "signing secret": "whsec-1",
    "API key": "api-key-secret-1",
    "reference": "reference-token-1",
    "secret of one-time codes": "TOTPSECRET1TOTPSECRET1",
}


async def _fill(session: Session, cipher: Cipher, workspace_id: str) -> None:
    """Have a whole round leave its traces in every table that a case touches."""
    await workspaces.add_workspace(session, workspace(id=workspace_id))
    await workspaces.save_order_account(
        session,
        cipher,
        workspaces.OrderAccount(workspace_id, "c", "client-secret-1", "refresh-token-1"),
        webhook_secret="order-webhook-1",
    )
    await workspaces.save_event_endpoint(
        session, cipher, workspaces.EventEndpoint(workspace_id, "https://x.example/e", "whsec-1")
    )
    await workspaces.add_api_key(session, workspace_id, key=f"esb_{workspace_id}_api-key-secret-1")
    await accounts.save_account(
        session,
        cipher,
        app_account(),
        api_key="sk-account-1-9f3c",
        webhook_token="token-account-1",
        header_secret="header-secret-1",
    )
    await installations.install(session, workspace_id, "account-1", NOW)
    body = f'{{"mobile": "{PHONE}", "text": "please come tomorrow"}}'.encode()
    await inbox.store(
        session,
        cipher,
        source="gupshup",
        owner_id="account-1",
        event_key=f"message/{workspace_id}",
        body=body,
        position=0,
        now=NOW,
    )
    consent = consents.Consent(
        account_id="account-1",
        phone_hash=cipher.phone_hash(PHONE),
        key=f"ops:{workspace_id}",
        scope=Scope.ALL,
        is_wanted=True,
        at=NOW,
        source=Source.OPS,
        proof="command 1",
        note=f"Asha Rao asked from {PHONE}",
    )
    await consents.add_consent(session, cipher, consent)
    facts = case_facts(workspace_id=workspace_id, raw_remark=f"Customer {PHONE} not at home")
    case, _ = await cases.add_case(session, cipher, facts, Policy(), deadline_at=NOW, now=NOW)
    await shipments.record_move(
        session,
        workspace_id,
        case.shipment_id,
        order_id=case.order_id,
        tracking_id=case.tracking_id,
        move=None,
        attempt=1,
        at=NOW,
    )
    message = await messages.add_message(
        session,
        cipher,
        new_message(workspace_id=workspace_id, case_id=case.id, command_id=f"{case.id}/1"),
    )
    await references.add_references(
        session,
        workspace_id=workspace_id,
        case_id=case.id,
        message_id=message.id,
        references=[
            references.Reference(
                cipher.fingerprint(f"reference-token-1/{workspace_id}"), "reattempt", "Try again"
            )
        ],
    )
    await statuses.record_outcome(
        session,
        message.id,
        status=MessageStatus.SUBMITTED,
        now=NOW,
        gupshup_message_id=f"gs-{workspace_id}",
    )
    person = await people.add_person(
        session,
        workspace_id=workspace_id,
        email=f"owner@{workspace_id}.example",
        name="Meera",
        role=people.Role.OWNER,
        password_hash="argon2",
    )
    await people.set_totp(session, cipher, person.id, "TOTPSECRET1TOTPSECRET1")
    await browser_sessions.begin_session(session, person.id, device="", is_complete=True, now=NOW)
    await audit.add_record(session, workspace_id, person="Meera", action="price.accepted", now=NOW)
    await acceptances.add_acceptance(
        session,
        acceptances.Acceptance(workspace_id, "account-1", "failed_delivery", "UTILITY", 35, "Meera", NOW),
    )
    phone_hash = cipher.phone_hash(PHONE)
    await customers.note_inbound(session, "account-1", phone_hash, NOW)
    await statuses.apply_status(
        session,
        statuses.StatusReport(
            account_id="account-1", status=MessageStatus.READ, phone_hash=phone_hash, at=NOW
        ),
    )
    await timeline.add_entry(
        session,
        cipher,
        timeline.Entry(
            workspace_id, case.order_id, NOW, "reply", "text", "r/1", data={"text": "please come tomorrow"}
        ),
    )
    request = ActionRequest(
        f"{case.id}/2",
        Action.UPDATE_ADDRESS,
        Mode.WHATSAPP,
        address=AddressDraft("9 Lotus Lane", phone=PHONE),
    )
    await actions.begin_action(
        session, cipher, request, workspace_id=workspace_id, case_id=case.id, now=NOW, lease_until=NOW
    )
    await actions.record_answer(
        session, request.id, tries=1, answer=Answer.REFUSED, detail=f"{PHONE} is invalid", now=NOW
    )
    await suppressions.suppress(session, workspace_id, phone_hash, case_id=case.id, since=NOW)
    await outgoing_events.add_event(
        session,
        cipher,
        workspace_id=workspace_id,
        type="message.failed",
        data={"customer": {"name": "Asha Rao", "phone": PHONE}},
        now=NOW,
    )


async def test_nothing_personal_and_no_secret_can_be_read_in_any_column(
    database: Database, cipher: Cipher, database_url: str
) -> None:
    """A dump of the database after a whole round, searched for everything that was marked."""  # I12 F66 S20
    async with database.transaction() as session:
        await _fill(session, cipher, "kapaskraft")
    filled = set()
    async for table, readable in read_rows(database_url):
        filled.add(table)
        found = [name for name, secret in SECRETS.items() if secret.encode() in readable]
        assert not found, (table, found)
    assert filled >= {
        "cases",
        "consents",
        "messages",
        "inbox",
        "timeline",
        "actions",
        "usage",
        "outgoing_events",
        "suppressions",
    }


async def test_two_migrators_at_once_wait_for_each_other(database_url: str) -> None:
    """A rolling start of several containers does no harm."""
    name = "rescue_two_migrators"
    url = make_url(database_url)
    server = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    await server.execute(f"CREATE DATABASE {name}")
    empty = url.set(database=name).render_as_string(hide_password=False)
    try:
        migrators = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "alembic", "upgrade", "head", env=os.environ | {"DATABASE_URL": empty}
            )
            for _ in range(2)
        ]
        assert [await migrator.wait() for migrator in migrators] == [0, 0]
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def test_opt_outs_of_before_begin_their_history(database_url: str) -> None:
    """R5.5 proof: with what was known of the last word; who never said anything has none."""  # F23
    name = "rescue_opt_outs"
    url = make_url(database_url)
    server = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    await server.execute(f"CREATE DATABASE {name}")
    filled = url.set(database=name).render_as_string(hide_password=False)

    async def migrate(revision: str) -> None:
        migrator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alembic", "upgrade", revision, env=os.environ | {"DATABASE_URL": filled}
        )
        assert await migrator.wait() == 0

    try:
        await migrate("0008")
        own = await asyncpg.connect(
            url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        )
        await own.executemany(
            "INSERT INTO customers (account_id, phone_hash, opted_out_at, opt_changed_at, opt_out_proof)"
            " VALUES ('account-1', $1, $2, $3, $4)",
            [
                (b"1", NOW, NOW, "text: inbox 5"),
                (b"2", None, NOW, "gupshup: inbox 6"),
                (b"3", None, None, ""),
            ],
        )
        await migrate("head")
        rows = await own.fetch(
            "SELECT phone_hash, is_wanted, at, source, proof FROM consents ORDER BY phone_hash"
        )
        assert [tuple(row) for row in rows] == [
            (b"1", False, NOW, "message", "inbox 5"),
            (b"2", True, NOW, "gupshup", "inbox 6"),
        ]
        await own.close()
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def test_first_answers_of_before_are_taken_from_the_activity(database_url: str) -> None:
    """Cases that were answered before their first answer was kept: the migration sees every workspace's."""  # F23
    name = "rescue_first_answers"
    url = make_url(database_url)
    server = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    await server.execute(f"CREATE DATABASE {name}")
    filled = url.set(database=name).render_as_string(hide_password=False)

    async def migrate(revision: str) -> None:
        migrator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alembic", "upgrade", revision, env=os.environ | {"DATABASE_URL": filled}
        )
        assert await migrator.wait() == 0

    case_id = "00000000-0000-4000-8000-000000000001"
    try:
        await migrate("0005")
        own = await asyncpg.connect(
            url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        )
        await own.execute("SET ROLE rescue_all_workspaces")
        await own.execute("INSERT INTO workspaces (id, policy) VALUES ('kapaskraft', '{}')")
        await own.execute(
            "INSERT INTO cases (id, workspace_id, shipment_id, attempt, phone_hash, content_hash, facts_sealed,"
            " policy_sealed, deadline_at, failed_at, opened_at, changed_at, replies)"
            " VALUES ($1, 'kapaskraft', 'S1', 1, '', '', '', '', $2, $2, $2, $2, 2)",
            case_id,
            NOW,
        )
        for number, topic in enumerate(("opted_in", "text", "choice")):
            await own.execute(
                "INSERT INTO timeline (workspace_id, order_id, at, kind, topic, key, case_id)"
                " VALUES ('kapaskraft', 'O1', $1, 'reply', $2, $2, $3)",
                NOW + timedelta(minutes=number),
                topic,
                case_id,
            )
        await migrate("head")
        assert await own.fetchval("SELECT first_reply_at FROM cases") == NOW + timedelta(minutes=1)
        await own.close()
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
