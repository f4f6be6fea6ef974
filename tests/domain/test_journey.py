"""The journey: every step is complete, and every proposed template would be approved."""

import re
from itertools import chain

import pytest

from clients.carriers.eshopbox.vocabulary import EVENTS, Meaning
from domain.journey import JOURNEY, JourneyEntry, JourneyGroup, TemplateText, find_event, in_group
from domain.shipments import JourneyEvent
from domain.templates import choice_for, missing_buttons, placeholders
from domain.variables import SAMPLES, suggested, variables_for
from domain.wording import BODY_MAX, FOOTER_MAX

BUTTON_MAX, BUTTONS_MAX, HEADER_MAX, NAME_MAX = 20, 3, 60, 180
LONGEST_VALUE = 100

TEXTS = [
    pytest.param(entry, text, id=f"{entry.key}-{text.language}") for entry in JOURNEY for text in entry.texts
]


def test_journey_has_every_step_once_in_order() -> None:
    """One entry for each step, in the order of the product's list."""  # R4.1
    assert [entry.key.value for entry in JOURNEY] == [
        "created",
        "packed",
        "on_the_way",
        "out_for_delivery",
        "failed_delivery",
        "delivered",
        "return_created",
        "return_picked_up",
        "restocked",
        "cancelled",
        "rto",
    ]
    assert {entry.key for entry in JOURNEY} == set(JourneyEvent)


def test_titles_and_template_names_are_unique() -> None:
    """Two steps cannot be taken for one another, on pages or at Gupshup."""
    assert len({entry.title for entry in JOURNEY}) == len(JOURNEY)
    assert len({entry.texts[0].name for entry in JOURNEY}) == len(JOURNEY)


def test_an_event_of_the_order_system_means_one_step() -> None:
    """No pair stands in two entries, and the client reads each as the entry says."""  # R4.1
    pairs = list(chain.from_iterable(entry.pairs for entry in JOURNEY))
    assert len(pairs) == len(set(pairs))
    for entry in JOURNEY:
        assert entry.pairs
        assert {EVENTS[pair].journey for pair in entry.pairs} == {entry.key}
    assert {pair for pair, meaning in EVENTS.items() if meaning.journey} == set(pairs)


@pytest.mark.parametrize("subtype", ["created", "delivered", "failed_delivery", "lost"])
def test_a_returns_event_is_never_the_parcels(subtype: str) -> None:
    """Forward and return journeys share names; a return's failure is not the customer's."""
    entry = find_event(subtype)
    assert entry is None or ("returnShipment", subtype) not in entry.pairs
    assert EVENTS.get(("returnShipment", subtype), Meaning()) != EVENTS[("shipment", subtype)]


def test_groups_hold_every_step() -> None:
    """The page shows two lists, and nothing is left out between them."""
    order, back = in_group(JourneyGroup.ORDER), in_group(JourneyGroup.RETURN)
    assert (len(order), len(back)) == (8, 3)
    assert {*order, *back} == set(JOURNEY)


def test_only_the_failed_delivery_is_answered() -> None:
    """The other steps tell; this one asks."""  # R4.7
    assert [entry.key for entry in JOURNEY if entry.needs_buttons] == [JourneyEvent.FAILED_DELIVERY]


@pytest.mark.parametrize("key", ["", "Failed delivery", "FAILED_DELIVERY", "ndr"])
def test_an_unknown_key_is_no_step(key: str) -> None:
    """An address with a made-up step finds nothing."""
    assert find_event(key) is None


def test_a_step_is_found_by_its_key() -> None:
    """As it stands in addresses and in the database."""
    found = find_event("failed_delivery")
    assert found is not None
    assert found.title == "Failed delivery"
    english = found.text("en")
    assert english is not None
    assert english.named_body == (
        "Hi {{customer_name}}, the courier could not deliver your {{brand}} order {{customer_order_id}}: "
        "{{failure_reason}}. What should we do?"
    )
    assert found.text("xx") is None


@pytest.mark.parametrize("entry", JOURNEY, ids=lambda entry: entry.key)
def test_every_step_has_words_and_texts_in_english_and_hindi(entry: JourneyEntry) -> None:
    """One plain line says when it is sent; both languages are there, with the same values."""  # R6.13
    assert entry.when.startswith(("When ", "On "))
    assert not entry.when.endswith(".")
    assert [text.language for text in entry.texts] == ["en", "hi"]
    assert len({text.variables for text in entry.texts}) == 1
    assert re.search("[\u0900-\u097f]", entry.texts[1].body)


@pytest.mark.parametrize(("entry", "text"), TEXTS)
def test_placeholders_are_numbered_in_the_order_of_the_text(entry: JourneyEntry, text: TemplateText) -> None:
    """One variable for each placeholder, from 1 without a gap, first seen in rising order; all can be filled."""
    numbers = tuple(str(number) for number in range(1, len(text.variables) + 1))
    assert tuple(dict.fromkeys(re.findall(r"\{\{(\d+)\}\}", text.body))) == numbers
    assert placeholders(text.body) == numbers
    assert set(text.variables) <= {variable.name for variable in variables_for(entry)}


@pytest.mark.parametrize(("entry", "text"), TEXTS)
def test_named_placeholders_of_a_proposal_map_themselves(entry: JourneyEntry, text: TemplateText) -> None:
    """Whoever copies the text with names has nothing to choose."""  # R4.5
    names = placeholders(text.named_body)
    assert [name for name, _ in suggested(names, known=variables_for(entry))] == list(text.variables)


@pytest.mark.parametrize(("entry", "text"), TEXTS)
def test_proposals_keep_whatsapps_limits(entry: JourneyEntry, text: TemplateText) -> None:
    """What WhatsApp rejects is not proposed: too long, a variable at an end, two side by side, mostly variables."""
    longest = re.sub(r"\{\{\d+\}\}", "x" * LONGEST_VALUE, text.body)
    assert len(longest) <= BODY_MAX
    assert len(text.header) <= HEADER_MAX
    assert len(text.footer) <= FOOTER_MAX
    assert "{{" not in text.header + text.footer
    assert re.fullmatch(r"[a-z0-9_]+", text.name)
    assert len(text.name) <= NAME_MAX
    assert not re.match(r"\W*\{\{", text.body)
    assert not re.search(r"\}\}\W*$", text.body)
    assert not re.search(r"\}\}\s*\{\{", text.body)
    words = re.sub(r"\{\{\d+\}\}", "", text.body).split()
    assert len([word for word in words if any(char.isalpha() for char in word)]) > 2 * len(text.variables)
    assert "  " not in text.body
    assert "!" not in text.body
    assert text.category == "UTILITY"
    assert "STOP" in text.footer
    assert entry.title


@pytest.mark.parametrize(("entry", "text"), TEXTS)
def test_proposed_buttons_are_the_ones_we_understand(entry: JourneyEntry, text: TemplateText) -> None:
    """The failed delivery's template has every required button, each with a meaning; the others have none."""  # R4.7
    if not entry.needs_buttons:
        assert text.buttons == ()
        return
    assert missing_buttons(text.buttons) == ()
    assert [choice_for(label) for label in text.buttons] == ["reattempt", "reschedule", "options"]
    assert len(text.buttons) <= BUTTONS_MAX
    assert all(len(label) <= BUTTON_MAX for label in text.buttons)


def test_every_variable_of_a_proposal_has_a_sample() -> None:
    """Help shows each proposal filled in."""
    assert {name for entry in JOURNEY for text in entry.texts for name in text.variables} <= set(SAMPLES)
