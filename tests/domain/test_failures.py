"""What a failure allows."""

import pytest

from domain.failures import (
    MAX_ATTEMPTS,
    REASON_RULES,
    Action,
    Capabilities,
    Handling,
    Reason,
    offered_actions,
)
from tests.domain.given import EVERYTHING

A = Action
USUAL = (A.REATTEMPT, A.RESCHEDULE, A.UPDATE_ADDRESS, A.CANCEL, A.DISPUTE)
WRONG_NUMBER = (A.NOT_MY_ORDER,)


def offered(
    reason: Reason,
    *,
    resolutions: tuple[Action, ...] = (),
    capabilities: Capabilities = EVERYTHING,
    attempt: int = 1,
) -> tuple[Action, ...]:
    """Return what is offered, with the usual facts for what is not given."""
    return offered_actions(reason=reason, resolutions=resolutions, capabilities=capabilities, attempt=attempt)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_rule(reason: Reason) -> None:
    """Each reason says who is to act, and in words that fit behind "could not deliver: "."""
    rule = REASON_RULES[reason]
    assert bool(rule.actions) is (rule.handling is not Handling.LEAVE_TO_SELLER)
    assert A.NOT_MY_ORDER not in rule.actions


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.CUSTOMER_UNAVAILABLE, USUAL),
        (Reason.CUSTOMER_UNREACHABLE, USUAL),
        (Reason.REFUSED, (A.DISPUTE, A.CANCEL)),
        (Reason.REFUSED_OPENED, (A.CANCEL,)),
        (Reason.ADDRESS_INCOMPLETE, (A.UPDATE_ADDRESS, A.REATTEMPT, A.CANCEL)),
        (Reason.CUSTOMER_MOVED, (A.UPDATE_ADDRESS, A.CANCEL)),
        (Reason.OUT_OF_DELIVERY_AREA, (A.UPDATE_ADDRESS, A.CANCEL)),
        (Reason.SELF_COLLECT, (A.REATTEMPT, A.CANCEL)),
        (Reason.COD_NOT_READY, (A.REATTEMPT, A.RESCHEDULE, A.CANCEL, A.DISPUTE)),
        (Reason.PAYMENT_DISPUTE, (A.REATTEMPT, A.CANCEL)),
        (Reason.RESCHEDULE_REQUESTED, (A.RESCHEDULE, A.REATTEMPT, A.DISPUTE)),
        (Reason.OPEN_DELIVERY_WANTED, (A.REATTEMPT, A.CANCEL)),
        (Reason.ENTRY_RESTRICTED, (A.RESCHEDULE, A.REATTEMPT, A.UPDATE_ADDRESS)),
        (Reason.OTP_PROBLEM, (A.REATTEMPT, A.UPDATE_ADDRESS, A.CANCEL)),
        (Reason.ID_MISSING, (A.REATTEMPT, A.CANCEL)),
        (Reason.UNKNOWN, (A.REATTEMPT, A.UPDATE_ADDRESS, A.CANCEL, A.DISPUTE)),
    ],
)
def test_reason_alone_decides_when_no_resolutions_are_named(
    reason: Reason, expected: tuple[Action, ...]
) -> None:
    """The table stands in where the order system names nothing."""  # R6.2
    assert offered(reason) == expected + WRONG_NUMBER


@pytest.mark.parametrize(
    "reason", [reason for reason, rule in REASON_RULES.items() if rule.handling is not Handling.ASK_CUSTOMER]
)
def test_nothing_is_offered_when_the_customer_has_nothing_to_decide(reason: Reason) -> None:
    """Nobody is asked, whatever the order system would allow."""  # R6.2 R6.12
    assert offered(reason) == ()
    assert offered(reason, resolutions=USUAL) == ()


@pytest.mark.parametrize(
    ("resolutions", "expected"),
    [
        ((A.REATTEMPT,), (A.REATTEMPT,)),
        ((A.CANCEL, A.RESCHEDULE), (A.RESCHEDULE, A.CANCEL)),
        ((A.DISPUTE, A.REATTEMPT, A.REATTEMPT), (A.REATTEMPT, A.DISPUTE)),
        (USUAL, USUAL),
    ],
)
def test_named_resolutions_go_before_the_table(
    resolutions: tuple[Action, ...], expected: tuple[Action, ...]
) -> None:
    """What the order system allows for this failure is what is offered."""  # R6.2
    assert offered(Reason.REFUSED, resolutions=resolutions) == expected + WRONG_NUMBER


def test_offer_is_cut_down_to_what_the_carrier_can_do() -> None:
    """An action that the adapter cannot carry out is never shown."""  # R6.2
    only_reattempt = Capabilities(actions=(A.REATTEMPT,))
    assert offered(Reason.CUSTOMER_UNAVAILABLE, capabilities=only_reattempt) == (
        A.REATTEMPT,
        A.NOT_MY_ORDER,
    )
    assert offered(Reason.CUSTOMER_UNAVAILABLE, capabilities=Capabilities(actions=())) == WRONG_NUMBER


@pytest.mark.parametrize("attempt", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_third_attempt_ends_everything_that_needs_another(attempt: int) -> None:
    """Only cancelling is left, even where the order system still names a reattempt."""  # R6.2
    assert offered(Reason.CUSTOMER_UNAVAILABLE, attempt=attempt) == (A.CANCEL, A.NOT_MY_ORDER)
    assert offered(Reason.CUSTOMER_UNAVAILABLE, resolutions=USUAL, attempt=attempt) == (
        A.CANCEL,
        A.NOT_MY_ORDER,
    )
    assert offered(Reason.CUSTOMER_UNAVAILABLE, attempt=MAX_ATTEMPTS - 1) == USUAL + WRONG_NUMBER
