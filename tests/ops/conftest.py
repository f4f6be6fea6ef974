"""A terminal before two sellers' world: command lines in, words and exit codes out."""

import argparse
from dataclasses import dataclass

import pytest

from db.encryption import Cipher
from db.session import Database
from ops import audit, billing, cases, events, people, reconciliation, settings
from ops.system import System, perform
from tests.intake.stage import Stage


@dataclass
class Terminal:
    """Runs command lines as `python -m ops` does, but for opening the system.

    Attributes:
        stage: The world behind it.
        system: How it reaches that world.
    """

    stage: Stage
    system: System
    capsys: pytest.CaptureFixture[str]

    async def run(self, *words: str) -> tuple[int, str]:
        """Return the exit code and all that was printed."""
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(required=True)
        cases.add_commands(commands)
        events.add_commands(commands)
        people.add_commands(commands)
        billing.add_commands(commands)
        reconciliation.add_commands(commands)
        settings.add_commands(commands)
        audit.add_commands(commands)
        code = await perform(self.system, parser.parse_args(words))
        printed = self.capsys.readouterr()
        return code, printed.out + printed.err


@pytest.fixture
async def terminal(database: Database, cipher: Cipher, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Two workspaces on one shared account, and nobody's login."""
    stage = Stage(database, cipher)
    await stage.furnish()
    return Terminal(stage, System(database, cipher, stage.workflows, stage.clock), capsys)
