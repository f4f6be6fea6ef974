"""What a customer's typed words clearly say, in English and Hindi, in Latin letters or Devanagari.

Nothing read here is executed: the conversation answers it with a question. So whatever is doubtful says nothing, by
three rules: every word must be known; known phrases must cover them all; and where two ways of cutting a text into
phrases are equally good, both must say the same. Words and phrases stand in `domain.vocabulary`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, groupby, product
from typing import TypeVar

from domain import vocabulary
from domain.failures import Action
from domain.vocabulary import UNKNOWN, Hint

DAYS_AHEAD = 60
"""A customer of a waiting parcel means no day further away."""

_MAX_CHARACTERS = 300
_MAX_WORDS = 25
_MAX_CHARACTERS_FOR_A_PERSON = 2000
_MAX_CHOICE = 31  # of a list of days the day of the month may be meant


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a text says; empty where it says nothing clear.

    Attributes:
        action: What they ask for.
        on: The day they name for a reschedule; None where they want another day but name none.
        wants_person: They ask for a human, or to be called.
        language: "hi" or "en" where the whole message is a wish to switch to it.
        number: 1 to 31 where the whole message picks from a list.
        answer: "yes" or "no" where the whole message is that, as an answer to what was asked just before.
        agrees: It begins with a yes.
        rest: What stands beside a wish for a person and is not read; it may be an address.
    """

    action: Action | None = None
    on: date | None = None
    wants_person: bool = False
    language: str = ""
    number: int | None = None
    # These alone say nothing: it depends on what was asked.
    answer: str = field(default="", compare=False)
    agrees: bool = field(default=False, compare=False)
    rest: str = field(default="", compare=False)


NOTHING = Understanding()


def understand(text: str, today: date) -> Understanding:
    """Return what a typed text clearly says.

    Args:
        text: Whatever the customer typed.
        today: The day it was typed on, in the workspace's time zone; days are counted from it.
    """
    if len(text) > _MAX_CHARACTERS_FOR_A_PERSON:
        return NOTHING
    said, words = _wish(text, today), _words(text)
    return replace(
        said,
        answer=_answer(words, has_parts=bool(_PARTS.search(text.strip(" .!,।\n")))),
        agrees=bool(words) and words[0] in _AGREES,
        rest=_rest(text, today) if said.wants_person else "",
    )


def _wish(text: str, today: date) -> Understanding:
    """Return what a text asks for."""
    folded = _fold(text)
    clauses = tuple(_clauses(folded))
    days = _days_from(today)
    readings = tuple(_read(clause, days) for clause in clauses)
    wishes = [
        clause
        for clause, senses in zip(clauses, readings, strict=True)
        if (Hint.PERSON, None) in (senses or ())
    ]
    # One word says that only where the rest is clear: "… he rang, and call" does not.
    person = Understanding(wants_person=any(_concepts(clause) not in _SENSE_OF_WHOLE for clause in wishes))
    if "?" in folded or len(text) > _MAX_CHARACTERS or len(text.split()) > _MAX_WORDS:
        return person
    tokens = tuple(chain.from_iterable(clauses))
    if _concepts(tokens) in _CHOICES:
        number = max(token.value for token in tokens)
        return Understanding(number=number) if 1 <= number <= _MAX_CHOICE else NOTHING
    known = tuple(senses for senses in readings if senses is not None)
    if len(known) < len(readings) or any((Hint.NO, None) in senses for senses in known[1:]):
        return person
    return replace(_concluded(frozenset(chain.from_iterable(known))), wants_person=bool(wishes))


def _words(text: str) -> Sequence[str]:
    return re.sub(r"[\s.,!।\U0001f3fb-\U0001f3ff]+", " ", _fold(text)).split()


def _answer(words: Sequence[str], *, has_parts: bool) -> str:
    """Return "yes" or "no" where words are nothing else, beside courtesies."""
    said = set(words)
    if said & (_AGREES | _RIGHT) and said <= _AGREES | _RIGHT | _COURTESIES:
        return "yes"
    is_no = said & _REFUSES and said <= _REFUSES | _RIGHT | _COURTESIES
    is_doubtful = has_parts and said & _RIGHT  # "no, it is right"
    return "no" if is_no and not is_doubtful else ""


