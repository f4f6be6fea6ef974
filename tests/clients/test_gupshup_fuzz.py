"""Whatever is posted, the parser answers with events or says that the body is unreadable."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clients.gupshup import Callback, UnreadableCallback, parse_callback
from clients.gupshup.templates import read_template

PAYLOADS = Path(__file__).parents[1] / "payloads" / "gupshup"
SAMPLES = [json.loads(path.read_bytes()) for path in sorted(PAYLOADS.glob("webhook-*.json"))]
TEMPLATES = json.loads((PAYLOADS / "api-template-list.json").read_bytes())["templates"]

# Texts that mean something to the reader stand beside arbitrary ones, surrogates and NUL among them.
WORDS = st.sampled_from(
    (
        *(
            "message",
            "text",
            "button",
            "quick_reply",
            "interactive",
            "failed",
            "type",
            "payload",
            "id",
            "gsId",
        ),
        *("entry", "changes", "value", "messages", "statuses", "user_preferences"),
        *("1e9", "NaN", "-0", "९", "{", "[[[", '{"msgid":"\\u0000"}', "\ud83d", "\0"),
    ),
)
TEXTS = WORDS | st.text(st.characters(), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.integers(10**15, 10**40)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((*path, key), *_places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, samples: list[Any]) -> Any:
    """Draw a sample in which one to four values were replaced, moved or taken away."""
    sample = json.loads(json.dumps(draw(st.sampled_from(samples))))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(sample)
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        parent = sample
        for key in path:
            parent = parent[key]
        if draw(st.booleans()):
            parent[last] = draw(VALUES)
        else:
            del parent[last]
    return sample


def _texts(value: Any) -> Iterator[str]:
    """Walk through every text inside a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _check(body: bytes) -> Callback | None:
    """Parse twice: the answer is the same, and nothing but `UnreadableCallback` is raised."""
    try:
        callback = parse_callback(body)
    except UnreadableCallback:
        return None
    assert callback.events
    again = [event.event_key for event in parse_callback(body).events]
    assert [event.event_key for event in callback.events] == again
    for text in _texts(dataclasses.asdict(callback)):
        assert b"\0" not in text.encode()  # PostgreSQL could not keep it; a lone surrogate would raise
    return callback


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_json(value: Any) -> None:
    """Arbitrary JSON is read or refused. # F45 F46."""
    _check(json.dumps(value).encode())


@settings(max_examples=400, deadline=None)
@given(mutated(SAMPLES))
def test_mutated_samples(value: Any) -> None:
    """Real callbacks with anything anywhere are read or refused. # F45 F46."""
    _check(json.dumps(value).encode())


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes(body: bytes) -> None:
    """Arbitrary bytes are read or refused."""
    _check(body)


@settings(max_examples=150, deadline=None)
@given(mutated(SAMPLES), st.randoms(use_true_random=False))
def test_key_does_not_depend_on_the_order_of_keys(value: Any, chance: Any) -> None:
    """Two subscriptions may write the same object differently. # I2."""

    def shuffled(item: Any) -> Any:
        if isinstance(item, list):
            return [shuffled(part) for part in item]
        if isinstance(item, dict):
            pairs = [(key, shuffled(part)) for key, part in item.items()]
            chance.shuffle(pairs)
            return dict(pairs)
        return item

    first, second = _check(json.dumps(value).encode()), _check(json.dumps(shuffled(value), indent=1).encode())
    if first and second:
        keys = [event.event_key for event in first.events]
        assert [event.event_key for event in second.events] == keys


@settings(max_examples=150, deadline=None)
@given(VALUES | mutated(TEMPLATES))
def test_any_template(value: Any) -> None:
    """A listed template is read or left out."""
    read_template(value)
