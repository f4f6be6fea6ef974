"""Addresses, phones and pincodes in what customers write."""

import pytest

from domain.shipments import FINAL_MOVES, Address, ShipmentMove, find_mobile, find_pincode, national_number


@pytest.mark.parametrize(
    ("text", "mobile"),
    [
        ("9999900001", "9999900001"),
        ("call 99999 00001 please", "9999900001"),
        ("+91 99999-00001", "9999900001"),
        ("+919999900001", "9999900001"),
        ("919999900001", "9999900001"),
        ("09999900001", "9999900001"),
        ("first 9999900001, then 9999900002", "9999900001"),
        ("5999900001", None),  # no mobile begins with 5
        ("99999000012", None),  # eleven digits
        ("560001", None),
        ("", None),
    ],
)
def test_indian_mobile_in_a_text(text: str, mobile: str | None) -> None:
    """A valid Indian mobile is found however it is written."""  # R6.4
    assert find_mobile(text) == mobile


@pytest.mark.parametrize(
    ("text", "pincode"),
    [
        ("MG Road, Bengaluru 560001", "560001"),
        ("Bengaluru 560 001.", "560001"),
        ("flat 110092, pin 560001", "560001"),  # the last one: Indians write it at the end
        ("call 9999900001", None),
        ("9999900001 560001", "560001"),
        ("060001", None),
        ("5600012", None),
        ("House 221\n100 Feet Road", None),  # two lines are not one pincode
        ("", None),
    ],
)
def test_pincode_in_a_text(text: str, pincode: str | None) -> None:
    """A pincode is six digits that are not part of a phone."""  # R6.4
    assert find_pincode(text) == pincode


@pytest.mark.parametrize("phone", ["919999900001", "+91 99999 00001", "9999900001"])
def test_national_number(phone: str) -> None:
    """Carriers want the ten digits."""
    assert national_number(phone) == "9999900001"


def test_address_in_one_line_leaves_out_what_is_missing() -> None:
    """Empty parts leave no commas."""
    assert (
        Address("Asha", ("4 Rose Villa", ""), "", "Karnataka", "560001").one_line() == "4 Rose Villa, 560001"
    )


def test_a_parcel_out_for_delivery_can_still_fail_again() -> None:
    """Only what nothing can follow is final."""  # R6.9 F56
    assert set(ShipmentMove) - FINAL_MOVES == {
        ShipmentMove.OUT_FOR_DELIVERY,
        ShipmentMove.RESOLUTION_SUBMITTED,
    }
