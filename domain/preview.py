"""A template as WhatsApp shows it, in parts that a page can draw one by one (R4.6).

WhatsApp's markup is read in the template alone. A value is text, whatever stands in it: it takes part in no markup,
and a page escapes each part by itself.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Final

from domain.templates import PLACEHOLDER, placeholders


class PartKind(StrEnum):
    """What a part of a text is."""

    TEXT = "text"  # from the template
    VALUE = "value"
    OPEN = "open"  # a placeholder that nothing stands in yet


class Mark(StrEnum):
    """WhatsApp's markup."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    MONO = "mono"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line: its words, and how the template marks them, the outermost first."""

    kind: PartKind
    text: str
    marks: tuple[Mark, ...] = ()


class ButtonKind(StrEnum):
    """What a button does when it is tapped."""

    QUICK_REPLY = "quick_reply"
    URL = "url"
    PHONE = "phone"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PreviewButton:
    """One button."""

    kind: ButtonKind
    label: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A message to draw.

    Attributes:
        header: The line above, in bold as a whole; empty for none.
        paragraphs: Its text, parted at blank lines.
        footer: The line beneath; empty for none.
        buttons: Its buttons, in order.
    """

    header: tuple[Part, ...]
    paragraphs: tuple[tuple[Part, ...], ...]
    footer: str
    buttons: tuple[PreviewButton, ...]

    @property
    def is_complete(self) -> bool:
        """Tell whether every placeholder has a value."""
        parts = [*self.header, *(part for paragraph in self.paragraphs for part in paragraph)]
        return all(part.kind is not PartKind.OPEN for part in parts)


def preview(
    *,
    header: str,
    body: str,
    footer: str,
    buttons: Iterable[tuple[str, str]],
    mapping: Iterable[tuple[str, str]],
    samples: Mapping[str, str],
) -> Preview:
    """Return a template filled with samples.

    Args:
        header: Its text above. Placeholders in it stay as they are: none of ours are filled there.
        body: Its text.
        footer: Its text beneath.
        buttons: Pairs of kind, in Gupshup's words, and label.
        mapping: Pairs of variable and fallback text for the body's placeholders, in their order.
        samples: A value for each variable.
    """
    values = [samples.get(variable) or fallback for variable, fallback in mapping]
    return Preview(
        header=_plain(header),
        paragraphs=_paragraphs(body, dict(zip(placeholders(body), values, strict=False))),
        footer=footer,
        buttons=tuple(PreviewButton(button_kind(kind), label) for kind, label in buttons),
    )


def as_sent(
    *,
    header: str = "",
    body: str = "",
    footer: str = "",
    labels: Iterable[str] = (),
    kinds: Iterable[str] = (),
    template: str = "",
    params: Iterable[str] = (),
) -> Preview:
    """Return a message as it was sent.

    Args:
        header: Its header.
        body: Its text, filled. No markup is read in it: nobody knows any more what of it was a value.
        footer: Its footer.
        labels: The labels of what could be tapped.
        kinds: What each of them does, in our words, where that was kept; else all are quick replies.
        template: The text before it was filled, where it was kept: its markup is read.
        params: What it was filled with, in the order of its placeholders.
    """
    if template:
        paragraphs = _paragraphs(template, dict(zip(placeholders(template), params, strict=False)))
    else:
        paragraphs = _parted([Part(PartKind.TEXT, body)])
    return Preview(
        header=(Part(PartKind.TEXT, header),) if header else (),
        paragraphs=paragraphs,
        footer=footer,
        buttons=tuple(
            PreviewButton(button_kind(kind), label)
            for label, kind in zip_longest(labels, kinds, fillvalue=ButtonKind.QUICK_REPLY.value)
        ),
    )


def button_kind(word: str) -> ButtonKind:
    """Return what a button does, by Gupshup's word for it; a newer word is some other kind."""
    return _KINDS.get(word.strip().casefold(), ButtonKind.OTHER)


_KINDS: Final = {
    "quick_reply": ButtonKind.QUICK_REPLY,
    "url": ButtonKind.URL,
    "phone_number": ButtonKind.PHONE,
    "phone": ButtonKind.PHONE,
}


# A template is read as a row of atoms: characters, and placeholders as one atom each, so that the underscore of a
# name is no markup.


@dataclass(frozen=True, slots=True)
class _Atom:
    kind: PartKind
    text: str
    marks: tuple[Mark, ...] = ()

    @property
    def is_space(self) -> bool:
        return self.kind is PartKind.TEXT and self.text.isspace()

    @property
    def is_word(self) -> bool:
        return self.kind is not PartKind.TEXT or self.text.isalnum()

    def is_char(self, char: str) -> bool:
        return self.kind is PartKind.TEXT and self.text == char


