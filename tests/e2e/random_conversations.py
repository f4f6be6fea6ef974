"""Plays many random conversations at once against the running stack, then waits until nothing moves any more.

Everything is decided by `random.Random` with the seed and the conversation's number. What is on a phone when its owner
looks is not, so that the same seed plays the same kind of conversation, not the same one to the letter.
"""

import asyncio
import random  # noqa: TID251 - a seeded load, not a decision of ours
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ops.seed import SeededAccount, SeededWorkspace
from tests.e2e.evidence import Act, Order
from tests.e2e.town import Town
from tests.e2e.weather import Weather

_AT_ONCE: Final = 20
_LONG_RUN: Final = 200
_FIRST_MESSAGE_WITHIN: Final = 4.0

_MAGIC: Final = ("0402", "0404", "0407", "0408", "0131", "0149", "0150", "0409", "0503")
_PAUSES_THE_TEMPLATE: Final = "0405"
_NAMES: Final = (
    "Asha Rao",
    "रमेश कुमार",
    "Meera  Nair",
    "D'Souza",
    "Kabir\nShah",
    "<b>Sunita</b>",
    "",
    "Vikram Iyer",
)
_REASONS: Final = (
    "unavailable", "unavailable", "unavailable", "address", "cod", "refused", "not_attempted", "no_resolutions",
    "unreachable", "rescheduled",
)  # fmt: skip
_ACTIONS: Final = ("reattempt", "reschedule", "update_address", "cancel", "dispute", "not_my_order")
_ADDRESSES: Final = (
    "Flat 4B, Lake View, 12th Main, Indiranagar",
    "House 168, Lane 4, near Ganesh temple, call 9999900002",
    "मकान नंबर 12, गली 3, पुराना बाज़ार",
    "Plot 7, Sector 21, Gurugram 122016",
    "12",
    "landmark: beside the water tank",
)
_TEXTS: Final = (
    "yes", "no", "haan", "nahi", "हाँ", "नहीं", "ok", "cancel", "Try again", "1", "2", "3", "42", "tomorrow",
    "kal bhej do", "25 Dec", "2026-12-25", "next monday please", "where is my order?", "mera parcel kahan hai",
    "मेरा ऑर्डर कब आएगा?", "bhaiya main ghar pe hi thi, koi nahi aaya", "refund", "call me 9999900003", "👍", "😡😡",
    "??", " ", "a" * 5000, "paise kitne dene hai", "\u202eevil\u202c", "Hello", "same address", "change address",
    "not my order", "galat number hai", "560038",
)  # fmt: skip
_STOPS: Final = ("STOP", "stop", "Unsubscribe", "बंद")
_STARTS: Final = ("START", "start", "शुरू")
_VARIANTS: Final = ("A", "A", "A", "A", "B", "no_postback", "no_context", "context_id_only")
_SENDABLE: Final = ("image", "file", "audio", "video", "sticker", "contact", "location", "reaction")
_MOVES: Final = ("out_for_delivery", "delivered", "rto", "intransit", "shipment_delayed")


