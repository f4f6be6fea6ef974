"""Rehearsals: what people may write, and two journeys on the real system with a moved clock."""

import argparse
import asyncio
import shutil
import tempfile
import time as real_time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from ops import rehearse
from ops.conversation import Conversation, NotThere
from ops.journeys import (
    JOURNEYS,
    REASONS,
    Act,
    Move,
    OrderSystem,
    Refuse,
    Say,
    Tap,
    UnknownStep,
    Wait,
    parse_step,
)
from ops.rehearsal_stage import RehearsalStack
from ops.transcript import Bubble, Fact
from tests.workflows.stage import END_SECONDS

_INDIA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("tap Try again", Tap("Try again")),
        ("tap 3", Tap("3")),
        ("TAP 3 ", Tap("3")),
        ("text Flat 4B, Lake View", Say("text", "Flat 4B, Lake View")),
        ("image", Say("image")),
        ("image my gate", Say("image", "my gate")),
        ("voice", Say("audio")),
        ("pin", Say("location")),
        ("reaction", Say("reaction", "👍")),
        ("reaction 🙏", Say("reaction", "🙏")),
        ("stop", Say("text", "STOP")),
        ("wait 5h", Wait(timedelta(hours=5))),
        ("wait 30m", Wait(timedelta(minutes=30))),
        ("wait 1h30m", Wait(timedelta(minutes=90))),
        ("wait until 08:15", Wait(until=time(8, 15))),
        ("status delivered", Move("delivered")),
        ("status cancelled", Move("cancelled_order")),
        ("refuse Not on this route", Refuse("Not on this route")),
        ("system down", OrderSystem(is_up=False)),
        ("system up", OrderSystem(is_up=True)),
    ],
)
def test_step_means_what_it_says(text: str, act: Act) -> None:
    """Every step that there is."""
    step = parse_step(text)
    assert (step.act, step.text) == (act, text.strip())


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("dance", "tap TITLE-OR-NUMBER"),
        ("tap", "tap TITLE-OR-NUMBER"),
        ("voice loudly", "voice"),
        ("status lost", "delivered|out_for_delivery|rto|cancelled"),
        ("system sideways", "down|up"),
        ("wait", "wait 5h"),
        ("wait a bit", "1h30m"),
        ("wait 400d", "30 days"),
        ("wait until 25:00", "08:15"),
    ],
)
def test_step_that_is_none_is_told_what_would_be_right(text: str, right: str) -> None:
    """Nobody has to read the source."""
    with pytest.raises(UnknownStep, match=right.replace("|", r"\|")):
        parse_step(text)


def test_wait_until_is_the_next_such_time() -> None:
    """Today if that is still to come, else tomorrow."""
    noon = datetime(2026, 11, 27, 12, 0, tzinfo=_INDIA).astimezone(UTC)
    assert Wait(until=time(12, 5)).end(noon, _INDIA) == noon + timedelta(minutes=5)
    assert Wait(until=time(8, 0)).end(noon, _INDIA) == noon + timedelta(hours=20)