def _rest(text: str, today: date) -> str:
    """Return the parts of a text that are not read, as they were typed."""
    days = _days_from(today)
    return ", ".join(
        part.strip()
        for part in _PARTS.split(text)
        if None in [_read(clause, days) for clause in _clauses(_fold(part))]
    )


_PARTS = re.compile(r"[,;!?।\n]|\.\s")

_Sense = tuple[Action | Hint, date | None]


def _concluded(senses: frozenset[_Sense]) -> Understanding:
    """Return the one action or language that everything said agrees on."""
    said = {sense for sense, _ in senses}
    if said in ({Hint.HINDI}, {Hint.ENGLISH}):
        return Understanding(language=said.pop().value)
    days = {day for sense, day in senses if sense is Hint.DAY}
    not_days = {day for sense, day in senses if sense is Hint.NOT_DAY}
    if days and Hint.PERSON in said and Action.REATTEMPT not in said:
        return NOTHING  # "call me, tomorrow"
    actions = {sense for sense in said if isinstance(sense, Action)}
    if days:
        actions.add(Action.RESCHEDULE)
    if actions & vocabulary.WITH_ANOTHER_ATTEMPT:
        actions.discard(Action.REATTEMPT)
    if len(actions) != 1 or len(days) > 1 or days & not_days or said & {Hint.HINDI, Hint.ENGLISH}:
        return NOTHING
    action = actions.pop()
    if said & vocabulary.AGAINST.get(action, frozenset()) or (not_days and action is not Action.RESCHEDULE):
        return NOTHING
    return Understanding(action=action, on=next(iter(days), None))


@dataclass(frozen=True, slots=True)
class _Token:
    concept: str
    value: int = 0
    day: date | None = None


def _concepts(tokens: Sequence[_Token]) -> tuple[str, ...]:
    return tuple(token.concept for token in tokens)


def _read(tokens: Sequence[_Token], days: Sequence[date]) -> frozenset[_Sense] | None:
    """Return what a clause says, None where that is not clear."""
    if len(tokens) > _MAX_WORDS:
        return None
    for joins in _JOINS:
        tokens = tuple(_join(tokens, joins, days))
    if whole := _SENSE_OF_WHOLE.get(_concepts(tokens)):
        return frozenset({(whole, None)})
    senses = _covered(tokens)
    said = {sense for sense, _ in senses or ()}
    is_past = not vocabulary.PAST.isdisjoint(_concepts(tokens))
    if Hint.DOUBT in said or (Hint.DAY in said and is_past):
        return None
    if Hint.PERSON in said:
        beside = said - {Hint.PERSON, Hint.ASIDE}
        if beside <= vocabulary.WHEN_TO_CALL:
            return frozenset({(Hint.PERSON, None)})
        if not beside <= vocabulary.WITH_A_PERSON:
            return None
    return senses


def _covered(tokens: Sequence[_Token]) -> frozenset[_Sense] | None:
    """Return what the fewest phrases that cover all tokens say; None where none do, or equally few say otherwise."""
    best: dict[int, tuple[tuple[int, int], set[frozenset[_Sense]]]] = {0: ((0, 0), {frozenset()})}
    for start, token in enumerate(tokens):
        if start not in best:
            continue
        (phrases, unsaid), readings = best[start]
        steps = [
            (end, (phrases + 1, unsaid + extra), {sense}) for end, extra, sense in _phrases_at(tokens, start)
        ]
        if token.concept in vocabulary.BETWEEN:
            # A noun is passed over only where no phrase has a use for it.
            is_noun = token.concept not in vocabulary.INSIDE
            steps.append((start + 1, (phrases + is_noun, unsaid + 1), set()))
        for end, cost, added in steps:
            found = {reading | added for reading in readings}
            if end not in best or cost < best[end][0]:
                best[end] = cost, found
            elif cost == best[end][0]:
                best[end][1].update(found)
    _, readings = best.get(len(tokens), ((0, 0), set()))
    return next(iter(readings)) if len(readings) == 1 else None


