"""The message about a step of the journey: sent once, never with what forbids it, settled whatever happens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.notifications import Notifications
from activities.values import MessageResult, NotificationTask
from clients.carriers.base import ShipmentReading
from clients.gupshup import Refused, Unknown
from db import (
    accounts,
    billing,
    customers,
    installations,
    journey_events,
    messages,
    notifications,
    shipments,
    suppressions,
    tables,
    timeline,
)
from db.journey_events import JourneyKey, JourneyStep
from db.notifications import Button, Notification, Param
from db.session import Session
from domain.consent import Scope
from domain.messages import MessageStatus, NotSent
from domain.shipments import OrderFacts, ShipmentMove
from tests.activities.conftest import Died, Shop
from tests.factories import NOW, PHONE

KEY = JourneyKey("kapaskraft", "SHIP1001", "out_for_delivery")
TASK = NotificationTask(KEY.workspace_id, KEY.subject_id, KEY.event)
SET_UP = Notification(
    "kapaskraft",
    "account-1",
    KEY.event,
    "en",
    "template-ofd",
    template_name="order_out_for_delivery",
    category="UTILITY",
    body="Hi {{1}}, {{2}} comes today.",
    buttons=(Button("Track", "track"),),
    params=(Param("customer_name"), Param("customer_order_id")),
    is_on=True,
)
FACTS = OrderFacts(customer_name="Asha Rao", customer_phone=PHONE)


class Journey:
    """A shop, one step of a parcel's journey, and the activity."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.delivered: list[tuple[str, str]] = []
        self.delivery_fails = False
        self.activity = Notifications(
            gupshup=shop.gupshup,
            carriers={"eshopbox": shop.carrier},
            database=shop.database,
            cipher=shop.cipher,
            clock=lambda: shop.now,
            deliver=self._deliver,
        )

    async def _deliver(self, workspace_id: str, event_id: str) -> None:
        if self.delivery_fails:
            raise RuntimeError("away")
        self.delivered.append((workspace_id, event_id))

    async def open(self, facts: OrderFacts = FACTS, *, set_up: Notification = SET_UP, **changes: Any) -> None:
        """Take the step, with its notification set up."""
        values: dict[str, Any] = {
            "workspace_id": KEY.workspace_id,
            "subject_id": KEY.subject_id,
            "event": KEY.event,
            "order_id": "KK1001",
            "shipment_id": "SHIP1001",
            "tracking_id": "TRK1001",
            "account_id": "account-1",
            "occurred_at": NOW,
            "seen_at": NOW,
            "due_at": NOW,
            "expires_at": NOW + timedelta(hours=6),
        }
        step = JourneyStep(**(values | changes))
        await self.shop.change(
            lambda session: journey_events.add_step(session, self.shop.cipher, step, facts)
        )
        await self.shop.change(lambda session: notifications.save_notification(session, set_up))

    async def send(self, *, attempt: int = 1) -> MessageResult:
        """Run the activity."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return await environment.run(self.activity.send, TASK)

    async def step(self) -> JourneyStep:
        found = await self.shop.change(lambda session: journey_events.find_step(session, KEY))
        assert found is not None
        return found

    async def message(self) -> messages.Message | None:
        return await self.shop.change(
            lambda session: messages.find_by_command(session, KEY.workspace_id, KEY.command_id)
        )

    async def entries(self) -> list[timeline.Entry]:
        found = await self.shop.change(
            lambda session: timeline.list_entries(session, self.shop.cipher, "kapaskraft", "KK1001")
        )
        return [shown.entry for shown in reversed(found)]


@pytest.fixture
def journey(shop: Shop) -> Journey:
    """A shop with the activity."""
    return Journey(shop)


async def test_message_goes_out_once_with_its_usage_and_its_entry(journey: Journey) -> None:
    """The template filled, at the price of its moment; asked for again nothing is sent."""  # R5.1 journey R5.4 I5 I7
    await journey.open()
    assert await journey.send() == MessageResult(is_accepted=True)
    assert (await journey.send(attempt=2)).is_accepted
    (sent,) = journey.shop.gupshup.sent
    assert (sent.template_id, sent.params, sent.postbacks) == ("template-ofd", ("Asha Rao", "KK1001"), ())
    (used,) = await journey.shop.stored_usage()
    assert (used.event, used.account_id, used.price_paise, used.outcome) == (
        KEY.event,
        "account-1",
        35,
        "accepted",
    )
    (entry,) = await journey.entries()
    assert (entry.kind, entry.topic, entry.data["body"]) == (
        "notification",
        KEY.event,
        "Hi Asha Rao, KK1001 comes today.",
    )
    message = await journey.message()
    assert message is not None
    assert (message.purpose, message.case_id, message.id) == ("notification", None, entry.message_id)
    step = await journey.step()
    assert (step.outcome, step.ended_at) == ("sent", NOW)


async def test_what_it_was_filled_with_is_forgotten(journey: Journey) -> None:
    """Nothing personal stays with a step that is settled."""  # I12
    await journey.open()
    await journey.send()
    table = tables.journey_events
    sealed = await journey.shop.change(lambda session: session.execute(table.select()))
    assert [row.facts_sealed for row in sealed] == [None]


@pytest.mark.parametrize(
    ("changes", "why", "detail"),
    [
        ({"is_on": False}, NotSent.SWITCHED_OFF, "switched_off"),
        ({"attention": "template paused"}, NotSent.TEMPLATE, "template: template paused"),
        (
            {"params": (Param("customer_name"), Param("invoice"))},
            NotSent.MISSING_VALUE,
            "missing_value: invoice",
        ),
    ],
)
async def test_set_up_that_changed_since_forbids_it(
    journey: Journey, changes: Mapping[str, Any], why: NotSent, detail: str
) -> None:
    """Switched off or held between event and send: not sent, and the activity says why."""  # I6 R4.8 F33
    await journey.shop.want_events()
    await journey.open(set_up=replace(SET_UP, **changes))
    assert (await journey.send()).why is why
    (entry,) = await journey.entries()
    assert (entry.topic, entry.detail) == (f"{KEY.event}_not_sent", detail)
    assert not journey.shop.gupshup.sent
    assert (await journey.step()).outcome == why.value
    # What the seller does not want, other channels need not take over.
    assert len(journey.delivered) == int(why is not NotSent.SWITCHED_OFF)


async def test_customer_or_account_that_changed_since_forbids_it(journey: Journey) -> None:
    """Opted out, account removed, parcel moved on, too late: each is asked again last."""  # I6 R5.5
    hashed = journey.shop.cipher.phone_hash(PHONE)
    await journey.open()
    await journey.shop.change(
        lambda session: customers.set_opt_out(session, "account-1", hashed, opted_out=True, at=NOW, proof="")
    )
    assert (await journey.send()).why is NotSent.OPTED_OUT


async def test_step_by_a_template_of_marketing_is_not_sent_to_who_wants_none(journey: Journey) -> None:
    """R5.5 category: other channels may tell of it."""
    hashed = journey.shop.cipher.phone_hash(PHONE)
    await journey.open(set_up=replace(SET_UP, category="MARKETING"))
    await journey.shop.change(
        lambda session: customers.set_opt_out(
            session, "account-1", hashed, opted_out=True, at=NOW, proof="", scope=Scope.MARKETING
        )
    )
    assert (await journey.send()).why is NotSent.OPTED_OUT
    assert (await journey.entries())[-1].detail == "opted_out: marketing"


async def test_wrong_number_is_not_written_to(journey: Journey) -> None:
    """R6.2: whoever has the phone said that it is not their order."""
    hashed = journey.shop.cipher.phone_hash(PHONE)
    await journey.open()
    await journey.shop.change(
        lambda session: suppressions.suppress(
            session, "kapaskraft", hashed, case_id=journey.shop.facts.case_id, since=NOW
        )
    )
    assert (await journey.send()).why is NotSent.WRONG_NUMBER


async def test_account_that_was_removed_sends_nothing(journey: Journey) -> None:
    """R4.2: nor does another account in its place."""
    await journey.open()
    await journey.shop.change(
        lambda session: installations.uninstall(session, "kapaskraft", "account-1", person="", now=NOW)
    )
    assert (await journey.send()).why is NotSent.ACCOUNT_REMOVED


async def test_parcel_that_moved_on_meanwhile_is_not_told_of(journey: Journey) -> None:
    """Delivered before the message went out: it is no news any more."""  # F56
    await journey.open()
    await journey.shop.change(
        lambda session: shipments.record_move(
            session,
            "kapaskraft",
            "SHIP1001",
            order_id="KK1001",
            tracking_id="TRK1001",
            move=ShipmentMove.DELIVERED,
            attempt=None,
            at=NOW,
        )
    )
    assert (await journey.send()).detail == "the parcel is past this: delivered"
    assert [entry.detail for entry in await journey.entries()] == ["the parcel is past this: delivered"]


async def test_message_that_is_too_late_says_so(journey: Journey) -> None:
    """F37: what is past its time is not sent."""
    await journey.open(expires_at=NOW)
    assert (await journey.send()).detail == "too late: it could not be sent in time"
    assert not journey.shop.gupshup.sent


async def test_quiet_hours_that_began_meanwhile_are_waited_for(journey: Journey) -> None:
    """R6.8, I6: nothing is committed; the next try comes after their end, if it is news by then."""
    journey.shop.now = NOW + timedelta(hours=10)
    await journey.open(expires_at=NOW + timedelta(hours=24))
    with pytest.raises(ApplicationError) as waits:
        await journey.send()
    assert waits.value.type == "QuietHours"
    assert waits.value.next_retry_delay is not None
    assert timedelta(hours=10) <= waits.value.next_retry_delay < timedelta(hours=10, minutes=15)
    assert await journey.message() is None
    journey.shop.now += waits.value.next_retry_delay
    assert (await journey.send(attempt=2)).is_accepted


async def test_throttled_message_is_tried_again_and_is_one(journey: Journey) -> None:
    """F25: surely not taken, so tried again; at its time's end the order system is told."""
    await journey.shop.want_events()
    await journey.open()
    journey.shop.gupshup.answers.append(Refused("429", "Too Many Requests", retryable=True))
    with pytest.raises(ApplicationError, match="429"):
        await journey.send()
    assert (await journey.step()).ended_at is None
    assert (await journey.send(attempt=2)).is_accepted
    assert len(await journey.shop.stored_usage()) == 1


