"""A recorded day of 2,000 events gives exactly the messages, activity, usage and events that are reckoned by hand."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.notifications import Notifications
from activities.values import NotificationTask
from clients.carriers.base import CarrierCredentials, CarrierUnavailable, ShipmentReading
from clients.gupshup import Accepted, Credentials, MediaHeader, Refused, SendOutcome, Unknown
from db import (
    accounts,
    billing,
    customers,
    installations,
    messages,
    notifications,
    suppressions,
    tables,
    workspaces,
)
from db.encryption import Cipher
from db.outgoing_events import list_events
from db.session import Database
from tests.factories import app_account, failed_delivery
from tests.fakes import FakeCarrier, FakeGupshup, FakeWorkflows
from tests.intake.stage import ACCOUNT, Stage
from tests.recorded.day import FIRST_PHONE, INDIA, MIDNIGHT, PHONES, day
from tests.recorded.reckoning import OWN, PRICES, SET_UPS, SHARED, Book, Reckoning, SetUp, story, tracked

SEED, EVENTS = 7, 2000


class Gupshup(FakeGupshup):
    """Answers by the customer's story."""

    def __init__(self) -> None:
        super().__init__()
        self.throttled: set[tuple[str, str]] = set()

    async def send_template(
        self,
        credentials: Credentials,
        *,
        destination: str,
        template_id: str,
        params: Sequence[str],
        postbacks: Sequence[str],
        header: MediaHeader | None = None,  # noqa: ARG002 - part of the real one
    ) -> SendOutcome:
        """Take a template, or not."""
        what = (template_id, "|".join(params) + destination)
        if story(destination) == "throttled" and what not in self.throttled:
            self.throttled.add(what)
            return Refused("429", "Too Many Requests", retryable=True)
        taken = await super().send_template(
            credentials, destination=destination, template_id=template_id, params=params, postbacks=postbacks
        )
        assert isinstance(taken, Accepted)
        if story(destination) == "no answer":
            return Unknown("cut after the request was written")
        if story(destination) == "not on WhatsApp":
            return Refused("400", "Invalid Destination", retryable=False, cls="recipient")
        return taken


class Tracking(FakeCarrier):
    """Knows of some parcels what their events left out."""

    async def read_shipment(
        self,
        credentials: CarrierCredentials,  # noqa: ARG002 - part of the real one
        tracking_id: str,
    ) -> ShipmentReading:
        """Tell it, or never answer."""
        self.reads.append(tracking_id)
        known = tracked(tracking_id)
        if known is None:
            raise CarrierUnavailable("HTTP 503", status=503)
        return ShipmentReading(
            "INTRANSIT",
            is_failed_delivery=False,
            resolution_recorded=False,
            expected_on=known["expected_date"],
            courier_name=known["courier_name"],
        )


class Temporal(FakeWorkflows):
    """Runs each activity that is started, again as long as it may be."""

    notifications: Notifications

    async def send_notification(
        self, task: NotificationTask, *, command_id: str, order_id: str, seconds_left: float
    ) -> None:
        """Run it once."""
        if command_id in self.notified:
            return
        await super().send_notification(
            task, command_id=command_id, order_id=order_id, seconds_left=seconds_left
        )
        assert seconds_left > 0
        for attempt in range(1, 10):
            environment = ActivityEnvironment()
            environment.info = replace(environment.info, attempt=attempt)
            try:
                await environment.run(self.notifications.send, task)
            except ApplicationError as error:
                assert error.type in {"Throttled", "OrderSystemAway"}  # noqa: PT017 - others are raised below
                continue
            return
        raise AssertionError(f"{command_id} never ended")


async def _furnish(stage: Stage) -> None:
    """Set up three sellers and what their customers said before."""
    await stage.furnish()
    row = await stage.open(failed_delivery())
    phones = [f"91{FIRST_PHONE + number}" for number in range(PHONES)]
    own = app_account(id=OWN, owner="client", workspace_id="nakshi", app_name="Nakshi", phone="918047100021")
    async with stage.database.transaction() as session:
        await workspaces.add_workspace(
            session, workspaces.Workspace("nilgiritea", "nilgiritea", "Nilgiritea")
        )
        await accounts.save_account(
            session, stage.cipher, own, api_key="key-2", webhook_token="token-2", header_secret=None
        )
        await installations.uninstall(session, "nakshi", ACCOUNT, person="", now=stage.clock())
        await installations.install(session, "nakshi", OWN, stage.clock())
        for category, paise in PRICES.items():
            await billing.set_price(session, category, paise, valid_from=stage.clock())
        for set_up in SET_UPS:
            await notifications.save_notification(session, _notification(set_up))
        for phone in phones:
            hashed = stage.cipher.phone_hash(phone)
            if story(phone) == "opted out":
                for account in (SHARED, OWN):
                    await customers.set_opt_out(
                        session, account, hashed, opted_out=True, at=stage.clock(), proof=""
                    )
            if story(phone) == "not my order":
                await suppressions.suppress(
                    session, "kapaskraft", hashed, case_id=row.id, since=stage.clock()
                )
    for slug in ("kapaskraft", "nakshi"):
        await stage.switch(slug, on=False)  # a failed delivery is not what is reckoned here
        await stage.want_events(slug)


