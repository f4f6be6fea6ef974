"""Money from the terminal: the rate card, taxes, monthly statements, corrections by hand (R5.4)."""

import argparse
import csv
import io
import sys
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from db import adjustments, billing, statements, workspaces
from db.session import NotFound, Session
from db.statements import NotYet
from domain.billing import (
    STATEMENT_COLUMNS,
    Statement,
    TaxRate,
    Tier,
    Window,
    month_of,
    percent_words,
    statement_rows,
)
from domain.formats import rupees_exact
from domain.timing import Policy
from ops.reconciliation import add_reconcile
from ops.system import (
    NO,
    NOT_THERE,
    Stop,
    System,
    add_command,
    add_month,
    add_person_option,
    print_table,
    record,
    stamp,
    who_acts,
)

_ZONE = ZoneInfo(Policy().timezone)
_CATEGORIES = ("utility", "marketing", "authentication", "service")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `billing …` to the programs."""
    noun = commands.add_parser("billing", help="prices, taxes, statements, reconciliation")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    add_command(steps, "rates", _rates, "show the rate card, past and coming")

    step = add_command(steps, "rate", _rate, "set what a category's messages cost on the shared account")
    step.add_argument("category", choices=_CATEGORIES)
    step.add_argument("paise", type=_amount)
    step.add_argument("--window", choices=tuple(Window), default=Window.ANY, type=Window, help=_WINDOW_HELP)
    step.add_argument(
        "--free", type=_amount, default=0, metavar="N", help="so many a month and workspace cost nothing"
    )
    step.add_argument(
        "--tier",
        type=_tier,
        action="append",
        default=[],
        metavar="N:PAISE",
        help="another price above N messages in a month; may be given several times",
    )
    step.add_argument(
        "--from", dest="since", type=date.fromisoformat, metavar="YYYY-MM-DD", help=f"by {_ZONE}; usual: now"
    )
    add_person_option(step)

    step = add_command(steps, "tax", _tax, "show taxes, or set one from a day on")
    step.add_argument("name", nargs="?", help="as it stands on the statement, such as GST")
    step.add_argument("percent", nargs="?", type=_basis_points, help="such as 18 or 2.5; 0 ends it")
    step.add_argument("--from", dest="since", type=date.fromisoformat, metavar="YYYY-MM-DD")
    add_person_option(step)

    step = add_command(steps, "all", _all, "show what every workspace's month comes to")
    add_month(step, "usual: this month")

    step = add_command(steps, "statement", _statement, "show a workspace's month, open or closed")
    step.add_argument("workspace")
    add_month(step, "usual: this month")
    step.add_argument("--csv", metavar="FILE", help="write it as CSV; - for the screen")

    step = add_command(steps, "close", _close, "close months for good")
    step.add_argument("--workspace", help="usual: every workspace")
    add_month(step, "usual: every month that is due")
    step.add_argument(
        "--days", type=int, help="how many days after its end a month may be closed; usual: STATEMENT_DAYS"
    )
    add_person_option(step)

    step = add_command(steps, "adjust", _adjust, "book a credit or a charge by hand, in the open month")
    step.add_argument("workspace")
    step.add_argument("paise", type=int, help="negative for a credit: -- -1250")
    step.add_argument("--reason", required=True, help="stands on the statement")
    step.add_argument("--key", help="the same key books once; usual: the reason")
    add_person_option(step)

    add_reconcile(steps)


_WINDOW_HELP = "for customers who wrote in the 24 h before (open), who did not (closed), or all (any)"


# --- Prices and taxes ---


async def _rates(system: System, _arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        rates = await billing.list_rates(session)
    print_table(
        ("RATE", "CATEGORY", "WINDOW", "FROM", "PRICE", "FREE A MONTH", "ABOVE"),
        [
            (
                rate.id,
                rate.category,
                rate.window.value,
                stamp(rate.valid_from),
                rupees_exact(rate.price_paise),
                rate.free_monthly,
                ", ".join(f"{tier.above}: {rupees_exact(tier.price_paise)}" for tier in rate.tiers),
            )
            for rate in rates
        ],
    )
    return 0


async def _rate(system: System, arguments: argparse.Namespace) -> int:
    now = system.clock()
    since = now if arguments.since is None else datetime.combine(arguments.since, time(), _ZONE)
    async with system.database.transaction() as session:
        try:
            number = await billing.set_price(
                session,
                arguments.category,
                arguments.paise,
                valid_from=since,
                window=arguments.window,
                free_monthly=arguments.free,
                tiers=arguments.tier,
            )
        except ValueError as error:
            raise Stop(f"That is no rate: {error}", code=NOT_THERE) from error
        await record(
            session,
            workspaces.PLATFORM,
            person=who_acts(arguments),
            action="rate.set",
            now=now,
            subject=f"{arguments.category} {arguments.window.value}",
            detail=f"rate {number}: {arguments.paise} paise, {arguments.free} free, "
            f"tiers {[(tier.above, tier.price_paise) for tier in arguments.tier]}, from {since.isoformat()}",
        )
    print(
        f"Rate {number}: from {stamp(since)} on a {arguments.category} message costs {arguments.paise} paise."
    )
    if since < now:
        print("It counts for messages sent from now on: what was sent before keeps its price.")
    return 0


async def _tax(system: System, arguments: argparse.Namespace) -> int:
    now = system.clock()
    async with system.database.transaction() as session:
        if arguments.name is None:
            rates = await statements.list_tax_rates(session)
            rows = [(rate.name, percent_words(rate.basis_points), rate.valid_from) for rate in rates]
            print_table(("TAX", "SHARE", "FROM"), rows)
            return 0
        if arguments.percent is None or arguments.since is None:
            raise Stop("Say how much and from when: billing tax GST 18 --from 2026-12-01", code=NOT_THERE)
        rate = TaxRate(arguments.name, arguments.percent, arguments.since)
        try:
            await statements.set_tax(session, rate)
        except ValueError as error:
            raise Stop(f"That is no tax: {error}", code=NOT_THERE) from error
        words = f"{percent_words(rate.basis_points)} from {rate.valid_from}"
        await record(
            session,
            workspaces.PLATFORM,
            person=who_acts(arguments),
            action="tax.set",
            now=now,
            subject=rate.name,
            detail=words,
        )
    print(f"{rate.name}: {words}, on every statement whose month ends on that day or later and is open.")
    return 0


# --- Statements ---


async def _all(system: System, arguments: argparse.Namespace) -> int:
    month = arguments.month or month_of(system.clock(), _ZONE)
    async with system.database.transaction() as session:
        rows = await statements.list_of_all_workspaces(session, month)
    print_table(
        ("WORKSPACE", "ACCEPTED", "MESSAGES", "BOOKED", "NET", "TAX", "STANDS"),
        [
            (
                row.workspace_id,
                row.accepted,
                rupees_exact(row.counted_paise),
                rupees_exact(row.adjusted_paise),
                rupees_exact(row.net_paise),
                "" if row.tax_paise is None else rupees_exact(row.tax_paise),
                f"closed {stamp(row.closed_at)}" if row.closed_at else "open",
            )
            for row in rows
        ],
    )
    print(f"{month:%Y-%m}: {rupees_exact(sum(row.net_paise for row in rows))} before taxes")
    return 0


async def _statement(system: System, arguments: argparse.Namespace) -> int:
    month = arguments.month or month_of(system.clock(), _ZONE)
    async with system.database.transaction() as session:
        try:
            statement, closed = await statements.get_statement(session, arguments.workspace, month)
        except NotFound as error:
            raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE) from error
        broken = await statements.find_break(session, arguments.workspace)
    if arguments.csv:
        _write_csv(statement, arguments.csv)
        return 0
    print(f"{statement.workspace_id}, {month:%Y-%m} by {statement.time_zone}")
    _print_statement(statement)
    if closed is None:
        print("Open: it still changes.")
    else:
        print(f"Closed {stamp(closed.closed_at)} by {closed.person}, {closed.hash.hex()[:16]}.")
    if broken is not None:
        print(f"The statement of {broken:%Y-%m} is not as it was written.", file=sys.stderr)
        return NO
    return 0


def _print_statement(statement: Statement) -> None:
    print_table(
        ("OWNER", "NOTIFICATION", "PURPOSE", "KIND", "ACCEPTED", "FAILED", "CHARGED", "AMOUNT"),
        [
            (
                line.account_owner,
                line.event,
                line.purpose,
                line.kind,
                line.accepted,
                line.failed,
                line.charged,
                rupees_exact(line.charged_paise),
            )
            for line in statement.lines
        ],
    )
    for one in statement.corrections:
        of = one.detail or (f"sent in {one.of_month:%Y-%m}" if one.of_month else "")
        print(f"Correction  {one.reason.value}, {of}, {one.count}: {rupees_exact(one.paise)}")
    print(f"Net    {rupees_exact(statement.net_paise)}")
    for tax in statement.taxes:
        print(f"{tax.name} {percent_words(tax.basis_points)}  {rupees_exact(tax.paise)}")
    print(f"Total  {rupees_exact(statement.total_paise)}")


def _write_csv(statement: Statement, path: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(STATEMENT_COLUMNS)
    writer.writerows(statement_rows(statement))
    if path == "-":
        print(text.getvalue(), end="")
    else:
        Path(path).write_text(text.getvalue(), encoding="utf-8", newline="")


async def _close(system: System, arguments: argparse.Namespace) -> int:
    now = system.clock()
    days = system.statement_days if arguments.days is None else arguments.days
    if days < 1:
        raise Stop("A month is closed a day after its end or later.", code=NOT_THERE)
    async with system.database.transaction() as session:
        if arguments.workspace and await workspaces.find_workspace(session, arguments.workspace) is None:
            raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE)
        due = await statements.list_due(session, now, days=days, workspace_id=arguments.workspace)
    chosen = [one for one in due if arguments.month is None or one[1] <= arguments.month]
    if not chosen:
        print("Nothing is due.")
        return 0
    for workspace_id, month in chosen:
        await _close_one(system, workspace_id, month, now=now, days=days, person=who_acts(arguments))
    return 0


async def _close_one(
    system: System, workspace_id: str, month: date, *, now: datetime, days: int, person: str
) -> None:
    async def work(session: Session) -> statements.Closed:
        return await statements.close(session, workspace_id, month, now=now, days=days, person=person)

    try:
        closed = await system.database.in_transaction(work)
    except NotYet as error:
        raise Stop(f"{workspace_id}: {error}") from error
    total = rupees_exact(closed.net_paise + closed.tax_paise)
    print(f"{workspace_id}  {month:%Y-%m} is closed: {total}, {closed.hash.hex()[:16]}")


async def _adjust(system: System, arguments: argparse.Namespace) -> int:
    now = system.clock()
    async with system.database.transaction() as session:
        try:
            month = await adjustments.book_by_hand(
                session,
                arguments.workspace,
                arguments.paise,
                key=arguments.key or arguments.reason,
                detail=arguments.reason,
                person=who_acts(arguments),
                at=now,
            )
        except NotFound as error:
            raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE) from error
        if month is None:
            raise Stop("That was booked before; for another booking give another --key.")
        await record(
            session,
            workspaces.PLATFORM,
            person=who_acts(arguments),
            action="charge.adjusted",
            now=now,
            subject=arguments.workspace,
            detail=f"{arguments.paise} paise in {month:%Y-%m}: {arguments.reason}",
        )
    print(f"{rupees_exact(arguments.paise)} stands in {month:%Y-%m} of {arguments.workspace}.")
    return 0


# --- Words on the command line ---


def _amount(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("a whole number, not negative")
    return int(text)


def _tier(text: str) -> Tier:
    above, _, paise = text.partition(":")
    return Tier(_amount(above), _amount(paise))


def _basis_points(text: str) -> int:
    whole, _, rest = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(rest) <= 2 and (not rest or rest.isdigit())):  # noqa: PLR2004 - hundredths
        raise argparse.ArgumentTypeError("a share in percent with two decimals at most")
    return int(whole) * 100 + int(rest.ljust(2, "0"))
