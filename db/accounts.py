"""App accounts, their installations in workspaces, and which of them sends (R2, R3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import case, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher, digest
from db.locks import serialize
from db.rows import many, one
from db.session import NotFound, Session
from db.tables import app_accounts, installations, notifications, senders
from db.workspaces import is_one_of


@dataclass(frozen=True, slots=True)
class AppAccount:
    """A Gupshup account, without its secrets.

    Attributes:
        id: Our id.
        owner: Whose it is: shared and charged, or the seller's own.
        workspace_id: The seller's workspace; None for Eshopbox's.
        app_name: Gupshup's name of the app.
        app_id: Gupshup's id of the app.
        phone: The business number, digits with country code.
        key_last4: The end of the API key, the only part that is shown (R2.3).
        header_name: The header in which callbacks carry a secret; empty for none.
        has_header_secret: Whether such a secret is configured.
        attention: What is wrong with the account; empty while all is well.
        attention_at: Since when.
        quality: How WhatsApp rates the number, as last told; empty where nothing is known.
        templates_read_at: When Gupshup's templates were last read.
        last_callback_at: When Gupshup last called, a minute coarse.
        created_at: When it was first connected.
    """

    id: str
    owner: Literal["eshopbox", "client"]
    workspace_id: str | None
    app_name: str
    app_id: str
    phone: str
    key_last4: str = ""
    header_name: str = ""
    has_header_secret: bool = False
    attention: str = ""
    attention_at: datetime | None = None
    quality: str = ""
    templates_read_at: datetime | None = None
    last_callback_at: datetime | None = None
    created_at: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class AccountCredentials:
    """What an account's calls to Gupshup need."""

    app_id: str
    app_name: str
    phone: str
    api_key: str = field(repr=False)


_STORED = (
    app_accounts.c.id,
    app_accounts.c.owner,
    app_accounts.c.workspace_id,
    app_accounts.c.app_name,
    app_accounts.c.app_id,
    app_accounts.c.phone,
    app_accounts.c.key_last4,
    app_accounts.c.header_name,
    app_accounts.c.header_secret_hash.is_not(None).label("has_header_secret"),
    app_accounts.c.attention,
    app_accounts.c.attention_at,
    app_accounts.c.quality,
    app_accounts.c.templates_read_at,
    app_accounts.c.last_callback_at,
    app_accounts.c.created_at,
)

_CALLBACK_NOTED_EVERY = timedelta(minutes=1)


async def get_account(session: Session, account_id: str) -> AppAccount:
    """Return an app account.

    Raises:
        NotFound: There is none of this id.
    """
    found = await one(session, select(*_STORED).where(app_accounts.c.id == account_id), AppAccount)
    if found is None:
        raise NotFound(f"app account {account_id}")
    return found


async def find_account_by_token(session: Session, token: str) -> AppAccount | None:
    """Return the account whose callback address carries this token, current or previous (S1)."""
    hashed = digest(token)
    statement = select(*_STORED).where(
        or_(app_accounts.c.token_hash == hashed, app_accounts.c.previous_token_hash == hashed)
    )
    return await one(session, statement.limit(1), AppAccount)


