"""What became of failed deliveries: each step counts what its words say, for the whole and for each part."""

from dataclasses import astuple
from typing import Any

import pytest

from db.actions import begin_action, record_answer
from db.cases import note_reply
from db.encryption import Cipher
from db.insights import Scope, Steps, read_answer_times, read_funnel, read_refusals
from db.session import Session
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Mode, Reason
from domain.shipments import Address, ShipmentMove
from tests.db.given_cases import DAY, HOUR, MINUTE, RESCUED, W, lived, opened
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("_workspace")

SCOPE = Scope(since=NOW - DAY, until=NOW)
STEPS = ("failed", "messaged", "delivered", "read", "answered", "accepted", "rescued")


@pytest.mark.parametrize(
    ("life", "last_step", "others"),
    [
        ({"statuses": ()}, "failed", {}),
        ({"statuses": ("refused",)}, "failed", {}),
        ({"statuses": ("unknown",)}, "failed", {}),
        ({"statuses": ("submitted",)}, "messaged", {}),
        ({"statuses": ("submitted", "failed")}, "messaged", {}),
        ({"statuses": ("submitted", "delivered")}, "delivered", {}),
        ({"statuses": ("submitted", "read")}, "read", {}),
        ({"statuses": ("submitted",), "answered_after": MINUTE}, "answered", {}),  # whatever WhatsApp reports
        ({"answered_after": MINUTE, "outcome": "no_answer"}, "answered", {"ended": 1}),
        ({"answered_after": MINUTE, "accepted": "cancel", "outcome": "resolved"}, "accepted", {"ended": 1}),
        (RESCUED, "rescued", {"ended": 1, "arrived": 1, "rescued_in_all": 1}),
        (RESCUED | {"final": ShipmentMove.RTO}, "accepted", {"ended": 1}),
        (RESCUED | {"accepted": "cancel"}, "accepted", {"ended": 1, "arrived": 1}),
        # By hand or automatic: a rescue, though not on the customer's way.
        (RESCUED | {"answered_after": None}, "read", {"ended": 1, "arrived": 1, "rescued_in_all": 1}),
        ({"outcome": "delivered", "final": ShipmentMove.DELIVERED}, "read", {"ended": 1, "arrived": 1}),
    ],
)
async def test_a_failed_delivery_counts_at_each_step_that_it_came_to(
    session: Session, cipher: Cipher, life: dict[str, Any], last_step: str, others: dict[str, int]
) -> None:
    """And at none after it: each step is a part of the one before."""
    await lived(session, cipher, 1, **life)
    expected = dict.fromkeys(STEPS[: STEPS.index(last_step) + 1], 1) | others
    assert (await read_funnel(session, W, SCOPE)).steps == Steps(**expected)


async def test_of_several_attempts_the_last_one_is_the_rescue(session: Session, cipher: Cipher) -> None:
    """Two failures, one parcel, one rescue."""
    await lived(session, cipher, 9, **(RESCUED | {"outcome": "superseded", "final": None}))
    await lived(session, cipher, 9, ago=2 * HOUR, attempt=2, **RESCUED)
    steps = (await read_funnel(session, W, SCOPE)).steps
    assert (steps.failed, steps.accepted, steps.rescued, steps.rescued_in_all, steps.arrived) == (
        2,
        2,
        1,
        1,
        1,
    )


