"""A seller's world in a real database: workspaces, a shared account, and callbacks as they are stored."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select

from clients.carriers.eshopbox import parse_order_event
from clients.gupshup import parse_callback
from db import (
    accounts,
    cases,
    inbox,
    installations,
    messages,
    notifications,
    statuses,
    tables,
    timeline,
    workspaces,
)
from db.cases import CaseRow
from db.encryption import Cipher, digest
from db.messages import Message
from db.outgoing_events import OutgoingEvent, list_events
from db.references import Reference, add_references
from db.session import Database
from db.timeline import Entry
from domain.case_state import Progress
from domain.cases import Outcome
from domain.messages import MessageStatus
from domain.shipments import FailedDelivery
from intake.inbox import Intake
from intake.shipments import Report
from tests.factories import NOW, PHONE, app_account, new_message, workspace
from tests.fakes import FakeWorkflows

SAMPLES = Path(__file__).parents[1] / "payloads"
ACCOUNT = "account-1"
APP_ID = "6b1f0f0e-2c55-4d0b-9f0a-5f7d2f6f1a10"
GUPSHUP_ID = "b6c2d1e4-7a3f-4c55-8e21-0f9d8c7b6a51"
TEMPLATE = "4d1f7a90-3b2c-4e5d-8f6a-9b0c1d2e3f47"
TOKEN = "callback-token-of-account-1"
SECRET = "header-secret-of-account-1"
ORDER_SECRET = "order-secret-of-"
_numbers = count(1)


@dataclass
class Clock:
    """A time that tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **units: float) -> None:
        """Let time pass."""
        self.now += timedelta(**units)


