"""Somebody at a browser without script: follows links, fills in forms, presses buttons, reads what is there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag

from api.portal.visits import cookie_name
from db import browser_sessions, people
from db.people import Person, Role
from tests.api.conftest import Outside

PAGE = {"Accept": "text/html,application/xhtml+xml"}
Fields = list[tuple[str, str | int | float | bool | None]]
PASSWORD = "walnut-carrot-jetty-plough"


@dataclass
class Somebody:
    """A person with a browser.

    Attributes:
        outside: The app.
        http: The browser's connection, with cookies of its own.
        person: Who it is; None before they signed in.
    """

    outside: Outside
    http: httpx.AsyncClient
    person: Person | None = None
    answer: httpx.Response = field(init=False)
    page: BeautifulSoup = field(init=False)

    @property
    def path(self) -> str:
        """Where they are."""
        url = urlsplit(str(self.answer.url))
        return url.path + (f"?{url.query}" if url.query else "")

    @property
    def words(self) -> str:
        """What the page's main part says."""
        main = self.page.find("main")
        return " ".join((main if isinstance(main, Tag) else self.page).get_text(" ").split())

    @property
    def heading(self) -> str:
        """The page's first heading."""
        found = self.page.find("h1")
        return found.get_text(" ", strip=True) if found else ""

    @property
    def toast(self) -> str:
        """What the page says was just done."""
        found = self.page.select_one(".toast")
        return " ".join(found.get_text(" ").split()) if found else ""

    def error_of(self, name: str) -> str:
        """What is wrong with a field, as it stands beside it."""
        control = self.page.select_one(f'[name="{name}"][aria-invalid]') or self.page.select_one(
            f'[name="{name}"]'
        )
        assert isinstance(control, Tag), f"no field {name}"
        marked = self.page.find(id=f"{control.get('id') or name}-error") or self.page.find(id=f"{name}-error")
        return (
            " ".join(marked.get_text(" ").split()).removeprefix("Error: ") if isinstance(marked, Tag) else ""
        )

    async def open(self, path: str, **headers: str) -> "Somebody":
        """Open an address, wherever it leads."""
        self._read(await self.http.get(path, headers=PAGE | headers, follow_redirects=True))
        return self

    async def follow(self, words: str) -> "Somebody":
        """Follow the link with these words."""
        link = next((a for a in self._all("a") if " ".join(a.get_text(" ").split()).startswith(words)), None)
        assert link is not None, f"no link “{words}” at {self.path}"
        return await self.open(urljoin(self.path, str(link["href"])))

    def one(self, selector: str) -> Tag:
        """Return the first element that a selector means."""
        found = self.page.select_one(selector)
        assert isinstance(found, Tag), f"no {selector} at {self.path}"
        return found

    def value(self, selector: str) -> str:
        """Return what stands in the first field that a selector means."""
        return str(self.one(selector).get("value", ""))

    def form_with(self, *, button: str = "", action: str = "") -> Tag:
        """Return the form with a button of these words (or name), or for an address."""
        for form in self._all("form"):
            if action and str(form.get("action", "")).partition("?")[0] != action:
                continue
            if not button or _button(form, button) is not None:
                return form
        raise AssertionError(f"no form with button “{button}” and action “{action}” at {self.path}")

    async def press(self, button: str, *, action: str = "", **filled: str | list[str] | None) -> "Somebody":
        """Fill in a form and press a button of it: by the button's words or name.

        Args:
            button: What it says.
            action: Where the form goes, where several have such a button.
            filled: Fields to fill in; None leaves a field out, as an unticked box; `csrf` may be forged.
        """
        form = self.form_with(button=button, action=action)
        pressed = _button(form, button)
        assert pressed is not None
        fields: Fields = [(name, value) for name, value in values_of(form) if name not in filled]
        for name, value in filled.items():
            values = value if isinstance(value, list) else [] if value is None else [value]
            fields += [(name, each) for each in values]
        if pressed.get("name"):
            fields.append((str(pressed["name"]), str(pressed.get("value", ""))))
        target = str(pressed.get("formaction") or form.get("action") or self.path)
        if str(form.get("method", "get")).lower() == "get":
            query = str(httpx.QueryParams(fields))
            return await self.open(
                urljoin(self.path, target).partition("?")[0] + (f"?{query}" if query else "")
            )
        return await self.post(urljoin(self.path, target), fields)

    async def post(self, path: str, fields: Fields, **headers: str) -> "Somebody":
        """Send a form as a browser does."""
        content = str(httpx.QueryParams(fields)).encode()
        sent = PAGE | {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        self._read(await self.http.post(path, content=content, headers=sent | headers, follow_redirects=True))
        return self

    def _read(self, answer: httpx.Response) -> None:
        assert answer.status_code < 500, answer.text[:2000]
        self.answer = answer
        self.page = BeautifulSoup(answer.text, "html.parser")

    def _all(self, name: str) -> Iterator[Tag]:
        return iter(self.page.find_all(name))


def _button(form: Tag, words: str) -> Tag | None:
    for button in form.find_all("button"):
        assert isinstance(button, Tag)
        said = " ".join(button.get_text(" ").split()) or str(button.get("aria-label", ""))
        if words in (said, button.get("aria-label"), button.get("name")) or said.startswith(words):
            return button
    return None


def values_of(form: Tag) -> Iterator[tuple[str, str]]:
    """Return what a browser would send for an untouched form."""
    for control in form.find_all(["input", "select", "textarea"]):
        assert isinstance(control, Tag)
        name = control.get("name")
        if not name or control.has_attr("disabled"):
            continue
        if control.name == "textarea":
            yield str(name), control.get_text().removeprefix("\n")
        elif control.name == "select":
            options = control.find_all("option")
            chosen = next(
                (each for each in options if each.has_attr("selected")), options[0] if options else None
            )
            if chosen is not None:
                yield str(name), str(chosen.get("value", chosen.get_text(strip=True)))
        elif control.get("type") in ("checkbox", "radio"):
            if control.has_attr("checked"):
                yield str(name), str(control.get("value", "on"))
        elif control.get("type") not in ("submit", "button"):
            yield str(name), str(control.get("value", ""))


async def somebody(outside: Outside, transport: Any = None) -> Somebody:
    """Return somebody who is not signed in."""
    http = httpx.AsyncClient(transport=transport or httpx.ASGITransport(outside.app), base_url="http://test")
    return Somebody(outside, http)


async def add_person(
    outside: Outside, workspace_id: str | None, role: Role, *, email: str = "", name: str = "Meera Iyer"
) -> Person:
    """Add a person with a password of their own."""
    kept = await outside.services.passwords.hash(PASSWORD)
    async with outside.stage.database.transaction() as session:
        return await people.add_person(
            session,
            workspace_id=workspace_id,
            email=email or f"{role}@{workspace_id or 'eshopbox'}.example",
            name=name,
            role=role,
            password_hash=kept,
            password_is_temporary=False,
        )


async def signed_in(
    outside: Outside, workspace_id: str | None, role: Role = Role.OWNER, **about: str
) -> Somebody:
    """Return somebody who is signed in, without going through the form."""
    who = await somebody(outside)
    who.person = await add_person(outside, workspace_id, role, **about)
    async with outside.stage.database.transaction() as session:
        token = await browser_sessions.begin_session(
            session, who.person.id, device="Firefox on Linux", is_complete=True, now=outside.services.clock()
        )
    name, _ = cookie_name(outside.services, "session")
    who.http.cookies.set(name, token)
    return who
