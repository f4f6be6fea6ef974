"""What really happened, as plain values: both stand-ins' ledgers, and the database read by SQL of its own.

Reading is here, comparing in `tests.e2e.ledgers`. Nothing is read through `db`, so that a mistake there cannot hide itself;
only its cipher is used, to open what is sealed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import httpx

from db.encryption import Cipher

Json = Mapping[str, Any]
_T = TypeVar("_T")

_ATTEMPT = re.compile(r"attempt (\d+)")


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the player made, and whose it is."""

    workspace: str
    order_id: str
    shipment_id: str
    tracking_id: str
    phone: str


@dataclass(frozen=True, slots=True)
class Act:
    """What our API answered to a seller who acted by hand."""

    case_id: str
    what: str
    action: str
    is_done: bool


# --- Gupshup's ledger ---


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that Gupshup accepted; `answered` is False where the sender was never told so."""

    id: str
    app: str
    phone: str
    at: datetime
    is_session: bool
    form: str
    text: str
    status: str
    code: str
    answered: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """A callback of Gupshup's, with all its repeats; `taken_at` is None while no repeat was answered 2xx."""

    app: str
    body: Json
    at: datetime
    taken_at: datetime | None


# --- The order system's ledger ---


@dataclass(frozen=True, slots=True)
class Asked:
    """An action that the order system was asked for. The attempt is the one that our remark names."""

    workspace: str
    tracking_id: str
    attempt: int
    at: datetime
    code: str
    on: str
    has_address: bool
    accepted: bool
    answered: bool
    id: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """An event of a shipment that the order system reported, with all its repeats."""

    workspace: str
    shipment_id: str
    event: str
    attempt: int
    body: Json
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Received:
    """An event of ours that a workspace's address received."""

    workspace: str
    id: str
    type: str
    case_id: str
    is_taken: bool


# --- The database ---


@dataclass(frozen=True, slots=True)
class MessageRow:
    id: str
    workspace: str
    case_id: str | None
    account: str
    order_id: str
    kind: str
    purpose: str
    command_id: str
    status: str
    gupshup_id: str | None
    code: str
    sending_at: datetime
    phone: str
    text: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    message_id: str
    workspace: str
    account: str
    order_id: str
    outcome: str
    price_paise: int
    charged_paise: int


@dataclass(frozen=True, slots=True)
class StatusRow:
    message_id: str
    status: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    id: str
    workspace: str
    order_id: str
    shipment_id: str
    tracking_id: str
    attempt: int
    visit: int
    account: str
    outcome: str
    accepted_action: str
    accepted_on: date | None
    opened_at: datetime
    ended_at: datetime | None
    phone: str


@dataclass(frozen=True, slots=True)
class ActionRow:
    id: str
    case_id: str
    action: str
    mode: str
    status: str
    answer: str


@dataclass(frozen=True, slots=True)
class EntryRow:
    workspace: str
    order_id: str
    case_id: str | None
    kind: str
    topic: str
    key: str


@dataclass(frozen=True, slots=True)
class InboxRow:
    id: int
    source: str
    owner: str
    state: str
    note: str
    received_at: datetime
    finished_at: datetime | None
    body: Json