async def test_message_throttled_until_its_time_is_over_is_told_as_failed(journey: Journey) -> None:
    """F37: other channels take over what Gupshup never took."""
    await journey.shop.want_events()
    await journey.open()
    journey.shop.gupshup.answers.append(Refused("503", "away", retryable=True))
    with pytest.raises(ApplicationError):
        await journey.send()
    journey.shop.now += timedelta(hours=6)
    result = await journey.send(attempt=9)
    (event,) = await journey.shop.events_told()
    assert result.event_ids == (event.id,)
    assert (event.type, event.data["event"], event.data["why"]) == ("message.failed", KEY.event, "transient")


@pytest.mark.parametrize("has_moved", [True, False])
async def test_what_nobody_wants_any_more_is_not_told_though_it_was_tried(
    journey: Journey, *, has_moved: bool
) -> None:
    """R8.3: other channels do not take over old news, nor what was switched off while Gupshup was away."""  # F25 F37
    await journey.shop.want_events()
    await journey.open()
    journey.shop.gupshup.answers.append(Refused("429", "Too Many Requests", retryable=True))
    with pytest.raises(ApplicationError, match="429"):
        await journey.send()

    async def change(session: Session) -> None:
        if not has_moved:
            await notifications.save_notification(session, replace(SET_UP, is_on=False))
            return
        await shipments.record_move(
            session,
            "kapaskraft",
            "SHIP1001",
            order_id="KK1001",
            tracking_id="TRK1001",
            move=ShipmentMove.DELIVERED,
            attempt=None,
            at=NOW,
        )

    await journey.shop.change(change)
    assert not (await journey.send(attempt=2)).is_accepted
    assert (await journey.step()).ended_at is not None
    assert not await journey.shop.events_told()


