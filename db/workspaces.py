"""Workspaces, and by what each reaches us: its order system, its event endpoint, its API keys."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import TypeAdapter
from sqlalchemy import and_, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher, digest
from db.rows import columns, one
from db.session import NotFound, Session
from db.tables import api_keys, event_endpoints, idempotency_keys, order_accounts, workspaces
from domain.timing import Policy

PLATFORM = "-"
"""The platform's own workspace: its texts are the presets of the shared account (R7.10), and it owns what is sent to
people of whom no seller, or more than one, may know. No slug of the order system looks like this."""

IDEMPOTENCY_KEPT = timedelta(days=7)
"""How long the same key gets the same answer (S5)."""

_ABANDONED_AFTER = timedelta(minutes=1)  # a claim whose process died; no request of ours takes that long
_OPEN = 503  # stands for an answer that was trouble of ours: never replayed, the same request goes on
_LAST_USED_EVERY = timedelta(minutes=1)
_KEY_PREFIX = "esb"
_POLICY = TypeAdapter(Policy)


@dataclass(frozen=True, slots=True)
class Workspace:
    """One seller's tenant; its id is the order system's slug."""

    id: str
    name: str
    brand: str
    policy: Policy = field(default_factory=Policy)
    default_language: str = "en"


@dataclass(frozen=True, slots=True)
class OrderAccount:
    """What a workspace calls its order system with."""

    workspace_id: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventEndpoint:
    """Where a workspace wants our events, and what they are signed with."""

    workspace_id: str
    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was presented and is valid."""

    public_id: str
    workspace_id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an idempotency key means for the request that carries it.

    Attributes:
        kind: "new": go on; "replay": give the answer again; "conflict": the key belongs to another request;
            "in_progress": the same request is being handled now.
        status: The answer's status, for a replay.
        body: The answer's body, for a replay.
    """

    kind: Literal["new", "replay", "conflict", "in_progress"]
    status: int = 0
    body: str = ""


async def find_workspace(session: Session, workspace_id: str) -> Workspace | None:
    """Return a workspace, if there is one of this id."""
    statement = select(*columns(workspaces, Workspace)).where(workspaces.c.id == workspace_id)
    return await one(session, statement, _workspace)


async def get_workspace(session: Session, workspace_id: str) -> Workspace:
    """Return a workspace.

    Raises:
        NotFound: There is none of this id.
    """
    found = await find_workspace(session, workspace_id)
    if found is None:
        raise NotFound(f"workspace {workspace_id}")
    return found


async def list_workspaces(session: Session) -> tuple[Workspace, ...]:
    """Return every workspace; for ops only."""
    rows = (await session.execute(select(*columns(workspaces, Workspace)).order_by(workspaces.c.id))).all()
    return tuple(_workspace(**row._asdict()) for row in rows)


async def ensure_platform(session: Session) -> Workspace:
    """Return the platform as a workspace; made with the presets where nobody has set it up."""
    found = await find_workspace(session, PLATFORM)
    if found is not None:
        return found
    values = {
        "id": PLATFORM,
        "name": "Platform",
        "brand": "",
        "policy": _POLICY.dump_python(Policy(), mode="json"),
    }
    await session.execute(insert(workspaces).values(values).on_conflict_do_nothing())
    return await get_workspace(session, PLATFORM)


async def add_workspace(session: Session, workspace: Workspace) -> None:
    """Add a workspace, or bring the one of this id up to date."""
    values = {
        "id": workspace.id,
        "name": workspace.name,
        "brand": workspace.brand,
        "policy": _POLICY.dump_python(workspace.policy, mode="json"),
        "default_language": workspace.default_language,
    }
    statement = insert(workspaces).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def save_order_account(
    session: Session, cipher: Cipher, account: OrderAccount, *, webhook_secret: str
) -> None:
    """Keep what a workspace's order system is called with and what its webhooks carry.

    A new webhook secret leaves the one before it valid, until the next change (S1).
    """
    workspace_id = account.workspace_id
    values = {
        "client_id": account.client_id,
        "client_secret_sealed": cipher.seal_credential(
            account.client_secret, context=_context("order_accounts", workspace_id, "client_secret")
        ),
        "refresh_token_sealed": cipher.seal_credential(
            account.refresh_token, context=_context("order_accounts", workspace_id, "refresh_token")
        ),
        "webhook_secret_hash": digest(webhook_secret),
    }
    current = order_accounts.c.webhook_secret_hash
    statement = insert(order_accounts).values(workspace_id=workspace_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id"],
            set_=values
            | {
                "previous_webhook_secret_hash": case(
                    (current == values["webhook_secret_hash"], order_accounts.c.previous_webhook_secret_hash),
                    else_=current,
                )
            },
        )
    )


async def get_order_account(session: Session, cipher: Cipher, workspace_id: str) -> OrderAccount:
    """Return what a workspace's order system is called with.

    Raises:
        NotFound: The workspace has no order system.
    """
    statement = select(
        order_accounts.c.client_id,
        order_accounts.c.client_secret_sealed,
        order_accounts.c.refresh_token_sealed,
    ).where(order_accounts.c.workspace_id == workspace_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"order account of workspace {workspace_id}")
    return OrderAccount(
        workspace_id,
        row.client_id,
        cipher.open_credential(
            row.client_secret_sealed, context=_context("order_accounts", workspace_id, "client_secret")
        ),
        cipher.open_credential(
            row.refresh_token_sealed, context=_context("order_accounts", workspace_id, "refresh_token")
        ),
    )


async def order_webhook_is_authentic(session: Session, workspace_id: str, presented: str) -> bool:
    """Tell whether a webhook carries its workspace's secret, current or previous; in constant time."""
    statement = select(
        order_accounts.c.webhook_secret_hash, order_accounts.c.previous_webhook_secret_hash
    ).where(order_accounts.c.workspace_id == workspace_id)
    row = (await session.execute(statement)).one_or_none()
    return is_one_of(presented, tuple(row) if row is not None else ())