@dataclass
class Stage:
    """Intake over a real database and runs that only remember."""

    database: Database
    cipher: Cipher
    workflows: FakeWorkflows = field(default_factory=FakeWorkflows)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.intake = self.new_intake()

    def new_intake(self) -> Intake:
        """Return intake as another process has it."""
        return Intake(database=self.database, cipher=self.cipher, workflows=self.workflows, clock=self.clock)

    async def furnish(self) -> None:
        """Set up two workspaces on one shared account, the notification switched on."""
        account = app_account(app_name="ExampleStore", app_id=APP_ID)
        async with self.database.transaction() as session:
            await accounts.save_account(
                session, self.cipher, account, api_key="key", webhook_token=TOKEN, header_secret=SECRET
            )
            for slug in ("kapaskraft", "nakshi"):
                await workspaces.add_workspace(session, workspace(id=slug, name=slug, brand=slug.title()))
                await workspaces.save_order_account(
                    session,
                    self.cipher,
                    workspaces.OrderAccount(slug, "client", "secret", "refresh"),
                    webhook_secret=ORDER_SECRET + slug,
                )
                await installations.install(session, slug, ACCOUNT, self.clock())
        for slug in ("kapaskraft", "nakshi"):
            await self.switch(slug, on=True)

    async def switch(self, slug: str, *, on: bool) -> None:
        """Switch the failed-delivery notification."""
        notification = notifications.Notification(
            slug, ACCOUNT, "failed_delivery", "en", TEMPLATE, "delivery_failed_v3", "UTILITY", is_on=on
        )
        async with self.database.transaction() as session:
            await notifications.save_notification(session, notification)

    async def want_events(self, slug: str = "kapaskraft") -> None:
        """Give a workspace an address for events."""
        endpoint = workspaces.EventEndpoint(
            slug, "https://seller.example/events", "whsec_c2VjcmV0LXNlY3JldA=="
        )
        async with self.database.transaction() as session:
            await workspaces.save_event_endpoint(session, self.cipher, endpoint)

    async def events_told(self) -> tuple[OutgoingEvent, ...]:
        """Return what workspaces are told, newest first."""
        async with self.database.transaction() as session:
            return await list_events(session, self.cipher, limit=100)

    async def attention(self, slug: str = "kapaskraft") -> str:
        """Return why a notification is held."""
        async with self.database.transaction() as session:
            found = await notifications.find_notification(session, slug, ACCOUNT, "failed_delivery", "en")
        assert found is not None
        return found.attention

    async def open(self, failed: FailedDelivery, *, is_run: bool = True) -> CaseRow:
        """Open a case, and start its run."""
        self.workflows.is_down, was_down = not is_run, self.workflows.is_down
        report: Report = await self.intake.report(failed.workspace_id, failed)
        self.workflows.is_down = was_down
        assert report.case is not None
        return report.case

    async def end(
        self, row: CaseRow, outcome: Outcome, *, accepted: str = "", run_is_over: bool = True
    ) -> None:
        """End a case as its run would."""
        progress = Progress("ended", "nothing", None, outcome.value, "", accepted)
        async with self.database.transaction() as session:
            await cases.end_case(session, row.workspace_id, row.id, progress, ended_at=self.clock())
        if run_is_over:
            self.workflows.ended.update(
                ref
                for ref in self.workflows.started
                if ref.shipment_id == row.shipment_id and ref.attempt == row.attempt
            )

    async def send(
        self,
        row: CaseRow,
        *,
        references: Mapping[str, tuple[str, str]] | None = None,
        status: MessageStatus = MessageStatus.SUBMITTED,
        gupshup_id: str | None = None,
        **changes: Any,
    ) -> Message:
        """Send a case's message, with what can be tapped: token -> (choice, title)."""
        values = {
            "workspace_id": row.workspace_id,
            "case_id": row.id,
            "order_id": row.order_id,
            "shipment_id": row.shipment_id,
            "command_id": f"{row.id}/1",
            "template_id": TEMPLATE,
            "now": self.clock(),
        }
        async with self.database.transaction() as session:
            message = await messages.add_message(session, self.cipher, new_message(**(values | changes)))
            await add_references(
                session,
                workspace_id=row.workspace_id,
                case_id=row.id,
                message_id=message.id,
                references=[
                    Reference(digest(token), choice, title)
                    for token, (choice, title) in (references or {}).items()
                ],
            )
            return await statuses.record_outcome(
                session, message.id, status=status, now=self.clock(), gupshup_message_id=gupshup_id
            )

    async def callback(self, body: dict[str, Any], *, account_id: str = ACCOUNT) -> int:
        """Store a callback's first event and handle it; return its number."""
        inbox_id = await self.store(body, account_id=account_id)
        await self.intake.handle(inbox_id)
        return inbox_id

    async def store(self, body: dict[str, Any], *, account_id: str = ACCOUNT) -> int:
        """Store a callback's first event as the webhook does."""
        raw = json.dumps(body).encode()
        return await self._store("gupshup", account_id, parse_callback(raw).events[0].event_key, raw)

    async def order_event(self, body: dict[str, Any], *, workspace_id: str = "kapaskraft") -> int:
        """Store an event of the order system and handle it."""
        raw = json.dumps(body).encode()
        key = parse_order_event(raw, received_at=self.clock()).event_key
        inbox_id = await self._store("order_system", workspace_id, key, raw)
        await self.intake.handle(inbox_id)
        return inbox_id

    async def _store(self, source: Any, owner_id: str, key: str, raw: bytes) -> int:
        async with self.database.transaction() as session:
            inbox_id, _ = await inbox.store(
                session,
                self.cipher,
                source=source,
                owner_id=owner_id,
                event_key=key,
                body=raw,
                position=0,
                now=self.clock(),
            )
        return inbox_id

    async def came_to(self, inbox_id: int) -> tuple[str, str]:
        """Return a row's state and note."""
        table = tables.inbox
        async with self.database.transaction() as session:
            row = (
                await session.execute(select(table.c.state, table.c.note).where(table.c.id == inbox_id))
            ).one()
        return row.state, row.note

    async def message(self, message: Message) -> Message:
        """Return a message as it is now."""
        async with self.database.transaction() as session:
            found = await messages.find_message(session, message.id)
        assert found is not None
        return found

    async def activity(self, order_id: str, workspace_id: str = "kapaskraft") -> list[Entry]:
        """Return an order's activity, oldest first."""
        async with self.database.transaction() as session:
            found = await timeline.list_entries(session, self.cipher, workspace_id, order_id)
        return [shown.entry for shown in reversed(found)]

    async def cases(self, workspace_id: str = "kapaskraft") -> list[CaseRow]:
        """Return a workspace's cases, oldest first."""
        async with self.database.transaction() as session:
            rows, _ = await cases.list_cases(session, workspace_id)
        return list(reversed(rows))


def sample(name: str) -> dict[str, Any]:
    """Return a sample of what providers send."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def gupshup(name: str) -> dict[str, Any]:
    """Return a sample of Gupshup's callbacks."""
    return sample(f"gupshup/webhook-{name}")


def as_new(body: dict[str, Any], *, phone: str = PHONE) -> dict[str, Any]:
    """Return an inbound message as another one, of another phone."""
    body = copy.deepcopy(body)
    body["payload"]["id"] = f"wamid.{next(_numbers)}"
    body["payload"]["source"] = body["payload"]["sender"]["phone"] = phone
    return body


def typed(text: str, **options: Any) -> dict[str, Any]:
    """Return a text that a customer types."""
    body = as_new(gupshup("v2-message-text"), **options)
    body["payload"]["payload"] = {"text": text}
    return body
