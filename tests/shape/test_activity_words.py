"""Every pair of kind and topic that the program puts on an order's activity has words of its own on the order's page."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.recording import _HANDED
from api.portal.order_entries import has_words
from domain.case_events import Answer, Purpose
from domain.case_state import Outcome
from domain.failures import Action
from domain.journey import JOURNEY
from domain.replies import ReplyKind
from domain.shipments import ShipmentMove

ROOT = Path(__file__).parents[2]
_MEDIA = ("image", "file", "audio", "video", "sticker")
_FINAL = (Answer.ACCEPTED, Answer.REFUSED, Answer.REFUSED_DATE, Answer.NOT_WAITING)
_TO_SELLER = (Outcome.HANDED_OVER, Outcome.NOT_MY_ORDER)
_NO_ENTRY = {ReplyKind.MEDIA}  # is written by its own kind


def _notes() -> Iterator[str]:
    """Return the topics of notes, as `domain` writes them."""
    for path in sorted((ROOT / "domain").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "note"
            ):
                topic = node.args[0]
                assert isinstance(topic, ast.Constant), f"{path}:{node.lineno}: a topic is a fixed word"
                yield str(topic.value)


def _fixed() -> Iterator[tuple[str, str]]:
    """Return the pairs that stand in the code as they are."""
    for folder in ("intake", "activities"):
        for path in sorted((ROOT / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    given = {
                        each.arg: each.value.value
                        for each in node.keywords
                        if isinstance(each.value, ast.Constant)
                    }
                    if "topic" in given:
                        # `intake.shipments` writes reports where it says nothing else.
                        yield str(given.get("kind", "report")), str(given["topic"])


def _pairs() -> list[tuple[str, str]]:
    purposes = [*(purpose.value for purpose in Purpose), *(step.key.value for step in JOURNEY)]
    pairs = {("notification", f"{purpose}{ending}") for purpose in purposes for ending in ("", "_not_sent")}
    pairs |= {("reply", kind.value) for kind in ReplyKind if kind not in _NO_ENTRY}
    pairs |= {("reply", word) for word in (*_MEDIA, "opted_out", "opted_in")}
    pairs |= {("action", f"{action.value}_{what}") for action in Action for what in ("asked", *_FINAL)}
    pairs |= {("handover", f"{action.value}_taken_back") for action in Action}
    pairs |= {("report", move.value) for move in ShipmentMove}
    pairs |= {("handover" if topic in _HANDED else "automatic", topic) for topic in _notes()}
    pairs |= {("handover" if end in _TO_SELLER else "automatic", f"ended_{end.value}") for end in Outcome}
    return sorted(pairs | {("report", "failed_delivery"), *_fixed()})


def test_topics_are_found_in_the_code() -> None:
    """Otherwise what is checked below would be nothing."""
    assert len(set(_notes())) > 10
    assert ("automatic", "order_chosen") in set(_fixed())


@pytest.mark.parametrize(("kind", "topic"), _pairs())
def test_pair_has_words(kind: str, topic: str) -> None:
    """R5.3 portal: nothing stands on the page by the program's own word for it."""
    assert has_words(kind, topic)


def test_what_nobody_writes_has_none() -> None:
    """The check can fail."""
    assert not has_words("automatic", "of_another_time")
    assert not has_words("reply", "of_another_time")
    assert not has_words("of_another_kind", "held")
