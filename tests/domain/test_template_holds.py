"""What holds a notification that is on, and what lets it go again: one rule for the hourly check and for events (R4.8)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.preview import ButtonKind
from domain.template_checks import (
    BELIEVED_FOR,
    Hold,
    Listed,
    Saved,
    after_category,
    after_check,
    after_status,
    held_words,
    hold_of,
    hold_reason,
)
from tests.factories import NOW

REPLY, LINK = ButtonKind.QUICK_REPLY.value, ButtonKind.URL.value
BUTTONS = (("Try again", REPLY), ("See all options", REPLY))
SAVED = Saved(category="UTILITY", body="Hi {{1}}, {{2}}.", buttons=BUTTONS)
LISTED = Listed(
    status="APPROVED", category="UTILITY", kind="TEXT", body="Dear {{1}}, {{2}}.", buttons=BUTTONS
)


@pytest.mark.parametrize(
    "listed",
    [
        LISTED,
        replace(LISTED, status="approved", kind="", category=""),
        replace(LISTED, others=("We missed you", "https://track.example")),
        replace(LISTED, buttons=(*BUTTONS, ("Track", LINK))),
    ],
    ids=["as it was", "said otherwise", "header and links", "a link behind, which older rows do not know"],
)
def test_template_that_is_what_it_was_is_sent(listed: Listed) -> None:
    """R4.8: other words in its text need no setting up anew."""
    assert hold_reason(SAVED, listed) == ""


@pytest.mark.parametrize(
    ("listed", "reason", "hold"),
    [
        (None, "template deleted", Hold.STATUS),
        (replace(LISTED, status="PAUSED"), "template paused", Hold.STATUS),
        (replace(LISTED, status="REJECTED", reason="NONE"), "template rejected: NONE", Hold.STATUS),
        (replace(LISTED, status="SOMETHING_NEW"), "template something_new", Hold.STATUS),
        (replace(LISTED, status=""), "template unknown", Hold.STATUS),
        (replace(LISTED, category="MARKETING"), "template's category is now marketing", Hold.CATEGORY),
        (replace(LISTED, body="Hi {{1}}."), "template's placeholders changed", Hold.SHAPE),
        (replace(LISTED, body="Hi {{1}}, {{order}}."), "template's placeholders changed", Hold.SHAPE),
        (replace(LISTED, others=("Order {{1}}",)), "template's placeholders changed", Hold.SHAPE),
        (replace(LISTED, buttons=BUTTONS[::-1]), "template's buttons changed", Hold.SHAPE),
        (replace(LISTED, buttons=BUTTONS[:1]), "template's buttons changed", Hold.SHAPE),
        (replace(LISTED, buttons=(("Track", LINK), *BUTTONS)), "template's buttons changed", Hold.SHAPE),
        (replace(LISTED, buttons=(*BUTTONS, ("Cancel", REPLY))), "template's buttons changed", Hold.SHAPE),
        (replace(LISTED, kind="IMAGE"), "template's kind changed", Hold.SHAPE),
    ],
)
def test_what_changed_is_named(listed: Listed | None, reason: str, hold: Hold) -> None:
    """R4.8: in words that pages put better, and that say later what it was held for."""
    assert hold_reason(SAVED, listed) == reason
    assert hold_of(reason) is hold
    what, _ = held_words(reason)
    assert what
    assert what[0].isupper()


def test_marketing_that_was_accepted_is_no_alarm_and_neither_is_what_got_cheaper() -> None:
    """R4.8: the alarm is about costs."""
    assert hold_reason(replace(SAVED, category="MARKETING"), replace(LISTED, category="MARKETING")) == ""
    assert hold_reason(replace(SAVED, category="MARKETING"), LISTED) == ""
    assert hold_reason(replace(SAVED, category=""), replace(LISTED, category="MARKETING")) == ""


def test_row_without_a_text_is_not_compared() -> None:
    """Its shape is not known: status and category still count."""
    assert hold_reason(Saved(category="UTILITY"), LISTED) == ""
    assert hold_reason(Saved(category="UTILITY"), replace(LISTED, status="DISABLED"))


_HOUR_AGO = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("attention", "since", "found", "stands"),
    [
        ("", None, "", ""),
        ("", None, "template paused", "template paused"),
        ("template paused", _HOUR_AGO, "", ""),
        ("the app has no such template any more", _HOUR_AGO, "", ""),
        ("template's category is now marketing", _HOUR_AGO, "", ""),
        ("template's buttons changed", _HOUR_AGO, "", ""),
        ("template paused", _HOUR_AGO, "template disabled", "template disabled"),
        ("sending failed with code 132000", _HOUR_AGO, "template paused", "template paused"),
        ("sending failed with code 132000", NOW - BELIEVED_FOR, "", ""),
        (
            "sending failed with code 132000",
            NOW - BELIEVED_FOR + timedelta(seconds=1),
            "",
            "sending failed with code 132000",
        ),
        ("template paused", NOW + timedelta(seconds=1), "", "template paused"),
        ("ask Meera first", _HOUR_AGO, "", "ask Meera first"),
    ],
)
def test_check_holds_and_releases(attention: str, since: object, found: str, stands: str) -> None:
    """R4.8, F33: by itself; a failed send is believed for an hour, what came after the asking always, a person for good."""
    assert after_check(attention, since, found, asked_at=NOW) == stands  # type: ignore[arg-type]  # a table of both


@pytest.mark.parametrize(
    ("attention", "status", "stands"),
    [
        ("", "PAUSED", "template paused"),
        ("template paused", "approved", ""),
        ("sending failed with code 132015", "APPROVED", ""),
        ("template's category is now marketing", "APPROVED", "template's category is now marketing"),
        ("template's buttons changed", "APPROVED", "template's buttons changed"),
        ("template's buttons changed", "DISABLED", "template disabled"),
        ("template's category is now marketing", "PAUSED", "template's category is now marketing"),
    ],
)
def test_status_event_holds_and_releases(attention: str, status: str, stands: str) -> None:
    """R4.8: approval says nothing of what changed since it was set up, also after a pause in between."""
    assert after_status(attention, status) == stands


@pytest.mark.parametrize(
    ("attention", "category", "stands"),
    [
        ("", "MARKETING", "template's category is now marketing"),
        ("template paused", "MARKETING", "template's category is now marketing"),
        ("template's category is now marketing", "UTILITY", ""),
        ("template paused", "UTILITY", "template paused"),
        ("", "UTILITY", ""),
    ],
)
def test_category_event_holds_and_releases(attention: str, category: str, stands: str) -> None:
    """R4.8: by what the notification was set up with."""
    assert after_category(attention, "UTILITY", category) == stands
