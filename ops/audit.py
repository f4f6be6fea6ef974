"""The audit from the terminal: whether each chain is whole, and its last number and hash to compare with later (S28)."""

import argparse

from db import audit
from ops.system import NO, System, add_command, print_table

_HASH_SHOWN = 16


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit …` to the programs."""
    noun = commands.add_parser("audit", help="what was done that matters for security: check the chains")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(steps, "check", _check, "walk every chain; exit code 1 where one is broken")
    step.add_argument("--full", action="store_true", help="print hashes in full length")


async def _check(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        chains = await audit.list_chains(session)
    rows: list[tuple[str, int, str, str]] = []
    broken = 0
    for workspace_id in chains:
        # One transaction each: a long chain holds up nobody.
        async with system.database.transaction() as session:
            broken_at = await audit.find_break(session, workspace_id)
            (last,) = await audit.list_records(session, workspace_id, limit=1)
        broken += broken_at is not None
        state = "whole" if broken_at is None else f"BROKEN at {broken_at}"
        digest = last.hash.hex() if arguments.full else last.hash.hex()[:_HASH_SHOWN]
        rows.append((workspace_id, last.number, digest, state))
    if not rows:
        print("Nothing was recorded yet.")
        return 0
    print_table(("WORKSPACE", "RECORDS", "LAST HASH", "CHAIN"), rows)
    print(
        "What was cut off at the end cannot be seen in a chain: compare number and hash with an earlier check’s."
    )
    return NO if broken else 0
