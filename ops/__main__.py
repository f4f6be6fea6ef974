"""Programs for people: `python -m ops demo | rehearse | up | code | migrate | keys | connect … | people … | cases … | billing … | …`."""

import argparse
import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from db.migrate import MigrationRefused, upgrade
from ops import audit, billing, cases, codes, demo, events, people, reconciliation, rehearse, settings
from ops.onboarding import add_commands
from ops.processes import NotReady
from ops.seed import fresh_keys
from ops.stack import VAR, Ports, Stack


def main() -> int:
    """Run the program named on the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="PROGRAM")
    commands.add_parser("demo", help="play six stories on a fresh embedded stack").set_defaults(
        run=lambda _: asyncio.run(_demo())
    )
    commands.add_parser("up", help="keep the embedded stack running").set_defaults(
        run=lambda _: asyncio.run(_up())
    )
    commands.add_parser("migrate", help="bring DATABASE_URL's schema up to date").set_defaults(
        run=lambda _: _migrate()
    )
    commands.add_parser("keys", help="print fresh keys for .env").set_defaults(run=lambda _: _keys())
    rehearse.add_command(commands)
    codes.add_command(commands)
    add_commands(commands)
    people.add_commands(commands)
    cases.add_commands(commands)
    events.add_commands(commands)
    billing.add_commands(commands)
    reconciliation.add_commands(commands)
    settings.add_commands(commands)
    audit.add_commands(commands)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


def _demo_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="rescue-demo-"))
    directory.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    return directory


async def _demo() -> int:
    directory = _demo_directory()
    try:
        print("Starting PostgreSQL, Temporal, both stand-ins, the API and the worker …")
        async with Stack(directory, Ports.any(), say=print) as stack:
            wrong = await demo.play(stack)
    except (NotReady, MigrationRefused, demo.StoryFailed) as error:
        print(f"\nThe demo could not be played: {error}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("KEEP_DEMO"):
            shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{'All six stories ended right.' if not wrong else f'{wrong} stories went wrong.'}")
    return 1 if wrong else 0


async def _up() -> int:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    path = VAR / "stack.json"
    try:
        async with Stack(VAR / "stack", Ports.usual(), say=lambda text: print(text, flush=True)) as stack:
            stack.write_json(path)
            at = stack.addresses
            print(
                f"\n  Portal       {at.api}"
                f"\n               {codes.how_to_sign_in(stack.seed.people)}"
                f"\n  API docs     {at.api}/docs"
                f"\n  Phone        {at.phone or 'none: GUPSHUP_BASE_URL is set'}"
                f"\n  Temporal UI  {f'{at.temporal_ui}/namespaces/default/workflows' if at.temporal_ui else 'none: TEMPORAL_ADDRESS is set'}"
                f"\n  Database     {at.database}"
                f"\n  Everything else, with test credentials: {path}\n\n  Ctrl-C stops it.",
                flush=True,
            )
            await stopping.wait()
    except (NotReady, MigrationRefused) as error:
        print(f"The stack did not start: {error}", file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    return 0


def _migrate() -> int:
    url = os.environ.get("DATABASE_URL")
    if not url:
        print("DATABASE_URL is not set: postgresql://user:password@host:port/name", file=sys.stderr)
        return 2
    try:
        upgrade(url)
    except MigrationRefused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _keys() -> int:
    tokens = {name: secrets.token_urlsafe(32) for name in ("CODEC_TOKEN", "METRICS_TOKEN")}
    for name, value in (fresh_keys() | tokens).items():
        print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
