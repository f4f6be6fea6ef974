"""What goes wrong with Gupshup: exceptions of our calls, and the one table of failure codes.

GupshupError
├── GupshupRefused                answered, and the answer is no: key, app or request are wrong
│   ├── KeyRefused                the API key is none, or not any more
│   ├── AppUnknown                the key is good, and has no such app
│   │   └── AppNameUnknown        the app's id is right, its name is not
│   ├── AppNotLive                the app has not gone live
│   ├── NumberOfAnotherAccount    the app does not send from this number
│   └── SubscriptionRefused       callbacks cannot be sent to this address
│       └── TooManySubscriptions  the app has as many as it may have
├── GupshupUnavailable            no answer that can be used: ask again later
└── UnreadableCallback            a callback's body cannot be read
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

UNAUTHORISED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""Statuses that speak of the key, or of what it may not see."""

FailureClass = Literal[
    "recipient",  # this number cannot or must not be reached: give up on it
    "template",  # nothing may be sent with this template until somebody mends it
    "account",  # nothing may be sent through this account until somebody mends it
    "window",  # free text outside the 24 hours
    "throttled",  # too fast: slow down, then again
    "transient",  # may work later
    "ours",  # we sent something wrong
    "unknown",  # in no list: final for this message, and somebody should look
]


class GupshupError(Exception):
    """Anything that this package raises about Gupshup."""


class GupshupRefused(GupshupError):
    """Gupshup answered no; asking the same again gives the same answer."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(f"{message} (HTTP {status})" if status else message)
        self.status = status
        self.message = message

    @property
    def is_about_key(self) -> bool:
        """Tell whether it is the key that was refused, or that no request can carry."""
        return self.status is None or self.status in UNAUTHORISED


class KeyRefused(GupshupRefused):
    """The API key is none of Gupshup's, or was replaced."""


class AppUnknown(GupshupRefused):
    """The key is good, and none of its apps has this id."""


class AppNameUnknown(AppUnknown):
    """The key, the app's id and the number are good, and the app has another name."""


class AppNotLive(GupshupRefused):
    """The app has not gone live, and cannot send."""


class NumberOfAnotherAccount(GupshupRefused):
    """The key is good, and the app of this name does not send from this number."""


class SubscriptionRefused(GupshupRefused):
    """Gupshup does not take this address for the app's callbacks."""


class TooManySubscriptions(SubscriptionRefused):
    """The app has as many subscriptions as it may have, and none of them is ours."""


class GupshupUnavailable(GupshupError):
    """Gupshup could not be asked, or gave an answer that cannot be used."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class UnreadableCallback(GupshupError):
    """A callback's body is not what can be read; the reason quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failure code means, and what kind of thing has to happen now."""

    meaning: str
    cls: FailureClass


# Codes of `failed` events. Below 10000 they are Gupshup's own, from 130000 on they are Meta's, passed through.
# The reason that comes with a code varies in wording and spelling: decide on the code alone.
FAILURE_CODES: dict[str, Failure] = {
    "470": Failure("The 24 hours since the customer's last message are over", "window"),
    "471": Failure("WhatsApp limits this sender for spam", "account"),
    "472": Failure("The customer is part of an experiment of Meta's", "recipient"),
    "500": Failure("Gupshup had an internal error", "transient"),
    "503": Failure("Gupshup could not reach WhatsApp", "transient"),
    "1001": Failure("The number is linked to another app, or the app's name is wrong", "account"),
    "1002": Failure("The number is not on WhatsApp", "recipient"),
    "1003": Failure("The Gupshup wallet is empty", "account"),
    "1004": Failure("The customer is inactive and the app may not send templates", "account"),
    "1005": Failure("The text matches no approved template", "template"),
    "1006": Failure("The customer has not opted in, or has opted out (old apps)", "recipient"),
    "1007": Failure("The customer has not opted in, or has opted out (old apps)", "recipient"),
    "1008": Failure("The customer has not opted in, or has opted out (old apps)", "recipient"),
    "1009": Failure("A required parameter is missing", "ours"),
    "1010": Failure("The media address is not valid", "ours"),
    "1011": Failure("The media file is too large", "ours"),
    "1012": Failure("The customer has not opted in, or has opted out (old apps)", "recipient"),
    "1013": Failure("The number is not valid on WhatsApp", "recipient"),
    "1014": Failure("The media file cannot be fetched", "ours"),
    "4001": Failure("Gupshup's rate limit is reached", "throttled"),
    "4002": Failure("WhatsApp gave Gupshup a broken answer", "transient"),
    "4003": Failure("No such template", "template"),
    "4004": Failure("Gupshup allows this only through its CAPI", "account"),
    "4005": Failure("The template is paused", "template"),
    "130429": Failure("The sender's throughput is exceeded", "throttled"),
    "130472": Failure("The customer is part of an experiment of Meta's", "recipient"),
    "131000": Failure("WhatsApp failed without saying why", "transient"),
    "131021": Failure("Sender and recipient are the same number", "ours"),
    "131026": Failure("WhatsApp cannot deliver to this customer", "recipient"),
    "131031": Failure("The WhatsApp business account is locked", "account"),
    "131042": Failure("The business has a payment problem with Meta", "account"),
    "131047": Failure("The 24 hours since the customer's last message are over", "window"),
    "131048": Failure("WhatsApp limits this sender for spam", "account"),
    # A day's wait is asked for, and a case has ended by then: for this message the customer is out of reach.
    "131049": Failure("WhatsApp withheld a marketing message from this customer", "recipient"),
    "131050": Failure("The customer stopped this business's marketing messages", "recipient"),
    "131056": Failure("Too many messages to this customer in a short time", "throttled"),
    "132000": Failure("The number of parameters differs from the template's", "template"),
    "132001": Failure("The template does not exist in this language or is not approved", "template"),
    "132005": Failure("The template's text is too long once filled in", "template"),
    "132007": Failure("The template breaks WhatsApp's content policy", "template"),
    "132012": Failure("A parameter has the wrong form", "ours"),
    "132015": Failure("The template is paused", "template"),
    "132016": Failure("The template is disabled", "template"),
    "132018": Failure("A parameter holds characters WhatsApp does not take", "ours"),
    "133010": Failure("The sender's number is not registered", "account"),
}


def failure_words(code: str) -> str:
    """Return what a code means, for people; empty for one in no list: then its reason is all that is known."""
    failure = FAILURE_CODES.get(code.strip())
    return failure.meaning if failure else ""


def failure_class(code: str | None) -> FailureClass:
    """Say what kind of failure a code stands for; a code in no list is `unknown`."""
    failure = FAILURE_CODES.get(code.strip()) if code else None
    return failure.cls if failure else "unknown"