@dataclass(frozen=True, slots=True)
class OutgoingRow:
    id: str
    workspace: str
    type: str
    is_delivered: bool
    case_id: str


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """What a tap refers to; the token itself is on the phone only."""

    token_hash: str
    case_id: str | None
    choice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is compared.

    Attributes:
        seed: With which it can be played again.
        accounts: Our id of each account by the name of its app.
        deaths: How many programs of ours were killed. Whoever was answered may then have died before knowing it.
        running: Runs that Temporal still has open.
        troubles: What went wrong while playing, in words.
    """

    seed: int = 0
    deaths: int = 0
    accounts: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    acts: tuple[Act, ...] = ()
    sent: tuple[Sent, ...] = ()
    posted: tuple[Posted, ...] = ()
    asked: tuple[Asked, ...] = ()
    reported: tuple[Reported, ...] = ()
    received: tuple[Received, ...] = ()
    messages: tuple[MessageRow, ...] = ()
    usage: tuple[UsageRow, ...] = ()
    statuses: tuple[StatusRow, ...] = ()
    cases: tuple[CaseRow, ...] = ()
    actions: tuple[ActionRow, ...] = ()
    timeline: tuple[EntryRow, ...] = ()
    inbox: tuple[InboxRow, ...] = ()
    outgoing: tuple[OutgoingRow, ...] = ()
    references: tuple[ReferenceRow, ...] = ()
    running: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def canonical(body: Json) -> str:
    """Return a body in the one form in which equal bodies are equal."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def token_hash(token: str) -> str:
    """Return the hash under which a reference is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


async def read_gupshup(
    http: httpx.AsyncClient, address: str, apps_by_token: Mapping[str, str]
) -> tuple[tuple[Sent, ...], tuple[Posted, ...]]:
    """Read what Gupshup's stand-in accepted and posted."""
    ledger = (await http.get(f"{address}/control/ledger")).raise_for_status().json()
    messages = (await http.get(f"{address}/control/messages")).raise_for_status().json()
    shown = {message["message_id"]: message for message in messages}
    sent = tuple(
        Sent(
            id=row["message_id"],
            app=row["app"],
            phone=row["destination"],
            at=_at(row["at"]),
            is_session=not row["path"].endswith("/template/msg"),
            form=json.dumps(row["form"], ensure_ascii=False),
            text=shown[row["message_id"]]["text"],
            status=shown[row["message_id"]]["status"],
            code=str(shown[row["message_id"]]["code"] or ""),
            answered=row["outcome"] == "accepted",
        )
        for row in ledger["requests"]
        if row["message_id"]
    )
    posted: dict[tuple[str, str], Posted] = {}
    for row in ledger["callbacks"]:
        app = apps_by_token[row["url"].rpartition("/")[2]]
        key = (app, canonical(row["body"]))
        at = _at(row["at"])
        is_taken = row["status"] is not None and httpx.codes.is_success(row["status"])
        taken_at = at + timedelta(milliseconds=row["ms"]) if is_taken else None
        known = posted.get(key)
        if known is not None:
            taken_at = min(filter(None, (known.taken_at, taken_at)), default=None)
            at = min(at, known.at)
        posted[key] = Posted(app, row["body"], at, taken_at)
    return sent, tuple(posted.values())


async def read_order_system(
    http: httpx.AsyncClient, address: str
) -> tuple[tuple[Asked, ...], tuple[Reported, ...], tuple[Received, ...]]:
    """Read what the order system's stand-in was asked, reported and received."""
    ledger = (await http.get(f"{address}/control/ledger")).raise_for_status().json()
    asked = tuple(
        Asked(
            workspace=row["workspace"] or "",
            tracking_id=row["trackingId"] or "",
            attempt=int(found[1]) if (found := _ATTEMPT.search(row["body"].get("remarks", ""))) else 0,
            at=_at(row["at"]),
            code=row["body"].get("resolutionCode", ""),
            on=row["body"].get("deferredDate", ""),
            has_address="shippingDetails" in row["body"],
            accepted=row["accepted"],
            answered=row["answered"],
            id=row["id"] or "",
        )
        for row in ledger["resolutions"]
    )
    reported: dict[str, Reported] = {}
    for row in ledger["webhooks"]:
        key = canonical(row["body"])
        is_taken = row["status"] is not None and httpx.codes.is_success(row["status"])
        reported[key] = Reported(
            workspace=row["workspace"],
            shipment_id=row["shipment_id"],
            event=row["event"],
            attempt=int(row["body"]["response_data"].get("attemptCount", 0)),
            body=row["body"],
            is_taken=is_taken or (key in reported and reported[key].is_taken),
        )
    received = tuple(
        Received(
            workspace=row["workspace"],
            id=row["headers"].get("webhook-id", ""),
            type=row["body"]["type"],
            case_id=row["body"]["data"]["case_id"],
            is_taken=httpx.codes.is_success(row["http_status"]),
        )
        for row in ledger["events"]
    )
    return asked, tuple(reported.values()), received


