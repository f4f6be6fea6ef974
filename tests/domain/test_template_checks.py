"""Template checks: each trouble in its own words, none where there is none."""

import re

import pytest

from domain.template_checks import (
    STATUSES,
    WORDS,
    Trouble,
    check_price,
    check_template,
    check_template_id,
    check_values,
    held_words,
    looks_like_template_id,
    trouble,
)

AN_ID = "4d1f7a90-3b2c-4e5d-8f6a-9b0c1d2e3f47"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AN_ID, True),
        (AN_ID.upper(), True),
        (f"  {AN_ID}\n", True),
        (AN_ID[:-1], False),
        (f"{AN_ID}0", False),
        (AN_ID.replace("-", ""), False),
        (AN_ID.replace("4d", "4g"), False),
        (AN_ID.replace("-", "–"), False),
        ("delivery_failed_v3", False),
        (f"{AN_ID}\n{AN_ID}", False),
        ("", False),
    ],
)
def test_an_id_has_its_36_characters(text: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """What cannot be an id is said so without asking Gupshup."""
    assert looks_like_template_id(text) is expected
    words = "Enter the template ID" if not text.strip() else WORDS["malformed"]
    assert [one.text for one in check_template_id(text)] == ([] if expected else [words])


@pytest.mark.parametrize(
    ("status", "reason", "text", "summary"),
    [
        (
            "PENDING",
            "",
            "WhatsApp is still reviewing this template (status PENDING). That takes up to 24 hours. Come back when it is approved.",
            "WhatsApp is still reviewing this template",
        ),
        (
            "rejected",
            "Variables at the start or end of the text.",
            "WhatsApp rejected this template (status REJECTED): “Variables at the start or end of the text”. Correct it at Gupshup, or choose an approved template.",
            "WhatsApp rejected this template",
        ),
        (
            "REJECTED",
            "",
            "WhatsApp rejected this template (status REJECTED). Correct it at Gupshup, or choose an approved template.",
            "WhatsApp rejected this template",
        ),
        (
            " Failed ",
            "Element name\nis taken",
            "Gupshup could not submit this template (status FAILED): “Element name is taken”. Submit it again there.",
            "Gupshup could not submit this template",
        ),
        (
            "PAUSED",
            "ignored",
            "WhatsApp paused this template (status PAUSED) because of customers’ feedback. It may be approved again by itself.",
            "WhatsApp paused this template",
        ),
        (
            "disabled",
            "",
            "WhatsApp disabled this template (status DISABLED). It cannot be used again; create a new one.",
            "WhatsApp disabled this template",
        ),
        (
            "DELETED",
            "",
            "This template was deleted at Gupshup (status DELETED).",
            "This template was deleted at Gupshup",
        ),
        (
            "SANDBOX_REQUESTED",
            "",
            "Your Gupshup app is still in the sandbox (status SANDBOX_REQUESTED). Go live there first.",
            "Your Gupshup app is still in the sandbox",
        ),
        (
            "in_appeal",
            "",
            "This template cannot be sent now (status IN_APPEAL). Only approved templates can be used.",
            "This template cannot be sent now",
        ),
        (
            "",
            "",
            "This template cannot be sent now (status unknown). Only approved templates can be used.",
            "This template cannot be sent now",
        ),
        (
            "{status}",
            "",
            "This template cannot be sent now (status {STATUS}). Only approved templates can be used.",
            "This template cannot be sent now",
        ),
    ],
)
def test_each_status_but_approved_is_named(status: str, reason: str, text: str, summary: str) -> None:
    """Unapproved templates are refused by their status, whatever else is wrong, in any case of letters."""  # R4.3
    found = check_template(status=status, reason=reason, needs_buttons=True, kind="IMAGE")
    assert [(one.field, one.text, one.summary) for one in found] == [("template_id", text, summary)]


@pytest.mark.parametrize("word", sorted(STATUSES))
def test_a_reason_is_quoted_as_it_came(word: str) -> None:
    """Braces and quotes of Gupshup's own words are words, not places to fill."""
    found = check_template(status=word, reason="use {reason} and {0}")
    assert f"(status {word})" in found[0].text
    assert word not in {"REJECTED", "FAILED"} or "“use {reason} and {0}”" in found[0].text


def keys(found: tuple[Trouble, ...]) -> list[str]:
    return [one.key for one in found]


@pytest.mark.parametrize("status", ["APPROVED", "approved", " Approved "])
def test_an_approved_template_is_fine(status: str) -> None:
    """With the buttons where they are needed, and without where not."""
    assert check_template(status=status, category="UTILITY", kind="text") == ()
    labels = ["Try again", "Choose another date", "See all options"]
    assert check_template(status=status, labels=labels, needs_buttons=True, header="We missed you") == ()
    assert check_template(status=status, labels=["फिर से भेजें", "सभी विकल्प देखें"], needs_buttons=True) == ()


@pytest.mark.parametrize(
    ("labels", "language", "named"),
    [
        ([], "en", "“Try again”, “See all options”"),
        (["Try again"], "en_US", "“See all options”"),
        (["more options"], "en", "“Try again”"),
        ([], "hi", "“फिर से भेजें”, “सभी विकल्प देखें”"),
        (["सभी विकल्प देखें"], "hi", "“फिर से भेजें”"),
        ([], "ta", "“Try again”, “See all options”"),
    ],
)
def test_missing_buttons_are_named_in_the_templates_language(
    labels: list[str], language: str, named: str
) -> None:
    """Whoever reads it can add exactly these."""  # R4.7
    (found,) = check_template(status="APPROVED", labels=labels, needs_buttons=True, language=language)
    assert found.text == (
        f"Add these quick-reply buttons to the template: {named}. Customers could not answer without them."
    )


@pytest.mark.parametrize(
    ("category", "accepted", "expected"),
    [
        ("MARKETING", "UTILITY", ["category"]),
        ("marketing", "utility", ["category"]),
        ("MARKETING", "", []),
        ("MARKETING", "MARKETING", []),
        ("UTILITY", "MARKETING", []),
        ("UTILITY", "UTILITY", []),
        ("", "UTILITY", []),
    ],
)
def test_a_template_that_became_marketing_is_accepted_anew(
    category: str, accepted: str, expected: list[str]
) -> None:
    """What got dearer since it was accepted is; what got cheaper, or was so from the start, is not."""  # R5.4
    found = check_template(status="APPROVED", category=category, accepted_category=accepted)
    assert keys(found) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "IMAGE"}, ["kind"]),
        ({"kind": "carousel"}, ["kind"]),
        ({"header": "For {{1}}"}, ["placeholders"]),
        ({"header": "For {1}"}, []),
        ({"button_links": ["https://example.com", "https://example.com/{{1}}"]}, ["placeholders"]),
        ({"button_links": ["https://example.com"]}, []),
        (
            {"kind": "VIDEO", "header": "{{1}}", "category": "MARKETING", "accepted_category": "UTILITY"},
            ["kind", "placeholders", "category"],
        ),
    ],
)
def test_what_we_cannot_fill_is_refused_before_it_is_sent(
    changes: dict[str, str], expected: list[str]
) -> None:
    """A template that would fail at WhatsApp every time is not switched on; all that is wrong is said at once."""
    assert keys(check_template(status="APPROVED", **changes)) == expected  # type: ignore[arg-type]  # a table's row


