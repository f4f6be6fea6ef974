"""Two workspaces side by side, one of them marked: whatever of it shows up at the other's pages is a leak (I11, S15).

Nothing here knows a page: routes come from the routers, links and forms from what the marked workspace's owner sees.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag
from fastapi import APIRouter
from fastapi.routing import APIRoute
from sqlalchemy import select

from api.portal.frame import csrf_token
from api.portal.visits import cookie_name
from db import acceptances, accounts, audit, browser_sessions, inbox, installations, messages, timeline
from db.encryption import digest
from db.people import Person, Role
from db.session import Database
from db.tables import metadata
from db.timeline import Entry
from domain.failures import Mode
from domain.shipments import Address
from tests.api.conftest import Outside
from tests.api.portal.somebody import PAGE, add_person, values_of
from tests.factories import app_account, failed_delivery, new_message
from tests.intake.stage import Stage

MARKED, PLAIN = "kapaskraft", "nakshi"
SLUG_MARK = "Kapaskraft"

ORDER, TRACKING, SHIPMENT = "MARKEDORDER1", "MARKEDTRK1", "MARKEDSHIP1"
ACCOUNT = "marked-account-1"
PHONE = "919999900077"
MARKS = (
    ORDER,
    TRACKING,
    SHIPMENT,
    ACCOUNT,
    "MarkedApp",
    "918047100077",
    "80471 00077",
    PHONE,
    "99999 00077",
    "Markedname",
    "Markedlane",
    "Markedreply",
    "Markedperson",
    "markedperson@",
    "Markedtemplate",
    MARKED,
    SLUG_MARK,
)
"""Words that stand nowhere but in the marked workspace's data."""

_SHARED = {"event", "template_name", "language", "month", "variable", "article", "page", "key"}
_NEVER = "00000000-0000-4000-8000-000000000000"
_MOST_PAGES = 400
_NOISE = re.compile(
    r'name="(?:csrf|idempotency)" value="[^"]*"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
)


@dataclass
class Neighbours:
    """The app with both workspaces in it.

    Attributes:
        owner: Who owns the marked workspace.
        stranger: Who owns the other one.
        staff: One of Eshopbox's own.
        ids: What each path parameter may be of the marked workspace's.
    """

    outside: Outside
    owner: Person
    stranger: Person
    staff: Person
    ids: dict[str, str]

    async def browser(self, person: Person) -> "Browser":
        """Return a browser in which somebody has just signed in."""
        async with self.outside.stage.database.transaction() as session:
            token = await browser_sessions.begin_session(
                session, person.id, device="Firefox", is_complete=True, now=self.outside.services.clock()
            )
        name, _ = cookie_name(self.outside.services, "session")
        transport = httpx.ASGITransport(self.outside.app)
        http = httpx.AsyncClient(transport=transport, base_url="http://test", cookies={name: token})
        return Browser(http, csrf_token(token))

    def path(self, route: "Route", *, never: bool = False) -> str:
        """Return a route's address with ids of the marked workspace, or with such that never were.

        Raises:
            AssertionError: It has a parameter that this test knows no id for.
        """

        def filled(found: re.Match[str]) -> str:
            name = found[1]
            assert name in self.ids, f"{route}: say in tests/api/portal/neighbours.py what a {name} is"
            if not never or name in _SHARED:
                return quote(self.ids[name], safe="")
            return _NEVER if "-" in self.ids[name] and len(self.ids[name]) == len(_NEVER) else "NEVERWAS1"

        return re.sub(r"\{(\w+)(?::\w+)?\}", filled, route.path)


