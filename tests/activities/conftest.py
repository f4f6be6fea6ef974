"""One seller with everything that sending and acting need, in a real database, at a time that stands still."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import pytest
from temporalio.testing import ActivityEnvironment

from activities.carriers import Carriers
from activities.cases import Cases
from activities.messages import Messages
from activities.outgoing_events import OutgoingEvents
from activities.values import (
    ActionResult,
    MessageResult,
    SendSessionTask,
    SendTemplateTask,
    Snapshot,
    TakeActionTask,
)
from db import (
    accounts,
    billing,
    cases,
    customers,
    installations,
    messages,
    notifications,
    outgoing_events,
    references,
    timeline,
    workspaces,
)
from db.encryption import Cipher, digest
from db.session import Database, Session
from domain.case_events import ActionRequest, Note, Purpose, SendSession, SendTemplate, TakeAction
from domain.case_state import CaseFacts, Progress
from domain.timing import Policy
from domain.wording import SessionMessage
from tests.factories import NOW, PHONE, app_account, case_facts, workspace
from tests.fakes import FakeCarrier, FakeGupshup, FakeWebhook

_Result = TypeVar("_Result")

NOTIFICATION = notifications.Notification(
    workspace_id="kapaskraft",
    account_id="account-1",
    event="failed_delivery",
    language="en",
    template_id="template-1",
    template_name="delivery_failed_v3",
    category="UTILITY",
    body="Hi {{1}}, we could not deliver {{2}}.",
    buttons=(
        notifications.Button("Try again", "reattempt"),
        notifications.Button("See all options", "options"),
    ),
    params=(notifications.Param("customer_name", "there"), notifications.Param("product_title")),
    is_on=True,
)


class Died(Exception):
    """The process ended here."""


class MortalDatabase(Database):
    """A database whose user dies at a chosen point.

    Attributes:
        dies: The transaction, counted from 1, and whether it is lost or still committed; None to live.
    """

    def __init__(self, real: Database) -> None:
        """Stand before a real database."""
        self._real = real
        self._count = 0
        self.dies: tuple[int, Literal["before", "after"]] | None = None

    @asynccontextmanager
    async def transaction(self, workspace_id: str | None = None) -> AsyncIterator[Session]:
        """Open a transaction, perhaps the last one."""
        self._count += 1
        async with self._real.transaction(workspace_id) as session:
            yield session
            if self.dies == (self._count, "before"):
                raise Died
        if self.dies == (self._count, "after"):
            raise Died


class Shop:
    """A seller's workspace, one case of it, and the activities around."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        """Put the activities together; `open` fills the database."""
        self.database = MortalDatabase(database)
        self.cipher = cipher
        self.now: datetime = NOW
        self.facts: CaseFacts = case_facts()
        self.gupshup = FakeGupshup()
        self.carrier = FakeCarrier()
        self.webhook = FakeWebhook()
        self.messages = Messages(
            gupshup=self.gupshup, database=self.database, cipher=cipher, clock=lambda: self.now
        )
        self.carriers = Carriers(
            carriers={"eshopbox": self.carrier},
            database=self.database,
            cipher=cipher,
            clock=lambda: self.now,
        )
        self.cases = Cases(database=self.database, cipher=cipher, clock=lambda: self.now)
        self.events = OutgoingEvents(
            webhook=self.webhook, database=self.database, cipher=cipher, clock=lambda: self.now
        )
        self._real = database

    async def open(self) -> None:
        """Install the shared account, switch the notification on, set a price and open the case."""
        order_account = workspaces.OrderAccount("kapaskraft", "client-1", "secret-1", "refresh-1")
        async with self._real.transaction() as session:
            await workspaces.add_workspace(session, workspace())
            await workspaces.save_order_account(
                session, self.cipher, order_account, webhook_secret="hook-secret-1"
            )
            await accounts.save_account(
                session,
                self.cipher,
                app_account(),
                api_key="key-1",
                webhook_token="token-1",
                header_secret=None,
            )
            await installations.install(session, "kapaskraft", "account-1", NOW)
            await notifications.save_notification(session, NOTIFICATION)
            for category, paise in (("utility", 35), ("service", 5)):
                await billing.set_price(session, category, paise, valid_from=NOW - timedelta(days=30))
        await self.open_case(self.facts)

    async def open_case(self, facts: CaseFacts) -> None:
        """Make this the case that is acted for."""
        self.facts = facts
        async with self._real.transaction() as session:
            await cases.add_case(
                session, self.cipher, facts, Policy(), deadline_at=NOW + timedelta(hours=24), now=NOW
            )

    async def change(self, work: Callable[[Session], Awaitable[_Result]]) -> _Result:
        """Do something in a transaction of its own."""
        async with self._real.transaction() as session:
            return await work(session)

    def snapshot(self, *notes: Note, **progress: str) -> Snapshot:
        """Return the case as it stands."""
        stand = Progress(**({"state": "waiting", "waits_for": "the customer's choice"} | progress))  # type: ignore[arg-type]
        return Snapshot("kapaskraft", self.facts.case_id, stand, notes)

    def command_id(self, number: int = 1) -> str:
        """Return the id of a command of the case."""
        return f"{self.facts.case_id}/{number}"

    async def send_template(
        self, number: int = 1, *, purpose: Purpose = Purpose.FAILED_DELIVERY, attempt: int = 1
    ) -> MessageResult:
        """Run the activity."""
        task = SendTemplateTask(self.snapshot(), SendTemplate(self.command_id(number), purpose))
        return await self._run(self.messages.send_template, task, attempt)

    async def send_session(
        self, message: SessionMessage, number: int = 1, *, attempt: int = 1
    ) -> MessageResult:
        """Run the activity."""
        task = SendSessionTask(
            self.snapshot(), SendSession(self.command_id(number), Purpose.QUESTION, message)
        )
        return await self._run(self.messages.send_session, task, attempt)

    async def take_action(self, request: ActionRequest, *, attempt: int = 1) -> ActionResult:
        """Run the activity."""
        task = TakeActionTask(self.snapshot(state="acting"), TakeAction(request.id, request))
        return await self._run(self.carriers.take_action, task, attempt)

    async def customer_wrote(self, at: datetime = NOW) -> None:
        """Open the 24 h window."""
        hashed = self.cipher.phone_hash(PHONE)
        await self.change(lambda session: customers.note_inbound(session, "account-1", hashed, at))

    async def stored_messages(self) -> tuple[messages.Message, ...]:
        """Return the case's messages."""
        return await self.change(
            lambda session: messages.list_for_case(session, "kapaskraft", self.facts.case_id)
        )

    async def stored_usage(self) -> tuple[billing.Usage, ...]:
        """Return the workspace's usage."""
        around = timedelta(days=30)
        return await self.change(
            lambda session: billing.list_usage(session, "kapaskraft", since=NOW - around, until=NOW + around)
        )

    async def reference(self, token: str) -> references.FoundReference | None:
        """Return what a tap with this token refers to."""
        return await self.change(lambda session: references.find_reference(session, digest(token)))

    async def want_events(self) -> None:
        """Give the workspace an address for events."""
        endpoint = workspaces.EventEndpoint(
            "kapaskraft", "https://seller.example/events", "whsec_c2VjcmV0LXNlY3JldA=="
        )
        await self.change(lambda session: workspaces.save_event_endpoint(session, self.cipher, endpoint))

    async def events_told(self) -> tuple[outgoing_events.OutgoingEvent, ...]:
        """Return what the workspace is told, newest first."""
        return await self.change(lambda session: outgoing_events.list_events(session, self.cipher, limit=100))

    async def event(self, event_id: str) -> outgoing_events.OutgoingEvent:
        """Return an event for the workspace's URL."""
        return await self.change(
            lambda session: outgoing_events.get_event(session, self.cipher, "kapaskraft", event_id)
        )

    async def topics(self) -> list[str]:
        """Return what is on the order's activity, oldest first."""
        order_id = self.facts.failure.order_id
        found = await self.change(
            lambda session: timeline.list_entries(session, self.cipher, "kapaskraft", order_id)
        )
        return [shown.entry.topic for shown in reversed(found)]

    async def _run(self, method: Callable[..., Awaitable[_Result]], task: object, attempt: int) -> _Result:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return await environment.run(method, task)


@pytest.fixture
async def shop(database: Database, cipher: Cipher) -> Shop:
    """A shop that can send and act."""
    opened = Shop(database, cipher)
    await opened.open()
    return opened