async def save_event_endpoint(session: Session, cipher: Cipher, endpoint: EventEndpoint) -> None:
    """Keep where a workspace wants our events."""
    context = _context("event_endpoints", endpoint.workspace_id, "secret")
    values = {
        "url": endpoint.url,
        "secret_sealed": cipher.seal_credential(endpoint.secret, context=context),
    }
    statement = insert(event_endpoints).values(workspace_id=endpoint.workspace_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id"], set_=values))


async def find_event_endpoint(session: Session, cipher: Cipher, workspace_id: str) -> EventEndpoint | None:
    """Return where a workspace wants our events, if it wants them."""
    statement = select(event_endpoints.c.url, event_endpoints.c.secret_sealed).where(
        event_endpoints.c.workspace_id == workspace_id
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    context = _context("event_endpoints", workspace_id, "secret")
    return EventEndpoint(workspace_id, row.url, cipher.open_credential(row.secret_sealed, context=context))


async def add_api_key(
    session: Session,
    workspace_id: str,
    *,
    scopes: Sequence[str] = ("cases",),
    expires_at: datetime | None = None,
    key: str | None = None,
) -> str:
    """Add an API key and return it: it is shown this once and kept as a hash (S5).

    Args:
        session: The transaction.
        workspace_id: Whose key it is.
        scopes: What it may be used for.
        expires_at: When it ends; None for never.
        key: A key to use instead of a new one, so that seeding can be repeated.

    Raises:
        ValueError: The given key has not the form of a key.
    """
    key = key or f"{_KEY_PREFIX}_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    parts = _key_parts(key)
    if parts is None:
        raise ValueError("an API key has the form esb_<public id>_<secret>")
    public_id, secret = parts
    values = {"secret_hash": digest(secret), "scopes": list(scopes), "expires_at": expires_at}
    statement = insert(api_keys).values(public_id=public_id, workspace_id=workspace_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["public_id"], set_=values, where=api_keys.c.workspace_id == workspace_id
        )
    )
    return key


async def find_api_key(session: Session, presented: str, now: datetime) -> ApiKey | None:
    """Return whose valid API key was presented, if it is one; its last use is noted once a minute."""
    parts = _key_parts(presented)
    if parts is None:
        return None
    public_id, secret = parts
    statement = select(
        api_keys.c.workspace_id,
        api_keys.c.secret_hash,
        api_keys.c.scopes,
        api_keys.c.expires_at,
        api_keys.c.last_used_at,
    ).where(api_keys.c.public_id == public_id)
    row = (await session.execute(statement)).one_or_none()
    if not is_one_of(secret, (row.secret_hash,) if row is not None else ()) or row is None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if row.last_used_at is None or row.last_used_at + _LAST_USED_EVERY <= now:
        await session.execute(
            update(api_keys).where(api_keys.c.public_id == public_id).values(last_used_at=now)
        )
    return ApiKey(public_id, row.workspace_id, tuple(row.scopes))


async def claim_idempotency_key(
    session: Session, workspace_id: str, key: str, request_hash: bytes, now: datetime
) -> Claim:
    """Claim an idempotency key for one request; of several at once, one is "new" (I13)."""
    table = idempotency_keys
    fresh = {
        "request_hash": request_hash,
        "claimed_at": now,
        "status": None,
        "body": None,
    }
    is_abandoned = and_(table.c.status.is_(None), table.c.claimed_at < now - _ABANDONED_AFTER)
    forgotten = or_(
        table.c.claimed_at < now - IDEMPOTENCY_KEPT,
        and_(table.c.request_hash == request_hash, or_(is_abandoned, table.c.status == _OPEN)),
    )
    statement = insert(table).values(workspace_id=workspace_id, key=key, **fresh)
    claimed = await session.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "key"], set_=fresh, where=forgotten
        ).returning(table.c.key)
    )
    if claimed.one_or_none() is not None:
        return Claim("new")
    found = select(table.c.request_hash, table.c.status, table.c.body).where(
        table.c.workspace_id == workspace_id, table.c.key == key
    )
    row = (await session.execute(found)).one_or_none()
    if row is None or row.request_hash == request_hash:
        if row is None or row.status in (None, _OPEN):  # forgotten or opened since the claim was tried
            return Claim("in_progress")
        return Claim("replay", row.status, row.body)
    return Claim("conflict")