@dataclass(frozen=True)
class Browser:
    """A browser's connection, and what its forms carry."""

    http: httpx.AsyncClient
    csrf: str

    async def get(self, path: str) -> httpx.Response:
        """Open an address, and stay there."""
        return await self.http.get(path, headers=PAGE)

    async def post(
        self, path: str, fields: list[tuple[str, str]], *, csrf: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form with this session's token, or another."""
        sent = [("csrf", self.csrf if csrf is None else csrf), *fields]
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        content = urlencode(sent).encode()
        return await self.http.post(path, content=content, headers=PAGE | kind | headers)


@dataclass(frozen=True, order=True)
class Route:
    """A method at an address."""

    path: str
    method: str

    @property
    def has_ids(self) -> bool:
        """Tell whether it names a thing that belongs to somebody."""
        return bool(set(re.findall(r"\{(\w+)", self.path)) - _SHARED)

    @property
    def is_staffs(self) -> bool:
        """Tell whether it is for Eshopbox's staff only."""
        return self.path.startswith("/ops")


def routes_of(routers: tuple[APIRouter, ...]) -> list[Route]:
    """Return every method and address of some routers."""
    found = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    assert sum(len(router.routes) for router in routers) == len(found)
    return sorted(Route(route.path, method) for route in found for method in route.methods or ())


async def furnish(outside: Outside) -> Neighbours:
    """Write down what the marked workspace has of everything."""
    stage, now = outside.stage, outside.services.clock()
    failed = failed_delivery(
        workspace_id=MARKED,
        order_id=ORDER,
        tracking_id=TRACKING,
        shipment_id=SHIPMENT,
        customer_name="Markedname Rao",
        customer_phone=PHONE,
        address=Address("Markedname Rao", ("14 Markedlane",), "Bengaluru", "Karnataka", "560038"),
        failed_at=now,
    )
    row = await stage.open(failed)
    owner = await add_person(
        outside, MARKED, Role.OWNER, name="Markedperson Iyer", email="markedperson@shop.example"
    )
    member = await add_person(
        outside, MARKED, Role.MEMBER, name="Markedperson Rao", email="markedperson@two.example"
    )
    stranger = await add_person(outside, PLAIN, Role.OWNER, name="Rohan Shetty", email="owner@other.example")
    staff = await add_person(outside, None, Role.OPS, name="Neha Kulkarni", email="ops@eshopbox.example")
    account = app_account(
        id=ACCOUNT,
        owner="client",
        workspace_id=MARKED,
        app_name="MarkedApp",
        app_id="marked-app-1",
        phone="918047100077",
    )
    async with stage.database.transaction() as session:
        await accounts.save_account(
            session,
            stage.cipher,
            account,
            api_key="marked-key",
            webhook_token="marked-token",
            header_secret=None,
        )
        await installations.install(session, MARKED, ACCOUNT, now, person="Markedperson Iyer")
        message = await messages.add_message(
            session,
            stage.cipher,
            new_message(
                workspace_id=MARKED,
                case_id=row.id,
                order_id=ORDER,
                shipment_id=SHIPMENT,
                tracking_id=TRACKING,
                template_name="Markedtemplate",
                phone=PHONE,
                content={"params": ["Markedname Rao"]},
                now=now,
            ),
        )
        await timeline.add_entry(session, stage.cipher, _reply(row.id, stage))
        accepted = acceptances.Acceptance(
            MARKED, "account-1", "failed_delivery", "UTILITY", 35, "Markedperson Iyer", now
        )
        await acceptances.add_acceptance(session, accepted)
        await audit.add_record(session, MARKED, person="Markedperson Iyer", action="signed_in", now=now)
        inbox_id, _ = await inbox.store(
            session,
            stage.cipher,
            source="gupshup",
            owner_id=ACCOUNT,
            event_key="marked-event",
            body=b"Markedreply",
            position=0,
            now=now,
            state="parked",
            note="Markedreply",
        )
        # One more of the owner's: only others than the one that is looked from can be ended.
        token = await browser_sessions.begin_session(
            session, owner.id, device="Safari", is_complete=True, now=now
        )
    ids = {
        "order_id": ORDER,
        "case_id": row.id,
        "account_id": ACCOUNT,
        "message_id": message.id,
        "person_id": member.id,
        "session_id": stage.cipher.fingerprint(f"session/{digest(token).hex()}").hex()[:24],
        "workspace_id": MARKED,
        "owner": "client",
        "event": "failed_delivery",
        "language": "en",
        "key": "no_longer_waiting",
        "inbox_id": str(inbox_id),
    }
    return Neighbours(outside, owner, stranger, staff, ids)


def _reply(case_id: str, stage: Stage) -> Entry:
    return Entry(
        workspace_id=MARKED,
        order_id=ORDER,
        case_id=case_id,
        key="marked-reply",
        at=stage.clock(),
        kind="reply",
        topic="text",
        mode=Mode.WHATSAPP,
        person="Markedname Rao",
        data={"text": "Markedreply"},
    )


def leaks(answer: httpx.Response, *, asked: str = "") -> list[str]:
    """Return the marks that an answer shows beyond what the question itself said."""
    shown = answer.text + " ".join(
        value for name, value in answer.headers.items() if name in {"location", "set-cookie"}
    )
    return [mark for mark in MARKS if mark in shown and mark not in asked]


def told(answer: httpx.Response, path: str) -> tuple[int, str]:
    """Return what an answer says, without what differs each time or repeats the question."""
    text = answer.text.replace(path, "").replace(quote(path, safe=""), "")
    return answer.status_code, _NOISE.sub("", text)


# --- What a workspace's owner sees ---


@dataclass(frozen=True)
class SeenForm:
    """A form as it stood on a page."""

    page: str
    method: str
    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass
class Seen:
    """Every page that links lead to, and every form on them."""

    pages: list[str] = field(default_factory=list)
    forms: list[SeenForm] = field(default_factory=list)
    shows_marks: set[str] = field(default_factory=set)


async def crawl(neighbours: Neighbours, person: Person, first: tuple[str, ...]) -> Seen:
    """Follow every link that somebody is shown."""
    browser = await neighbours.browser(person)
    seen, waiting, known = Seen(), list(first), set(first)
    forms: set[SeenForm] = set()
    while waiting and len(known) < _MOST_PAGES:
        path = waiting.pop(0)
        answer = await browser.get(path)
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        onwards = [answer.headers["location"]] if answer.is_redirect else []
        if answer.status_code == 200 and "text/html" in answer.headers["content-type"]:
            seen.pages.append(path)
            seen.shows_marks.update(leaks(answer))
            page = BeautifulSoup(answer.text, "html.parser")
            onwards += [str(link["href"]) for link in page.select("a[href]")]
            forms.update(_forms(page, path))
        for href in onwards:
            url = urlsplit(urljoin(f"http://test{path}", href))
            target = url.path + (f"?{url.query}" if url.query else "")
            if url.netloc == "test" and target not in known and not target.startswith("/static/"):
                known.add(target)
                waiting.append(target)
    assert len(known) < _MOST_PAGES, "links without end"
    seen.forms = sorted(forms, key=lambda form: (form.action, form.page, form.fields))
    return seen


def _forms(page: BeautifulSoup, path: str) -> Iterator[SeenForm]:
    for form in page.find_all("form"):
        assert isinstance(form, Tag)
        action = str(form.get("action") or path)
        fields = tuple(pair for pair in values_of(form) if pair[0] not in {"csrf", "idempotency"})
        buttons = form.select("button")
        sent = [(str(each["name"]), str(each.get("value", ""))) for each in buttons if each.get("name")]
        actions = {action, *(str(each["formaction"]) for each in buttons if each.get("formaction"))}
        for pressed in [*sent, None]:
            for target in actions:
                yield SeenForm(
                    path,
                    str(form.get("method", "get")).lower(),
                    urljoin(path, target),
                    (*fields, *([pressed] if pressed else [])),
                )


# --- What a workspace has ---


async def holdings(owner_database: Database, slug: str) -> dict[str, list[Any]]:
    """Return every row of a workspace, to see afterwards that none has changed."""
    found: dict[str, list[Any]] = {}
    async with owner_database.transaction() as session:
        persons = metadata.tables["people"]
        ids = select(persons.c.id).where(persons.c.workspace_id == slug)
        for table in metadata.sorted_tables:
            if table.name == "workspaces":
                condition = table.c.id == slug
            elif "workspace_id" in table.c:
                condition = table.c.workspace_id == slug
            elif "person_id" in table.c:
                condition = table.c.person_id.in_(ids)
            else:
                continue
            rows = (await session.execute(select(table).where(condition))).all()
            found[table.name] = sorted(map(repr, rows))
    return found