@pytest.mark.parametrize(("cls", "held"), [("recipient", ""), ("account", "sending failed with code 400")])
async def test_message_refused_for_good_is_told_at_once(journey: Journey, cls: Any, held: str) -> None:
    """F31, R8.3: within the activity itself, not by the sweep; an account's trouble is put before the seller."""
    await journey.shop.want_events()
    await journey.open()
    journey.shop.gupshup.answers.append(Refused("400", "no", retryable=False, cls=cls))
    result = await journey.send()
    assert result.why == cls
    (event,) = await journey.shop.events_told()
    assert journey.delivered == [("kapaskraft", event.id)]
    assert event.data["why"] == cls
    account = await journey.shop.change(lambda session: accounts.get_account(session, "account-1"))
    assert account.attention == held
    assert (await journey.step()).outcome == cls
    (used,) = await journey.shop.stored_usage()
    assert not used.is_charged


async def test_trouble_with_telling_does_not_touch_the_message(journey: Journey) -> None:
    """The event is stored; the sweep delivers it."""
    await journey.shop.want_events()
    await journey.open()
    journey.delivery_fails = True
    journey.shop.gupshup.answers.append(Refused("400", "no", retryable=False, cls="recipient"))
    assert (await journey.send()).why is NotSent.RECIPIENT
    assert len(await journey.shop.events_told()) == 1


