"""Templates in use, from the terminal: check them with Gupshup now instead of within the hour (R4.8)."""

import argparse

from ops.system import NO, Stop, System, add_command, print_table, try_again
from workflows.client import TemplateCheck, WorkflowsUnavailable


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `templates …` to the programs."""
    noun = commands.add_parser("templates", help="templates in use")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")
    step = add_command(
        steps, "check", _check, "ask Gupshup for each account's templates; hold and release what follows"
    )
    step.add_argument("--account", default="", metavar="ID", help="only one account's")


async def _check(system: System, arguments: argparse.Namespace) -> int:
    try:
        checked = await system.workflows.check_templates(TemplateCheck(arguments.account))
    except WorkflowsUnavailable as error:
        raise try_again(error, " The check may still be done.") from error
    rows = [
        *(("held", one) for one in checked.held),
        *(("released", one) for one in checked.released),
    ]
    if rows:
        print_table(
            ("NOW", "WORKSPACE", "EVENT", "LANGUAGE", "TEMPLATE", "ACCOUNT", "HELD FOR"),
            [
                (now, one.workspace_id, one.event, one.language, one.template, one.account_id, one.reason)
                for now, one in rows
            ],
        )
    for account_id in checked.refused:
        print(f"{account_id}: Gupshup does not accept the API key")
    for account_id in checked.away:
        print(f"{account_id}: Gupshup did not tell; it is asked again within the hour")
    for account_id in checked.just_asked:
        print(f"{account_id}: its key was refused less than five minutes ago")
    if not any((checked.asked, checked.refused, checked.away, checked.just_asked)):
        raise Stop(
            f"No notification is on for account {arguments.account}."
            if arguments.account
            else "No notification is on."
        )
    accounts = "1 account" if checked.asked == 1 else f"{checked.asked} accounts"
    held, released = len(checked.held), len(checked.released)
    print(f"{accounts} asked; notifications held: {held}, released: {released}.")
    return NO if checked.refused or checked.away else 0
