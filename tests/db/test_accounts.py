"""App accounts: which one sends, and what their callbacks prove (R2, R3, S1, S2)."""

from dataclasses import replace

import pytest

from db.accounts import (
    AppAccount,
    find_account_by_token,
    find_own_account,
    get_account,
    get_credentials,
    get_webhook_token,
    header_is_authentic,
    renew_account,
    save_account,
    set_attention,
)
from db.encryption import Cipher
from db.held_templates import Standing, list_of_template, settle
from db.installations import (
    find_sender,
    install,
    is_installed,
    list_workspaces_of,
    phone_is_taken,
    select_sender,
    uninstall,
)
from db.notifications import (
    Button,
    Notification,
    Param,
    find_notification,
    list_notifications,
    save_notification,
)
from db.session import Database, NotFound, Session
from db.workspaces import add_workspace
from tests.factories import NOW, app_account, workspace

W = "kapaskraft"


def _client_account() -> AppAccount:
    return app_account(id="account-2", owner="client", workspace_id=W, app_name="KapasKraftLive")


async def _save(
    session: Session,
    cipher: Cipher,
    account: AppAccount,
    *,
    token: str = "",
    header_secret: str | None = None,
) -> None:
    await save_account(
        session,
        cipher,
        account,
        api_key=f"sk-{account.id}-9f3c",
        webhook_token=token or f"token-{account.id}",
        header_secret=header_secret,
    )


@pytest.fixture
async def _accounts(session: Session, cipher: Cipher) -> None:
    await add_workspace(session, workspace())
    await _save(session, cipher, app_account(), header_secret="h1")
    await _save(session, cipher, _client_account())


pytestmark = pytest.mark.usefixtures("_accounts")


async def _sender(session: Session) -> str | None:
    found = await find_sender(session, W)
    return found.id if found else None


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ((), None),
        (("account-1",), "account-1"),
        (("account-2",), "account-2"),
        (("account-1", "account-2"), "account-1"),
        (("account-2", "account-1"), "account-2"),
    ],
)
async def test_the_first_installed_account_is_the_sender(
    session: Session, installed: tuple[str, ...], expected: str | None
) -> None:
    """The default of each order of installing; installing again changes nothing."""  # R3.1
    for account_id in (*installed, *installed):
        await install(session, W, account_id, NOW)
    assert await _sender(session) == expected


async def test_the_sender_can_be_changed_and_uninstalling_it_selects_the_other(
    session: Session, cipher: Cipher
) -> None:
    """At any time; the client's key is destroyed, Eshopbox's is not."""  # R3.2 R2.3
    with pytest.raises(NotFound):
        await select_sender(session, W, "account-2", person="asha", now=NOW)
    for account_id in ("account-1", "account-2"):
        await install(session, W, account_id, NOW)
    await select_sender(session, W, "account-2", person="asha", now=NOW)
    assert await _sender(session) == "account-2"
    await uninstall(session, W, "account-2", person="asha", now=NOW)
    assert await _sender(session) == "account-1"
    assert not await is_installed(session, W, "account-2")
    with pytest.raises(NotFound):
        await get_credentials(session, cipher, "account-2")
    await uninstall(session, W, "account-1", person="asha", now=NOW)
    assert await _sender(session) is None
    assert (await get_credentials(session, cipher, "account-1")).api_key == "sk-account-1-9f3c"
    await install(session, W, "account-1", NOW)
    assert await _sender(session) == "account-1"
    assert await is_installed(session, W, "account-1", lock=True)
    assert await list_workspaces_of(session, "account-1") == (W,)
    assert await list_workspaces_of(session, "account-2") == ()


async def test_a_renewed_account_keeps_its_address_and_its_header_secret(
    session: Session, cipher: Cipher
) -> None:
    """R2.3: key, name and number are replaced, the trouble is over; another workspace's is left alone."""
    own = replace(_client_account(), app_id="app-2")
    await _save(session, cipher, own, token="token-own", header_secret="header")
    await set_attention(session, own.id, "key refused")
    renewed = replace(own, app_name="KapasKraftNew", phone="918047100099")
    await renew_account(session, cipher, replace(renewed, workspace_id="nakshi"), api_key="sk-thief")
    assert (await get_credentials(session, cipher, own.id)).api_key == "sk-account-2-9f3c"
    await renew_account(session, cipher, renewed, api_key="sk-new-1234")
    found = await get_account(session, own.id)
    assert (found.app_name, found.phone, found.key_last4) == ("KapasKraftNew", "918047100099", "1234")
    assert (found.attention, found.attention_at) == ("", None)
    assert (await get_credentials(session, cipher, own.id)).api_key == "sk-new-1234"
    assert await get_webhook_token(session, cipher, own.id) == "token-own"
    assert await header_is_authentic(session, own.id, "header")
    assert not await header_is_authentic(session, own.id, "")


async def test_own_account_is_found_by_its_app(session: Session, cipher: Cipher) -> None:
    """R2.3: connecting again keeps the id; another app is another account, with nothing set up."""
    own = replace(_client_account(), app_id="app-2")
    await _save(session, cipher, own)
    found = await find_own_account(session, W, app_id="app-2")
    assert found is not None
    assert found.id == own.id
    assert await find_own_account(session, W, app_id="app-3") is None
    assert await find_own_account(session, "nakshi", app_id="app-2") is None


async def test_what_was_on_is_off_after_uninstalling(session: Session) -> None:
    """R4.1: whoever installs again switches on again; what was set up is there, and other accounts go on."""
    for account_id in ("account-1", "account-2"):
        await install(session, W, account_id, NOW)
        await save_notification(session, Notification(W, account_id, "packed", "en", "t", is_on=True))
    await uninstall(session, W, "account-2", person="asha", now=NOW)
    await install(session, W, "account-2", NOW)
    states = [
        [each.is_on for each in await list_notifications(session, W, account_id)]
        for account_id in ("account-1", "account-2")
    ]
    assert states == [[True], [False]]


