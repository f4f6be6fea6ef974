"""The stage for intake's tests."""

import pytest

from db.encryption import Cipher
from db.session import Database
from tests.intake.stage import Stage


@pytest.fixture
async def stage(database: Database, cipher: Cipher) -> Stage:
    """Two workspaces on one shared account."""
    furnished = Stage(database, cipher)
    await furnished.furnish()
    return furnished
