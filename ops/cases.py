"""Cases by hand from the terminal: find, read, act, send again, close, for any workspace (R6.11).

An act goes to the case's own run, is waited for, and stands on the order's activity with mode `ops` and the person.
"""

import argparse
import re
from dataclasses import replace
from datetime import date, datetime
from uuid import uuid4

from db import actions, cases, messages, timeline, workspaces
from db.cases import CaseRow, without_numbers
from db.timeline import TimelineEntry
from domain.case_events import ActionTaken, CloseAsked, ResendAsked
from domain.case_state import Case, CaseFacts, Outcome, State, allowed_actions, eligible_days, open_case
from domain.failures import Action, Mode
from domain.replies import AddressDraft, clean
from domain.timing import Policy, local_words
from domain.wording import reason_words
from intake.telling import StartCase, Teller, case_ref
from ops.system import (
    NO,
    NOT_THERE,
    Stop,
    System,
    add_command,
    add_person_option,
    how_many,
    one_line,
    print_table,
    record,
    the_only,
    try_again,
    who_acts,
)
from workflows.client import ActRefused, CaseNotRunning, Mail, ManualAnswer, WorkflowsUnavailable

_SHORT = 8  # characters of an id in a list: more than are needed to name it
_LONGEST = 96  # characters of a text on one line
_MOST_ENTRIES = 500
_PINCODE = re.compile(r"[1-9][0-9]{5}")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `cases …` to the programs."""
    noun = commands.add_parser("cases", help="find cases of any workspace, read them, act on them by hand")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(steps, "list", _list, "list cases, newest first")
    step.add_argument("--workspace")
    states = ("open", *(state.value for state in State))
    step.add_argument("--state", choices=states, metavar="open|ended|STATE")
    step.add_argument("--outcome", choices=tuple(outcome.value for outcome in Outcome), metavar="OUTCOME")
    step.add_argument("--order", metavar="ID")
    step.add_argument("--tracking", metavar="ID")
    step.add_argument("--limit", type=how_many, default=50)

    step = add_command(steps, "show", _show, "tell how a case stands, what is possible, and what happened")
    _add_case(step)

    step = add_command(steps, "act", _act, "have the order system execute an action; waits for its answer")
    _add_case(step)
    step.add_argument("action", choices=tuple(action.value for action in Action), metavar="|".join(Action))
    step.add_argument("--on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day, for reschedule")
    step.add_argument(
        "--address", default="", metavar="TEXT", help="house, street and area, for update_address"
    )
    step.add_argument("--pincode", type=_pincode)
    step.add_argument("--landmark", default="")
    step.add_argument(
        "--words", nargs="+", default=(), metavar="TEXT", help="what the customer says, for dispute"
    )
    add_person_option(step)

    step = add_command(steps, "resend", _resend, "send the first message once more")
    _add_case(step)
    add_person_option(step)

    step = add_command(steps, "close", _close, "end a case; the customer is not asked any more")
    _add_case(step)
    step.add_argument("--note", required=True, help="why; stands on the order's activity")
    add_person_option(step)


def _add_case(step: argparse.ArgumentParser) -> None:
    step.add_argument("case", metavar="CASE", help="its id, or 6 characters of it or more")


def _pincode(text: str) -> str:
    if not _PINCODE.fullmatch(text):
        raise argparse.ArgumentTypeError("a pincode has six digits, as 560038")
    return text


# --- Reading ---


async def _list(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        rows = await cases.list_of_all_workspaces(
            session,
            workspace_id=arguments.workspace,
            order_id=arguments.order,
            tracking_id=arguments.tracking,
            state=arguments.state,
            outcome=arguments.outcome,
            limit=arguments.limit + 1,
        )
        policies = {known.id: known.policy for known in await workspaces.list_workspaces(session)}
    print_table(
        ("CASE", "WORKSPACE", "ORDER", "TRACKING ID", "ATTEMPT", "STATE", "OUTCOME", "WAITS FOR", "UNTIL"),
        [
            (
                row.id[:_SHORT],
                row.workspace_id,
                row.order_id,
                row.tracking_id,
                _attempt(row),
                row.state,
                row.outcome,
                row.waits_for if row.is_open else "",
                local_words(row.wake_at, policies[row.workspace_id]) if row.is_open and row.wake_at else "",
            )
            for row in rows[: arguments.limit]
        ],
    )
    if len(rows) > arguments.limit:
        print(f"… and more: --limit {arguments.limit * 2}")
    return 0


async def _show(system: System, arguments: argparse.Namespace) -> int:
    row = await _find(system, arguments.case)
    facts, policy, case = await _read(system, row)
    async with system.database.transaction() as session:
        sent = await messages.list_for_case(session, row.workspace_id, row.id)
        happened = await timeline.list_entries(
            session, system.cipher, row.workspace_id, row.order_id, case_id=row.id, limit=_MOST_ENTRIES
        )
    failure = facts.failure
    said = "; ".join(filter(None, (row.raw_code and f"code {row.raw_code}", row.raw_reason, row.raw_remark)))
    lines = {
        "Case": f"{row.id}, workspace {row.workspace_id}",
        "Order": f"{row.order_id}, parcel {row.tracking_id or row.shipment_id}",
        "Failed": f"attempt {_attempt(row)}, {local_words(row.failed_at, policy)}: {reason_words(failure.reason)}",
        "Courier": f"{row.courier_name or 'not named'}{f' ({said})' if said else ''}",
        "Customer": f"…{failure.customer_phone[-4:]}" if failure.customer_phone else "without a phone",
        "Pincode": failure.address.pincode,
        "Stands": _stand(row, policy),
        "Last step": row.note,
        "Accepted": _with_day(row.accepted_action, row.accepted_on),
        "Possible": _possible_words(case, system.clock(), policy) if row.is_open else "",
    }
    for name, words in lines.items():
        if words:
            print(f"{name:<10} {one_line(words)}")
    print("\nMessages" if sent else "\nNo message was sent.")
    if sent:
        print_table(
            ("SENT", "FOR", "KIND", "TEMPLATE", "STATUS", "CODE"),
            [
                (
                    local_words(message.created_at, policy),
                    message.purpose,
                    message.kind,
                    message.template_name,
                    message.status.value,
                    message.code,
                )
                for message in sent
            ],
            indent="  ",
        )
    print("\nActivity")
    print_table(
        ("WHEN", "WHAT", "", "MODE", "PERSON"),
        [
            (
                local_words(shown.entry.at, policy),
                f"{shown.entry.kind}: {shown.entry.topic.replace('_', ' ')}",
                _said(shown),
                shown.entry.mode,
                shown.entry.person,
            )
            for shown in reversed(happened)
        ],
        indent="  ",
    )
    return 0


def _said(shown: TimelineEntry) -> str:
    """Return an entry's words for one line, without what may be a phone (I12)."""
    data, entry = shown.entry.data, shown.entry
    said = entry.detail
    if entry.kind == "reply":
        said = f"“{data['text']}”" if data.get("text") else ""
    elif entry.kind == "action":
        said = ", ".join(str(part) for part in (data.get("on"), data.get("address"), entry.detail) if part)
    status = shown.message_status.value if shown.message_status else ""
    return f"{_without_phones(said)} {f'({status})' if status else ''}"


