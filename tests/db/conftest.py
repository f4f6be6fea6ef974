"""A workspace for those tests whose rows belong to one."""

import pytest

from db.session import Session
from db.workspaces import add_workspace
from tests.factories import workspace


@pytest.fixture
async def _workspace(session: Session) -> None:
    await add_workspace(session, workspace())
