"""Rehearse a customer's journey on the real system with a moved clock, and show it as it looks on the phone.

All languages are played side by side, because all clocks are one: each step for each customer, then time passes for
everybody.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import httpx

from db.migrate import MigrationRefused
from domain.timing import AtDeadline, Policy
from ops.conversation import Conversation, NotThere
from ops.demo import StoryFailed
from ops.embedded import PostgresFailed
from ops.journeys import (
    GRAMMAR,
    JOURNEYS,
    REASONS,
    Journey,
    OrderSystem,
    Step,
    UnknownStep,
    Wait,
    parse_length,
    parse_step,
    parse_time,
)
from ops.processes import NotReady
from ops.rehearsal_stage import NoRest, RehearsalStack
from ops.seed import LANGUAGES
from ops.transcript import Fact, lines_of

_NAMES: Final = {"en": "English", "hi": "Hindi"}
_PEOPLE: Final = {
    "en": {"phone": "919999900001", "name": "Asha Rao", "language": "en"},
    "hi": {"phone": "919999900005", "name": "Sunita Devi", "language": "hi"},
}
_PARTS_OF_THE_ORDER_SYSTEM: Final = ("resolution", "tracking")
_FOR_GOOD: Final = 1_000_000
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Plan:
    """A rehearsal as it was asked for.

    Attributes:
        journey: What happens, and when it begins.
        steps: Its steps, understood.
        languages: Who it happens to, a customer for each language.
        policy: What the seller chose.
        attempt: Which delivery attempt fails.
    """

    journey: Journey
    steps: tuple[Step, ...]
    languages: tuple[str, ...]
    policy: Policy
    attempt: int = 1

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's zone."""
        return ZoneInfo(self.policy.timezone)

    @property
    def people(self) -> list[dict[str, str]]:
        """The customers, one for each language."""
        return [_PEOPLE[language] for language in self.languages]


async def play(stage: RehearsalStack, plan: Plan, talks: Sequence[Conversation]) -> None:
    """Play a plan on a running stage.

    Raises:
        NotThere: What a step names is not on the phone.
        NoRest: Something goes on and on.
        StoryFailed: A stand-in did not do as it was told.
    """
    await _let_pass(stage, Wait(until=plan.journey.at).end(stage.now(), plan.zone), ())
    for talk in talks:
        await talk.begin(plan.journey.reason, plan.attempt)
    await _settle(stage, talks)
    await _take(stage, talks, plan)
    for talk in talks:
        await talk.note_open()


async def _take(stage: RehearsalStack, talks: Sequence[Conversation], plan: Plan) -> None:
    """Take the steps of a plan.

    Raises:
        NotThere: What a step names is not on the phone.
    """
    for number, step in enumerate(plan.steps, start=1):
        if isinstance(step.act, Wait):
            await _let_pass(stage, step.act.end(stage.now(), plan.zone), talks)
            continue
        if isinstance(step.act, OrderSystem):
            await _set_order_system(stage, talks, is_up=step.act.is_up)
            continue
        for talk in talks:
            try:
                await talk.do(step.act)
            except NotThere as missing:
                raise NotThere(
                    f"{_NAMES[talk.language]}, step {number}, “{step.text}”: {missing}"
                ) from missing
        await _settle(stage, talks)


def conversations(stage: RehearsalStack, plan: Plan, http: httpx.AsyncClient) -> list[Conversation]:
    """Return one conversation for each language of a plan, with nothing in it yet."""
    workspace = stage.seed.workspaces[0]
    return [
        Conversation(
            title=_NAMES[language],
            reason=plan.journey.reason,
            phone=_PEOPLE[language]["phone"],
            workspace=workspace,
            app=stage.seed.account_of(workspace).app_name,
            http=http,
            stack=stage,
            language=language,
        )
        for language in plan.languages
    ]


async def _let_pass(stage: RehearsalStack, until: datetime, talks: Sequence[Conversation]) -> None:
    async for _ in stage.pass_time(until):
        for talk in talks:
            await talk.collect()


async def _settle(stage: RehearsalStack, talks: Sequence[Conversation]) -> None:
    await stage.rest()
    for talk in talks:
        await talk.collect()