def _phrases_at(tokens: Sequence[_Token], start: int) -> Iterator[tuple[int, int, _Sense]]:
    """Yield each phrase that begins at a token: where it ends, how many tokens it does not name, what it says."""
    paths: list[tuple[int, tuple[str, ...]]] = [(start, ())]
    while paths:
        at, phrase = paths.pop()
        if sense := _SENSE_OF.get(phrase):
            is_dated = sense in (Hint.DAY, Hint.NOT_DAY)
            day = next((token.day for token in tokens[start:at][::-1] if token.day and is_dated), None)
            yield at, at - start - len(phrase), (sense, day)
        if at == len(tokens):
            continue
        concept = tokens[at].concept
        if (*phrase, concept) in _BEGINNINGS:
            paths.append((at + 1, (*phrase, concept)))
        if phrase and concept in vocabulary.INSIDE:
            paths.append((at + 1, phrase))


def _join(
    tokens: Sequence[_Token], joins: Mapping[tuple[str, ...], str], days: Sequence[date]
) -> Iterator[_Token]:
    """Put concepts together that are one, the longest first."""
    at = 0
    while at < len(tokens):
        for end in range(at + _LONGEST_JOIN, at, -1):
            if concept := joins.get(_concepts(tokens[at:end])):
                yield _joined(concept, tokens[at:end], days)
                at = end
                break
        else:
            yield tokens[at]
            at += 1


def _joined(concept: str, tokens: Sequence[_Token], days: Sequence[date]) -> _Token:
    if concept not in ("day", "next_weekday"):
        return _Token(concept)
    day = _day(tokens, days)
    if day is None:
        return _Token(UNKNOWN)
    if concept == "next_weekday" and day.isocalendar()[:2] == days[0].isocalendar()[:2]:
        return _Token(concept)  # on a Wednesday "next Friday" is in two days or in nine
    return _Token("day", day=day)


def _day(tokens: Sequence[_Token], days: Sequence[date]) -> date | None:
    """Return the first of the days that fits; None for one that is too far away or does not exist."""
    said = {token.concept: token.value for token in tokens}
    number, weekday = said.get("num", 0), said.get("weekday", said.get("short_weekday"))
    if named := next((token.day for token in tokens if token.day), None):
        return named if weekday in (None, named.weekday()) else None
    if "offset" in said or "days" in said:
        fitting = days[said.get("offset", number) :]
    elif weekday is not None:
        fitting = [day for day in days[1:] if day.weekday() == weekday]
    elif "month" in said:
        dates = [day for day in days if (day.day, day.month) == (number, said["month"])]
        fitting = [day for day in dates if said.get("year", day.year) == day.year]
    else:
        fitting = [day for day in days[1:] if day.day == number]
    return next(iter(fitting), None)


def _days_from(today: date) -> Sequence[date]:
    last = min(today.toordinal() + DAYS_AHEAD, date.max.toordinal())
    return tuple(map(date.fromordinal, range(today.toordinal(), last + 1)))


_BREAKS = frozenset(".,;!?।\n")
_IGNORED = frozenset('-_*~()[]"“”:')
_NOT_MEANT = frozenset("❌✖🚫⛔👎😂🤣🙄😆😹")
_SCAN = re.compile(
    r"(?P<number>\d+(?:[./:\-]\d+)*)|(?P<word>(?:[^\W\d_]|[\u0900-\u0963\u0970-\u097f])+)|(?P<mark>\S|\n)"
)


def _clauses(folded: str) -> Iterator[tuple[_Token, ...]]:
    """Yield a text's parts between punctuation marks and words like "and"."""
    words: list[str] = []
    for found in _SCAN.finditer(f"{folded}\n"):
        piece = found.group()
        if found.lastgroup != "mark":
            words.append(piece)
        elif piece in _BREAKS:
            for is_and, clause in groupby(_tokens(words), key=lambda token: token.concept == "and"):
                if not is_and:
                    yield tuple(clause)
            words = []
        elif piece in _NOT_MEANT or (
            piece not in _IGNORED and unicodedata.category(piece) not in ("So", "Sk")
        ):
            words.append(UNKNOWN)  # an amount, a sum, a joke; other emoji say nothing