async def save_idempotent_answer(
    session: Session, workspace_id: str, key: str, status: int, body: str
) -> None:
    """Keep the answer that the same request is to get again; it must hold nothing personal."""
    table = idempotency_keys
    await session.execute(
        update(table)
        .where(table.c.workspace_id == workspace_id, table.c.key == key)
        .values(status=status, body=body)
    )


async def release_idempotency_key(session: Session, workspace_id: str, key: str) -> None:
    """Open a claimed key to the same request, and to no other: this one failed, and may have had its effect."""
    table = idempotency_keys
    await session.execute(
        update(table)
        .where(table.c.workspace_id == workspace_id, table.c.key == key, table.c.status.is_(None))
        .values(status=_OPEN)
    )


async def forget_idempotency_keys(session: Session, now: datetime) -> int:
    """Delete the keys that are older than they are kept, and return how many; the sweep's hourly cleaning."""
    table = idempotency_keys
    statement = delete(table).where(table.c.claimed_at < now - IDEMPOTENCY_KEPT).returning(table.c.key)
    return len((await session.execute(statement)).all())


def is_one_of(presented: str, hashes: Sequence[bytes | None]) -> bool:
    """Tell whether a presented token has one of the stored hashes, in a time that does not tell which."""
    candidate = digest(presented)
    matches = [hmac.compare_digest(candidate, known or b"") for known in (*hashes, None)]
    return any(matches)


def _workspace(*, policy: object, **values: str) -> Workspace:
    return Workspace(policy=_POLICY.validate_python(policy), **values)


def _key_parts(key: str) -> tuple[str, str] | None:
    """Return public id and secret of an API key, or None for anything else."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != _KEY_PREFIX or not parts[1] or not parts[2]:  # noqa: PLR2004 - the form's three parts
        return None
    return parts[1], parts[2]


def _context(table: str, workspace_id: str, column: str) -> str:
    return f"{table}/{workspace_id}/{column}"
