"""The preview: the template's markup drawn, the values' never."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.preview import (
    ButtonKind,
    Mark,
    Part,
    PartKind,
    Preview,
    PreviewButton,
    as_sent,
    button_kind,
    preview,
)
from domain.variables import SAMPLES

_MARKS = {"b": Mark.BOLD, "i": Mark.ITALIC, "s": Mark.STRIKE, "m": Mark.MONO}
_LETTERS = {mark: letter for letter, mark in _MARKS.items()}


def shown(body: str, *values: str) -> Preview:
    """Return a preview with these values in the placeholders, in order; an empty one stays open."""
    names = [f"v{number}" for number in range(len(values))]
    return preview(
        header="",
        body=body,
        footer="",
        buttons=(),
        mapping=[(name, "") for name in names],
        samples=dict(zip(names, values, strict=True)),
    )


def drawn(message: Preview) -> str:
    """Write a preview on one line: marks as <b>, values as [..], open placeholders as (..), paragraphs as ¶."""

    def one(part: Part) -> str:
        text = {"text": "{}", "value": "[{}]", "open": "({})"}[part.kind].format(part.text)
        for mark in reversed(part.marks):
            text = f"<{_LETTERS[mark]}>{text}</{_LETTERS[mark]}>"
        return text

    return "¶".join("".join(one(part) for part in paragraph) for paragraph in message.paragraphs)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("*Hi* there", "<b>Hi</b> there"),
        ("_Hi_ ~there~", "<i>Hi</i> <s>there</s>"),
        ("```a *b* _c_```", "<m>a *b* _c_</m>"),
        ("```one\n\ntwo```", "<m>one</m>¶<m>two</m>"),
        ("*_both_*", "<b><i>both</i></b>"),
        ("*bold _and italic_ here*", "<b>bold </b><b><i>and italic</i></b><b> here</b>"),
        ("*a* and *b*", "<b>a</b> and <b>b</b>"),
        ("(*a*), *b*.", "(<b>a</b>), <b>b</b>."),
        ("2*3*4", "2*3*4"),
        ("snake_case_name", "snake_case_name"),
        ("* not a sign *", "* not a sign *"),
        ("*open", "*open"),
        ("*open\nclosed*", "*open\nclosed*"),
        ("**", "**"),
        ("**two**", "*<b>two</b>*"),
        ("``````", "``````"),
        ("```open", "```open"),
        ("*a*b", "*a*b"),
        ("*a *", "*a *"),
        ("*फिर से*", "<b>फिर से</b>"),
        ("One\nline\n\nTwo\n \n\nThree", "One\nline¶Two¶Three"),
        ("\n\nFirst\n\n", "First"),
    ],
)
def test_a_templates_markup_is_drawn(body: str, expected: str) -> None:
    """As WhatsApp does: signs at a word's edges, on one line; code over lines, with nothing inside it read."""  # R4.6
    assert drawn(shown(body)) == expected


@pytest.mark.parametrize(
    ("body", "values", "expected"),
    [
        ("Hi {{1}}", ("Asha",), "Hi [Asha]"),
        ("Hi *{{1}}*, bye", ("Asha",), "Hi <b>[Asha]</b>, bye"),
        ("Hi *dear {{1}}*", ("Asha",), "Hi <b>dear </b><b>[Asha]</b>"),
        ("{{2}} for {{1}}", ("Asha", "ORD1"), "[ORD1] for [Asha]"),
        ("{{customer_name}} _and_ {{brand_name}}", ("Asha", "KK"), "[Asha] <i>and</i> [KK]"),
        ("_{{customer_name}}_", ("Asha",), "<i>[Asha]</i>"),
        ("Hi {{1}}, {{2}} and {{3}}", ("Asha", ""), "Hi [Asha], ({{2}}) and ({{3}})"),
        ("Hi {{ 1 }}", ("",), "Hi ({{1}})"),
        ("Hi {{1}}", ("*Asha*",), "Hi [*Asha*]"),
        ("*Hi {{1}} there*", ("*",), "<b>Hi </b><b>[*]</b><b> there</b>"),
        ("Hi *{{1}} there", ("x*",), "Hi *[x*] there"),
        ("{{1}} a {{2}}", ("```", "```"), "[```] a [```]"),
        ("Hi {{1}}", ("<b>Asha</b> & {{2}}",), "Hi [<b>Asha</b> & {{2}}]"),
        ("Hi {{1}}", ("4 Rose Villa\n\nMG\tRoad",), "Hi [4 Rose Villa MG Road]"),
        ("{{1}}{{2}}", ("a", "b"), "[a][b]"),
    ],
)
def test_a_value_is_text_and_marked_as_a_sample(body: str, values: tuple[str, ...], expected: str) -> None:
    """Markup of a value is shown, not drawn, and takes no part in the template's; a hole is shown as it is."""  # R4.6
    assert drawn(shown(body, *values)) == expected


