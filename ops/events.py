"""Events from the terminal: those to workspaces' URLs, listed and delivered again; recorded ones of order systems, taken.

`replay` does what it is given: ids are events of ours (R8.3, F57), a file holds the order system's (`import` says it too).
"""

import argparse
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from db import outgoing_events, workspaces
from db.outgoing_events import OutgoingEvent
from domain.timing import Policy, local_words
from ops import recorded
from ops.system import NOT_THERE, Stop, System, add_command, how_many, print_table, the_only, try_again
from workflows.client import WorkflowsUnavailable

_OF_A_FILE = (".jsonl", ".ndjson", ".json")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `events …` to the programs."""
    noun = commands.add_parser("events", help="events to workspaces' URLs: list them, deliver them again")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(steps, "list", _list, "list events, newest first")
    step.add_argument("--workspace")
    step.add_argument("--type", metavar="TYPE", help="such as case.undeliverable")
    which = step.add_mutually_exclusive_group()
    which.add_argument(
        "--failed", action="store_true", help="only what was given up: nobody tries it any more"
    )
    which.add_argument(
        "--undelivered", action="store_true", help="all that did not arrive yet, being tried or given up"
    )
    step.add_argument("--limit", type=how_many, default=50)

    step = add_command(steps, "import", _import, "take a file of recorded events of order systems, once each")
    step.add_argument("file", type=Path, metavar="FILE.jsonl", help="one event a line: see the runbook")
    step.add_argument("--workspace", help="whose they all are; usual: as each line says")
    recorded.add_options(step)

    step = add_command(
        steps, "replay", _replay, "deliver events again, each under its own id; or take a file, as `import`"
    )
    step.add_argument(
        "ids",
        nargs="*",
        metavar="ID | FILE.jsonl",
        help="an event's id, or 6 characters of it or more; delivered or not. Or one file",
    )
    step.add_argument("--failed", action="store_true", help="all that was given up for --workspace")
    step.add_argument("--workspace")
    step.add_argument(
        "--since", type=date.fromisoformat, metavar="YYYY-MM-DD", help="with --failed: from this day on"
    )
    step.add_argument("--limit", type=how_many, default=1000, help="with --failed: at most so many at once")
    recorded.add_options(step)


async def _list(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        found = await outgoing_events.list_events(
            session,
            system.cipher,
            workspace_id=arguments.workspace,
            type=arguments.type,
            is_failed=arguments.failed,
            is_undelivered=arguments.undelivered,
            limit=arguments.limit + 1,
        )
        policies = {known.id: known.policy for known in await workspaces.list_workspaces(session)}
    print_table(
        ("EVENT", "WORKSPACE", "TYPE", "ORDER", "HAPPENED", "STANDS", "SINCE", "LAST TRY"),
        [_row(event, policies[event.workspace_id]) for event in found[: arguments.limit]],
    )
    if len(found) > arguments.limit:
        print(f"… and more: --limit {arguments.limit * 2}")
    return 0


def _row(event: OutgoingEvent, policy: Policy) -> tuple[object, ...]:
    since = {"given up": event.failed_at, "delivered": event.delivered_at}.get(event.stand)
    return (
        event.id,
        event.workspace_id,
        event.type,
        event.data.get("order_id", ""),
        local_words(event.created_at, policy),
        event.stand,
        local_words(since, policy) if since else "",
        event.note,
    )


async def _import(system: System, arguments: argparse.Namespace) -> int:
    return await recorded.take_file(system, arguments.file, arguments)


async def _replay(system: System, arguments: argparse.Namespace) -> int:
    if len(arguments.ids) == 1 and arguments.ids[0].endswith(_OF_A_FILE) and not arguments.failed:
        return await recorded.take_file(system, Path(arguments.ids[0]), arguments)
    if arguments.quiet or arguments.from_line > 1:
        raise Stop("--quiet and --from-line are about a file of recorded events", code=NOT_THERE)
    if bool(arguments.ids) == arguments.failed:
        raise Stop("Name events by their ids, or all that was given up by --failed", code=NOT_THERE)
    if arguments.failed and not arguments.workspace:
        raise Stop("--failed needs --workspace: the receivers are back one by one", code=NOT_THERE)
    found = await (_given_up(system, arguments) if arguments.failed else _named(system, arguments.ids))
    for workspace_id in dict.fromkeys(event.workspace_id for event in found):
        await _check_endpoint(system, workspace_id)
    for count, event in enumerate(found):
        try:
            await _deliver_again(system, event)
        except WorkflowsUnavailable as error:
            raise try_again(error, f" {count} of {len(found)} events are on their way.") from error
    if arguments.failed:
        more = " There may be more: replay again." if len(found) == arguments.limit else ""
        print(
            f"{len(found)} events are on their way again.{more} `events list --undelivered` tells how they fare."
        )
    return 0


async def _deliver_again(system: System, event: OutgoingEvent) -> None:
    """Have a run of its own deliver an event: what its first run came to does not matter."""
    now = system.clock()
    await system.workflows.replay_event(event.workspace_id, event.id, now)
    async with system.database.transaction() as session:
        await outgoing_events.mark_replayed(session, event.workspace_id, event.id, now)
    print(f"{event.id}  {event.type}, order {event.data.get('order_id', '')}: on its way again")


async def _named(system: System, ids: list[str]) -> list[OutgoingEvent]:
    found = {}
    async with system.database.transaction() as session:
        for given in ids:
            begin_so = await outgoing_events.list_by_prefix(session, system.cipher, given, limit=10)
            event = the_only(
                begin_so, given, "event", lambda one: f"{one.id}  {one.workspace_id}  {one.type}"
            )
            found[event.id] = event
    return list(found.values())


async def _given_up(system: System, arguments: argparse.Namespace) -> list[OutgoingEvent]:
    """Return what was given up for a workspace, oldest first: the receiver sees it in order."""
    async with system.database.transaction() as session:
        workspace = await workspaces.find_workspace(session, arguments.workspace)
        if workspace is None:
            raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE)
        zone = ZoneInfo(workspace.policy.timezone)
        found = await outgoing_events.list_events(
            session,
            system.cipher,
            workspace_id=workspace.id,
            is_failed=True,
            since=datetime.combine(arguments.since, time(), zone) if arguments.since else None,
            limit=arguments.limit,
        )
    return list(reversed(found))


async def _check_endpoint(system: System, workspace_id: str) -> None:
    async with system.database.transaction() as session:
        endpoint = await workspaces.find_event_endpoint(session, system.cipher, workspace_id)
    if endpoint is None:
        raise Stop(
            f"{workspace_id} has no address for events: `python -m ops connect events {workspace_id} URL`"
        )
