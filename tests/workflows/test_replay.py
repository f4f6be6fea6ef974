"""Histories of every shape that was ever released replay on today's code; no server needed (I16)."""

import re

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain import cases
from domain.cases import Outcome
from tests.workflows.save_histories import FOLDER
from tests.workflows.stage import WORKFLOWS, payload_data

_HISTORIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))}


@pytest.mark.parametrize("name", _HISTORIES)
async def test_saved_history_replays(name: str) -> None:
    """Open runs replay new code from their first event: what they did, it must do again."""
    history = WorkflowHistory.from_json(name, _HISTORIES[name])
    await Replayer(workflows=WORKFLOWS).replay_workflow(history)


@pytest.mark.parametrize("name", _HISTORIES)
async def test_saved_history_replays_when_there_are_newer_rules(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run keeps the rules it began with, whatever number new runs get."""
    monkeypatch.setattr(cases, "RULES", 3)
    history = WorkflowHistory.from_json(name, _HISTORIES[name])
    await Replayer(workflows=WORKFLOWS).replay_workflow(history)


def test_every_ending_has_a_history() -> None:
    """A new outcome comes with the history of a run that ended so; `resolved--2026-12` is an older shape."""
    saved = {name.partition("--")[0] for name in _HISTORIES}
    assert saved == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("name", _HISTORIES)
def test_history_names_nobody(name: str) -> None:
    """They are kept in the open: phones are made up, and no machine is named."""
    history = WorkflowHistory.from_json(name, _HISTORIES[name])
    plain = " ".join(data.decode() for event in history.events for data in payload_data(event))
    phones = re.findall(r"(?<!\d)(?:91)?[6-9]\d{9}(?!\d)", plain)
    assert all(phone.startswith("9199999000") for phone in phones)
    identities = set(re.findall(r'"identity": "([^"]*)"', _HISTORIES[name]))
    assert identities == {"tests"}
