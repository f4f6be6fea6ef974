"""The words of what keeps an account from being connected (R2.2)."""

import pytest

from domain.connecting import Field, Obstacle, number_unverified, trouble

NAMED = {
    "app": 'Kapas "Kraft" {Live}',
    "phone": "+91 80471 00021",
    "times": "10",
    "until": "15:20",
}


@pytest.mark.parametrize("obstacle", Obstacle)
def test_every_obstacle_has_plain_words(obstacle: Obstacle) -> None:
    """Short, without blame, with what was entered in it as it was entered."""
    words = trouble(obstacle, **NAMED).text
    assert words
    assert not any(sign in words for sign in "!;") or obstacle is Obstacle.KEY_REFUSED
    assert not any(word in words.lower() for word in ("oops", "please", "invalid", "error"))
    assert "{Live}" in words or "{" not in words


@pytest.mark.parametrize(
    ("obstacle", "field", "words"),
    [
        (Obstacle.KEY_EMPTY, "api_key", "Enter the API key"),
        (
            Obstacle.KEY_REFUSED,
            "api_key",
            "Gupshup does not accept this API key. Copy it again from your app's settings; a key that was replaced there stops working.",
        ),
        (
            Obstacle.APP_UNKNOWN,
            "app_id",
            'This API key has no app "KapasKraftLve". Check the spelling, or use the app ID.',
        ),
        (
            Obstacle.APP_NOT_LIVE,
            "app_name",
            'The app "KapasKraftLve" is not live at Gupshup yet. Finish "Go live" there, then connect again.',
        ),
        (
            Obstacle.NUMBER_WITHOUT_COUNTRY,
            "phone",
            "Enter the number with its country code, for example +91 80471 00021",
        ),
        (Obstacle.NUMBER_NOT_VALID, "phone", "+91 80471 002 is not a complete phone number"),
        (
            Obstacle.NUMBER_OF_ANOTHER,
            "phone",
            '+91 80471 002 does not belong to the app "KapasKraftLve". Gupshup shows its number on the app\'s page.',
        ),
        (
            Obstacle.NUMBER_TAKEN,
            "phone",
            "This number is already connected to another Eshopbox workspace. Ask us if that is a mistake.",
        ),
        (
            Obstacle.GUPSHUP_DOWN,
            "",
            "Gupshup did not answer, so we could not check. Your entries are right as far as we can tell. Try again in a minute.",
        ),
        (
            Obstacle.TOO_MANY_CHECKS,
            "",
            "You have tried 10 times in an hour. Wait until 15:20, or ask us for help.",
        ),
    ],
)
def test_words_stand_at_the_field_that_is_wrong(obstacle: Obstacle, field: Field, words: str) -> None:
    """R2.2: different messages at the field that is wrong."""
    found = trouble(obstacle, app="KapasKraftLve", phone="+91 80471 002", times="10", until="15:20")
    assert (found.field, found.text) == (field, words)


def test_words_that_miss_a_name_are_a_mistake_of_ours() -> None:
    """A hole in the words would be shown."""
    with pytest.raises(KeyError):
        trouble(Obstacle.APP_UNKNOWN)


def test_unverified_number_is_said_to_be_so() -> None:
    """R2.2: what Gupshup could not confirm is never shown as verified."""
    words = number_unverified(phone="+91 80471 00021", app="KapasKraftLive")
    assert "could not confirm" in words
    assert "+91 80471 00021" in words
