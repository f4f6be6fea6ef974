"""Random conversations through the whole system end with ledgers that agree with the database.

`CONVERSATIONS` and `CONVERSATIONS_SEED` in the environment say how many, and which.
"""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ops.stack import ROOT, Ports
from tests.e2e.evidence import Evidence
from tests.e2e.ledgers import disagreements
from tests.e2e.random_conversations import play
from tests.e2e.settling import gather, settle
from tests.e2e.town import Town
from tests.e2e.weather import StormyStack

pytestmark = [pytest.mark.processes, pytest.mark.temporal]

_COUNT = int(os.environ.get("CONVERSATIONS", "60"))
_SEED = int(os.environ.get("CONVERSATIONS_SEED", "1"))
_LOGS = ROOT / "var" / "conversations"
_SECONDS_EACH = 5.0
_SHOWN = 12


@pytest.fixture
async def town(stack_directory: Path) -> AsyncIterator[Town]:
    """A stack of its own: its ledgers hold nothing but these conversations, and its weather spoils no other test."""
    async with (
        StormyStack(stack_directory / "stormy", Ports.any()) as stack,
        httpx.AsyncClient(trust_env=False, timeout=60.0) as http,
    ):
        yield Town(stack, http, _SEED)


async def test_random_conversations_leave_ledgers_that_agree(town: Town) -> None:
    """Whatever customers, couriers, sellers and networks do, both sides tell the same story (I1-I5 I7-I11 I14 I15)."""
    began = time.monotonic()
    weather = await play(town, count=_COUNT, seconds=30.0 + _COUNT * _SECONDS_EACH)
    played = time.monotonic()
    left = await settle(town, within=60.0 + _COUNT / 10)
    evidence = await gather(town, left, deaths=weather.deaths)
    settled = time.monotonic()
    sys.stdout.write(
        f"\nseed {_SEED}: {town.did['conversation']} conversations in {played - began:.0f} s, "
        f"settled and read in {settled - played:.0f} s\n{_told(evidence)}"
        f"  done: {_listed(town.did)}\n  weather: {_listed(weather.seen)}\n"
    )
    found = disagreements(evidence)
    if found:
        shutil.copytree(town.stack.directory / "log", _LOGS, dirs_exist_ok=True)
    assert not found, _in_words(found)


def _told(evidence: Evidence) -> str:
    unanswered = sum(not sent.answered for sent in evidence.sent)
    accepted = sum(asked.accepted for asked in evidence.asked)
    return (
        f"  Gupshup accepted {len(evidence.sent)} messages, {unanswered} of them with the answer lost, "
        f"and posted {len(evidence.posted)} callbacks\n"
        f"  messages: {_listed(Counter(row.status for row in evidence.messages))}\n"
        f"  the order system was asked {len(evidence.asked)} times and accepted {accepted}; "
        f"it received {len(evidence.received)} events\n"
        f"  {len(evidence.cases)} cases: {_listed(Counter(case.outcome for case in evidence.cases))}\n"
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common())


def _in_words(found: tuple[str, ...]) -> str:
    first = "\n".join(found[:_SHOWN])
    again = f"CONVERSATIONS={_COUNT} CONVERSATIONS_SEED={_SEED}"
    return f"{len(found)} disagreements with {again}, the programs' logs in {_LOGS}, the first:\n{first}"