def _notification(set_up: SetUp) -> notifications.Notification:
    return notifications.Notification(
        set_up.seller,
        set_up.account or {"kapaskraft": SHARED, "nakshi": OWN}[set_up.seller],
        set_up.event,
        set_up.language,
        set_up.template_id,
        category=set_up.category,
        body=set_up.body,
        params=tuple(notifications.Param(*param) for param in set_up.params),
        is_on=set_up.is_on,
        attention=set_up.attention,
    )


async def _play(stage: Stage, lines: Sequence[str]) -> None:
    """Bring a day's callbacks at their times, and sweep every half hour, into the next morning."""
    sweep_at = MIDNIGHT + timedelta(minutes=30)
    for line in lines:
        told = json.loads(line)
        received = datetime.fromisoformat(told["received_at"])
        while received >= sweep_at:
            await _sweep(stage, sweep_at)
            sweep_at += timedelta(minutes=30)
        stage.clock.now = received
        await stage.order_event(told["body"], workspace_id=told["workspace"])
    await _sweep(stage, MIDNIGHT + timedelta(days=1, hours=8, minutes=30))


async def _sweep(stage: Stage, at: datetime) -> None:
    stage.clock.now = at
    while await stage.intake.sweep():
        pass


async def _book(stage: Stage) -> Book:
    """Return what the day came to, as it stands in the database."""
    book = Book()
    message, used, entry = tables.messages.c, tables.usage.c, tables.timeline.c
    async with stage.database.transaction() as session:
        columns = (message.id, message.workspace_id, message.order_id, message.event, message.account_id)
        more = (message.template_id, message.language, message.status)
        for row in await session.execute(select(*columns, *more).where(message.purpose == "notification")):
            said = await messages.get_content(session, stage.cipher, row.workspace_id, row.id)
            book.messages.append((*row[1:7], said.phone, str(said.content["body"]), row.status.value))
        entries = select(entry.workspace_id, entry.order_id, entry.topic, entry.detail)
        for each in await session.execute(entries.where(entry.order_id.startswith("ORD"))):
            book.entries.append(tuple(each))
        columns = (used.workspace_id, used.order_id, used.event, used.account_id, used.account_owner)
        for paid in await session.execute(select(*columns, used.category, used.price_paise, used.outcome)):
            book.usage.append(tuple(paid))
    for event in await _events_told(stage):
        assert event[4] == "message.failed"
        book.told.append(event[:4])
    return book.sorted()


async def _events_told(stage: Stage) -> list[tuple[str, ...]]:
    async with stage.database.transaction() as session:
        found = await list_events(session, stage.cipher, limit=10_000)
    return [
        (each.workspace_id, each.data["order_id"], each.data["event"], each.data["why"], each.type)
        for each in found
    ]


async def test_a_day_comes_to_exactly_what_is_reckoned_by_hand(database: Database, cipher: Cipher) -> None:
    """Each step once, through the selected sender, or the reason why not; every message used and charged once."""  # R5.1 journey R5.4 I5 I7
    runs = Temporal()
    stage = Stage(database, cipher, runs)
    gupshup, tracking = Gupshup(), Tracking()
    runs.notifications = Notifications(
        database=database,
        cipher=cipher,
        gupshup=gupshup,
        carriers={"eshopbox": tracking},
        clock=stage.clock,
    )
    stage.clock.now = MIDNIGHT - timedelta(days=1)
    await _furnish(stage)
    lines = day(SEED, EVENTS)
    assert len(lines) == EVENTS
    expected = Reckoning().reckon(lines)
    await _play(stage, lines)
    came_to = await _book(stage)
    ours, theirs = Counter(came_to.entries), Counter(expected.entries)
    assert sorted((ours - theirs).elements()) == sorted((theirs - ours).elements())
    assert came_to.messages == expected.messages
    assert came_to.usage == expected.usage
    assert came_to.told == expected.told
    assert len(gupshup.sent) == len(expected.messages)  # what was taken, or may have been, was asked for once
    assert {(sent.credentials.api_key, sent.template_id.partition("-")[0]) for sent in gupshup.sent} == {
        ("key", "kapaskraft"),
        ("key-2", "nakshi"),
    }
    _is_a_real_day(expected)


def _is_a_real_day(book: Book) -> None:
    """The day has something of everything, so that the comparison says something."""
    assert len(book.messages) > 300
    whys = Counter(detail.partition(":")[0] for *_, detail in book.entries)
    assert {
        "",
        "the notification is switched off",
        "no WhatsApp account is installed",
        "the parcel is past this",
        "too late",
        "template",
        "no_phone",
        "invalid_phone",
        "wrong_number",
        "opted_out",
        "missing_value",
    } <= set(whys)
    assert {status for *_, status in book.messages} == {"submitted", "unknown", "refused"}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_is_the_same_day(seed: int) -> None:
    """A day that fails can be looked at again."""
    assert day(seed, 200) == day(seed, 200)
    assert day(seed, 200) != day(seed + 10, 200)
    assert all(
        json.loads(line)["received_at"] >= MIDNIGHT.astimezone(INDIA).isoformat()[:4]
        for line in day(seed, 50)
    )
