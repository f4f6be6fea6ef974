"""People at the portal of a workspace that is set up as `tests.intake.stage` does it."""

from collections.abc import AsyncIterator
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from bootstrap.resources import utc_now
from db.encryption import Cipher
from db.people import Role
from db.session import Database
from tests.api.conftest import Opened, Outside
from tests.api.portal.somebody import Somebody, signed_in
from tests.api.portal.somebody import somebody as nobody_yet
from tests.intake.stage import Clock, Stage

_INDIA = ZoneInfo("Asia/Kolkata")


@pytest.fixture
async def stage(database: Database, cipher: Cipher) -> Stage:
    """The workspaces at noon of this day in India: no test is a day further on because it ran late in the evening."""
    noon = utc_now().astimezone(_INDIA).replace(hour=12, minute=0, second=0, microsecond=0)
    furnished = Stage(database, cipher, clock=Clock(noon.astimezone(UTC)))
    await furnished.furnish()
    return furnished


@pytest.fixture
async def outside(opened: Opened, stage: Stage) -> AsyncIterator[Outside]:
    """The app, with a clock that tests move."""
    async with opened(clock=stage.clock) as found:
        yield found


@pytest.fixture
async def stranger(outside: Outside) -> Somebody:
    """Somebody who is not signed in."""
    return await nobody_yet(outside)


@pytest.fixture
async def owner(outside: Outside) -> Somebody:
    """An owner of the workspace kapaskraft."""
    return await signed_in(outside, "kapaskraft")


@pytest.fixture
async def staff(outside: Outside) -> Somebody:
    """Somebody of Eshopbox's own staff."""
    return await signed_in(outside, None, Role.OPS, name="Rohan Shetty")
