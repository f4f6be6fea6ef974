"""Reasons: codes before words, words before remarks, and nothing guessed that would take the choice away."""

from collections import Counter

import pytest

from clients.carriers.eshopbox.reasons import REASON_TABLE, read_reason
from domain.failures import Reason


def test_no_code_or_phrase_stands_in_two_rows() -> None:
    """Each foreign code is mapped once."""
    entries = Counter(entry for row in REASON_TABLE for entry in (*row.codes, *row.words, *row.remarks))
    assert [entry for entry, count in entries.items() if count > 1] == []


def test_every_reason_has_its_row() -> None:
    """A new reason needs a decision here."""
    assert Counter(row.reason for row in REASON_TABLE) == Counter(Reason)


def test_phrases_are_written_as_they_are_compared() -> None:
    """Lower case, one space: another spelling would never match."""
    for row in REASON_TABLE:
        for phrase in (*row.words, *row.remarks):
            assert phrase == " ".join(phrase.lower().split()), phrase
            assert phrase.replace(" ", "").isalnum(), phrase


@pytest.mark.parametrize(
    "reason", [Reason.REFUSED, Reason.REFUSED_OPENED, Reason.CANCELLED_OTP, Reason.NOT_ATTEMPTED]
)
def test_free_text_never_decides_for_the_customer(reason: Reason) -> None:
    """A courier's remark alone neither makes a refusal nor sends the parcel out again."""
    (row,) = (row for row in REASON_TABLE if row.reason is reason)
    assert row.remarks == ()
    for phrase in row.words:
        assert read_reason(code="", words=(), remark=phrase) in {Reason.UNKNOWN, Reason.CUSTOMER_UNAVAILABLE}


@pytest.mark.parametrize(
    ("code", "words", "remark", "reason"),
    [
        ("1", "", "", Reason.CUSTOMER_UNAVAILABLE),
        ("2", "", "", Reason.ADDRESS_INCOMPLETE),
        ("3", "", "", Reason.REFUSED),
        ("4", "", "", Reason.NOT_ATTEMPTED),
        ("0", "Exception", "Some new courier text", Reason.UNKNOWN),
        ("0", "Exception", "CONSIGNEE REFUSED TO ACCEPT", Reason.UNKNOWN),
        ("0", "Exception", "DOOR LOCKED, will try again", Reason.CUSTOMER_UNAVAILABLE),
        ("1", "Customer refused", "refused", Reason.CUSTOMER_UNAVAILABLE),
        ("5", "COD not ready", "", Reason.COD_NOT_READY),
        ("6", "Customer not reachable", "", Reason.CUSTOMER_UNREACHABLE),
        ("7", "Delivery rescheduled", "", Reason.RESCHEDULE_REQUESTED),
        # The order system's help
        ("", "Unavailable", "", Reason.CUSTOMER_UNAVAILABLE),
        ("", "Did not accept", "", Reason.REFUSED),
        ("", "Cancelled", "", Reason.REFUSED),
        ("", "Wrong address", "", Reason.ADDRESS_INCOMPLETE),
        ("", "Wants open delivery", "", Reason.OPEN_DELIVERY_WANTED),
        ("", "Wants self-collection", "", Reason.SELF_COLLECT),
        ("", "Out of delivery area", "", Reason.OUT_OF_DELIVERY_AREA),
        ("", "Customer seized the parcel", "", Reason.SEIZED),
        ("", "Lost or damaged", "", Reason.LOST),
        ("", "Not attempted", "", Reason.NOT_ATTEMPTED),
        # Couriers' own lists, as passed on
        ("", "OTP Not Received/OTP Mismatch", "", Reason.OTP_PROBLEM),
        ("", "OTP Verified Cancellation", "", Reason.CANCELLED_OTP),
        ("", "Maximum Attempt Reached", "", Reason.MAX_ATTEMPTS),
        ("", "Rejected by Customer", "", Reason.REFUSED),
        ("", "ID proof not available", "", Reason.ID_MISSING),
        ("", "", "", Reason.UNKNOWN),
        ("", "Consoda", "", Reason.UNKNOWN),  # whole words only
    ],
)
def test_reason_of_a_failure(code: str, words: str, remark: str, reason: Reason) -> None:
    """Code first, the order system's words second, the remark last."""
    assert read_reason(code=code, words=(words,), remark=remark) is reason