def test_a_whole_template_is_shown_with_its_parts() -> None:
    """Header, text, footer and buttons, the header's own placeholders open."""
    message = preview(
        header="We missed you *today*, {{1}}",
        body="Hi {{1}}, order {{2}}: {{3}}",
        footer="Reply *STOP* to end messages",
        buttons=[
            ("QUICK_REPLY", "Try again"),
            ("url", "Track"),
            ("PHONE_NUMBER", "Call"),
            ("FLOW", "Form"),
        ],
        mapping=[("customer_name", ""), ("customer_order_id", "your order"), ("nothing", "the reason")],
        samples=SAMPLES,
    )
    assert message.header == (
        Part(PartKind.TEXT, "We missed you *today*, "),
        Part(PartKind.OPEN, "{{1}}"),
    )
    assert drawn(message) == "Hi [Asha Rao], order [ORD123456]: [the reason]"
    assert message.footer == "Reply *STOP* to end messages"
    assert message.buttons == (
        PreviewButton(ButtonKind.QUICK_REPLY, "Try again"),
        PreviewButton(ButtonKind.URL, "Track"),
        PreviewButton(ButtonKind.PHONE, "Call"),
        PreviewButton(ButtonKind.OTHER, "Form"),
    )
    assert not message.is_complete
    assert shown("Hi {{1}}", "Asha").is_complete
    assert not shown("Hi {{1}}", "").is_complete


def test_a_message_as_sent_has_no_marks_unless_its_template_is_known() -> None:
    """What was filled in cannot be told from the template's words, so that nothing of it is drawn."""
    sent = as_sent(header="Update", body="Hi *Asha*\n\nBye", footer="STOP", labels=("Try again",))
    assert drawn(sent) == "Hi *Asha*¶Bye"
    assert sent.header == (Part(PartKind.TEXT, "Update"),)
    assert sent.buttons == (PreviewButton(ButtonKind.QUICK_REPLY, "Try again"),)
    known = as_sent(body="Hi Asha, *now*", template="Hi {{1}}, *now*", params=("Asha",))
    assert drawn(known) == "Hi [Asha], <b>now</b>"
    assert as_sent().paragraphs == ()


@pytest.mark.parametrize("word", ["quick_reply", " QUICK_REPLY ", "Quick_Reply"])
def test_kinds_of_buttons_are_read_in_any_case(word: str) -> None:
    """Gupshup's words come in both cases."""
    assert button_kind(word) is ButtonKind.QUICK_REPLY


WORDS = st.text("aé 5.\n*_~`ह", max_size=12)
VALUES = st.text("ab*_~`{1}\n ", max_size=8)
PIECES = st.lists(st.one_of(WORDS, st.just("{{1}}"), st.just("{{2}}"), st.just("```")), max_size=12)


def unmarked(text: str) -> str:
    """Return a text without signs of markup and without white space, which paragraphs take away."""
    return re.sub(r"[*_~`\s]", "", text)


def parts_of(message: Preview) -> list[Part]:
    return [part for paragraph in message.paragraphs for part in paragraph]


@given(PIECES, VALUES, VALUES)
def test_nothing_but_markup_is_lost_or_added(pieces: list[str], first: str, second: str) -> None:
    """The parts are the template with its values, less the signs of markup."""
    body = "".join(pieces)
    message = shown(body, first, second) if "{{1}}" in body else shown(body, second)
    names = {"{{1}}": first, "{{2}}": second} if "{{1}}" in body else {"{{2}}": second}
    expected = re.sub(
        r"\{\{[12]\}\}",
        lambda match: " ".join(names[match[0]].split()) or match[0],
        body,
    )
    assert unmarked("".join(part.text for part in parts_of(message))) == unmarked(expected)


@given(PIECES, VALUES.filter(str.strip), VALUES.filter(str.strip))
def test_a_value_never_makes_or_breaks_markup(pieces: list[str], first: str, second: str) -> None:
    """Whatever stands in the values, the same words of the template are marked the same way."""  # R4.6
    body = "".join(["{{1}} {{2}} ", *pieces])
    plain, odd = parts_of(shown(body, "x", "y")), parts_of(shown(body, first, second))
    assert [(part.kind, part.marks) for part in plain] == [(part.kind, part.marks) for part in odd]
    assert [part.text for part in plain if part.kind is PartKind.TEXT] == [
        part.text for part in odd if part.kind is PartKind.TEXT
    ]
    clean = {" ".join(first.split()), " ".join(second.split())}
    assert {part.text for part in odd if part.kind is PartKind.VALUE} == clean


PLAIN = st.text("abc é", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def a_marked_text(draw: st.DrawFn) -> tuple[str, list[tuple[str, tuple[Mark, ...]]]]:
    """Return a template put together from words, some of them marked, and what is to be seen of it."""
    words: list[str] = []
    seen: list[tuple[str, tuple[Mark, ...]]] = []
    signs = {Mark.BOLD: "*", Mark.ITALIC: "_", Mark.STRIKE: "~", Mark.MONO: "```"}
    for word in draw(st.lists(PLAIN, min_size=1, max_size=6)):
        marks = tuple(draw(st.lists(st.sampled_from([Mark.BOLD, Mark.ITALIC, Mark.STRIKE]), unique=True)))
        if draw(st.booleans()):
            marks = (*marks, Mark.MONO)
        opening = "".join(signs[mark] for mark in marks)
        closing = "".join(signs[mark] for mark in reversed(marks))
        words.append(f"{opening}{word}{closing}")
        seen.append((word, marks))
    return " ".join(words), seen


@given(a_marked_text())
def test_marked_words_are_marked_and_no_other(
    made: tuple[str, list[tuple[str, tuple[Mark, ...]]]],
) -> None:
    """Every word carries exactly the marks that were put around it; the signs themselves are gone."""
    body, seen = made
    characters = [(char, part.marks) for part in parts_of(shown(body)) for char in part.text]
    expected: list[tuple[str, tuple[Mark, ...]]] = []
    for word, marks in seen:
        expected += [(" ", ())] * bool(expected) + [(char, marks) for char in word]
    assert characters == expected