async def read_database(url: str, cipher: Cipher, phones: Iterable[str]) -> dict[str, Any]:
    """Read the tables as their owner; the names are those of `Evidence`."""
    by_hash = {cipher.phone_hash(phone): phone for phone in phones}
    connection = await asyncpg.connect(url)
    try:

        async def rows(kind: type[_T], query: str) -> tuple[_T, ...]:
            return tuple(kind(**_opened(dict(row))) for row in await connection.fetch(query))

        def _opened(row: dict[str, Any]) -> dict[str, Any]:
            """Put what a row has sealed or hashed in readable form beside the rest."""
            if (hashed := row.pop("phone_hash", None)) is not None:
                row["phone"] = by_hash.get(bytes(hashed), "")
            if (sealed := row.pop("content_sealed", None)) is not None:
                content = json.loads(cipher.open(bytes(sealed), context=f"messages/{row['id']}/content"))
                row["text"] = content["body"]
            if (sealed := row.pop("body_sealed", None)) is not None:
                context = f"inbox/{row['source']}/{row['owner']}/{row.pop('event_key')}"
                row["body"] = json.loads(cipher.open(bytes(sealed), context=context))
            if (sealed := row.pop("data_sealed", None)) is not None:
                context = f"outgoing_events/{row['workspace']}/{row['id']}/data"
                row["case_id"] = json.loads(cipher.open(bytes(sealed), context=context))["case_id"]
            return row

        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                "accounts": dict(await connection.fetch("SELECT app_name, id FROM app_accounts")),
                "messages": await rows(
                    MessageRow,
                    "SELECT id::text, workspace_id AS workspace, case_id::text, account_id AS account, order_id, kind,"
                    " purpose, command_id, status, gupshup_message_id AS gupshup_id, code, sending_at, phone_hash,"
                    " content_sealed FROM messages ORDER BY sending_at",
                ),
                "usage": await rows(
                    UsageRow,
                    "SELECT message_id::text, workspace_id AS workspace, account_id AS account, order_id, outcome,"
                    " price_paise, (CASE WHEN is_charged THEN price_paise ELSE 0 END + coalesce((SELECT sum(amount_paise)"
                    " FROM adjustments WHERE adjustments.message_id = usage.message_id), 0))::int AS charged_paise"
                    " FROM usage",
                ),
                "statuses": await rows(StatusRow, "SELECT message_id::text, status FROM message_statuses"),
                "cases": await rows(
                    CaseRow,
                    "SELECT id::text, workspace_id AS workspace, order_id, shipment_id, tracking_id, attempt, visit,"
                    " account_id AS account, outcome, accepted_action, accepted_on, opened_at, ended_at, phone_hash"
                    " FROM cases ORDER BY opened_at",
                ),
                "actions": await rows(
                    ActionRow, "SELECT id, case_id::text, action, mode, status, answer FROM actions"
                ),
                "timeline": await rows(
                    EntryRow,
                    "SELECT workspace_id AS workspace, order_id, case_id::text, kind, topic, key FROM timeline",
                ),
                "inbox": await rows(
                    InboxRow,
                    "SELECT id, source, owner_id AS owner, event_key, state, note, received_at, finished_at,"
                    " body_sealed FROM inbox ORDER BY id",
                ),
                "outgoing": await rows(
                    OutgoingRow,
                    "SELECT id::text, workspace_id AS workspace, type, delivered_at IS NOT NULL AS is_delivered,"
                    " data_sealed FROM outgoing_events",
                ),
                "references": await rows(
                    ReferenceRow,
                    "SELECT encode(token_hash, 'hex') AS token_hash, case_id::text, choice FROM reply_references",
                ),
            }
    finally:
        await connection.close()


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
