"""What can keep an account from being connected, and the words for it at the field that is wrong (R2.2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Field = Literal["api_key", "app_id", "app_name", "phone", ""]
"""A field of the form; empty for what concerns none of them and stands in a banner."""

NOTHING_STORED = "Nothing has been stored."
"""Stands under the buttons whenever something was wrong."""


class Obstacle(StrEnum):
    """What keeps an account from being connected."""

    KEY_EMPTY = "key_empty"
    KEY_UNREADABLE = "key_unreadable"
    KEY_REFUSED = "key_refused"
    APP_EMPTY = "app_empty"
    APP_ID_EMPTY = "app_id_empty"
    APP_NAME_EMPTY = "app_name_empty"
    APP_NAME_UNREADABLE = "app_name_unreadable"
    APP_UNKNOWN = "app_unknown"
    APP_NAME_UNKNOWN = "app_name_unknown"
    APP_NOT_LIVE = "app_not_live"
    APP_OTHER = "app_other"
    NUMBER_WITHOUT_COUNTRY = "number_without_country"
    NUMBER_NOT_VALID = "number_not_valid"
    NUMBER_OF_ANOTHER = "number_of_another"
    NUMBER_TAKEN = "number_taken"
    GUPSHUP_DOWN = "gupshup_down"
    TOO_MANY_CHECKS = "too_many_checks"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: where, and in which words."""

    field: Field
    text: str


_WORDS: dict[Obstacle, tuple[Field, str]] = {
    Obstacle.KEY_EMPTY: ("api_key", "Enter the API key"),
    Obstacle.KEY_UNREADABLE: (
        "api_key",
        "This API key has characters that no key has. Copy it again from your app's settings.",
    ),
    Obstacle.KEY_REFUSED: (
        "api_key",
        "Gupshup does not accept this API key. Copy it again from your app's settings; a key that was replaced there stops working.",
    ),
    Obstacle.APP_EMPTY: ("app_id", "Enter the app ID and app name"),
    Obstacle.APP_ID_EMPTY: (
        "app_id",
        "Enter the app ID too. Gupshup does not find an app by its name alone.",
    ),
    Obstacle.APP_NAME_EMPTY: (
        "app_name",
        "Enter the app name too. Messages are sent under it.",
    ),
    Obstacle.APP_NAME_UNREADABLE: (
        "app_name",
        "This app name has characters that no name has. Copy it again from your app's settings.",
    ),
    Obstacle.APP_UNKNOWN: (
        "app_id",
        'This API key has no app "{app}". Check the spelling, or use the app ID.',
    ),
    Obstacle.APP_NAME_UNKNOWN: (
        "app_name",
        'This API key has no app "{app}". Check the spelling: capital letters count.',
    ),
    Obstacle.APP_NOT_LIVE: (
        "app_name",
        'The app "{app}" is not live at Gupshup yet. Finish "Go live" there, then connect again.',
    ),
    Obstacle.APP_OTHER: (
        "app_id",
        'The app "{app}" is connected now. Uninstall it before you connect another one.',
    ),
    Obstacle.NUMBER_WITHOUT_COUNTRY: (
        "phone",
        "Enter the number with its country code, for example +91 80471 00021",
    ),
    Obstacle.NUMBER_NOT_VALID: ("phone", "{phone} is not a complete phone number"),
    Obstacle.NUMBER_OF_ANOTHER: (
        "phone",
        '{phone} does not belong to the app "{app}". Gupshup shows its number on the app\'s page.',
    ),
    Obstacle.NUMBER_TAKEN: (
        "phone",
        "This number is already connected to another Eshopbox workspace. Ask us if that is a mistake.",
    ),
    Obstacle.GUPSHUP_DOWN: (
        "",
        "Gupshup did not answer, so we could not check. Your entries are right as far as we can tell. Try again in a minute.",
    ),
    Obstacle.TOO_MANY_CHECKS: (
        "",
        "You have tried {times} times in an hour. Wait until {until}, or ask us for help.",
    ),
}


def trouble(obstacle: Obstacle, **named: str) -> Trouble:
    """Return an obstacle in words.

    Args:
        obstacle: What is wrong.
        named: What the words speak of: `app` and `phone` as entered, `times`, and `until`, a local time.

    Raises:
        KeyError: The words speak of something that is not named.
    """
    field, words = _WORDS[obstacle]
    return Trouble(field, words.format(**named))


def number_unverified(*, phone: str, app: str) -> str:
    """Return the words for an account that is connected although Gupshup could not prove its number."""
    return (
        f'Gupshup accepts the API key and the app, but could not confirm that {phone} belongs to "{app}". '
        "Send a test to your own phone before you switch a notification on."
    )
