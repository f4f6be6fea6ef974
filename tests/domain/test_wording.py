"""The texts: none is missing, none is too long, all name brand and order."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import Action, Reason
from domain.texts import LANGUAGES
from domain.timing import Policy
from domain.wording import (
    BODY_MAX,
    FOOTER_MAX,
    PRESETS,
    SessionKind,
    SessionMessage,
    action_option,
    action_words,
    day_words,
    label,
    payment_words,
    reason_words,
    rupees,
    shorten,
    text,
)
from tests.domain.given import EVERYTHING, Talk, opened, some_facts

PLAIN = Policy()
BUTTON_MAX, ROW_MAX, DESCRIPTION_MAX, HEADER_MAX, ROWS_MAX, BUTTONS_MAX = 20, 24, 72, 60, 10, 3

# One way through every question and answer that there is.
EVERY_WAY = [
    ["text what?", "text what?", "text what?"],
    ["tap reattempt", "system unavailable", "wake", "system unavailable", "tap cancel", "system refused"],
    ["tap reattempt", "system accepted", "tap cancel", "text thanks"],
    ["tap reschedule", "photo", "tap date:2026-11-22", "system refused_date", "tap date:2026-11-22"],
    ["tap reschedule", "tap date:2026-11-23", "system accepted", "tap reattempt"],
    ["tap cancel", "text hm", "tap keep", "tap cancel", "tap confirm_cancel", "system accepted"],
    ["tap update_address", "text x", "text 4 Rose Villa", "wake", "text 560002", "tap address_change"],
    ["tap update_address", "text 4 Rose Villa, 9999900002", "pin near the temple", "tap address_yes"],
    ["tap update_address", "wake", "photo", "form 4 Rose Villa|560001|", "text yes", "system accepted"],
    ["tap dispute", "wake", "reaction", "text nobody came", "system accepted"],
    ["tap dispute", "tap dispute_send", "system not_waiting", "tap dispute"],
    ["tap not_my_order", "tap reattempt"],
    ["tap reattempt", "system refused", "tap reattempt", "tap confirm_cancel", "system refused"],
]


def said_everywhere(**changes: object) -> list[SessionMessage]:
    """Return every session message of every way through, with the presets of every language as texts."""
    talks: list[Talk] = []
    for form, language in product((True, False), LANGUAGES):
        for way in EVERY_WAY:
            talk = opened(some_facts(address_form=form, language=language, **changes), PLAIN)
            talk.plays(*way)
            talks.append(talk)
    return [command.message for command in chain.from_iterable(talk.sent() for talk in talks)]


def assert_fits(message: SessionMessage) -> None:
    """Check a message against WhatsApp's limits."""
    assert 0 < len(message.body) <= BODY_MAX
    assert len(message.header) <= HEADER_MAX
    assert len(message.footer) <= FOOTER_MAX
    assert len({option.choice for option in message.options}) == len(message.options)
    is_list = message.kind is SessionKind.LIST
    for option in message.options:
        assert 0 < len(option.title) <= (ROW_MAX if is_list else BUTTON_MAX)
        assert len(option.description) <= DESCRIPTION_MAX
    if is_list:
        assert 0 < len(message.button) <= BUTTON_MAX
        assert 1 <= len(message.options) <= ROWS_MAX
    elif message.kind is SessionKind.BUTTONS:
        assert 1 <= len(message.options) <= BUTTONS_MAX
    else:
        assert not message.options


def test_every_way_fits_and_leaves_no_placeholder() -> None:
    """Each message that a conversation can bring is one that WhatsApp takes, with every name filled in."""  # R7.1
    messages = said_everywhere(is_cod=True, amount_due_paise=129900)
    assert {message.kind for message in messages} == set(SessionKind)
    for message in messages:
        assert_fits(message)
        assert "{" not in message.body


def test_every_way_fits_with_names_of_any_length() -> None:
    """Long brands, orders, couriers and addresses are cut before WhatsApp refuses the whole message."""  # R7.1
    long = "ल" * 2000
    messages = said_everywhere(brand=long, order_id=long, courier_name=long, is_cod=True, amount_due_paise=1)
    for message in messages:
        assert_fits(message)
        assert "{" not in message.body


def test_question_beneath_a_long_address_is_not_cut_off() -> None:
    """The customer sees what is asked, however long the address is."""  # R6.4
    talk = opened(some_facts(brand="b" * 500, order_id="o" * 500), PLAIN)
    talk.plays(
        "tap update_address", "text " + "4 Rose Villa " * 60, "pin " + "temple " * 60, "text 9999900002"
    )
    body = talk.sent()[-1].message.body
    assert body.endswith("Is this right?")
    assert len(body) <= BODY_MAX


