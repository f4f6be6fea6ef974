"""What may happen in a rehearsal: steps as people write them, and the ready-made journeys."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

REASONS: Final = (
    "unavailable",
    "address",
    "cod",
    "refused",
    "not_attempted",
    "no_resolutions",
    "unreachable",
    "rescheduled",
)
"""Why a delivery may fail, in the words of the order system's stand-in."""

MOVES: Final = {
    "delivered": "delivered",
    "out_for_delivery": "out_for_delivery",
    "rto": "rto",
    "cancelled": "cancelled_order",
}
"""Where a parcel may go meanwhile, and what the order system calls it."""

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST: Final = timedelta(days=30)


class UnknownStep(Exception):
    """Something cannot be understood; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Tap:
    """The customer taps a choice: by its title in any language we know, what it stands for, or its number."""

    choice: str


@dataclass(frozen=True, slots=True)
class Say:
    """The customer sends something."""

    kind: Literal["text", "image", "audio", "location", "reaction"]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes: for a while, or until a time of day."""

    length: timedelta = timedelta()
    until: time | None = None

    def end(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return when it is over."""
        if self.until is None:
            return now + self.length
        local = now.astimezone(zone)
        end = datetime.combine(local.date(), self.until, zone)
        return end if end > local else end + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Move:
    """The parcel goes somewhere, as the order system calls it."""

    event: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The order system will say no to the next action, with these words."""

    words: str


@dataclass(frozen=True, slots=True)
class OrderSystem:
    """The order system goes down, or comes back."""

    is_up: bool


Act = Tap | Say | Wait | Move | Refuse | OrderSystem


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Attributes:
        text: As it was written.
        act: What it means.
    """

    text: str
    act: Act


@dataclass(frozen=True, slots=True)
class Journey:
    """A customer's story from the failed delivery on.

    Attributes:
        name: How it is asked for.
        about: What it shows, in a line.
        steps: What happens after the failure.
        reason: Why the delivery fails.
        at: When, in the workspace's own time.
    """

    name: str
    about: str
    steps: tuple[str, ...]
    reason: str = "unavailable"
    at: time = time(8, 30)


JOURNEYS: Final = {
    journey.name: journey
    for journey in (
        Journey("silence", "nobody answers: two reminders, then the deadline", ("wait 25h",)),
        Journey(
            "night",
            "the delivery fails at 22:30: the message waits for the end of quiet hours",
            ("wait until 08:20", "tap Try again"),
            at=time(22, 30),
        ),
        Journey("reattempt", "the customer taps “Try again”", ("wait 20m", "tap Try again")),
        Journey(
            "date",
            "another date, chosen from the list",
            ("wait 20m", "tap Choose another date", "wait 2m", "tap 2"),
        ),
        Journey(
            "address",
            "a new address, typed in two messages with a location pin",
            (
                "wait 20m",
                "tap See all options",
                "tap Change address",
                "text Flat 4B, Lake View, 12th Main",
                "text Indiranagar, opposite BDA complex",
                "pin",
                "tap 1",
            ),
            reason="address",
        ),
        Journey(
            "cancel",
            "cancel, after “no, keep it”",
            (
                "wait 20m",
                "tap See all options",
                "tap Cancel the order",
                "tap 2",
                "wait 1h",
                "tap Cancel the order",
                "tap 1",
            ),
        ),
        Journey(
            "dispute",
            "nobody came, says the customer",
            (
                "wait 20m",
                "tap See all options",
                "tap Nobody came",
                "text I was at home all day, nobody rang",
            ),
        ),
        Journey(
            "words",
            "the customer types what they want, and says yes",
            ("wait 20m", "text hindi please", "text kal shaam ko bhejna", "tap 1"),
        ),
        Journey(
            "unexpected",
            "three answers that nobody can read, then a tap",
            ("wait 20m", "image my gate", "voice", "text whatever", "wait 1h", "tap Try again"),
        ),
        Journey(
            "refused",
            "the order system says no to a new attempt, and the customer takes what is left",
            (
                "refuse Reattempt is not possible on this route",
                "wait 20m",
                "tap Try again",
                "wait 10m",
                "tap Choose another date",
                "tap 1",
            ),
        ),
        Journey(
            "down",
            "the order system is down for two hours",
            ("wait 20m", "system down", "tap Try again", "wait 2h", "system up", "wait 20m"),
        ),
        Journey(
            "delivered-meanwhile",
            "the parcel is delivered after all, then the customer answers",
            ("wait 3h", "status delivered", "wait 5m", "tap Try again"),
        ),
        Journey(
            "late-tap",
            "a second choice when all is over",
            ("wait 20m", "tap Try again", "wait 3h", "tap Choose another date"),
        ),
        Journey(
            "half-finished",
            "no day chosen: one nudge after half an hour",
            ("wait 20m", "tap Choose another date", "wait 40m", "tap 1"),
        ),
    )
}

GRAMMAR: Final = (
    "tap TITLE-OR-NUMBER, text WORDS, image [CAPTION], voice, pin, reaction [EMOJI], stop, wait 5h|30m|until 08:15, "
    f"status {'|'.join(MOVES)}, refuse WORDS, system down|up"
)
"""Every step, in a line."""


def parse_step(text: str) -> Step:
    """Return what a step means.

    Raises:
        UnknownStep: It is none.
    """
    word, _, rest = text.strip().partition(" ")
    return Step(text.strip(), _act(word.casefold(), rest.strip(), text.strip()))


def _act(word: str, rest: str, text: str) -> Act:
    match word, rest:
        case "tap", rest if rest:
            return Tap(rest)
        case "text", rest if rest:
            return Say("text", rest)
        case "image", caption:
            return Say("image", caption)
        case "voice", "":
            return Say("audio")
        case "pin", "":
            return Say("location")
        case "reaction", emoji:
            return Say("reaction", emoji or "👍")
        case "stop", "":
            return Say("text", "STOP")
        case "wait", rest if rest.startswith("until "):
            return Wait(until=parse_time(rest.removeprefix("until ").strip()))
        case "wait", rest if rest:
            return Wait(parse_length(rest))
        case "status", rest if rest in MOVES:
            return Move(MOVES[rest])
        case "refuse", rest if rest:
            return Refuse(rest)
        case "system", "down" | "up":
            return OrderSystem(is_up=rest == "up")
        case _:
            raise UnknownStep(f"no such step: “{text}”. Steps are: {GRAMMAR}")


def parse_length(text: str) -> timedelta:
    """Return a length of time as "5h", "30m" or "1h30m".

    Raises:
        UnknownStep: It is none, or longer than any case lives.
    """
    if not re.fullmatch(r"(\d{1,6}[dhms])+", text):
        raise UnknownStep(f"no length of time: “{text}”. It is written as 5h, 30m or 1h30m")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))
    if (length := timedelta(seconds=seconds)) > _LONGEST:
        raise UnknownStep(f"“{text}” is too long: no case lives beyond {_LONGEST.days} days")
    return length


def parse_time(text: str) -> time:
    """Return a time of day as "08:15".

    Raises:
        UnknownStep: It is none.
    """
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 - a day's hours and minutes
        raise UnknownStep(f"no time of day: “{text}”. It is written as 08:15")
    return time(int(found[1]), int(found[2]))