def _stand(row: CaseRow, policy: Policy) -> str:
    if not row.is_open:
        ended = f" {local_words(row.ended_at, policy)}" if row.ended_at else ""
        return f"ended{ended}: {_plain(row.outcome)}"
    until = f", until {local_words(row.wake_at, policy)}" if row.wake_at else ""
    return f"{_plain(row.state)}, waits for {row.waits_for or 'its run to start'}{until}"


def _possible_words(case: Case, now: datetime, policy: Policy) -> str:
    """Return what may be done with an open case, in the words of this program."""
    if case.state is State.ACTING:
        return "close; an action is being asked for"
    words = []
    for action in allowed_actions(case):
        days = eligible_days(case, now, policy) if action is Action.RESCHEDULE else ()
        words.append(f"{action.value} (--on {', '.join(str(day) for day in days)})" if days else action.value)
    return ", ".join((*words, "resend", "close"))


# --- Acting ---


async def _act(system: System, arguments: argparse.Namespace) -> int:
    action = Action(arguments.action)
    for given, name, belongs_to in (
        (arguments.on, "--on", Action.RESCHEDULE),
        (arguments.address or arguments.pincode or arguments.landmark, "--address", Action.UPDATE_ADDRESS),
        (arguments.words, "--words", Action.DISPUTE),
    ):
        if given and action is not belongs_to:
            raise Stop(f"{name} goes with {belongs_to.value} only", code=NOT_THERE)
    row = await _find(system, arguments.case)
    address = AddressDraft(arguments.address, arguments.pincode or "", arguments.landmark).tidied()
    words = tuple(clean(word) for word in arguments.words)
    event = ActionTaken(action, Mode.OPS, who_acts(arguments), arguments.on, address, words)
    return await _put(system, row, event)