@pytest.mark.parametrize(
    ("names", "mapping", "fields"),
    [
        ((), (), []),
        (("1", "2"), (("brand", ""), ("city", "here")), []),
        (("1", "2", "3"), (("brand", ""), ("city", "")), ["value_3"]),
        (("1", "2"), (("", ""), ("", "  ")), ["value_1", "value_2"]),
        (("1",), (("", "dear customer"),), []),
        (("1",), (("refund_amount", ""),), ["value_1"]),
        (("1",), (("refund_amount", "nothing"),), ["value_1"]),
        (("coupon",), (("", ""),), ["value_coupon"]),
        (("1",), (("brand", ""), ("city", "")), []),
    ],
)
def test_every_placeholder_needs_a_value_that_the_step_knows(
    names: tuple[str, ...], mapping: tuple[tuple[str, str], ...], fields: list[str]
) -> None:
    """A variable of this step, or a text of the seller's own; each hole is said at its field."""  # R4.5
    found = check_values(names, mapping, known=("brand", "city"))
    assert [one.field for one in found] == fields
    assert [one.text for one in found] == [
        f"Choose a value for placeholder {field.removeprefix('value_')}" for field in fields
    ]


@pytest.mark.parametrize(
    ("is_accepted", "shown", "now", "texts"),
    [
        (True, 35, 35, []),
        (False, 35, 35, ["Accept the price to switch this notification on"]),
        (
            True,
            35,
            38,
            ["The price changed to ₹0.38 while this page was open. Look at it and accept again."],
        ),
        (
            False,
            35,
            38,
            ["The price changed to ₹0.38 while this page was open. Look at it and accept again."],
        ),
    ],
)
def test_only_the_price_in_force_can_be_accepted(
    is_accepted: bool,  # noqa: FBT001 - a table's column
    shown: int,
    now: int,
    texts: list[str],
) -> None:
    """A price that changed under the page is shown before it is accepted."""  # R4.4
    found = check_price(is_accepted=is_accepted, shown_paise=shown, price_paise=now)
    assert [one.text for one in found] == texts
    assert {one.field for one in found} <= {"accept"}


@pytest.mark.parametrize("key", WORDS)
def test_words_are_plain_and_whole(key: str) -> None:
    """No place is left unfilled; no exclamation mark, no blame, none of our own jargon."""
    values = dict.fromkeys(re.findall(r"\{(\w+)\}", WORDS[key]), "x")
    text = trouble(key, **values).text
    assert "{" not in text
    assert not re.search(r"(?i)!|please|oops|sorry|error|invalid|webhook|tenant", text)
    assert text[0].isupper()
    assert trouble(key, **values).summary


def test_words_that_nobody_has_are_a_mistake_of_ours() -> None:
    """A key that does not exist, or a value left out, does not pass as an empty text."""
    with pytest.raises(KeyError):
        trouble("no_such_words")
    with pytest.raises(KeyError):
        trouble("value")


@pytest.mark.parametrize(
    ("attention", "words"),
    [
        ("template paused", ("WhatsApp paused this template", "because of customers’ feedback")),
        (
            "template rejected: INVALID_FORMAT.",
            ("WhatsApp rejected this template", "with the reason “INVALID_FORMAT”"),
        ),
        ("template disabled", ("WhatsApp disabled this template", "")),
        (
            "template's category is now marketing",
            ("WhatsApp moved this template to the category marketing", "which has another price"),
        ),
        (
            "sending failed with code 4005",
            ("This template failed when it was sent", "with Gupshup’s code 4005"),
        ),
        ("something else", ("Something else", "")),
        ("template in_appeal", ("Template in_appeal", "")),
    ],
)
def test_why_a_template_is_held_is_said_in_words(attention: str, words: tuple[str, str]) -> None:
    """R4.8: the seller reads what happened; what we have no words for is shown as it came."""
    assert held_words(attention) == words