def _tokens(words: Sequence[str]) -> Iterator[_Token]:
    at = 0
    while at < len(words):
        end = next(
            (end for end in range(at + _LONGEST_WORDS, at, -1) if tuple(words[at:end]) in _CONCEPT_OF), at + 1
        )
        if words[at][0].isdecimal():
            yield from _numbers(words[at])
        else:
            concept, value = _CONCEPT_OF.get(tuple(words[at:end]), (UNKNOWN, 0))
            if concept:
                yield _Token(concept, value)
        at = min(end, len(words))


def _numbers(written: str) -> Iterator[_Token]:
    """Yield what digits stand for; whatever is longer than a year is a phone, a pincode, an order."""
    parts = re.split(r"[./:\-]", written)
    match [int(part) for part in parts if len(part) <= len("2026")]:
        case values if len(values) < len(parts):
            yield _Token(UNKNOWN)
        case [number] if len(written) <= len("31"):
            yield _Token("num", number)
        case [year]:
            yield _Token("year", year)
        case [_, _] if ":" in written:
            yield _Token("clock")
        case [_, _] if "." in written:
            yield _Token("decimal")
        case [first, second] if "-" in written and first < second:
            yield _Token("range")  # "5-7" is rather from 5 to 7 than a day in July
        case [24, 7]:
            yield _Token(UNKNOWN)
        case [number, month, *_]:
            yield from (_Token("num", number), _Token("month", month))
            yield from (_Token("year", int(f"20{part}"[-4:])) for part in parts[2:])


_NOT_SPELLED = dict.fromkeys(
    map(ord, "\u093c\u0901\u0902'’‘`´\ufe0f\u20e3")
)  # nukta, nasal dots, apostrophes, keycaps
_SHORT_VOWELS = str.maketrans("ीूईऊ", "िुइउ")


def _fold(text: str) -> str:
    """Return a text as spellings are compared: without what people double, leave out or write either way."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_NOT_SPELLED).translate(_SHORT_VOWELS)
    shown = "".join(c for c in plain if unicodedata.category(c) != "Cf" and not "\u0300" <= c <= "\u036f")
    return re.sub(r"(\D)\1+", r"\1", shown.replace("ये", "ए").replace("यि", "इ"))


_Meaning = TypeVar("_Meaning", bound=str)


def _by_phrase(table: Mapping[_Meaning, str]) -> dict[tuple[str, ...], _Meaning]:
    return {
        phrase: meaning
        for meaning, notations in table.items()
        for notation in notations.split("|")
        for phrase in _written_out(notation)
    }


def _written_out(notation: str) -> Iterator[tuple[str, ...]]:
    parts = [
        [
            *((concept,) for concept in part.removesuffix("?").split("/")),
            *([()] if part.endswith("?") else []),
        ]
        for part in notation.split()
    ]
    return (tuple(chain.from_iterable(chosen)) for chosen in product(*parts))


_CONCEPT_OF = {
    tuple(_fold(word).split("_")): (concept, value)
    for concept, groups in vocabulary.WORDS.items()
    for value, group in enumerate(groups.split("|"))
    for word in group.split()
}
_LONGEST_WORDS = max(map(len, _CONCEPT_OF))
_JOINS = tuple(_by_phrase(table) for table in vocabulary.JOINED)
_LONGEST_JOIN = max(len(phrase) for joins in _JOINS for phrase in joins)
_SENSE_OF = _by_phrase(vocabulary.PHRASES)
_BEGINNINGS = frozenset(phrase[:end] for phrase in _SENSE_OF for end in range(1, len(phrase) + 1))
_SENSE_OF_WHOLE = _by_phrase(vocabulary.WHOLE_PHRASES)
_CHOICES = frozenset(_written_out(vocabulary.CHOICES))
_AGREES, _RIGHT, _REFUSES, _COURTESIES = (
    frozenset(_fold(word) for word in words.split())
    for words in (vocabulary.AGREES, vocabulary.RIGHT, vocabulary.REFUSES, vocabulary.COURTESIES)
)
