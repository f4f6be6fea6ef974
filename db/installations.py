"""Which accounts are installed in a workspace, and which of them sends (R2.1, R3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from db.accounts import STORED, AppAccount, get_account
from db.locks import serialize
from db.rows import many, one
from db.session import NotFound, Session
from db.tables import app_accounts, installations, notifications, senders


@dataclass(frozen=True, slots=True)
class Installation:
    """An account that is installed in a workspace: since when, and by whom."""

    account: AppAccount
    installed_at: datetime
    person: str


@dataclass(frozen=True, slots=True)
class Selection:
    """A change of the sender: to which account, or none; when and by whom (R3.2)."""

    account_id: str | None
    owner: str
    app_name: str
    phone: str
    selected_at: datetime
    person: str


async def one_at_a_time(session: Session, workspace_id: str) -> None:
    """Let one transaction at a time change what a workspace has installed and which of it sends, until it ends.

    Whoever looks first and changes then takes this before looking, and before any row is locked: what they saw would
    not be so any more, as where one owner chooses the account that another is uninstalling.
    """
    await serialize(session, workspace_id, "accounts")


async def one_number_at_a_time(session: Session, phone: str) -> None:
    """Let one transaction at a time, of whatever workspace, connect a number; to be taken before `one_at_a_time`."""
    await serialize(session, "numbers", phone)


async def install(
    session: Session, workspace_id: str, account_id: str, now: datetime, *, person: str = ""
) -> None:
    """Install an account in a workspace; the first one installed becomes the sender (R3.1).

    Raises:
        NotFound: There is no such account.
    """
    await one_at_a_time(session, workspace_id)
    account = await get_account(session, account_id)
    values = {"owner": account.owner, "installed_at": now, "uninstalled_at": None, "person": person}
    statement = insert(installations).values(workspace_id=workspace_id, account_id=account_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "account_id"],
            set_=values,
            where=installations.c.uninstalled_at.is_not(None),
        )
    )
    if await find_sender(session, workspace_id) is None:
        await _select(session, workspace_id, account_id, person=person, now=now)


async def uninstall(
    session: Session, workspace_id: str, account_id: str, *, person: str, now: datetime
) -> None:
    """Uninstall an account; a client's key is destroyed, and the other account takes over as sender (R3.2).

    What was set up for it is kept and switched off: after an install every notification is off (R4.1).
    """
    await one_at_a_time(session, workspace_id)
    was_sender = await find_sender(session, workspace_id)
    await session.execute(
        update(installations)
        .where(
            installations.c.workspace_id == workspace_id,
            installations.c.account_id == account_id,
            installations.c.uninstalled_at.is_(None),
        )
        .values(uninstalled_at=now)
    )
    await session.execute(
        update(notifications)
        .where(notifications.c.workspace_id == workspace_id, notifications.c.account_id == account_id)
        .values(is_on=False, updated_at=func.now())
    )
    await session.execute(
        update(app_accounts)
        .where(app_accounts.c.id == account_id, app_accounts.c.workspace_id == workspace_id)
        .values(api_key_sealed=None, key_last4="")
    )
    if was_sender is None or was_sender.id != account_id:
        return
    other = select(installations.c.account_id).where(
        installations.c.workspace_id == workspace_id, installations.c.uninstalled_at.is_(None)
    )
    remaining = (await session.execute(other.limit(1))).scalar_one_or_none()
    await _select(session, workspace_id, remaining, person=person, now=now)


async def select_sender(
    session: Session, workspace_id: str, account_id: str, *, person: str, now: datetime
) -> None:
    """Make another installed account the sender; who and when is kept (R3.2).

    Raises:
        NotFound: The account is not installed in this workspace.
    """
    await one_at_a_time(session, workspace_id)
    if not await is_installed(session, workspace_id, account_id):
        raise NotFound(f"installation of app account {account_id} in workspace {workspace_id}")
    await _select(session, workspace_id, account_id, person=person, now=now)


async def find_sender(session: Session, workspace_id: str) -> AppAccount | None:
    """Return the account that a workspace's messages go through now, if one is selected and installed."""
    latest = (
        select(senders.c.account_id)
        .where(senders.c.workspace_id == workspace_id)
        .order_by(senders.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(*STORED)
        .join(installations, installations.c.account_id == app_accounts.c.id)
        .where(
            app_accounts.c.id == latest,
            installations.c.workspace_id == workspace_id,
            installations.c.uninstalled_at.is_(None),
        )
    )
    return await one(session, statement, AppAccount)


async def is_installed(session: Session, workspace_id: str, account_id: str, *, lock: bool = False) -> bool:
    """Tell whether an account is installed in a workspace.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        account_id: The account.
        lock: Keep it as it is until the transaction ends, as a send must (I6).
    """
    statement = select(installations.c.account_id).where(
        installations.c.workspace_id == workspace_id,
        installations.c.account_id == account_id,
        installations.c.uninstalled_at.is_(None),
    )
    if lock:
        statement = statement.with_for_update(read=True)
    return (await session.execute(statement)).one_or_none() is not None


async def list_installed(session: Session, workspace_id: str) -> tuple[Installation, ...]:
    """Return the accounts that are installed in a workspace, the first installed first."""
    statement = (
        select(*STORED, installations.c.installed_at, installations.c.person)
        .join(installations, installations.c.account_id == app_accounts.c.id)
        .where(installations.c.workspace_id == workspace_id, installations.c.uninstalled_at.is_(None))
        .order_by(installations.c.installed_at, app_accounts.c.id)
    )

    def installation(*, installed_at: datetime, person: str, **stored: Any) -> Installation:
        return Installation(AppAccount(**stored), installed_at, person)

    return await many(session, statement, installation)


async def list_selections(session: Session, workspace_id: str, *, limit: int = 50) -> tuple[Selection, ...]:
    """Return the changes of a workspace's sender, newest first (R3.2)."""
    named = {
        name: func.coalesce(app_accounts.c[name], "").label(name) for name in ("owner", "app_name", "phone")
    }
    statement = (
        select(senders.c.account_id, *named.values(), senders.c.selected_at, senders.c.person)
        .join_from(senders, app_accounts, app_accounts.c.id == senders.c.account_id, isouter=True)
        .where(senders.c.workspace_id == workspace_id)
        .order_by(senders.c.id.desc())
        .limit(limit)
    )
    return await many(session, statement, Selection)


async def phone_is_taken(session: Session, phone: str, *, workspace_id: str) -> bool:
    """Tell whether a business number is another workspace's, or Eshopbox's own (R2.2).

    Args:
        session: The transaction, for all workspaces.
        phone: The number, digits with country code.
        workspace_id: The workspace that wants to connect it, and may do so again.

    Raises:
        RuntimeError: The transaction is confined to one workspace, and would find every number free.
    """
    confined_to = func.nullif(func.current_setting("app.workspace_id", true()), "")
    if (await session.execute(select(confined_to))).scalar_one():
        raise RuntimeError("other workspaces' numbers are hidden from this transaction")
    elsewhere = exists().where(
        installations.c.account_id == app_accounts.c.id,
        installations.c.workspace_id != workspace_id,
        installations.c.uninstalled_at.is_(None),
    )
    statement = select(app_accounts.c.id).where(
        app_accounts.c.phone == phone, or_(app_accounts.c.owner == "eshopbox", elsewhere)
    )
    return (await session.execute(statement.limit(1))).one_or_none() is not None


async def list_workspaces_of(session: Session, account_id: str) -> tuple[str, ...]:
    """Return the workspaces in which an account is installed."""
    statement = (
        select(installations.c.workspace_id)
        .where(installations.c.account_id == account_id, installations.c.uninstalled_at.is_(None))
        .order_by(installations.c.workspace_id)
    )
    return tuple((await session.execute(statement)).scalars())


async def _select(
    session: Session, workspace_id: str, account_id: str | None, *, person: str, now: datetime
) -> None:
    await session.execute(
        insert(senders).values(
            workspace_id=workspace_id, account_id=account_id, selected_at=now, person=person
        )
    )
