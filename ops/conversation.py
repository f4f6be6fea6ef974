"""One customer's conversation in a rehearsal: what the customer does, and all that can be seen of what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from domain.templates import choice_for
from ops.demo import Story
from ops.journeys import Move, Refuse, Say, Tap
from ops.rehearsal_stage import RehearsalStack
from ops.transcript import Answer, Bubble, Fact, Line

_KINDS: Final = {"image": "photo", "audio": "voice message", "location": "location pin"}
_ASKED_FOR: Final = {
    "ACTF001": "a new attempt",
    "ACTF002": "another date",
    "ACTF003": "a cancellation",
    "ACTF004": "a new attempt, because the customer disagrees",
}
_FAILING: Final = 500
_UNWANTED: Final = ("the notification is switched off", "no WhatsApp account is installed")


class NotThere(Exception):
    """What a step names is not on the phone; the message says what is."""


@dataclass
class Conversation(Story):
    """One customer's side of a rehearsal, and what was seen of it so far.

    Attributes:
        stack: The stack it is played on.
        language: The customer's language.
        shipment_id: The parcel.
        lines: What happened, in order.
        is_held: Whether the first message waits for the end of quiet hours.
        has_accepted: Whether the order system accepted an action.
    """

    stack: RehearsalStack
    language: str = ""
    shipment_id: str = ""
    lines: list[Line] = field(default_factory=list)
    is_held: bool = False
    has_accepted: bool = False

    async def begin(self, reason: str, attempt: int) -> None:
        """Have the courier fail to deliver."""
        shipment = await self.post(
            f"{self.stack.addresses.order_system}/control/fail",
            {
                "workspace": self.workspace.slug,
                "phone": self.phone,
                "reason": reason,
                "attempt": attempt,
                "language": self.language,
            },
        )
        self.order_id, self.tracking_id = shipment["order_id"], shipment["tracking_id"]
        self.shipment_id = shipment["shipment_id"]

    async def do(self, act: Tap | Say | Move | Refuse) -> None:
        """Do one step.

        Raises:
            NotThere: What it names is not on the phone.
        """
        orders = self.stack.addresses.order_system
        match act:
            case Tap(choice):
                await self._tap(choice)
            case Say(kind, words):
                await self._say(kind, words)
            case Move(event):
                await self.post(f"{orders}/control/events", {"shipment_id": self.shipment_id, "event": event})
            case Refuse(words):
                await self.post(
                    f"{orders}/control/behaviour",
                    {"endpoint": "resolution", "mode": "refuse", "message": words},
                )

    async def collect(self) -> None:
        """Take down what happened since the last time."""
        found = [*await self._bubbles(), *await self._exchanged(), *await self._facts()]
        self.lines += sorted(found, key=lambda line: line.at)

    async def note_open(self) -> None:
        """Note where the case stands, if it has not ended."""
        for case in (await self.api(f"/v1/cases?order_id={self.order_id}"))["cases"]:
            if case["is_open"]:
                self.lines.append(
                    Fact(self.stack.now(), f"the case is still open: it waits for {case['waits_for']}")
                )

    async def _tap(self, wanted: str) -> None:
        for message in reversed(await self.messages()):
            choices = message["choices"]
            if wanted.isdecimal() and choices:  # a number is one of the newest choices there are
                place = int(wanted) - 1 if 0 < int(wanted) <= len(choices) else None
            else:
                place = await self._place(choices, wanted)
            if place is not None:
                self._answer(choices[place]["title"])
                await self.post(
                    f"{self.stack.addresses.gupshup}/control/taps",
                    {"phone": self.phone, "message_id": message["message_id"], "index": place},
                )
                return
            if wanted.isdecimal() and choices:
                break
        raise NotThere(f"there is no “{wanted}” to tap. {await self._on_the_phone()}")

    async def _place(self, choices: Sequence[Mapping[str, Any]], wanted: str) -> int | None:
        """Return where a choice stands: by its title, else by what the words mean in any language."""
        for place, choice in enumerate(choices):
            if _folded(choice["title"]) == _folded(wanted):
                return place
        meant = choice_for(wanted) or wanted
        for place, choice in enumerate(choices):
            if await self.stack.meaning_of(choice["postback"] or "") == meant:
                return place
        return None

    async def _say(self, kind: str, words: str) -> None:
        content: dict[str, object] = {}
        match kind:
            case "text":
                content["text"] = words
            case "image":
                content["caption"] = words
            case "reaction":
                messages = await self.messages()
                if not messages:
                    raise NotThere(f"there is no message to react to. {await self._on_the_phone()}")
                content |= {"emoji": words, "reply_to": messages[-1]["message_id"]}
        label = f"[{_KINDS[kind]}] {words}".rstrip() if kind in _KINDS else words
        self._answer(label)
        await self.reply(kind, **content)

    def _answer(self, text: str) -> None:
        self.lines.append(Answer(self.stack.now(), text))

    async def _on_the_phone(self) -> str:
        messages = await self.messages()
        if not messages:
            return "The phone is empty."
        newest = " ".join(str(messages[-1]["text"]).split())
        with_choices = [message for message in messages if message["choices"]]
        choices = with_choices[-1]["choices"] if with_choices else []
        titles = ", ".join(f"{number} {choice['title']}" for number, choice in enumerate(choices, start=1))
        return f"On the phone is: “{newest}” Choices: {titles or 'none'}."

    async def _bubbles(self) -> list[Line]:
        fresh = [message for message in await self.messages() if self._is_new(message["message_id"])]
        return [
            Bubble(
                at=datetime.fromisoformat(message["at"]),
                text=message["text"],
                header=message["header"],
                footer=message["footer"],
                opens=message["opens"],
                choices=tuple((choice["title"], choice["description"]) for choice in message["choices"]),
            )
            for message in fresh
        ]

    async def _exchanged(self) -> list[Line]:
        """Return what the order system was asked and told."""
        response = await self.http.get(f"{self.stack.addresses.order_system}/control/ledger")
        ledger = response.raise_for_status().json()
        asked = [row for row in ledger["resolutions"] if row["trackingId"] == self.tracking_id]
        self.has_accepted = any(row["accepted"] for row in asked)
        rows = [(row, _asked_words(row)) for row in asked]
        rows += [
            (row, f"the order system is asked where the parcel is: {_no_answer(row['http_status'])}")
            for row in ledger["tracking_reads"]
            if self.tracking_id in row["trackingIds"] and row["reason"]
        ]
        rows += [
            (row, f"the seller’s system is told: {row['body']['type']}")
            for row in ledger["events"]
            if row["body"]["data"]["order_id"] == self.order_id
        ]
        fresh = [(row["at"], words) for row, words in rows if self._is_new(f"exchange {row['seq']}")]
        return [Fact(datetime.fromisoformat(at), words) for at, words in fresh]

    async def _facts(self) -> list[Line]:
        activity = await self.api(f"/v1/orders/{self.order_id}/activity?limit=500")
        fresh = [
            entry
            for entry in reversed(activity["entries"])
            if self._is_new(" ".join((entry["at"], entry["topic"], entry["detail"])))
        ]
        told = [(datetime.fromisoformat(entry["at"]), self._words_of(entry)) for entry in fresh]
        return [Fact(at, words) for at, words in told if words]

    def _is_new(self, key: str) -> bool:
        is_new = key not in self.seen
        self.seen.add(key)
        return is_new

    def _words_of(self, entry: Mapping[str, Any]) -> str:
        """Return what an entry of the order's activity says between the bubbles; empty where they say it."""
        topic, detail = str(entry["topic"]), str(entry["detail"])
        match entry["kind"], topic:
            case "report", "failed_delivery":
                return f"the delivery failed: {detail}"
            case "report", "resolution_submitted" if self.has_accepted:
                return ""  # the echo of what stands above
            case "report", _:
                return f"the order system reports: {topic.replace('_', ' ')}"
            case "notification", "failed_delivery" if self.is_held:
                self.is_held = False
                return "quiet hours end"
            case "notification", "reminder" | "nudge" | "sent_again":
                return topic.replace("_", " ")
            case "notification", _ if topic.endswith("_not_sent") and detail in _UNWANTED:
                return ""  # the seller wants no message for it
            case "notification", _ if topic.endswith("_not_sent"):
                return f"{topic.replace('_', ' ')}: {detail}"
            case "automatic", "held":
                self.is_held = True
                return f"quiet hours: {detail}"
            case (("automatic" | "handover"), _) if topic.startswith("ended_"):
                outcome = topic.removeprefix("ended_").replace("_", " ")
                return f"the case ends: {outcome}{f' ({detail})' if detail else ''}"
            case "handover", "action_refused":
                return ""  # the order system's own words stand above
            case (("automatic" | "handover"), _):
                return f"{topic.replace('_', ' ')}: {detail}"
            case _:
                return ""


def _asked_words(asked: Mapping[str, Any]) -> str:
    body, status = asked["body"], asked["http_status"]
    code = body["resolutionCode"]
    wanted = _ASKED_FOR.get(code, code)
    if day := body.get("deferredDate"):
        wanted = f"delivery on {day}"
    if address := (body.get("shippingDetails") or {}).get("updatedAddress"):
        wanted = f"a new attempt at {address}"
    if asked["accepted"]:
        answer = "yes"
    elif status is None or status >= _FAILING:
        answer = _no_answer(status)
    else:
        answer = f"no, “{str(asked['reason']).removeprefix(f'told to answer {status}: ')}”"
    return f"the order system is asked for {wanted} ({code}): {answer}"


def _no_answer(status: int | None) -> str:
    return f"no answer (HTTP {status})" if status else "no answer"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