_LINE_MARKS: Final = {"*": Mark.BOLD, "_": Mark.ITALIC, "~": Mark.STRIKE}
_FENCE: Final = "```"
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


def _atoms(text: str, values: Mapping[str, str]) -> list[_Atom]:
    atoms: list[_Atom] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        atoms += (_Atom(PartKind.TEXT, char) for char in text[end : match.start()])
        end = match.end()
        # Values are sent as one line, so they are shown as one.
        value = " ".join(values.get(match[1], "").split())
        atoms.append(_Atom(PartKind.VALUE, value) if value else _Atom(PartKind.OPEN, f"{{{{{match[1]}}}}}"))
    return atoms + [_Atom(PartKind.TEXT, char) for char in text[end:]]


def _marked(atoms: list[_Atom], marks: tuple[Mark, ...] = ()) -> list[_Atom]:
    """Take the markup out of a row of atoms and keep it as marks of what stood between."""
    found: list[_Atom] = []
    place = 0
    while place < len(atoms):
        if (end := _fence_end(atoms, place)) is not None:
            inside = atoms[place + len(_FENCE) : end]
            found += (_Atom(atom.kind, atom.text, (*marks, Mark.MONO)) for atom in inside)
            place = end + len(_FENCE)
        elif (end := _mark_end(atoms, place, marks)) is not None:
            mark = _LINE_MARKS[atoms[place].text]
            found += _marked(atoms[place + 1 : end], (*marks, mark))
            place = end + 1
        else:
            found.append(_Atom(atoms[place].kind, atoms[place].text, marks))
            place += 1
    return found


def _is_fence(atoms: list[_Atom], place: int) -> bool:
    row = atoms[place : place + len(_FENCE)]
    return len(row) == len(_FENCE) and all(atom.is_char("`") for atom in row)


def _fence_end(atoms: list[_Atom], place: int) -> int | None:
    """Return where the closing fence begins, if an opening one stands here; it may be lines away."""
    if not _is_fence(atoms, place):
        return None
    ends = (end for end in range(place + len(_FENCE) + 1, len(atoms)) if _is_fence(atoms, end))
    return next(ends, None)


def _mark_end(atoms: list[_Atom], place: int, marks: tuple[Mark, ...]) -> int | None:
    """Return where the closing sign stands, if an opening one stands here: at a word's edges, on one line."""
    sign = atoms[place]
    if sign.kind is not PartKind.TEXT or (mark := _LINE_MARKS.get(sign.text)) is None or mark in marks:
        return None
    if place and atoms[place - 1].is_word:
        return None  # inside a word: 2*3*4, snake_case_name
    if place + 1 >= len(atoms) or atoms[place + 1].is_space or atoms[place + 1].is_char(sign.text):
        return None
    for end in range(place + 2, len(atoms)):
        if atoms[end].is_char("\n"):
            return None
        is_closed = atoms[end].is_char(sign.text) and not atoms[end - 1].is_space
        if is_closed and (end + 1 == len(atoms) or not atoms[end + 1].is_word):
            return end
    return None


def _paragraphs(text: str, values: Mapping[str, str]) -> tuple[tuple[Part, ...], ...]:
    return _parted(_joined(_marked(_atoms(text, values))))


def _plain(text: str) -> tuple[Part, ...]:
    """Return a text in which no markup is read, its placeholders open."""
    return tuple(_joined(_atoms(text, {})))


def _joined(atoms: Iterable[_Atom]) -> list[Part]:
    """Put characters that are marked alike together; values stay by themselves."""
    parts: list[Part] = []
    for atom in atoms:
        last = parts[-1] if parts else None
        if last and last.kind is atom.kind is PartKind.TEXT and last.marks == atom.marks:
            parts[-1] = Part(PartKind.TEXT, last.text + atom.text, last.marks)
        else:
            parts.append(Part(atom.kind, atom.text, atom.marks))
    return parts


def _parted(parts: Iterable[Part]) -> tuple[tuple[Part, ...], ...]:
    """Part a text at its blank lines."""
    paragraphs: list[list[Part]] = [[]]
    for part in parts:
        pieces = _BLANK_LINE.split(part.text) if part.kind is PartKind.TEXT else [part.text]
        for number, piece in enumerate(pieces):
            if number:
                paragraphs.append([])
            if piece:
                paragraphs[-1].append(Part(part.kind, piece, part.marks))
    return tuple(tuple(paragraph) for paragraph in paragraphs if paragraph)
