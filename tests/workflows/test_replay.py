"""Histories of every shape that was ever released replay on today's code; no server needed (I16)."""

import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.cases import Outcome
from tests.workflows.save_histories import FOLDER
from tests.workflows.stage import WORKFLOWS, payload_data

_HISTORIES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", _HISTORIES, ids=lambda path: path.stem)
async def test_saved_history_replays(path: Path) -> None:
    """Open runs replay new code from their first event: what they did, it must do again."""
    history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
    await Replayer(workflows=WORKFLOWS).replay_workflow(history)


def test_every_ending_has_a_history() -> None:
    """A new outcome comes with the history of a run that ended so; `resolved--2026-12` is an older shape."""
    saved = {path.stem.partition("--")[0] for path in _HISTORIES}
    assert saved == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("path", _HISTORIES, ids=lambda path: path.stem)
def test_history_names_nobody(path: Path) -> None:
    """They are kept in the open: phones are made up, and no machine is named."""
    history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
    plain = " ".join(data.decode() for event in history.events for data in payload_data(event))
    phones = re.findall(r"(?<!\d)(?:91)?[6-9]\d{9}(?!\d)", plain)
    assert all(phone.startswith("9199999000") for phone in phones)
    identities = set(re.findall(r'"identity": "([^"]*)"', path.read_text(encoding="utf-8")))
    assert identities == {"tests"}
