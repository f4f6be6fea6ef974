"""Two owners who change what is installed at the same time (R3.2)."""

import asyncio
from contextlib import suppress

from db import accounts, installations
from db.encryption import Cipher
from db.session import Database, NotFound
from db.workspaces import add_workspace
from tests.factories import NOW, app_account, workspace

W = "kapaskraft"


async def test_choosing_and_uninstalling_one_account_at_once_leaves_the_other_as_sender(
    database: Database, cipher: Cipher
) -> None:
    """R3.2: whichever owner comes first, the account that is left sends; nobody selects one that is going."""
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        for account in (
            app_account(),
            app_account(id="account-2", owner="client", workspace_id=W, app_name="KapasKraftLive"),
        ):
            await accounts.save_account(
                session,
                cipher,
                account,
                api_key=f"sk-{account.id}",
                webhook_token=f"token-{account.id}",
                header_secret=None,
            )
            await installations.install(session, W, account.id, NOW)

    async def choose() -> None:
        async with database.transaction(W) as session:
            with suppress(NotFound):  # uninstalled already
                await installations.select_sender(session, W, "account-1", person="Meera", now=NOW)

    async def remove() -> None:
        async with database.transaction(W) as session:
            await installations.uninstall(session, W, "account-1", person="Rohan", now=NOW)

    for _ in range(10):
        async with database.transaction() as session:
            await installations.install(session, W, "account-1", NOW)
            await installations.select_sender(session, W, "account-2", person="Meera", now=NOW)
        await asyncio.gather(choose(), remove())
        async with database.transaction() as session:
            sender = await installations.find_sender(session, W)
        assert sender is not None
        assert sender.id == "account-2"