async def header_is_authentic(session: Session, account_id: str, presented: str) -> bool:
    """Tell whether a callback carries its account's header secret; true where none is configured (S2)."""
    statement = select(app_accounts.c.header_secret_hash, app_accounts.c.previous_header_secret_hash).where(
        app_accounts.c.id == account_id
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return False
    return row.header_secret_hash is None or is_one_of(presented, tuple(row))


async def get_credentials(session: Session, cipher: Cipher, account_id: str) -> AccountCredentials:
    """Return what an account's calls to Gupshup need.

    Raises:
        NotFound: There is no such account, or its key was destroyed when it was uninstalled.
    """
    statement = select(
        app_accounts.c.app_id, app_accounts.c.app_name, app_accounts.c.phone, app_accounts.c.api_key_sealed
    ).where(app_accounts.c.id == account_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None or row.api_key_sealed is None:
        raise NotFound(f"credentials of app account {account_id}")
    api_key = cipher.open_credential(row.api_key_sealed, context=_key_context(account_id))
    return AccountCredentials(row.app_id, row.app_name, row.phone, api_key)


async def save_account(
    session: Session,
    cipher: Cipher,
    account: AppAccount,
    *,
    api_key: str,
    webhook_token: str,
    header_secret: str | None,
) -> None:
    """Keep an account and its secrets; a new token or header secret leaves the one before it valid.

    Args:
        session: The transaction.
        cipher: Seals the API key.
        account: The account; `key_last4` and `has_header_secret` follow from the secrets.
        api_key: Gupshup's key of the account.
        webhook_token: What its callback address carries.
        header_secret: What its callbacks' header carries; None for no header.
    """
    hashes = {
        "token_hash": digest(webhook_token),
        "header_secret_hash": digest(header_secret) if header_secret else None,
    }
    values = {
        "owner": account.owner,
        "workspace_id": account.workspace_id,
        "app_name": account.app_name,
        "app_id": account.app_id,
        "phone": account.phone,
        "api_key_sealed": cipher.seal_credential(api_key, context=_key_context(account.id)),
        "key_last4": api_key[-4:],
        "header_name": account.header_name,
        "attention": account.attention,
        "attention_at": account.attention_at,
        "quality": account.quality,
        "token_sealed": cipher.seal_credential(webhook_token, context=_token_context(account.id)),
        **hashes,
    }
    rotated = {
        f"previous_{name}": case(
            (app_accounts.c[name].is_not_distinct_from(new), app_accounts.c[f"previous_{name}"]),
            else_=app_accounts.c[name],
        )
        for name, new in hashes.items()
    }
    statement = insert(app_accounts).values(id=account.id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values | rotated))


async def renew_account(session: Session, cipher: Cipher, account: AppAccount, *, api_key: str) -> None:
    """Replace an account's key, and what was checked together with it (R2.3).

    Its callback address and the header's secret stay: what is set at Gupshup goes on working.
    """
    await session.execute(
        update(app_accounts)
        .where(app_accounts.c.id == account.id, app_accounts.c.workspace_id == account.workspace_id)
        .values(
            app_name=account.app_name,
            phone=account.phone,
            api_key_sealed=cipher.seal_credential(api_key, context=_key_context(account.id)),
            key_last4=api_key[-4:],
            attention="",
            attention_at=None,
        )
    )


async def get_webhook_token(session: Session, cipher: Cipher, account_id: str) -> str:
    """Return what an account's callback address carries, to show it to whoever sets it at Gupshup.

    Raises:
        NotFound: There is no such account, or it was connected before addresses could be shown again.
    """
    statement = select(app_accounts.c.token_sealed).where(app_accounts.c.id == account_id)
    sealed = (await session.execute(statement)).scalar_one_or_none()
    if sealed is None:
        raise NotFound(f"callback address of app account {account_id}")
    return cipher.open_credential(sealed, context=_token_context(account_id))


async def save_templates(
    session: Session, account_id: str, templates: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Keep an account's templates as Gupshup just listed them."""
    await session.execute(
        update(app_accounts)
        .where(app_accounts.c.id == account_id)
        .values(templates=[dict(template) for template in templates], templates_read_at=now)
    )


async def list_known_templates(session: Session, account_id: str) -> tuple[Mapping[str, Any], ...]:
    """Return an account's templates as Gupshup last listed them."""
    statement = select(app_accounts.c.templates).where(app_accounts.c.id == account_id)
    return tuple((await session.execute(statement)).scalar_one_or_none() or ())


async def claim_asking(session: Session, account_id: str, now: datetime, *, every: timedelta) -> bool:
    """Tell whether an account's templates are to be asked for by the clock now; of several at once, one is told so."""
    statement = (
        update(app_accounts)
        .where(
            app_accounts.c.id == account_id,
            or_(app_accounts.c.asked_at.is_(None), app_accounts.c.asked_at <= now - every),
        )
        .values(asked_at=now)
        .returning(app_accounts.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def set_quality(session: Session, account_id: str, quality: str) -> None:
    """Keep how WhatsApp rates an account's number."""
    await session.execute(update(app_accounts).where(app_accounts.c.id == account_id).values(quality=quality))


async def note_callback(session: Session, account_id: str, now: datetime) -> None:
    """Note that Gupshup called for an account; once a minute is enough."""
    await session.execute(
        update(app_accounts)
        .where(
            app_accounts.c.id == account_id,
            or_(
                app_accounts.c.last_callback_at.is_(None),
                app_accounts.c.last_callback_at < now - _CALLBACK_NOTED_EVERY,
            ),
        )
        .values(last_callback_at=now)
    )


async def one_at_a_time(session: Session, workspace_id: str) -> None:
    """Let one transaction at a time change what a workspace has installed and which of it sends, until it ends.

    Whoever looks first and changes then takes this before looking, and before any row is locked: what they saw would
    not be so any more, as where one owner chooses the account that another is uninstalling.
    """
    await serialize(session, workspace_id, "accounts")


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
        select(*_STORED)
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
        select(*_STORED, installations.c.installed_at, installations.c.person)
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


async def find_shared_account(session: Session) -> AppAccount | None:
    """Return Eshopbox's own account, which every workspace may install; the newest, should there be several."""
    statement = (
        select(*_STORED)
        .where(app_accounts.c.owner == "eshopbox", app_accounts.c.api_key_sealed.is_not(None))
        .order_by(app_accounts.c.created_at.desc(), app_accounts.c.id)
        .limit(1)
    )
    return await one(session, statement, AppAccount)


async def find_own_account(
    session: Session, workspace_id: str, *, app_id: str | None = None
) -> AppAccount | None:
    """Return a workspace's own account, installed or not: connecting again keeps its id, and with it what it was set up for.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        app_id: Only the account of this app; None for the one connected last, whichever app it is.
    """
    is_of_app = true() if app_id is None else app_accounts.c.app_id == app_id
    statement = (
        select(*_STORED)
        .where(app_accounts.c.owner == "client", app_accounts.c.workspace_id == workspace_id, is_of_app)
        .order_by(app_accounts.c.created_at.desc(), app_accounts.c.id)
        .limit(1)
    )
    return await one(session, statement, AppAccount)


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


async def set_attention(session: Session, account_id: str, reason: str | None) -> None:
    """Say what is wrong with an account, or with None that all is well again."""
    since = case((app_accounts.c.attention == reason, app_accounts.c.attention_at), else_=func.now())
    await session.execute(
        update(app_accounts)
        .where(app_accounts.c.id == account_id)
        .values(attention=reason or "", attention_at=since if reason else None)
    )


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


def _key_context(account_id: str) -> str:
    return f"app_accounts/{account_id}/api_key"


def _token_context(account_id: str) -> str:
    return f"app_accounts/{account_id}/token"