async def test_parts_come_largest_first_and_make_the_whole(session: Session, cipher: Cipher) -> None:
    """By reason, courier and pincode; narrowed by courier and the beginning of a pincode."""
    for number, (reason, courier, pincode) in enumerate(
        [
            (Reason.REFUSED, "Ekart", "560038"),
            (Reason.REFUSED, "Ekart", "560034"),
            (Reason.COD_NOT_READY, "Delhivery", "400001"),
            (Reason.REFUSED, "", ""),
        ]
    ):
        address = Address("Asha Rao", ("14 Lotus Lane",), "Bengaluru", "Karnataka", pincode)
        changes: dict[str, Any] = {"reason": reason, "courier_name": courier, "address": address}
        await lived(session, cipher, number + 1, **changes, **(RESCUED if number == 1 else {}))
    funnel = await read_funnel(session, W, SCOPE)
    assert [(part.name, part.steps.failed) for part in funnel.by_reason] == [
        ("refused", 3),
        ("cod_not_ready", 1),
    ]
    assert [(part.name, part.steps.rescued) for part in funnel.by_courier] == [
        ("Ekart", 1),
        ("", 0),
        ("Delhivery", 0),
    ]
    assert {part.name for part in funnel.by_pincode} == {"560038", "560034", "400001", ""}
    for parts in (funnel.by_reason, funnel.by_courier, funnel.by_pincode):
        assert tuple(map(sum, zip(*(astuple(part.steps) for part in parts), strict=True))) == astuple(
            funnel.steps
        )
    assert len((await read_funnel(session, W, SCOPE, parts=2)).by_pincode) == 2
    narrowed = {
        Scope(since=NOW - DAY, until=NOW, courier="Ekart"): 2,
        Scope(since=NOW - DAY, until=NOW, pincode="5600"): 2,
        Scope(since=NOW - DAY, until=NOW, pincode="%"): 0,
        Scope(since=NOW - DAY, until=NOW, courier="Ekart", pincode="560034"): 1,
        Scope(since=NOW - 2 * HOUR, until=NOW): 2,
        Scope(since=NOW - DAY, until=NOW - 2 * HOUR): 2,
    }
    for scope, count in narrowed.items():
        assert (await read_funnel(session, W, scope)).steps.failed == count, scope
    assert (await read_funnel(session, "other", SCOPE)).steps == Steps()


async def test_an_answers_time_counts_from_the_first_message(session: Session, cipher: Cipher) -> None:
    """Of the first answer alone; half are at least as fast as the median."""
    nothing = await read_answer_times(session, W, SCOPE)
    assert (nothing.answers, nothing.median) == (0, None)
    took = (2 * MINUTE, 5 * MINUTE, 40 * MINUTE, 3 * HOUR, 20 * HOUR)
    for number, after in enumerate(took):
        row = await lived(session, cipher, number + 20, ago=23 * HOUR, answered_after=after)
        await note_reply(session, W, row.id, row.opened_at + DAY)
    await lived(session, cipher, 19)
    times = await read_answer_times(session, W, SCOPE)
    assert (times.answers, times.median) == (5, 40 * MINUTE)
    assert [bucket.answers for bucket in times.buckets] == [1, 1, 1, 1, 0, 0, 1]
    assert times.buckets[-1].within is None


async def test_refusals_are_counted_by_courier_action_and_answer(session: Session, cipher: Cipher) -> None:
    """Beside how many were asked for; what was not answered for good is neither."""
    asked = (
        ("Ekart", Action.RESCHEDULE, Answer.REFUSED_DATE),
        ("Ekart", Action.RESCHEDULE, Answer.REFUSED_DATE),
        ("Ekart", Action.REATTEMPT, Answer.ACCEPTED),
        ("Delhivery", Action.REATTEMPT, Answer.NOT_WAITING),
        ("Delhivery", Action.REATTEMPT, Answer.UNAVAILABLE),
    )
    for number, (courier, action, answer) in enumerate(asked):
        row = await opened(session, cipher, number + 1, courier_name=courier)
        request = ActionRequest(f"{row.id}/1", action, Mode.WHATSAPP)
        values: dict[str, Any] = {"workspace_id": W, "case_id": row.id, "lease_until": NOW}
        await begin_action(session, cipher, request, now=NOW - HOUR, **values)
        await record_answer(session, request.id, tries=1, answer=answer, detail=f"no {answer}", now=NOW)
    refusals = await read_refusals(session, W, SCOPE)
    assert (refusals.answered, refusals.refused) == (4, 3)
    assert [(each.courier, each.action, each.answer, each.cases) for each in refusals.most] == [
        ("Ekart", "reschedule", "refused_date", 2),
        ("Delhivery", "reattempt", "not_waiting", 1),
    ]
    only = await read_refusals(session, W, Scope(since=NOW - DAY, until=NOW, courier="Delhivery"))
    assert (only.answered, only.refused, len(only.most)) == (1, 1, 1)
    assert (await read_refusals(session, "other", SCOPE)).answered == 0
