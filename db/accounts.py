"""App accounts: Gupshup accounts, their secrets, and what is known of them (R2). Who installed them: `installations`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import case, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher, digest
from db.rows import one
from db.session import NotFound, Session
from db.tables import app_accounts
from db.workspaces import is_one_of
from domain.formats import last4


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
class AccountCredentials:
    """What an account's calls to Gupshup need, and what is wrong with it."""

    app_id: str
    app_name: str
    phone: str
    api_key: str = field(repr=False)
    attention: str = ""


STORED = (
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
"""The columns that an account is made of."""

_CALLBACK_NOTED_EVERY = timedelta(minutes=1)


async def get_account(session: Session, account_id: str) -> AppAccount:
    """Return an app account.

    Raises:
        NotFound: There is none of this id.
    """
    found = await one(session, select(*STORED).where(app_accounts.c.id == account_id), AppAccount)
    if found is None:
        raise NotFound(f"app account {account_id}")
    return found


async def find_account_by_token(session: Session, token: str) -> AppAccount | None:
    """Return the account whose callback address carries this token, current or previous (S1)."""
    hashed = digest(token)
    statement = select(*STORED).where(
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
        app_accounts.c.app_id,
        app_accounts.c.app_name,
        app_accounts.c.phone,
        app_accounts.c.api_key_sealed,
        app_accounts.c.attention,
    ).where(app_accounts.c.id == account_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None or row.api_key_sealed is None:
        raise NotFound(f"credentials of app account {account_id}")
    api_key = cipher.open_credential(row.api_key_sealed, context=_key_context(account_id))
    return AccountCredentials(row.app_id, row.app_name, row.phone, api_key, row.attention)


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
        "key_last4": last4(api_key),
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
            key_last4=last4(api_key),
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


async def find_shared_account(session: Session) -> AppAccount | None:
    """Return Eshopbox's own account, which every workspace may install; the newest, should there be several."""
    statement = (
        select(*STORED)
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
        select(*STORED)
        .where(app_accounts.c.owner == "client", app_accounts.c.workspace_id == workspace_id, is_of_app)
        .order_by(app_accounts.c.created_at.desc(), app_accounts.c.id)
        .limit(1)
    )
    return await one(session, statement, AppAccount)


async def set_attention(session: Session, account_id: str, reason: str | None) -> None:
    """Say what is wrong with an account, or with None that all is well again."""
    since = case((app_accounts.c.attention == reason, app_accounts.c.attention_at), else_=func.now())
    await session.execute(
        update(app_accounts)
        .where(app_accounts.c.id == account_id)
        .values(attention=reason or "", attention_at=since if reason else None)
    )


def _key_context(account_id: str) -> str:
    return f"app_accounts/{account_id}/api_key"


def _token_context(account_id: str) -> str:
    return f"app_accounts/{account_id}/token"
