"""Times as pages show them: in the workspace's zone, relative to now."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

__all__ = ["When"]


@dataclass(frozen=True, slots=True)
class When:
    """How a page writes times.

    Attributes:
        timezone: The workspace's zone.
        now: The time of the visit.
    """

    timezone: str
    now: datetime

    def clock(self, at: datetime) -> str:
        """Return "14:05"."""
        return f"{self._local(at):%H:%M}"

    def day(self, at: datetime) -> str:
        """Return "Today", "Yesterday", "Tomorrow", "Fri 20 Nov", or in another year "20 Nov 2025"."""
        local, today = self._local(at), self._local(self.now)
        match (local.date() - today.date()).days:
            case 0:
                return "Today"
            case 1:
                return "Tomorrow"
            case -1:
                return "Yesterday"
        if local.year == today.year:
            return f"{local:%a} {local.day} {local:%b}"
        return f"{local.day} {local:%b %Y}"

    def day_and_clock(self, at: datetime) -> str:
        """Return "Today, 14:05"."""
        return f"{self.day(at)}, {self.clock(at)}"

    def iso(self, at: datetime) -> str:
        """Return a time with its offset, for `<time datetime>`."""
        return self._local(at).isoformat(timespec="seconds")

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.timezone))
