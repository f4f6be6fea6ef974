"""Histories of every shape that was ever released replay on today's code; no server needed (I16)."""

import re

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.cases import Outcome
from tests.workflows.save_histories import FOLDER
from tests.workflows.stage import WORKFLOWS

_HISTORIES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", _HISTORIES, ids=lambda path: path.stem)
async def test_saved_history_replays(path: object) -> None:
    """Open runs replay new code from their first event: what they did, it must do again."""
    name, text = path.stem, path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    await Replayer(workflows=WORKFLOWS).replay_workflow(WorkflowHistory.from_json(name, text))


def test_every_ending_has_a_history() -> None:
    """A new outcome comes with the history of a run that ended so; `resolved--2026-12` is an older shape."""
    saved = {path.stem.partition("--")[0] for path in _HISTORIES}
    assert saved == {outcome.value for outcome in Outcome}


def test_histories_hold_nobodys_phone() -> None:
    """They are kept in the open: phones are made up, and no machine or person is named."""
    for path in _HISTORIES:
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"(?<!\d)(?:91)?[6-9]\d{9}(?!\d)", text), path.name
        assert '"identity"' not in re.sub(r'"identity": "tests"', "", text), path.name
