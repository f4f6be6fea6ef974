"""What a route answers to whom: nobody, another site, another workspace, a seller who tries ops' pages (I11, S10, S15).

Made from the routes themselves: a new page is tried without a word here, and one whose addresses name a thing that
`neighbours` does not know fails until it does.
"""

from collections.abc import AsyncIterator

import pytest

from api import cases, portal
from api.portal.app import ROUTERS
from db import workspaces
from db.session import Database
from tests.api.conftest import Opened
from tests.api.portal.neighbours import (
    MARKED,
    ORDER,
    PHONE,
    PLAIN,
    TRACKING,
    Neighbours,
    Route,
    crawl,
    furnish,
    holdings,
    leaks,
    routes_of,
    told,
)
from tests.intake.stage import Stage

_ROUTES = routes_of(ROUTERS)
_GETS = [route for route in _ROUTES if route.method == "GET"]
_POSTS = [route for route in _ROUTES if route.method == "POST"]
_BEFORE_SIGNING_IN = {
    Route("/sign-in", "GET"),
    Route("/sign-in", "POST"),
    Route("/sign-in/elsewhere", "GET"),
    Route("/sign-in/elsewhere/back", "GET"),
}
_API = [route for route in routes_of((cases.router,)) if route.has_ids]
_BODIES = {
    "/v1/cases/{case_id}/actions": {"action": "reattempt"},
    "/v1/cases/{case_id}/resend": {},
    "/v1/cases/{case_id}/close": {"note": "not yours"},
}


@pytest.fixture
async def neighbours(opened: Opened, stage: Stage) -> AsyncIterator[Neighbours]:
    """Both workspaces; Gupshup and the order system are nowhere."""
    nowhere = "http://127.0.0.1:9"
    async with opened(
        clock=stage.clock, gupshup_base_url=nowhere, eshopbox_base_url=nowhere, eshopbox_auth_url=nowhere
    ) as outside:
        yield await furnish(outside)


def test_every_method_is_one_that_is_tried() -> None:
    """And every router of the portal is mounted."""
    assert {route.method for route in _ROUTES} <= {"GET", "POST"}
    assert len(portal.create_portal().routes) == len(ROUTERS) + 1  # and the static files


async def test_nobody_sees_or_changes_anything(neighbours: Neighbours, owner_database: Database) -> None:
    """S12: whoever is not signed in is sent to where one does; the sign-in pages themselves are all that is open."""
    http = neighbours.outside.http
    before = await holdings(owner_database, MARKED)
    wrong = []
    for route in _ROUTES:
        if route in _BEFORE_SIGNING_IN:
            continue
        path = neighbours.path(route)
        answer = await http.request(route.method, path, headers={"Accept": "text/html"})
        if (answer.status_code, answer.headers.get("location", "").partition("?")[0]) != (303, "/sign-in"):
            wrong.append((route, answer.status_code))
        if leaks(answer, asked=path):
            wrong.append((route, answer.status_code))
    assert wrong == []
    assert await holdings(owner_database, MARKED) == before


async def test_form_that_this_session_was_not_given_does_nothing(
    neighbours: Neighbours, owner_database: Database
) -> None:
    """S10: without a token, with another session's, and from another site with the right one."""
    other = await neighbours.browser(neighbours.stranger)
    wrong = []
    browsers = {
        False: await neighbours.browser(neighbours.owner),
        True: await neighbours.browser(neighbours.staff),
    }
    before = await holdings(owner_database, MARKED)
    for route in _POSTS:
        browser, path = browsers[route.is_staffs], neighbours.path(route)
        answers = [
            await browser.post(path, [], csrf=""),
            await browser.post(path, [], csrf=other.csrf),
            await browser.post(path, [], **{"Sec-Fetch-Site": "cross-site"}),
            await browser.post(path, [], **{"Sec-Fetch-Site": "same-site"}),
        ]
        wrong += [(route, answer.status_code) for answer in answers if answer.status_code != 403]
    assert wrong == []
    assert await holdings(owner_database, MARKED) == before


async def test_ids_of_another_workspace_are_answered_like_ids_that_never_were(
    neighbours: Neighbours, owner_database: Database
) -> None:
    """I11, S15: same status, same words, and nothing of the other's in them."""
    before = await holdings(owner_database, MARKED)
    wrong = []
    for route in _ROUTES:
        if route in _BEFORE_SIGNING_IN or not route.path.count("{"):
            continue
        answers = []
        for path in (neighbours.path(route), neighbours.path(route, never=True)):
            browser = await neighbours.browser(neighbours.stranger)
            answer = await (browser.get(path) if route.method == "GET" else browser.post(path, []))
            if found := leaks(answer, asked=path):
                wrong.append(f"{route}: {found}")
            answers.append(told(answer, path))
        if route.has_ids and answers[0] != answers[1]:
            wrong.append(f"{route}: {answers[0][0]}, but {answers[1][0]} for what never was, or other words")
        if route.has_ids and answers[0][0] not in {400, 404, 422}:
            wrong.append(f"{route}: {answers[0][0]}")
    assert wrong == []
    assert await holdings(owner_database, MARKED) == before