async def test_message_of_unknown_fate_is_never_sent_again(journey: Journey) -> None:
    """I5: cut after the request, or dead before the outcome was written."""  # F4 F28
    await journey.open()
    journey.shop.gupshup.answers.append(Unknown("cut"))
    assert (await journey.send()).is_unknown
    assert (await journey.send(attempt=2)).is_unknown
    assert (await journey.step()).outcome == "unknown"
    assert len(journey.shop.gupshup.sent) == 1


async def test_worker_that_died_before_the_outcome_leaves_one_message(journey: Journey) -> None:
    """F4: the next attempt finds it half done, and settles the step as unknown."""
    await journey.open()
    journey.shop.database.dies = (journey.shop.database._count + 2, "before")
    with pytest.raises(Died):
        await journey.send()
    journey.shop.database.dies = None
    assert (await journey.send(attempt=2)).is_unknown
    assert len(journey.shop.gupshup.sent) == 1
    message = await journey.message()
    assert message is not None
    assert message.status is MessageStatus.UNKNOWN


async def test_language_is_what_the_customer_asked_for(journey: Journey) -> None:
    """R6.13: before what came with the order; else the workspace's own."""
    hindi = replace(SET_UP, language="hi", template_id="template-hi")
    await journey.open(replace(FACTS, language="en"), set_up=hindi)
    await journey.shop.change(lambda session: notifications.save_notification(session, SET_UP))
    hashed = journey.shop.cipher.phone_hash(PHONE)
    await journey.shop.change(lambda session: customers.set_language(session, "account-1", hashed, "hi"))
    await journey.send()
    assert journey.shop.gupshup.sent[0].template_id == "template-hi"


NEEDS_DAY = replace(SET_UP, params=(Param("customer_name"), Param("expected_date")))


async def test_missing_value_is_read_from_the_order_system(journey: Journey) -> None:
    """Section 9: only when it is missing, once."""
    await journey.open(set_up=NEEDS_DAY)
    journey.shop.carrier.reading = ShipmentReading(
        "INTRANSIT", is_failed_delivery=False, resolution_recorded=False, expected_on="2026-11-23"
    )
    assert (await journey.send()).is_accepted
    assert journey.shop.gupshup.sent[0].params == ("Asha Rao", "Mon 23 Nov")
    assert journey.shop.carrier.reads == ["TRK1001"]


async def test_value_that_nobody_knows_is_named(journey: Journey) -> None:
    """R4.5: never with a hole."""
    await journey.open(set_up=NEEDS_DAY)
    assert (await journey.send()).why is NotSent.MISSING_VALUE
    assert [entry.detail for entry in await journey.entries()] == ["missing_value: expected_date"]


async def test_order_system_that_does_not_answer_is_asked_again_for_a_while(journey: Journey) -> None:
    """F53: then the message is settled without it, by its fallback or not at all."""
    await journey.open(set_up=replace(SET_UP, params=(Param("expected_date", "soon"), Param("brand"))))
    journey.shop.carrier.reading = None
    with pytest.raises(ApplicationError) as away:
        await journey.send()
    assert away.value.type == "OrderSystemAway"
    assert (await journey.send(attempt=8)).is_accepted
    assert journey.shop.gupshup.sent[0].params == ("soon", "KapasKraft")


async def test_price_is_that_of_the_moment(journey: Journey) -> None:
    """R5.4: a later price never applies."""
    await journey.open()
    await journey.send()
    await journey.shop.change(
        lambda session: billing.set_price(session, "utility", 99, valid_from=NOW + timedelta(hours=1))
    )
    (used,) = await journey.shop.stored_usage()
    assert used.price_paise == 35
