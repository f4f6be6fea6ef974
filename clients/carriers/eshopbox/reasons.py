"""Why an attempt failed: the order system's codes and words, and couriers' remarks, as our reasons.

The code decides; without a telling one the order system's own words do; the courier's free remark comes last, and
only where the customer is asked anyway: a refusal, a loss or "not attempted" is never guessed from free text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.failures import Reason


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """What stands for one reason.

    Attributes:
        reason: Our word.
        codes: The order system's `ndrCode`. Its full list is not public.
        words: Phrases of its `reason` and `ndrStatus`, lower case, punctuation as spaces.
        remarks: Phrases that decide in a courier's remark as well.
    """

    reason: Reason
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


REASON_TABLE: Final = (
    ReasonRow(
        Reason.CUSTOMER_UNAVAILABLE,
        codes=("1",),
        words=("unavailable", "customer absent"),
        remarks=(
            "not available",
            "customer unavailable",
            "consignee unavailable",
            "door locked",
            "house locked",
            "nobody at home",
        ),
    ),
    ReasonRow(
        Reason.ADDRESS_INCOMPLETE,
        codes=("2",),
        words=("address issue", "wrong or incomplete address"),
        remarks=(
            "wrong address",
            "incomplete address",
            "bad incomplete address",
            "incorrect address",
            "address not found",
            "address incomplete",
            "address incorrect",
            "landmark required",
        ),
    ),
    ReasonRow(
        Reason.REFUSED,
        codes=("3",),
        words=(
            "refused",
            "did not accept",
            "not accepted",
            "rejected by customer",
            "customer rejected",
            "cancelled",
            "customer cancelled",
        ),
    ),
    ReasonRow(
        Reason.NOT_ATTEMPTED,
        codes=("4",),
        words=("not attempted", "no attempt", "attempt not made"),
    ),
    ReasonRow(
        Reason.CUSTOMER_UNREACHABLE,
        words=("unreachable", "not contactable"),
        remarks=(
            "not reachable",
            "customer unreachable",
            "phone not reachable",
            "phone switched off",
            "mobile switched off",
            "not answering",
            "not responding",
        ),
    ),
    ReasonRow(Reason.REFUSED_OPENED, words=("opened and refused", "refused after opening")),
    ReasonRow(
        Reason.CANCELLED_OTP,
        words=("otp verified cancellation", "cancelled with otp", "otp verified refusal"),
    ),
    ReasonRow(
        Reason.CUSTOMER_MOVED,
        words=("address changed",),
        remarks=("customer shifted", "customer moved", "consignee shifted", "shifted from given address"),
    ),
    ReasonRow(
        Reason.OUT_OF_DELIVERY_AREA,
        words=("oda",),
        remarks=("out of delivery area", "non serviceable", "not serviceable", "outside delivery area"),
    ),
    ReasonRow(
        Reason.SELF_COLLECT,
        words=("self collection",),
        remarks=("self collect", "collect from office", "collect from hub", "self pickup"),
    ),
    ReasonRow(
        Reason.COD_NOT_READY,
        words=("payment issue",),
        remarks=("cod not ready", "cod amount not ready", "cash not ready", "payment not ready"),
    ),
    ReasonRow(
        Reason.PAYMENT_DISPUTE,
        words=("dispute",),
        remarks=("payment dispute", "amount dispute", "payment mode dispute"),
    ),
    ReasonRow(
        Reason.RESCHEDULE_REQUESTED,
        words=("rescheduled",),
        remarks=(
            "delivery rescheduled",
            "future delivery requested",
            "reschedule requested",
            "requested later delivery",
        ),
    ),
    ReasonRow(Reason.OPEN_DELIVERY_WANTED, remarks=("open delivery",)),
    ReasonRow(
        Reason.ENTRY_RESTRICTED,
        words=("premises closed",),
        remarks=("entry restricted", "restricted area", "entry not permitted", "office closed"),
    ),
    ReasonRow(
        Reason.OTP_PROBLEM,
        words=("otp not received otp mismatch",),
        remarks=("otp not received", "otp mismatch", "otp not shared", "wrong otp"),
    ),
    ReasonRow(Reason.ID_MISSING, remarks=("id proof not available", "identity proof missing", "id missing")),
    ReasonRow(Reason.SEIZED, words=("seized", "seized by customer")),
    ReasonRow(Reason.LOST, words=("lost", "lost or damaged")),
    ReasonRow(Reason.DAMAGED, words=("damaged", "shipment damaged")),
    ReasonRow(Reason.MAX_ATTEMPTS, words=("maximum attempt reached", "max attempts", "maximum attempts")),
    ReasonRow(Reason.ON_HOLD, words=("on hold", "weather", "strike", "natural calamity")),
    ReasonRow(Reason.UNKNOWN, codes=("0",), words=("exception", "unknown exception")),
)
"""A code or phrase stands in one row only (tested). Of several phrases in one text the longest decides."""

_BY_CODE: Final = {code: row.reason for row in REASON_TABLE for code in row.codes}


def _by_length(phrases_of: Callable[[ReasonRow], tuple[str, ...]]) -> tuple[tuple[str, Reason], ...]:
    found = ((f" {phrase} ", row.reason) for row in REASON_TABLE for phrase in phrases_of(row))
    return tuple(sorted(found, key=lambda entry: (-len(entry[0]), entry[0])))


_BY_WORDS: Final = _by_length(lambda row: (*row.words, *row.remarks))
_BY_REMARK: Final = _by_length(lambda row: row.remarks)


def read_reason(*, code: str, words: tuple[str, ...], remark: str) -> Reason:
    """Return our reason for a failure.

    Args:
        code: The order system's code.
        words: Its own words for the failure, the most trusted first.
        remark: What the courier wrote.
    """
    found = [
        _BY_CODE.get(code.strip(), Reason.UNKNOWN),
        *(_match(said, _BY_WORDS) for said in words),
        _match(remark, _BY_REMARK),
    ]
    return next((reason for reason in found if reason is not Reason.UNKNOWN), Reason.UNKNOWN)


def _match(said: str, phrases: tuple[tuple[str, Reason], ...]) -> Reason:
    plain = f" {' '.join(re.findall(r'[a-z0-9]+', said.casefold()))} "
    return next((reason for phrase, reason in phrases if phrase in plain), Reason.UNKNOWN)
