"""Messages about the journey: whether one is still worth sending, and when it may go out (R5.1, R6.8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain import timing
from domain.journey import LAST_STAGE, JourneyEntry, find_event
from domain.timing import Policy

KEPT_FOR = timedelta(hours=24)
"""How long after its event a message may still be sent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a parcel, or a return, is known to be.

    Attributes:
        steps: The steps of its journey that were reported, in any order.
        final: How the parcel's journey ended, as the shipment keeps it; empty while it has not, and for a return.
        failed_attempts: How many attempts of its delivery failed.
        heard_at: When the newest thing that is known of it happened.
    """

    steps: frozenset[str] = frozenset()
    final: str = ""
    failed_attempts: int = 0
    heard_at: datetime | None = None

    @classmethod
    def of(
        cls,
        steps: Iterable[str],
        final: str | None = None,
        *,
        failed_attempts: int = 0,
        heard_at: datetime | None = None,
    ) -> "Standing":
        """Return it from what is stored; the parts as in the class."""
        return cls(frozenset(steps), final or "", failed_attempts, heard_at)


def passed_by(entry: JourneyEntry, occurred_at: datetime, standing: Standing) -> str:
    """Return what a parcel has come to since a step, so that the step is no news any more; empty where it still is.

    Between two ends the one that happened last stands (F56). An attempt may be followed by another one: out for
    delivery is overtaken by a failure only where that came after it.
    """
    if standing.final and standing.final != entry.key.value:
        return standing.final
    later = [
        (other.stage, step)
        for step in standing.steps
        # A return without a number of its own stands under the parcel's: each journey has its own stages.
        if (other := find_event(step)) is not None
        and other.group is entry.group
        and other.stage > entry.stage
    ]
    if later:
        return max(later)[1]
    attempt = find_event("failed_delivery")
    if not standing.failed_attempts or attempt is None or entry.stage == LAST_STAGE:
        return ""
    is_older = standing.heard_at is not None and occurred_at < standing.heard_at
    return attempt.key.value if entry.stage < attempt.stage or is_older else ""


def expires_at(entry: JourneyEntry, occurred_at: datetime, policy: Policy) -> datetime:
    """Return from when on a message is not sent any more."""
    if not entry.is_of_its_day:
        return occurred_at + KEPT_FOR
    zone = ZoneInfo(policy.timezone)
    tomorrow = occurred_at.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def due_at(now: datetime, policy: Policy, *, spread_by: str) -> datetime:
    """Return when a message may go out: nobody is written to unasked in quiet hours (R6.8).

    Args:
        now: The time.
        policy: The workspace's choices.
        spread_by: What the minutes after quiet hours differ by. The parcel, not the message: all that waits for one
            parcel is due at once, and then only the latest step is still news.
    """
    return timing.release(now, policy, spread_by=spread_by)
