"""One case as a run: what reaches it when, and what it makes of it; the effects are played by hand."""

import pytest

from tests.workflows.stage import on_stage

pytestmark = pytest.mark.temporal


async def test_silence_is_reminded_of_twice_and_ends_at_the_deadline() -> None:  # R6.7
    """Reminders 4 h and 12 h after the first message, then the policy of the workspace."""
    async with on_stage() as stage:
        await stage.start()
        begun = stage.facts.failure.failed_at
        await stage.pass_time(hours=3, minutes=59)
        assert stage.effects.lines == ["template failed_delivery"]
        await stage.pass_time(minutes=2)
        assert stage.effects.lines == ["template failed_delivery", "template reminder"]
        assert await stage.outcome() == "handed_over"
        assert stage.effects.lines == [
            "template failed_delivery",
            "template reminder",
            "template reminder",
            "end handed_over",
        ]
        late = (await stage.now() - begun).total_seconds() - 24 * 3600
        assert 0 <= late < 60  # I17