def test_form_carries_what_we_know() -> None:
    """WhatsApp's own address form starts with name, phone, pincode and city."""  # R6.4
    talk = opened(some_facts(address_form=True), PLAIN)
    talk.play("tap update_address")
    message = talk.sent()[-1].message
    assert message.kind is SessionKind.ADDRESS_FORM
    assert dict(message.prefill) == {
        "name": "Asha Rao",
        "phone": "919999900001",
        "pincode": "560001",
        "city": "Bengaluru",
    }
    assert message.footer == "Order ORD123456"


def test_every_text_is_used_and_every_used_text_exists() -> None:
    """No key is missing at run time, and none lies around unused."""
    files = (*Path("domain").glob("*.py"), *Path("intake").glob("*.py"))
    source = "".join(path.read_text() for path in files if path.name != "texts.py")
    used = {key for key in PRESETS["en"] if f'"{key}"' in source}
    used |= {f"accepted_{action.value}" for action in Action if action is not Action.NOT_MY_ORDER}
    assert used == set(PRESETS["en"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_complete(language: str) -> None:
    """A language has every label, title, reason, day and month that English has, with the same placeholders."""  # R6.13
    words, english = LANGUAGES[language], LANGUAGES["en"]
    names = re.compile(r"\{(\w+)\}")
    for ours, theirs in ((words.labels, english.labels), (words.actions, english.actions)):
        assert {key: set(names.findall(said)) for key, said in ours.items()} == {
            key: set(names.findall(said)) for key, said in theirs.items()
        }
    assert set(words.titles) == set(Action)
    assert set(words.actions) == set(Action)
    assert set(words.reasons) == set(Reason)
    assert set(words.disputes) == set(english.disputes)
    assert len(words.days) == 7
    assert len(words.months) == 12
    for said in (*words.reasons.values(), *words.labels.values(), *words.actions.values()):
        assert said == said.strip().rstrip(".।")


@pytest.mark.parametrize("language", PRESETS)
def test_languages_have_the_same_texts_and_placeholders(language: str) -> None:
    """A translation may move a placeholder, not lose it."""  # R6.13
    names = re.compile(r"\{(\w+)\}")
    english = {key: set(names.findall(words)) for key, words in PRESETS["en"].items()}
    assert {key: set(names.findall(words)) for key, words in PRESETS[language].items()} == english


@pytest.mark.parametrize(
    "key", [key for key in PRESETS["en"] if key not in ("cod", "area", "standard_answer", "which_order")]
)
def test_texts_name_the_order(key: str) -> None:
    """A customer with several parcels knows which one is meant."""  # R6.3
    assert "{order_id}" in PRESETS["en"][key]


def test_names_are_in_the_texts() -> None:
    """Brand, order, courier, day and amount stand in what the customer reads."""  # R6.3 R6.5
    talk = opened(some_facts(is_cod=True, amount_due_paise=129950), PLAIN)
    talk.plays("tap reschedule", "tap date:2026-11-22", "system accepted")
    assert talk.sent()[-1].message.body == (
        "Done. Swift Couriers will come on Sun 22 Nov with your KapasKraft order ORD123456. "
        "Please keep ₹1,299.50 ready."
    )


def test_missing_names_have_words() -> None:
    """No hole where the order system did not name brand or courier, and no amount on a paid order."""  # R6.5
    talk = opened(some_facts(brand="", courier_name="", amount_due_paise=129950), PLAIN)
    talk.plays("tap reattempt", "system accepted")
    assert talk.sent()[-1].message.body == (
        "Done. The courier will try again on the next working day with your order ORD123456."
    )
    talk.plays("text thanks")
    assert "  " not in talk.sent()[-1].message.body


def test_pincode_is_named_only_where_it_binds() -> None:
    """The customer is not told a limit that the carrier does not have, nor an empty one."""  # R6.4
    anywhere = replace(EVERYTHING, needs_same_pincode=False)
    for talk, named in [
        (opened(some_facts(), PLAIN), True),
        (opened(some_facts(capabilities=anywhere), PLAIN), False),
    ]:
        talk.play("tap update_address")
        assert ("within pincode 560001" in talk.sent()[-1].message.body) is named


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_offered_for_every_reason(action: Action, reason: Reason, language: str) -> None:
    """Each option fits on a button and into a list."""  # R6.2 R6.13
    option = action_option(action, reason, language)
    assert option.choice == action.value
    assert 0 < len(option.title) <= BUTTON_MAX
    assert 0 < len(option.description) <= DESCRIPTION_MAX


def test_dispute_is_worded_by_the_reason() -> None:
    """What the customer denies is what the courier said."""  # R6.2
    assert action_option(Action.DISPUTE, Reason.CUSTOMER_UNAVAILABLE, "en").title == "Nobody came"
    assert action_option(Action.DISPUTE, Reason.CUSTOMER_UNREACHABLE, "en").title == "Nobody called"
    assert action_option(Action.DISPUTE, Reason.REFUSED, "en").title == "I did not refuse it"


@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_named(action: Action) -> None:
    """An action is part of a sentence, with its day if it has one."""  # R6.6
    assert "{" not in action_words(action, None)
    assert "Fri 20 Nov" in action_words(Action.RESCHEDULE, date(2026, 11, 20))


def test_workspaces_own_text_goes_first() -> None:
    """Own text, else the language's preset, else English; an empty text is none."""  # R6.13 R7.10
    own = Policy(texts=(("refused", "Leider nein, {order_id} {nonsense}"), ("kept", " ")))
    assert text("refused", own, "en", order_id="ORD1") == "Leider nein, ORD1 {nonsense}"
    assert text("kept", own, "en", brand="B", order_id="O") == text(
        "kept", PLAIN, "en", brand="B", order_id="O"
    )
    assert text("kept", PLAIN, "xx", brand="B", order_id="O") == text(
        "kept", PLAIN, "en", brand="B", order_id="O"
    )


def test_value_that_looks_like_a_placeholder_is_text() -> None:
    """A customer or seller called "{pincode}" brings no other value to light."""  # S24
    assert (
        text("area", PLAIN, "en", pincode="{brand}", brand="B") == " We can deliver within pincode {brand}."
    )


@given(st.text(max_size=5000), st.text(max_size=5000))
def test_any_own_text_fits(own: str, value: str) -> None:
    """Whatever a seller writes, WhatsApp takes it."""  # R7.10
    filled = text("refused", Policy(texts=(("refused", own),)), "en", order_id=value)
    assert 0 < len(filled) <= BODY_MAX


def test_shorten() -> None:
    """What fits stays; what is cut says so."""
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_day_fits_on_a_button(language: str) -> None:
    """A yes with its day, as “Yes, Wed 30 Sep”, is a button in every language, whatever the day."""  # R6.13
    days = (date(2026, 1, 1) + timedelta(days=ahead) for ahead in range(366))
    assert max(len(label("yes_day", language, day=day_words(day, language))) for day in days) <= BUTTON_MAX


def test_own_texts_have_a_language() -> None:
    """A text without a language is in the workspace's own; another language has its own text or our preset."""  # R6.13 R7.10
    own = Policy(language="hi", texts=(("nudge", "क्या करें?"), ("en:nudge", "What now?")))
    assert text("nudge", own, "hi") == "क्या करें?"
    assert text("nudge", own, "hi-IN") == "क्या करें?"
    assert text("nudge", own, "en") == "What now?"
    plain = Policy(texts=(("nudge", "What now?"),))
    assert text("nudge", plain, "hi", brand="B", order_id="O") == PRESETS["hi"]["nudge"].format(
        brand="B", order_id="O"
    )


def test_reasons_and_payment_are_said_in_the_customers_language() -> None:
    """A template in Hindi has no English reason in it."""  # R6.13
    assert reason_words(Reason.CUSTOMER_UNAVAILABLE, "hi") == "घर पर कोई नहीं मिला"
    assert payment_words(is_cod=True, language="hi") == "कैश ऑन डिलीवरी"
    assert payment_words(is_cod=False) == "Prepaid"
    assert day_words(date(2026, 11, 20), "hi") == "शुक्र 20 नवंबर"


def test_day_words() -> None:
    """A day as people write it, in a row's length."""
    assert day_words(date(2026, 11, 20)) == "Fri 20 Nov"
    assert day_words(datetime(2028, 2, 29, tzinfo=UTC).date()) == "Tue 29 Feb"


@pytest.mark.parametrize(
    ("paise", "words"),
    [
        (0, "₹0"),
        (5, "₹0.05"),
        (3550, "₹35.50"),
        (100000, "₹1,000"),
        (98431000, "₹9,84,310"),
        (1234567890, "₹1,23,45,678.90"),
        (-3550, "−₹35.50"),
    ],
)
def test_rupees(paise: int, words: str) -> None:
    """Money as Indians write it, from integer paise."""
    assert rupees(paise) == words