def test_ready_made_journeys_can_be_read() -> None:
    """Each has steps that exist and a reason that the order system knows."""
    assert len(JOURNEYS) >= 12
    for journey in JOURNEYS.values():
        assert journey.about
        assert journey.reason in REASONS
        assert [parse_step(text) for text in journey.steps]


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["sunshine"], "silence, night"),
        ([], "--step"),
        (["silence", "--step", "dance"], "wait 5h"),
        (["silence", "--language", "ta"], "en, hi"),
        (["silence", "--reason", "rain"], "unavailable, address"),
        (["silence", "--quiet", "21:00"], "08:15"),
        (["silence", "--at", "noon"], "08:15"),
        (["silence", "--reminders", "soon"], "1h30m"),
    ],
)
def test_wrong_command_is_answered_with_what_would_be_right(
    arguments: list[str], right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing is started."""
    given = _arguments(*arguments)
    assert given.run(given) == 2
    assert right in capsys.readouterr().err


def test_sellers_choices_become_the_policy() -> None:
    """Quiet hours, reminders and what happens at the deadline are the workspace's own."""
    usual = rehearse._plan(_arguments("silence")).policy
    assert (usual.quiet_from, usual.quiet_until, usual.reminders_after) == ("21:00", "08:00", (240, 720))
    own = rehearse._plan(
        _arguments("silence", "--quiet", "none", "--reminders", "8h,30m", "--deadline", "reattempt")
    ).policy
    assert (own.quiet_from, own.reminders_after, own.at_deadline) == ("", (30, 480), "reattempt")


@pytest.mark.processes
@pytest.mark.temporal
async def test_silence_is_reminded_twice_and_handed_over_after_a_day(directory: Path) -> None:
    """R6.7: 4 h and 12 h after the first message, the deadline 24 h after the failure; in every language."""
    began = real_time.monotonic()
    async with _rehearsed(directory, "silence") as talks:
        assert real_time.monotonic() - began < 60
        assert [talk.language for talk in talks] == ["en", "hi"]
        for talk in talks:
            first, *reminders = _bubbles(talk)
            assert f"{first.at.astimezone(_INDIA):%H:%M}" == "08:30"
            assert [f"{reminder.at.astimezone(_INDIA):%a %H:%M}" for reminder in reminders] == [
                f"{first.at.astimezone(_INDIA):%a} 12:30",
                f"{first.at.astimezone(_INDIA):%a} 20:30",
            ]
            failed = _fact(talk, "the delivery failed")
            end = _fact(talk, "the case ends: handed over")
            # Equal deadlines are spread over 45 seconds.
            assert timedelta(hours=24, seconds=-2) < end.at - failed.at < timedelta(hours=24, seconds=50)
            assert f"{end.at.astimezone(_INDIA):%H:%M}" == "08:30"
            told = _fact(talk, "the seller’s system is told: case.handed_over")
            assert told.at > end.at - timedelta(seconds=2)  # two programs follow one moved clock
        assert "Hi Asha Rao" in _bubbles(talks[0])[0].text
        assert "नमस्ते Sunita Devi" in _bubbles(talks[1])[0].text


@pytest.mark.processes
@pytest.mark.temporal
async def test_night_is_quiet_and_a_tap_in_the_morning_is_executed(directory: Path) -> None:
    """R6.8: what fails at 22:30 is told between 08:00 and 08:15; taps are found by what they mean (R6.3)."""
    async with _rehearsed(directory, "night") as talks:
        for talk in talks:
            first, done = _bubbles(talk)
            local = first.at.astimezone(_INDIA)
            assert time(8, 0) <= local.time() < time(8, 15)
            assert f"{_fact(talk, 'the delivery failed').at.astimezone(_INDIA):%H:%M}" == "22:30"
            assert _fact(talk, "quiet hours end").at <= first.at
            assert f"{done.at.astimezone(_INDIA):%H:%M}" == "08:20"
            assert _fact(talk, "the order system is asked for a new attempt (ACTF001): yes").at <= done.at
            _fact(talk, "the case ends: resolved")
            with pytest.raises(NotThere, match=r"“Change address”.*On the phone is: “.*ORD"):
                await talk.do(Tap("Change address"))


def _arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    rehearse.add_command(parser.add_subparsers())
    return parser.parse_args(["rehearse", *given])


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a rehearsal keeps its data."""
    made = Path(tempfile.mkdtemp(prefix="rescue-rehearsal-tests-"))
    made.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    yield made
    shutil.rmtree(made)


@asynccontextmanager
async def _rehearsed(directory: Path, *arguments: str) -> AsyncIterator[list[Conversation]]:
    """Play what the command line asks for, on a stack that stays for a while."""
    plan = rehearse._plan(_arguments(*arguments))
    async with (
        RehearsalStack(directory, policy=plan.policy, people=plan.people) as stage,
        httpx.AsyncClient(trust_env=False, timeout=20.0) as http,
    ):
        talks = rehearse.conversations(stage, plan, http)
        await rehearse.play(stage, plan, talks)
        yield talks
    await asyncio.sleep(END_SECONDS)


def _bubbles(talk: Conversation) -> list[Bubble]:
    return [line for line in talk.lines if isinstance(line, Bubble)]


def _fact(talk: Conversation, begins: str) -> Fact:
    facts = [line for line in talk.lines if isinstance(line, Fact) and line.text.startswith(begins)]
    assert len(facts) == 1, [line.text for line in talk.lines if isinstance(line, Fact)]
    return facts[0]
