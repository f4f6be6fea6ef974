"""A form is done once, however often its button is pressed: the second press sees what came of the first."""

import asyncio
from http import HTTPStatus

import pytest
from fastapi import Response
from fastapi.responses import RedirectResponse

from api.portal import pages
from api.portal.forms import Form
from api.portal.visits import Visit, cookie_name
from db import browser_sessions, workspaces
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody

FORM = Form((("sender", "client"),), once="key-1")


@pytest.fixture
async def visit(outside: Outside, owner: Somebody) -> Visit:
    """An owner's visit."""
    token = owner.http.cookies[cookie_name(outside.services, "session")[0]]
    async with outside.stage.database.transaction() as session:
        found = await browser_sessions.find_session(session, token, outside.services.clock())
        workspace = await workspaces.get_workspace(session, "kapaskraft")
    assert found is not None
    request = (await owner.open("/account")).answer.request
    return Visit(
        request,  # type: ignore[arg-type]  # its address is all that is looked at
        outside.services,
        found[1],
        found[0],
        token,
        outside.services.clock(),
        workspace,
    )


class Act:
    """Something that takes a while, and counts how often it is done."""

    def __init__(self, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> None:
        self.times = 0
        self._status = status

    async def __call__(self) -> Response:
        """Do it."""
        self.times += 1
        await asyncio.sleep(0.3)
        if self._status is HTTPStatus.SEE_OTHER:
            return RedirectResponse("/done", self._status)
        return Response("wrong", self._status)


async def test_second_press_waits_for_the_first_and_sees_what_came_of_it(visit: Visit) -> None:
    """Pressed twice at once, and once more later: done once, and all three are led on."""
    act = Act()
    first, second = await asyncio.gather(pages.once(visit, FORM, act), pages.once(visit, FORM, act))
    third = await pages.once(visit, FORM, act)
    assert act.times == 1
    assert [each.headers["location"] for each in (first, second, third)] == ["/done"] * 3


async def test_form_that_came_back_with_errors_may_be_sent_again(visit: Visit) -> None:
    """Corrected or not."""
    wrong, right = Act(HTTPStatus.UNPROCESSABLE_ENTITY), Act()
    await pages.once(visit, FORM, wrong)
    await pages.once(visit, FORM, right)
    assert (wrong.times, right.times) == (1, 1)


async def test_form_whose_act_broke_may_be_sent_again(visit: Visit) -> None:
    """As where Temporal was away."""

    async def breaks() -> Response:
        raise RuntimeError("away")

    with pytest.raises(RuntimeError):
        await pages.once(visit, FORM, breaks)
    act = Act()
    await pages.once(visit, FORM, act)
    assert act.times == 1