async def test_a_number_is_taken_while_another_workspace_has_it_connected(
    session: Session, cipher: Cipher
) -> None:
    """R2.2: installed elsewhere or Eshopbox's own; reconnecting one's own number is no conflict."""
    await add_workspace(session, workspace(id="banjara"))
    own = replace(_client_account(), phone="918047100031")
    await _save(session, cipher, own, token="token-own")

    async def is_taken(by: str, phone: str = own.phone) -> bool:
        return await phone_is_taken(session, phone, workspace_id=by)

    assert not await is_taken("banjara")  # kept, and not installed
    await install(session, W, own.id, NOW)
    assert await is_taken("banjara")
    assert not await is_taken(W)
    assert not await is_taken("banjara", "918047100032")
    await uninstall(session, W, own.id, person="Meera", now=NOW)
    assert not await is_taken("banjara")
    shared = await get_account(session, "account-1")
    assert shared.owner == "eshopbox"
    assert await is_taken(W, shared.phone)


async def test_a_confined_transaction_is_not_asked_about_other_workspaces_numbers(database: Database) -> None:
    """S13: it sees none of them, and would answer that every number is free."""
    async with database.transaction(W) as session:
        with pytest.raises(RuntimeError):
            await phone_is_taken(session, "918047100031", workspace_id=W)


async def test_an_account_is_found_by_its_token_current_or_previous(session: Session, cipher: Cipher) -> None:
    """Two valid at once, then the older one is not."""  # S1
    for token in ("t1", "t2", "t2", "t3"):
        await _save(session, cipher, app_account(), token=token)
    found = [await find_account_by_token(session, token) for token in ("t1", "t2", "t3", "")]
    assert [account and account.id for account in found] == [None, "account-1", "account-1", None]


async def test_a_header_secret_is_asked_for_where_there_is_one(session: Session, cipher: Cipher) -> None:
    """Off only where none is configured; the one before stays valid through a change."""  # S2
    await _save(session, cipher, app_account(), header_secret="h2")
    valid = [await header_is_authentic(session, "account-1", secret) for secret in ("h1", "h2", "", "x")]
    assert valid == [True, True, False, False]
    assert await header_is_authentic(session, "account-2", "")
    assert not await header_is_authentic(session, "no-such", "")


async def test_credentials_are_shown_by_nothing(session: Session, cipher: Cipher) -> None:
    """The last four characters are all there is to see."""  # R2.3
    account = await get_account(session, "account-1")
    assert (account.key_last4, account.has_header_secret, account.attention) == ("9f3c", True, "")
    assert "sk-account" not in repr(await get_credentials(session, cipher, "account-1"))
    await set_attention(session, "account-1", "the wallet is empty")
    assert (await get_account(session, "account-1")).attention == "the wallet is empty"
    await set_attention(session, "account-1", None)
    assert (await get_account(session, "account-1")).attention == ""
    with pytest.raises(NotFound):
        await get_account(session, "no-such")


NOTIFICATION = Notification(
    workspace_id=W,
    account_id="account-1",
    event="failed_delivery",
    language="en",
    template_id="template-1",
    body="Hi {{1}}",
    buttons=(Button("Try again", "reattempt"),),
    params=(Param("customer_name", "there"),),
    is_on=True,
)


async def test_a_notification_is_found_in_the_customers_language_else_the_workspaces_else_any(
    session: Session,
) -> None:
    """Per event and per account, never another account's."""  # R4.2 R6.13

    async def language(wanted: str) -> str | None:
        found = await find_notification(session, W, "account-1", "failed_delivery", wanted, lock=True)
        return found.language if found else None

    assert await language("en") is None
    await save_notification(session, replace(NOTIFICATION, language="ta"))
    assert await language("hi") == "ta"
    await save_notification(session, NOTIFICATION)
    await save_notification(session, replace(NOTIFICATION, language="hi", is_on=False))
    assert [await language(wanted) for wanted in ("hi", "ta", "mr")] == ["hi", "ta", "en"]
    assert await find_notification(session, W, "account-2", "failed_delivery", "en") is None
    assert await find_notification(session, W, "account-1", "failed_delivery", "en") == NOTIFICATION
    assert len(await list_notifications(session, W, "account-1")) == 3


async def test_a_held_template_says_why_in_every_notification_that_uses_it(
    session: Session, cipher: Cipher
) -> None:
    """And is released again; other templates and accounts are not touched, and what changed meanwhile is left."""  # R4.8
    await save_notification(session, NOTIFICATION)
    await save_notification(session, replace(NOTIFICATION, event="delivered", template_id="template-2"))
    assert await list_of_template(session, "account-2", "template-1") == ()
    (row,) = await list_of_template(session, "account-1", "template-1")
    settled = await settle(session, cipher, [Standing(row, "template paused")], now=NOW)
    assert len(settled.changed) == 1
    held = {each.event: each.attention for each in await list_notifications(session, W, "account-1")}
    assert held == {"failed_delivery": "template paused", "delivered": ""}
    assert (await settle(session, cipher, [Standing(row, "template disabled")], now=NOW)).changed == ()
    (row,) = await list_of_template(session, "account-1", "template-1")
    assert row.attention_at == NOW
    await settle(session, cipher, [Standing(row, "")], now=NOW)
    assert await find_notification(session, W, "account-1", "failed_delivery", "en") == NOTIFICATION
