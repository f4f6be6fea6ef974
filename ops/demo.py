"""Six stories played against the running stack, each told from what the stand-ins and our API really recorded."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from ops.seed import SeededWorkspace
from ops.stack import PEOPLE, Stack

_WAIT_SECONDS = 30.0
_INDIA = ZoneInfo("Asia/Kolkata")


class StoryFailed(Exception):
    """A story did not go as it must; the message says where."""


@dataclass
class Story:
    """One customer's conversation, driven through the stand-ins' control routes.

    Attributes:
        title: What the story shows.
        reason: Why the delivery fails.
        phone: Whose phone.
        workspace: The seller.
    """

    title: str
    reason: str
    phone: str
    workspace: SeededWorkspace
    app: str
    http: httpx.AsyncClient
    stack: Stack
    order_id: str = ""
    tracking_id: str = ""
    seen: set[str] = field(default_factory=set)

    async def fail_delivery(self) -> None:
        """Have the courier fail to deliver."""
        shipment = await self.post(
            f"{self.stack.addresses.order_system}/control/fail",
            {"workspace": self.workspace.slug, "phone": self.phone, "reason": self.reason},
        )
        self.order_id, self.tracking_id = shipment["order_id"], shipment["tracking_id"]

    async def message(self, containing: str, *, within: float = _WAIT_SECONDS) -> dict[str, Any]:
        """Wait for the next message on the phone that contains a text."""

        async def look() -> dict[str, Any] | None:
            for message in await self.messages():
                if message["message_id"] not in self.seen and containing.casefold() in _words(message):
                    return message
            return None

        message = await self.until(look, f"a message with “{containing}” on the phone", within)
        self.seen.add(message["message_id"])
        return message

    async def tap(self, message: Mapping[str, Any], title: str) -> None:
        """Tap a button or a list row."""
        await self.post(
            f"{self.stack.addresses.gupshup}/control/taps",
            {"phone": self.phone, "message_id": message["message_id"], "title": title},
        )

    async def reply(self, type_: str, **content: object) -> None:
        """Write, or send a picture."""
        await self.post(
            f"{self.stack.addresses.gupshup}/control/replies",
            {"phone": self.phone, "app": self.app, "type": type_, **content},
        )

    async def accepted_any(self, *, within: float = _WAIT_SECONDS) -> dict[str, Any]:
        """Wait until the order system accepted an action and return what it was asked."""

        async def look() -> dict[str, Any] | None:
            asked = [one for one in await self.resolutions() if one["accepted"]]
            return asked[0] if asked else None

        body: dict[str, Any] = (await self.until(look, "the order system to accept an action", within))[
            "body"
        ]
        return body

    async def accepted(self, code: str, *, within: float = _WAIT_SECONDS) -> dict[str, Any]:
        """Wait until the order system accepted an action, and make sure that it is the right one."""
        body = await self.accepted_any(within=within)
        if body["resolutionCode"] != code:
            raise StoryFailed(f"the order system was asked for {body['resolutionCode']}, not {code}")
        return body

    async def outcome(self, *, within: float = _WAIT_SECONDS) -> str:
        """Wait for the case to end and return its outcome."""

        async def look() -> dict[str, Any] | None:
            page = await self.api(f"/v1/cases?order_id={self.order_id}")
            return next((case for case in page["cases"] if case["outcome"]), None)

        return str((await self.until(look, "the case to end", within))["outcome"])

    async def ended(self, *, within: float = _WAIT_SECONDS) -> None:
        """Wait for the case to end as resolved, with one accepted action and one message for each step."""
        if (outcome := await self.outcome(within=within)) != "resolved":
            raise StoryFailed(f"the case ended as {outcome}")
        accepted = [one for one in await self.resolutions() if one["accepted"]]
        if len(accepted) != 1:
            raise StoryFailed(f"the order system accepted {len(accepted)} actions")

    async def nothing_twice(self) -> None:
        """Make sure that no message came beyond those that the story waited for.

        Raises:
            StoryFailed: There is one more: a step was told twice.
        """
        extra = [one for one in await self.messages() if one["message_id"] not in self.seen]
        if extra:
            raise StoryFailed(f"{len(extra)} messages too many, the first: {_short(_words(extra[0]))}")

    async def tell(self) -> None:
        """Print the story as it is on record: our activity, and what really arrived outside."""
        print(f"\n{_bold(self.title)}   order {self.order_id}, {self.workspace.name}, {self.phone}")
        activity = await self.api(f"/v1/orders/{self.order_id}/activity")
        for entry in reversed(activity["entries"]):
            print(f"  {_clock(entry['at'])}  {_entry_words(entry)}")
        messages = await self.messages()
        print(f"  Gupshup really accepted {len(messages)} messages:")
        for message in messages:
            print(f"    {message['status']:<9}  {message['kind']:<16} {_short(_words(message, fold=False))}")
        print("  The order system really received:")
        for resolution in await self.resolutions():
            print(
                f"    HTTP {resolution['http_status']}  {json.dumps(resolution['body'], ensure_ascii=False)}"
            )

    async def messages(self) -> list[dict[str, Any]]:
        """Return the messages that Gupshup accepted for this phone, oldest first."""
        response = await self.http.get(
            f"{self.stack.addresses.gupshup}/control/messages", params={"phone": self.phone, "app": self.app}
        )
        messages: list[dict[str, Any]] = response.raise_for_status().json()
        return messages

    async def resolutions(self) -> list[dict[str, Any]]:
        """Return what the order system was asked for this parcel."""
        response = await self.http.get(f"{self.stack.addresses.order_system}/control/ledger")
        ledger = response.raise_for_status().json()
        return [one for one in ledger["resolutions"] if one["trackingId"] == self.tracking_id]

    async def api(self, path: str) -> dict[str, Any]:
        """Read from our API as the seller."""
        headers = {"Authorization": f"Bearer {self.workspace.api_key}"}
        response = await self.http.get(f"{self.stack.addresses.api}{path}", headers=headers)
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer

    async def post(self, url: str, body: Mapping[str, object], **options: Any) -> dict[str, Any]:
        """Post JSON.

        Raises:
            StoryFailed: The answer is an error.
        """
        response = await self.http.post(url, json=body, **options)
        if response.is_error:
            raise StoryFailed(f"{url} answered {response.status_code}: {response.text[:300]}")
        answer: dict[str, Any] = response.json()
        return answer

    async def until(
        self, look: Callable[[], Awaitable[dict[str, Any] | None]], what: str, within: float = _WAIT_SECONDS
    ) -> dict[str, Any]:
        """Look again and again until something is found.

        Raises:
            StoryFailed: Nothing was found in time.
        """
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            try:
                found = await look()
            except httpx.TransportError:  # what is being looked at may be starting again
                found = None
            if found is not None:
                return found
            await asyncio.sleep(0.1)
        raise StoryFailed(f"waited {within:.0f} s for {what}")


async def _reattempt(story: Story) -> None:
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.accepted("ACTF001")
    await story.message("will try again")


async def _another_date(story: Story) -> None:
    first = await story.message("could not deliver")
    await story.tap(first, "Choose another date")
    days = await story.message("which day")
    day = days["choices"][1]["title"]
    await story.tap(days, day)
    body = await story.accepted("ACTF002")
    await story.message(day)
    if "deferredDate" not in body:
        raise StoryFailed("the order system got no date")


async def _new_address(story: Story) -> None:
    first = await story.message("could not deliver")
    await story.tap(first, "See all options")
    options = await story.message("possible")
    await story.tap(options, "Change address")
    await story.message("complete address")
    await story.reply("text", text="Flat 4B, Lake View, 12th Main")
    await story.message("is this right")
    await story.reply("text", text="Indiranagar, opposite BDA complex, call 9999900002")
    shown = await story.message("bda complex")
    await story.tap(shown, "Yes, this is right")
    body = await story.accepted("ACTF001")
    await story.message("to the new address")
    if "Lake View" not in body["shippingDetails"]["updatedAddress"]:
        raise StoryFailed("the order system did not get the first half of the address")
    if "9999900002" not in json.dumps(body["shippingDetails"]):
        raise StoryFailed("the order system did not get the other contact number")


async def _cancel(story: Story) -> None:
    first = await story.message("could not deliver")
    await story.tap(first, "See all options")
    options = await story.message("possible")
    await story.tap(options, "Cancel the order")
    sure = await story.message("really want to cancel")
    await story.tap(sure, "No, keep it")
    kept = await story.message("we keep your")
    await story.tap(kept, "Cancel the order")
    sure = await story.message("really want to cancel")
    await story.tap(sure, "Yes, cancel it")
    await story.accepted("ACTF003")
    await story.message("is cancelled")


async def _unexpected(story: Story) -> None:
    first = await story.message("could not deliver")
    await story.reply("image", caption="my gate", url="https://example.com/gate.jpg")
    await story.message("could not read")
    await story.reply("text", text="is the colour blue?")
    await story.message("could not read")
    await story.tap(first, "Try again")
    await story.accepted("ACTF001")
    await story.message("will try again")


async def _in_words(story: Story) -> None:
    await story.message("could not deliver")
    await story.reply("text", text="hindi")
    await story.message("हिन्दी में लिखेंगे")
    await story.reply("text", text="bhaiya main ghar pe hi thi, koi nahi aaya")
    asked = await story.message("कुछ शब्दों में बताएँ")
    await story.tap(asked, "भेजें")
    body = await story.accepted("ACTF004")
    await story.message("कूरियर को बता दिया है")
    if "koi nahi aaya" not in body["remarks"]:
        raise StoryFailed("the order system did not get the customer's own words")


STORIES: tuple[tuple[str, str, Callable[[Story], Awaitable[None]]], ...] = (
    ("1. Try again", "unavailable", _reattempt),
    ("2. Another date", "unavailable", _another_date),
    ("3. A new address, typed in two messages", "address", _new_address),
    ("4. Cancel, after “no, keep it”", "unavailable", _cancel),
    ("5. A picture and a question before a tap", "unavailable", _unexpected),
    ("6. Another language, and “nobody came” in her own words", "unavailable", _in_words),
)


async def play(stack: Stack) -> int:
    """Play all stories at once, tell them one after the other; return how many went wrong."""
    if not (stack.addresses.has_gupshup_simulator and stack.addresses.has_order_system_simulator):
        raise StoryFailed(
            "the stories are played on the stand-ins: unset GUPSHUP_BASE_URL and ESHOPBOX_*_URL"
        )
    wrong = 0
    async with httpx.AsyncClient(trust_env=False, timeout=20.0) as http:
        stories = [
            Story(
                title=title,
                reason=reason,
                phone=PEOPLE[number]["phone"],
                workspace=(workspace := stack.seed.workspaces[number % len(stack.seed.workspaces)]),
                app=stack.seed.account_of(workspace).app_name,
                http=http,
                stack=stack,
            )
            for number, (title, reason, _) in enumerate(STORIES)
        ]
        results = await asyncio.gather(
            *(_play(story, run) for story, (_, _, run) in zip(stories, STORIES, strict=True)),
            return_exceptions=True,
        )
        await asyncio.sleep(1.0)  # the last messages are still being read by their customers
        for story, result in zip(stories, results, strict=True):
            if story.order_id:
                await story.tell()
            if isinstance(result, BaseException):
                wrong += 1
                print(f"  WENT WRONG: {result!r}")
            else:
                print("  ended right: one message for each step, one accepted action")
    return wrong


async def _play(story: Story, run: Callable[[Story], Awaitable[None]]) -> None:
    await story.fail_delivery()
    await run(story)
    await story.ended()
    await story.nothing_twice()


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def _words(message: Mapping[str, Any], *, fold: bool = True) -> str:
    text = str(message["text"])
    return text.casefold() if fold else text


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 96 else f"{line[:95]}…"  # noqa: PLR2004 - the width of a terminal


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(_INDIA):%H:%M:%S}"


def _entry_words(entry: Mapping[str, Any]) -> str:
    mode = f" [{entry['mode']}]" if entry["mode"] else ""
    status = f" ({entry['message']['status']})" if entry.get("message") else ""
    data = entry.get("data") or {}
    text = _short(str(data.get("body") or data.get("text") or data.get("caption") or entry["detail"] or ""))
    return f"{entry['kind']:<12} {entry['topic'].replace('_', ' ')}{status}{mode}  {text}"