async def test_pages_and_forms_of_another_workspace_open_nothing_and_do_nothing(
    neighbours: Neighbours, owner_database: Database
) -> None:
    """I11, S15: every address and every form that its owner is shown, used by somebody of the next workspace."""
    first = tuple(neighbours.path(route) for route in _GETS if not route.is_staffs)
    seen = await crawl(neighbours, neighbours.owner, first)
    # Otherwise a leak could not be told: the owner does see what is marked.
    assert seen.shows_marks >= {MARKED, "Markedperson"}
    assert any(form.method == "post" for form in seen.forms)
    before = await holdings(owner_database, MARKED)
    wrong = []
    for path in seen.pages:
        answer = await (await neighbours.browser(neighbours.stranger)).get(path)
        wrong += [f"GET {path}: {mark}" for mark in leaks(answer, asked=path)]
    for form in seen.forms:
        if form.action == "/sign-in":
            continue
        browser = await neighbours.browser(neighbours.stranger)
        asked = f"{form.action} {form.fields}"
        if form.method == "post":
            answer = await browser.post(form.action, list(form.fields))
            wrong += [f"POST {form.action}: {mark}" for mark in leaks(answer, asked=asked)]
            continue
        for sought in (ORDER, TRACKING, PHONE, "Markedname"):  # searching finds only what is one's own
            query = "&".join(f"{name}={sought}" for name, _ in form.fields)
            answer = await browser.get(f"{form.action}?{query}")
            wrong += [f"GET {form.action}: {mark}" for mark in leaks(answer, asked=f"{asked} {sought}")]
    assert wrong == []
    assert await holdings(owner_database, MARKED) == before


async def test_pages_of_staff_do_not_exist_for_sellers(
    neighbours: Neighbours, owner_database: Database
) -> None:
    """S14: not even as something that is forbidden."""
    before = await holdings(owner_database, MARKED)
    for route in _ROUTES:
        if route.is_staffs:
            browser, path = await neighbours.browser(neighbours.stranger), neighbours.path(route)
            answer = await (browser.get(path) if route.method == "GET" else browser.post(path, []))
            assert answer.status_code == 404, route
            assert leaks(answer, asked=path) == [], route
    assert await holdings(owner_database, MARKED) == before


@pytest.mark.parametrize("route", _API, ids=str)
async def test_api_answers_another_workspaces_ids_like_ids_that_never_were(
    neighbours: Neighbours, owner_database: Database, route: Route
) -> None:
    """I11, S15: the same for programs."""
    async with neighbours.outside.stage.database.transaction() as session:
        key = await workspaces.add_api_key(session, PLAIN)
    headers = {"Authorization": f"Bearer {key}"}
    body = _BODIES[route.path] if route.method == "POST" else None
    before = await holdings(owner_database, MARKED)
    answers = []
    for path in (neighbours.path(route), neighbours.path(route, never=True)):
        answer = await neighbours.outside.http.request(route.method, path, json=body, headers=headers)
        assert leaks(answer, asked=path) == []
        answers.append(told(answer, path))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404 or (route.path.endswith("/activity") and '"entries":[]' in answers[0][1])
    assert await holdings(owner_database, MARKED) == before


async def test_lists_of_the_api_hold_ones_own_only(neighbours: Neighbours) -> None:
    """I11: whatever is asked for."""
    async with neighbours.outside.stage.database.transaction() as session:
        key = await workspaces.add_api_key(session, PLAIN)
    for query in ("", f"?order_id={ORDER}", f"?tracking_id={TRACKING}"):
        answer = await neighbours.outside.http.get(
            f"/v1/cases{query}", headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.json()["cases"] == []


async def test_cookies_open_no_api_and_keys_no_page(neighbours: Neighbours) -> None:
    """S10: the API knows keys only, pages know sessions only."""
    browser = await neighbours.browser(neighbours.owner)
    assert (await browser.get("/v1/cases")).status_code == 401
    async with neighbours.outside.stage.database.transaction() as session:
        key = await workspaces.add_api_key(session, MARKED)
    answer = await neighbours.outside.http.get("/account", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Faccount")