async def _set_order_system(stage: RehearsalStack, talks: Sequence[Conversation], *, is_up: bool) -> None:
    behaviour = f"{stage.addresses.order_system}/control/behaviour"
    if is_up:
        (await talks[0].http.delete(behaviour)).raise_for_status()
    else:
        for part in _PARTS_OF_THE_ORDER_SYSTEM:
            await talks[0].post(behaviour, {"endpoint": part, "mode": "status", "times": _FOR_GOOD})
    for talk in talks:
        words = "the order system is back" if is_up else "the order system goes down"
        talk.lines.append(Fact(stage.now(), words))


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `rehearse` to the programs."""
    parser = commands.add_parser(
        "rehearse",
        help="play a customer's journey with a moved clock, as it looks on the phone",
        description="Plays a journey on the real system with a moved clock, and prints the conversation.",
        epilog=f"Steps: {GRAMMAR}.",
    )
    parser.add_argument(
        "journey", nargs="?", default="", metavar="JOURNEY", help="a ready-made one: see --list"
    )
    parser.add_argument("--list", action="store_true", help="name the ready-made journeys")
    parser.add_argument("--step", action="append", default=[], help="a step of your own; any number of them")
    parser.add_argument(
        "--language", action="append", default=[], help=f"of {', '.join(LANGUAGES)}; all if not given"
    )
    parser.add_argument("--reason", help=f"why the delivery fails: {', '.join(REASONS)}")
    parser.add_argument("--at", metavar="HH:MM", help="when it fails, in the workspace's time")
    parser.add_argument("--attempt", type=int, choices=(1, 2, 3), default=1, help="which attempt fails")
    parser.add_argument(
        "--quiet", metavar="HH:MM-HH:MM", help="quiet hours, or none; 21:00-08:00 if not given"
    )
    parser.add_argument("--reminders", metavar="4h,12h", help="when to remind, or none; 4h,12h if not given")
    parser.add_argument(
        "--deadline", choices=[one.value for one in AtDeadline], help="what happens after a day"
    )
    parser.add_argument("--phone", action="store_true", help="keep the phone on the screen open afterwards")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for journey in JOURNEYS.values():
            print(f"{journey.name:<20} {journey.about}")
        return 0
    try:
        plan = _plan(arguments)
    except UnknownStep as error:
        print(error, file=sys.stderr)
        return 2
    directory = Path(tempfile.mkdtemp(prefix="rescue-rehearsal-"))
    directory.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    try:
        return asyncio.run(_rehearse(plan, directory, keep_open=arguments.phone))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _plan(arguments: argparse.Namespace) -> Plan:
    """Return what was asked for.

    Raises:
        UnknownStep: Something cannot be understood; the message says what would be right.
    """
    own = Journey("your own", "", ())
    journey = JOURNEYS.get(arguments.journey) if arguments.journey else own
    names = ", ".join(JOURNEYS)
    if journey is None:
        raise UnknownStep(f"no such journey: “{arguments.journey}”. There are: {names}")
    if journey is own and not arguments.step:
        raise UnknownStep(f"name a journey, or give steps with --step. Journeys are: {names}")
    if arguments.reason not in (None, *REASONS):
        raise UnknownStep(f"no such reason: “{arguments.reason}”. There are: {', '.join(REASONS)}")
    languages = (
        tuple(dict.fromkeys(part for one in arguments.language for part in one.split(","))) or LANGUAGES
    )
    if unknown := [language for language in languages if language not in LANGUAGES]:
        raise UnknownStep(f"no template in the language “{unknown[0]}”. There are: {', '.join(LANGUAGES)}")
    return Plan(
        journey=replace(
            journey,
            reason=arguments.reason or journey.reason,
            at=parse_time(arguments.at) if arguments.at else journey.at,
        ),
        steps=tuple(parse_step(text) for text in (*journey.steps, *arguments.step)),
        languages=languages,
        policy=_policy(arguments),
        attempt=arguments.attempt,
    )


def _policy(arguments: argparse.Namespace) -> Policy:
    policy = Policy()
    if arguments.quiet == "none":
        policy = replace(policy, quiet_from="", quiet_until="")
    elif arguments.quiet:
        begin, _, end = arguments.quiet.partition("-")
        policy = replace(
            policy, quiet_from=f"{parse_time(begin):%H:%M}", quiet_until=f"{parse_time(end):%H:%M}"
        )
    if arguments.reminders == "none":
        policy = replace(policy, reminders_after=())
    elif arguments.reminders:
        lengths = sorted(parse_length(part.strip()) for part in arguments.reminders.split(","))
        policy = replace(policy, reminders_after=tuple(int(one.total_seconds()) // 60 for one in lengths))
    return replace(policy, at_deadline=AtDeadline(arguments.deadline)) if arguments.deadline else policy


async def _rehearse(plan: Plan, directory: Path, *, keep_open: bool) -> int:
    task = asyncio.current_task()
    if task is not None:  # what was started is stopped, PostgreSQL too
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    trouble = ""
    try:
        print("Starting the system on a clock of its own …", file=sys.stderr)
        print(f"Then: {'; '.join(step.text for step in plan.steps)}", file=sys.stderr)
        async with (
            RehearsalStack(directory, policy=plan.policy, people=plan.people) as stage,
            httpx.AsyncClient(trust_env=False, timeout=20.0) as http,
        ):
            talks = conversations(stage, plan, http)
            try:
                await play(stage, plan, talks)
            except (NotThere, NoRest, StoryFailed) as error:
                trouble = str(error)
            for talk in talks:
                _print(talk, plan)
            if trouble:
                print(f"\nThe rehearsal stopped. {trouble}", file=sys.stderr)
            if keep_open:
                await _keep_open(stage, talks)
    except (NotReady, MigrationRefused, PostgresFailed) as error:
        print(f"The rehearsal did not begin: {error}", file=sys.stderr)
        return 1
    return 1 if trouble else 0


def _print(talk: Conversation, plan: Plan) -> None:
    person = _PEOPLE[talk.language]["name"]
    heading = (
        f"{_NAMES[talk.language]}: {person}, {talk.phone}, order {talk.order_id} of {talk.workspace.name}"
    )
    print()
    for line in lines_of(heading, talk.lines, plan.zone, in_colour=sys.stdout.isatty()):
        print(line)


async def _keep_open(stage: RehearsalStack, talks: Sequence[Conversation]) -> None:
    print("\nThe phone on the screen, on the rehearsal's clock:")
    for talk in talks:
        print(f"  {talk.title:<8} {stage.addresses.phone}/{talk.phone}/{talk.app}")
    print("\nCtrl-C ends it.", flush=True)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await stopping.wait()
