"""How far messages come, and whom not to write to."""

from itertools import permutations

import pytest

from domain.messages import HOPELESS, PASSING, WAY_IS_GONE, MessageStatus, NotSent, forward, is_start, is_stop

S = MessageStatus


@pytest.mark.parametrize(
    ("current", "reported", "expected"),
    [
        (S.SENDING, S.UNKNOWN, S.UNKNOWN),
        (S.SENDING, S.SUBMITTED, S.SUBMITTED),
        (S.UNKNOWN, S.ENQUEUED, S.ENQUEUED),
        (S.ENQUEUED, S.SUBMITTED, S.ENQUEUED),
        (S.READ, S.DELIVERED, S.READ),
        (S.SENT, S.READ, S.READ),
        (S.SENT, S.FAILED, S.FAILED),
        (S.DELIVERED, S.FAILED, S.DELIVERED),
        (S.FAILED, S.SENT, S.FAILED),
        (S.FAILED, S.DELIVERED, S.DELIVERED),
        (S.READ, S.READ, S.READ),
    ],
)
def test_status_only_moves_forward(current: S, reported: S, expected: S) -> None:
    """A late or repeated status changes nothing."""  # R5.2 I10
    assert forward(current, reported) is expected


@pytest.mark.parametrize(
    ("statuses", "last"),
    [
        ((S.ENQUEUED, S.SENT, S.DELIVERED, S.READ), S.READ),
        ((S.ENQUEUED, S.SENT, S.FAILED), S.FAILED),
        ((S.SUBMITTED, S.ENQUEUED, S.SENT, S.DELIVERED), S.DELIVERED),
    ],
)
def test_statuses_in_any_order_end_the_same(statuses: tuple[S, ...], last: S) -> None:
    """Shuffled statuses lead to one truth."""  # R5.2 F40
    for order in permutations(statuses):
        status = S.SENDING
        for reported in order:
            status = forward(status, reported)
        assert status is last


def test_each_way_of_not_being_sent_has_one_meaning() -> None:
    """Hopeless and passing exclude each other; what is gone for good is hopeless."""  # R6.10
    assert not HOPELESS & PASSING
    assert WAY_IS_GONE <= HOPELESS
    assert {NotSent.WINDOW, NotSent.OURS, NotSent.STALLED, NotSent.UNKNOWN} == set(
        NotSent
    ) - HOPELESS - PASSING


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop  all!", "unsubscribe", "बंद"])
def test_stop_is_a_word_alone(text: str) -> None:
    """The whole message is the word, however it is written."""  # R5.5
    assert is_stop(text)
    assert not is_start(text)


@pytest.mark.parametrize("text", ["please stop at the gate", "don't stop", "", "stopp", "start"])
def test_stop_is_never_guessed(text: str) -> None:
    """A sentence with the word in it is an answer, not an opt-out."""  # R5.5
    assert not is_stop(text)


def test_workspace_adds_its_own_words() -> None:
    """The workspace's word counts as it stands, in any case."""  # R5.5
    extra = frozenset({"Band Karo"})
    assert is_stop("band  karo!", extra)
    assert is_stop("stop", extra)
    assert not is_stop("band karo")


@pytest.mark.parametrize("text", ["START", "start!", "शुरू", "Subscribe"])
def test_start_lifts(text: str) -> None:
    """START is a word alone too."""  # R5.5
    assert is_start(text)
    assert not is_stop(text)
