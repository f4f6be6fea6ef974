"""Messages: the order of their statuses, what a failure means, who may be written to."""

from enum import StrEnum


class MessageStatus(StrEnum):
    """How far a message has come (R5.2)."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"  # the request went out and no answer came back
    REFUSED = "refused"  # surely not accepted
    SUBMITTED = "submitted"
    ENQUEUED = "enqueued"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"


_ORDER = (
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    MessageStatus.UNKNOWN,
    MessageStatus.REFUSED,
    MessageStatus.SUBMITTED,
    MessageStatus.ENQUEUED,
    MessageStatus.SENT,
    # A failure is final unless the customer's own phone proves otherwise: delivered and read stand above it.
    MessageStatus.FAILED,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
)
_RANK = {status: rank for rank, status in enumerate(_ORDER)}


def forward(current: MessageStatus, reported: MessageStatus) -> MessageStatus:
    """Return the later of two statuses: statuses only move forward, however they arrive (I10)."""
    return reported if _RANK[reported] > _RANK[current] else current


class NotSent(StrEnum):
    """Why a message did not reach the customer, as classes that call for different behaviour."""

    RECIPIENT = "recipient"  # not on WhatsApp, blocked for good: the case is undeliverable (R6.10)
    NO_PHONE = "no_phone"
    INVALID_PHONE = "invalid_phone"
    OPTED_OUT = "opted_out"
    WRONG_NUMBER = "wrong_number"  # whoever has the phone said "not my order" to this seller (R6.2)
    SWITCHED_OFF = "switched_off"
    ACCOUNT_REMOVED = "account_removed"
    MISSING_VALUE = "missing_value"
    TEMPLATE = "template"  # paused, rejected: goes on when it is approved again
    ACCOUNT = "account"  # wallet, key, limits: goes on when repaired
    WINDOW = "window"  # outside the 24 h window
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    OURS = "ours"
    STALLED = "stalled"  # trouble of our own: nobody knows how far it came, and the same command finds out
    UNKNOWN = "unknown"


HOPELESS = frozenset(
    {
        NotSent.RECIPIENT,
        NotSent.NO_PHONE,
        NotSent.INVALID_PHONE,
        NotSent.OPTED_OUT,
        NotSent.WRONG_NUMBER,
        NotSent.SWITCHED_OFF,
        NotSent.ACCOUNT_REMOVED,
        NotSent.MISSING_VALUE,
    }
)
"""No later try of the same case can succeed: it ends as undeliverable at once, not at the deadline (R6.10)."""

WAY_IS_GONE = frozenset({NotSent.OPTED_OUT, NotSent.WRONG_NUMBER, NotSent.ACCOUNT_REMOVED})
"""Not even somebody who has answered can be written to any more (R3.3, R5.5, R6.2)."""

PASSING = frozenset({NotSent.THROTTLED, NotSent.TRANSIENT, NotSent.TEMPLATE, NotSent.ACCOUNT})
"""Nothing was accepted and a later try may succeed: the case waits and tries again until its deadline (F25, F32-F37)."""

STOP_WORDS = frozenset({"stop", "unsubscribe", "stop all", "बंद", "रोकें"})
START_WORDS = frozenset({"start", "subscribe", "शुरू"})


def is_stop(text: str, extra: frozenset[str] = frozenset()) -> bool:
    """Tell whether a typed text is an opt-out: the whole message is the word, nothing is guessed (R5.5)."""
    return _bare(text) in STOP_WORDS | {_bare(word) for word in extra}


def is_start(text: str) -> bool:
    """Tell whether a typed text lifts an opt-out."""
    return _bare(text) in START_WORDS


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!")
