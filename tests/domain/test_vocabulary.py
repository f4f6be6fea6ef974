"""The tables that texts are read with: whatever is listed twice, or cannot be reached, would be read by chance."""

from collections import Counter

from domain import vocabulary
from domain.understanding import _fold, _written_out

_TABLES: list[dict[str, str]] = [
    {str(meaning): notations for meaning, notations in vocabulary.PHRASES.items()},
    {str(meaning): notations for meaning, notations in vocabulary.WHOLE_PHRASES.items()},
    *vocabulary.JOINED,
]
_MADE = {
    "num",
    "year",
    "clock",
    "range",
    "decimal",
    *(concept for table in vocabulary.JOINED for concept in table),
}


def test_every_word_is_listed_once() -> None:
    """A word that stood for two concepts would be read as the later one; one listed twice hides that."""
    words = [
        _fold(word) for groups in vocabulary.WORDS.values() for word in groups.split() if set(word) != {"|"}
    ]
    assert [word for word, count in Counter(words).items() if count > 1] == []


def test_every_phrase_says_one_thing() -> None:
    """Two meanings of one phrase would be decided by the order of the table."""
    for table in _TABLES:
        phrases = {
            (phrase, meaning)
            for meaning, notations in table.items()
            for notation in notations.split("|")
            for phrase in _written_out(notation)
        }
        counted = Counter(phrase for phrase, _ in phrases)
        assert [phrase for phrase, count in counted.items() if count > 1] == []


def test_phrases_use_known_concepts_and_concepts_are_used() -> None:
    """A misspelt concept would make its phrase unreachable; one in no phrase is a word to take out."""
    notations = [vocabulary.CHOICES]
    for table in _TABLES:
        notations += table.values()
    used = {
        concept
        for notation in " | ".join(notations).split("|")
        for phrase in _written_out(notation)
        for concept in phrase
    }
    assert used - _MADE <= vocabulary.WORDS.keys()
    assert vocabulary.WORDS.keys() - used <= {"", "and", "otherwise", *vocabulary.INSIDE}
