"""A workspace's choices from the terminal: times, language, texts; `-` is the platform, whose texts are the presets (R7.10).

They count for cases that open from now on: a case keeps the choices it began with.
"""

import argparse
from dataclasses import replace

from db import workspaces
from db.session import Session
from db.workspaces import PLATFORM, Workspace
from domain.settings import CHOICES, NotPossible, chosen, with_text
from domain.texts import LANGUAGES
from domain.timing import Policy
from intake.calendars import UnknownRegion, check_region
from ops.system import (
    NOT_THERE,
    Stop,
    System,
    add_command,
    add_person_option,
    print_table,
    record,
    who_acts,
)

_OF_THE_PLATFORM = "the platform has texts only; settings are each workspace's own"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `settings …` to the programs."""
    noun = commands.add_parser("settings", help="show and change a workspace's choices and texts")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(steps, "show", _show, "show the choices and the workspace's own texts")
    step.add_argument("workspace", help="a slug, or - for the platform's preset texts")

    step = add_command(steps, "set", _set, "make choices, as quiet=21:00-08:00 reminders=4h,12h")
    step.add_argument("workspace")
    step.add_argument("choices", nargs="+", metavar="NAME=VALUE", help=f"names: {', '.join(CHOICES)}")
    add_person_option(step)

    step = add_command(steps, "text", _text, "show a text in a language, or set the workspace's own")
    step.add_argument("workspace", help="a slug, or - for the presets of the shared account")
    step.add_argument("key", help="as please_choose; `settings show` lists them")
    step.add_argument("--language", default="en")
    step.add_argument("--text", help="the own text; {brand}, {order_id} … stand for values")
    step.add_argument("--preset", action="store_true", help="use the preset again")
    add_person_option(step)


async def _show(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        workspace = await _workspace(session, arguments.workspace)
    policy = _policy(workspace)
    if workspace.id != PLATFORM:
        rows = [(name, choice.show(policy), choice.words) for name, choice in CHOICES.items()]
        print_table(("setting", "value", "what it decides"), rows)
        print()
    own = [("own", name, text) for name, text in policy.texts]
    presets = [
        ("preset", f"{language}:{key}", text)
        for language, words in LANGUAGES.items()
        for key, text in words.presets.items()
        if policy.text(key, language) is None
    ]
    print_table(("text", "key", "words"), [*own, *presets])
    return 0


async def _set(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        workspace = await _workspace(session, arguments.workspace)
        if workspace.id == PLATFORM:
            raise Stop(_OF_THE_PLATFORM, code=NOT_THERE)
        policy = _policy(workspace)
        try:
            for given in arguments.choices:
                name, _, value = given.partition("=")
                policy = chosen(policy, name, value)
            if policy.holiday_region:
                check_region(policy.holiday_region)
        except (NotPossible, UnknownRegion) as error:
            raise Stop(str(error), code=NOT_THERE) from error
        await _save(session, workspace, policy)
        await record(
            session,
            workspace.id,
            person=who_acts(arguments),
            action="settings.changed",
            detail=", ".join(arguments.choices),
            now=system.clock(),
        )
    for given in arguments.choices:
        name = given.partition("=")[0]
        print(f"{name} is {CHOICES[name].show(policy)}: {CHOICES[name].words}.")
    print("It counts for cases that open from now on.")
    return 0


async def _text(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        workspace = await _workspace(session, arguments.workspace)
        policy = _policy(workspace)
        if arguments.text is not None or arguments.preset:
            own = None if arguments.preset else arguments.text
            try:
                policy = with_text(policy, arguments.key, arguments.language, own)
            except NotPossible as error:
                raise Stop(str(error), code=NOT_THERE) from error
            await _save(session, workspace, policy)
            await record(
                session,
                workspace.id,
                person=who_acts(arguments),
                action="settings.changed",
                subject=f"{arguments.language}:{arguments.key}",
                now=system.clock(),
            )
    words = LANGUAGES.get(arguments.language)
    if words is None or arguments.key not in words.presets:
        raise Stop(f"There is no text {arguments.language}:{arguments.key}.", code=NOT_THERE)
    own = policy.text(arguments.key, arguments.language)
    print(
        f"{'own' if own is not None else 'preset'}: {own if own is not None else words.presets[arguments.key]}"
    )
    return 0


async def _workspace(session: Session, workspace_id: str) -> Workspace:
    if workspace_id == PLATFORM:
        return await workspaces.ensure_platform(session)
    found = await workspaces.find_workspace(session, workspace_id)
    if found is None:
        raise Stop(f"There is no workspace {workspace_id}.", code=NOT_THERE)
    return found


def _policy(workspace: Workspace) -> Policy:
    return replace(workspace.policy, language=workspace.default_language)


async def _save(session: Session, workspace: Workspace, policy: Policy) -> None:
    changed = replace(workspace, policy=policy, default_language=policy.language)
    await workspaces.add_workspace(session, changed)