class Conversation:
    """One customer with one order, or two, and everything that happens to them."""

    def __init__(self, town: Town, number: int) -> None:
        self._town = town
        self._chance = random.Random(f"{town.seed}/{number}")  # noqa: S311 - a seeded load
        self._number = number
        self._phone = self._new_phone()
        sellers = town.stack.seed.workspaces
        self._sellers = [self._chance.choice(sellers)]
        if self._chance.random() < 0.3:  # at one seller, or at two that share an account
            shared = [one for one in sellers if one.account == self._sellers[0].account]
            self._sellers.append(self._chance.choice(shared))
        self._orders: list[Order] = []
        self._acts: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (24, self._tap),
            (2, self._tap_twice),
            (1.5, self._tap_two_things),
            (6, self._write),
            (2.5, self._write_address),
            (3, self._send_something),
            (1.5, self._send_address_form),
            (0.6, self._opt),
            (0.7, self._lose_network),
            (0.4, self._block),
            (1.2, self._parcel_moves),
            (1, self._next_attempt_fails),
            (1, self._failure_is_told_again),
            (0.7, self._old_callbacks_come_again),
            (1.2, self._seller_acts),
            (0.8, self._seller_sends_again),
            (0.4, self._seller_closes),
            (1.5, self._second_order_fails),
        )

    async def play(self) -> None:
        """Play it from the failed attempt to the last word."""
        await self._fail_an_order()
        await self._wait_for_a_message()
        for _ in range(self._chance.choice((0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 10))):
            await asyncio.sleep(self._chance.uniform(0.05, 0.8))
            act = self._chance.choices(self._acts, [weight for weight, _ in self._acts])[0][1]
            self._town.did[act.__name__.strip("_").replace("_", " ")] += 1
            await act()
        await self._set_phone("online")
        await self._end()

    def _new_phone(self) -> str:
        ending = ""
        if self._chance.random() < 0.12:
            ending = self._chance.choice(_MAGIC)
        elif self._chance.random() < 0.005:
            ending = _PAUSES_THE_TEMPLATE
        for tens in range(10):
            if ending and (phone := f"9199999{tens}{ending}") not in self._town.phones:
                self._town.phones.add(phone)
                return phone
        while True:
            phone = f"9199999{self._chance.randrange(100_000):05}"
            if phone not in self._town.phones and phone[-4:] not in {*_MAGIC, _PAUSES_THE_TEMPLATE}:
                self._town.phones.add(phone)
                return phone

    # --- The courier ---

    async def _fail_an_order(self) -> None:
        seller = self._sellers[min(len(self._orders), len(self._sellers) - 1)]
        shipment = await self._town.tell(
            f"{self._town.order_system}/shipments",
            {
                "workspace": seller.slug,
                "phone": self._phone,
                "customer_name": self._chance.choice(_NAMES),
                "payment": self._chance.choice(("COD", "Prepaid")),
            },
        )
        order = Order(
            seller.slug, shipment["order_id"], shipment["shipment_id"], shipment["tracking_id"], self._phone
        )
        self._orders.append(order)
        self._town.orders.append(order)
        if self._chance.random() < 0.04:
            await self._set_phone("none")
        await self._town.tell(
            f"{self._town.order_system}/fail",
            {
                "shipment_id": order.shipment_id,
                "reason": self._chance.choice(_REASONS),
                "attempt": self._chance.choice((1, 1, 1, 2, 3)),
            },
        )

    async def _second_order_fails(self) -> None:
        if len(self._orders) < len(self._sellers):
            await self._fail_an_order()

    async def _next_attempt_fails(self) -> None:
        """Fail the next attempt, but not while an action is under way: those lie hours apart, and would be confused."""
        if (found := await self._a_case()) is not None and found[1]["state"] != "acting":
            await self._town.tell(
                f"{self._town.order_system}/fail",
                {"shipment_id": found[1]["shipment_id"], "reason": self._chance.choice(_REASONS)},
                may_refuse=True,
            )

    async def _failure_is_told_again(self) -> None:
        event: dict[str, object] = {"event": "failed_delivery", "repeat": self._chance.randint(1, 3)}
        if self._chance.random() < 0.3:  # as if at another time: it contradicts the first report
            event["event_time"] = datetime.now(UTC).isoformat()
        await self._announce(event)

    async def _parcel_moves(self) -> None:
        event: dict[str, object] = {
            "event": self._chance.choice(_MOVES),
            "repeat": self._chance.choice((1, 1, 2)),
        }
        if self._chance.random() < 0.2:  # reported late, from before the failure
            event["event_time"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
        await self._announce(event)

    async def _announce(self, event: Mapping[str, object]) -> None:
        shipment_id = self._chance.choice(self._orders).shipment_id
        await self._town.tell(f"{self._town.order_system}/events", {"shipment_id": shipment_id, **event})

    # --- The customer ---

    async def _on_the_phone(self) -> list[dict[str, Any]]:
        """Return what has arrived, oldest first."""
        answer = await self._town.http.get(f"{self._town.gupshup}/messages", params={"phone": self._phone})
        messages: list[dict[str, Any]] = answer.raise_for_status().json()
        return [message for message in messages if message["status"] in {"delivered", "read"}]

    async def _wait_for_a_message(self) -> None:
        for _ in range(int(_FIRST_MESSAGE_WITHIN / 0.4)):
            await asyncio.sleep(0.4)
            if await self._on_the_phone():
                return

    async def _something_to_tap(self) -> tuple[dict[str, Any], int] | None:
        """Choose a button of a message, mostly of the newest."""
        tappable = [message for message in await self._on_the_phone() if message["choices"]]
        if not tappable:
            return None
        message = tappable[-1] if self._chance.random() < 0.75 else self._chance.choice(tappable)
        return message, self._chance.randrange(len(message["choices"]))

    async def _tap_on(self, message: Mapping[str, Any], index: int) -> None:
        await self._town.tell(
            f"{self._town.gupshup}/taps",
            {
                "phone": self._phone,
                "message_id": message["message_id"],
                "index": index,
                "variant": self._chance.choice(_VARIANTS),
            },
            may_refuse=True,
        )

    async def _tap(self) -> None:
        if (found := await self._something_to_tap()) is not None:
            await self._tap_on(*found)

    async def _tap_twice(self) -> None:
        if (found := await self._something_to_tap()) is not None:
            await asyncio.gather(self._tap_on(*found), self._tap_on(*found))

    async def _tap_two_things(self) -> None:
        found = [await self._something_to_tap(), await self._something_to_tap()]
        await asyncio.gather(*(self._tap_on(*one) for one in found if one is not None))

    async def _say(self, kind: str, **content: object) -> None:
        """Send something to one of the businesses that this phone knows."""
        app = self._account_of(self._chance.choice(self._orders)).app_name
        await self._town.tell(
            f"{self._town.gupshup}/replies",
            {"phone": self._phone, "app": app, "type": kind, **content},
            may_refuse=True,
        )

    def _account_of(self, order: Order) -> SeededAccount:
        seller = next(one for one in self._sellers if one.slug == order.workspace)
        return self._town.stack.seed.account_of(seller)

    async def _write(self) -> None:
        await self._say("text", text=self._chance.choice(_TEXTS))

    async def _write_address(self) -> None:
        await self._say("text", text=self._chance.choice(_ADDRESSES))

    async def _opt(self) -> None:
        await self._say("text", text=self._chance.choice(_STOPS))
        if self._chance.random() < 0.6:
            await asyncio.sleep(self._chance.uniform(0.0, 1.5))
            await self._say("text", text=self._chance.choice(_STARTS))

    async def _send_something(self) -> None:
        kind = self._chance.choice(_SENDABLE)
        content: dict[str, object] = {"caption": self._chance.choice(("", "my gate", "yes"))}
        if kind == "reaction":
            arrived = await self._on_the_phone()
            if not arrived:
                return
            message = self._chance.choice(arrived)
            content = {"reply_to": message["message_id"], "emoji": self._chance.choice(("👍", "❤️", ""))}
        await self._say(kind, **content)

    async def _send_address_form(self) -> None:
        await self._say(
            "address",
            address={
                "name": self._chance.choice(_NAMES),
                "phone_number": self._chance.choice((self._phone, "919999900004")),
                "in_pin_code": self._chance.choice(("560038", "110001", "")),
                "house_number": "12B",
                "address": self._chance.choice(_ADDRESSES),
                "city": "Bengaluru",
                "state": "Karnataka",
            },
        )

    async def _lose_network(self) -> None:
        await self._set_phone("off")
        await asyncio.sleep(self._chance.uniform(0.1, 1.0))
        if self._chance.random() < 0.5:  # typed on the way, sent once there is network
            await self._write()
        await self._set_phone("online")

    async def _block(self) -> None:
        await self._set_phone("blocked")
        await asyncio.sleep(self._chance.uniform(0.1, 1.5))
        await self._set_phone("online")

    async def _set_phone(self, state: str) -> None:
        await self._town.tell(f"{self._town.gupshup}/phones/{self._phone}", {"state": state})

    # --- Gupshup ---

    async def _old_callbacks_come_again(self) -> None:
        ledger = await self._town.http.get(
            f"{self._town.gupshup}/ledger", params={"destination": self._phone}
        )
        posted = ledger.raise_for_status().json()["callbacks"]
        for row in self._chance.sample(posted, min(len(posted), 4)):
            await self._town.tell(
                f"{self._town.gupshup}/callbacks",
                {
                    "app": row["body"]["app"],
                    "body": row["body"],
                    "repeat": self._chance.choice((1, 1, 5)),
                    "at_once": self._chance.random() < 0.5,
                },
            )

    # --- The seller ---

    async def _a_case(self) -> tuple[SeededWorkspace, dict[str, Any]] | None:
        order = self._chance.choice(self._orders)
        seller = next(one for one in self._sellers if one.slug == order.workspace)
        page = await self._town.ask_api(seller, "GET", f"/v1/cases?order_id={order.order_id}")
        if not page or not page["cases"]:
            return None
        return seller, self._chance.choice(page["cases"])

    async def _seller_acts(self) -> None:
        if (found := await self._a_case()) is None:
            return
        seller, case_id = found[0], found[1]["id"]
        action = self._chance.choice(_ACTIONS)
        body: dict[str, object] = {"action": action, "person": "asha"}
        if action == "reschedule":
            body["date"] = (date.today() + timedelta(days=self._chance.randint(0, 8))).isoformat()  # noqa: DTZ011 - a day at random
        elif action == "update_address":
            body["address"] = {"text": self._chance.choice(_ADDRESSES)}
        elif action == "dispute":
            body["words"] = ["The customer was at home"]
        answer = await self._town.ask_api(seller, "POST", f"/v1/cases/{case_id}/actions", json=body)
        if answer is not None:
            self._town.acts.append(Act(case_id, "actions", action, is_done=answer["is_done"]))

    async def _seller_sends_again(self) -> None:
        if (found := await self._a_case()) is not None:
            seller, case = found
            await self._town.ask_api(
                seller, "POST", f"/v1/cases/{case['id']}/resend", json={"person": "asha"}
            )

    async def _seller_closes(self) -> None:
        if (found := await self._a_case()) is not None:
            await self._town.close(found[0], found[1]["id"])

    async def _end(self) -> None:
        """Bring most open cases to their end at once; the rest is left for the end of all conversations."""
        for order in self._orders:
            seller = next(one for one in self._sellers if one.slug == order.workspace)
            how = self._chance.choices(("closed", "delivered", "left"), (6, 3, 1))[0]
            if how == "delivered":
                await self._town.tell(
                    f"{self._town.order_system}/events",
                    {"shipment_id": order.shipment_id, "event": "delivered"},
                )
            elif how == "closed":
                page = await self._town.ask_api(seller, "GET", f"/v1/cases?order_id={order.order_id}")
                for case in page["cases"] if page else ():
                    if case["is_open"]:
                        await self._town.close(seller, case["id"])


async def play(town: Town, *, count: int, seconds: float) -> Weather:
    """Play so many conversations, some at a time; none begins after the time is over.

    Returns:
        The weather they were played in, calm by now.
    """
    weather = Weather(
        town.stack,
        town.http,
        random.Random(f"{town.seed}/weather"),  # noqa: S311 - a seeded load
        is_long=count >= _LONG_RUN,
    )
    blowing = asyncio.create_task(weather.blow())
    numbers = iter(range(count))
    end = asyncio.get_running_loop().time() + seconds

    async def take_turns() -> None:
        for number in numbers:
            if asyncio.get_running_loop().time() > end:
                town.troubles.append(f"the time was over before conversation {number} of {count}")
                return
            town.did["conversation"] += 1
            await Conversation(town, number).play()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, count)):
                group.create_task(take_turns())
    finally:
        blowing.cancel()
        await asyncio.gather(blowing, return_exceptions=True)
    if not blowing.cancelled() and (error := blowing.exception()) is not None:
        raise error
    await weather.calm()
    return weather