async def _resend(system: System, arguments: argparse.Namespace) -> int:
    row = await _find(system, arguments.case)
    return await _put(system, row, ResendAsked(Mode.OPS, who_acts(arguments)))


async def _close(system: System, arguments: argparse.Namespace) -> int:
    row = await _find(system, arguments.case)
    return await _put(
        system, row, CloseAsked(Mode.OPS, who_acts(arguments), without_numbers(one_line(arguments.note)))
    )


async def _put(system: System, row: CaseRow, event: ActionTaken | ResendAsked | CloseAsked) -> int:
    """Put an act before the case, wait for what it comes to, and tell."""
    if not row.is_open:
        raise _ended(row)
    try:
        if row.started_at is None:
            await _teller(system).tell(StartCase(row.workspace_id, row.id))
        came_to = await system.workflows.act(case_ref(row), Mail(f"ops:{uuid4()}", event))
        async with system.database.transaction() as session:
            await record(
                session,
                row.workspace_id,
                person=event.person,
                action="case.action",
                subject=row.order_id,
                detail=f"{type(event).__name__}: {came_to.state}",
                now=system.clock(),
            )
    except ActRefused as refused:
        if refused.type == "CaseEnded":
            raise _ended(await _again(system, row)) from refused
        raise Stop(f"Refused: {refused}.") from refused
    except CaseNotRunning as error:
        now = await _again(system, row)
        if now.is_open:
            raise Stop("The case's run is not there: look for it in Temporal UI, and try again.") from error
        raise _ended(now) from error
    except WorkflowsUnavailable as error:
        more = f" It may be done all the same: look with `cases show {row.id[:_SHORT]}` first."
        raise try_again(error, more) from error
    return await _tell(system, row, came_to)


async def _tell(system: System, row: CaseRow, came_to: ManualAnswer) -> int:
    now = f"The case has ended: {_plain(came_to.outcome)}." if came_to.outcome else ""
    if came_to.is_done:
        print(f"Done: {_without_phones(came_to.note)}. {now or f'The case is {_plain(came_to.state)}.'}")
        return 0
    if came_to.state == State.ACTING:
        now = "It is not answered yet; the case keeps asking."
    elif not now:
        _, policy, case = await _read(system, await _again(system, row))
        now = f"Possible: {_possible_words(case, system.clock(), policy)}."
    print(f"Not done: {_without_phones(came_to.note)}. {now}")
    return NO


def _ended(row: CaseRow) -> Stop:
    return Stop(f"The case has ended: {_plain(row.outcome) or 'just now'}. Nothing is possible any more.")


# --- What the commands share ---


async def _find(system: System, given: str) -> CaseRow:
    async with system.database.transaction() as session:
        found = await cases.list_by_prefix(session, given, limit=10)
    return the_only(found, given, "case", lambda row: f"{row.id}  {row.workspace_id}  order {row.order_id}")


async def _again(system: System, row: CaseRow) -> CaseRow:
    async with system.database.transaction() as session:
        return await cases.find_case(session, row.workspace_id, row.id) or row


async def _read(system: System, row: CaseRow) -> tuple[CaseFacts, Policy, Case]:
    """Return what a case began with, and the case as far as it decides what is possible now."""
    async with system.database.transaction() as session:
        facts, policy = await cases.get_start(session, system.cipher, row.workspace_id, row.id)
        withdrawn = await actions.list_withdrawn(session, row.workspace_id, row.id)
    case = replace(open_case(facts, policy), state=State(row.state), withdrawn=(*facts.withdrawn, *withdrawn))
    return facts, policy, case


def _teller(system: System) -> Teller:
    return Teller(
        database=system.database, cipher=system.cipher, workflows=system.workflows, clock=system.clock
    )


def _attempt(row: CaseRow) -> str:
    return f"{row.attempt}, visit {row.visit}" if row.visit > 1 else str(row.attempt)


def _with_day(action: str, day: date | None) -> str:
    return f"{_plain(action)} on {day}" if action and day else _plain(action)


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _without_phones(text: str) -> str:
    """Return other people's words as one line of a terminal, without what may be a phone (I12)."""
    line = one_line(without_numbers(text))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
