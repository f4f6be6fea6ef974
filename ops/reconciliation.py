"""Reconciliation from the terminal: match what Gupshup billed, list what differs; and what is started by the clock (R5.4)."""

import argparse
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from db import reconciliation
from db.session import Session
from domain.billing import next_month
from domain.formats import rupees_exact
from domain.timing import Policy
from ops.system import Stop, System, add_command, add_month, how_many, print_table, stamp, try_again
from workflows.client import SchedulesUnknown, WorkflowsUnavailable

_ZONE = ZoneInfo(Policy().timezone)
_AT_ONCE = 5000  # events


def add_reconcile(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reconcile` to the programs about billing."""
    step = add_command(steps, "reconcile", _reconcile, "match what Gupshup billed, and list what differs")
    add_month(step, "usual: the last 40 days")
    step.add_argument(
        "--after",
        type=how_many,
        metavar="HOURS",
        help="until a missing half counts; usual: RECONCILED_AFTER_HOURS",
    )
    step.add_argument("--limit", type=how_many, default=50, help="rows of each kind")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `schedules …` to the programs."""
    noun = commands.add_parser("schedules", help="what is started by the clock")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")
    add_command(steps, "ensure", _schedules, "make sure that the daily round of money is scheduled")


async def _reconcile(system: System, arguments: argparse.Namespace) -> int:
    now = system.clock()
    since, until = _period(arguments.month, now)
    async with system.database.transaction() as session:
        events = await reconciliation.list_to_match(session, now, limit=_AT_ONCE)
    matched = adopted = 0
    for event in events:
        result = await _match(system, event, now)
        matched += result.message is not None
        adopted += result.was_adopted
    after = timedelta(hours=arguments.after or system.reconciled_after_hours)
    async with system.database.transaction() as session:
        comparison = await reconciliation.compare(session, since=since, until=until, now=now, after=after)
        found = await reconciliation.list_differences(
            session, since=since, until=until, now=now, after=after, limit=arguments.limit
        )
    print(f"{matched} billing events found their message just now, {adopted} proved an unknown send.")
    print(f"{comparison.matched} messages of {since:%Y-%m-%d} to {until:%Y-%m-%d} agree.")
    if not found:
        print("Nothing differs.")
        return 0
    print_table(
        (
            "DIFFERS",
            "AT",
            "WORKSPACE",
            "ORDER",
            "STATUS",
            "OURS",
            "BILLED AS",
            "BILLED",
            "CHARGED",
            "MESSAGE",
        ),
        [
            (
                one.differs.value,
                stamp(one.at),
                one.workspace_id,
                one.order_id,
                one.status,
                one.category,
                one.billed_category,
                {True: "yes", False: "no", None: ""}[one.is_billed],
                rupees_exact(one.charged_paise),
                one.message_id or f"Gupshup {one.gupshup_id}",
            )
            for one in found
        ],
    )
    for differs, count in comparison.differing.items():
        if count:
            print(f"{differs.value}: {count}")
    return 0


async def _match(system: System, event: reconciliation.BilledEvent, now: datetime) -> reconciliation.Matched:
    async def work(session: Session) -> reconciliation.Matched:
        return await reconciliation.match_later(session, event, now)

    return await system.database.in_transaction(work)


async def _schedules(system: System, _arguments: argparse.Namespace) -> int:
    try:
        is_new = await system.workflows.ensure_schedules()
    except SchedulesUnknown as error:
        raise Stop("This Temporal server has no schedules.") from error
    except WorkflowsUnavailable as error:
        raise try_again(error) from error
    print("The daily round is scheduled." if is_new else "The daily round was scheduled already.")
    return 0


def _period(month: date | None, now: datetime) -> tuple[datetime, datetime]:
    if month is None:
        return now - reconciliation.MATCHED_WITHIN, now
    begin, end = (datetime.combine(day, time(), _ZONE) for day in (month, next_month(month)))
    return begin, end
