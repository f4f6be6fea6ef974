"""The portal's script in headless Chromium, under the content security policy that pages are sent with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from jinja2 import ChoiceLoader, FileSystemLoader
from playwright.async_api import Browser, Page, expect

from api.portal.frame import Frame, Toast
from api.portal.pages import Static, environment
from api.portal.parts import Day, Entry, Message, SenderBar, Tab
from tests.browser import chromium

pytestmark = pytest.mark.browser

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_FRAME = Frame(
    workspace_name="KapasKraft",
    person_name="Meera Iyer",
    initials="MI",
    role_words="Owner",
    is_owner=True,
    is_ops=False,
    csrf="token-1",
    current="notifications",
    once="once-1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the page shows."""

    switches: tuple[tuple[str, bool], ...]
    tabs: tuple[Tab, ...]
    messages: tuple[Message, ...]
    days: tuple[Day, ...]
    reason: str = ""
    text: str = ""
    checked: str = ""
    sender: SenderBar = field(
        default_factory=lambda: SenderBar(name="KapasKraft", number="+91 80471 00021", initials="KK")
    )


class Shop:
    """A portal of one page, kept in memory."""

    def __init__(self) -> None:
        self.switches = {"created": False, "packed": False, "broken": False}
        self.toast: Toast | None = None
        self.entries = ["first"]
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.changed = asyncio.Event()
        self.hold = asyncio.Event()
        ours = environment()
        assert ours.loader is not None
        self._templates = ours.overlay(
            loader=ChoiceLoader([ours.loader, FileSystemLoader(Path(__file__).parent)])
        )
        self.app = FastAPI()
        self.app.mount("/static", Static())
        self.app.add_api_route("/shop", self.show, methods=["GET"], response_class=Response)
        self.app.add_api_route("/set-up", self.set_up, methods=["GET"], response_class=Response)
        self.app.add_api_route("/cancel", self.cancel, methods=["GET"], response_class=Response)
        self.app.add_api_route("/live", self.live, methods=["GET"], response_class=Response)
        self.app.add_api_route("/switch/{key}", self.flip, methods=["POST"], response_class=Response)
        self.app.add_api_route("/{act}", self.act, methods=["POST"], response_class=Response)

    def _page(self, name: str, view: View | None = None) -> Response:
        frame = replace(_FRAME, toast=self.toast)
        self.toast = None
        text = self._templates.get_template(name).render(frame=frame, view=view or self.view())
        return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})

    def view(self, reason: str = "", text: str = "", checked: str = "") -> View:
        """Return the page's state."""
        return View(
            switches=tuple(self.switches.items()),
            tabs=(Tab(words="Cash", href="?reason=cod", count=1, current=reason == "cod"),),
            messages=(Message(paragraphs=(text or "Nothing yet",)),),
            days=(
                Day(
                    title="Today",
                    entries=tuple(
                        Entry(key=key, kind="reply", what=key, time="14:30", iso="2026-11-20T14:30+05:30")
                        for key in reversed(self.entries)
                    ),
                ),
            ),
            reason=reason,
            text=text,
            checked=checked,
        )

    async def show(self, reason: str = "") -> Response:
        """Show the page."""
        return self._page("shop.html", self.view(reason))

    async def set_up(self) -> Response:
        """Show where a switch leads that has nothing to send."""
        return self._page("cancel.html")

    async def cancel(self) -> Response:
        """Ask once more."""
        return self._page("cancel.html")

    async def flip(self, key: str, request: Request) -> Response:
        """Switch, lead to the set-up, or fail."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append((key, form))
        if key == "broken":
            return Response(status_code=503)
        if key == "packed":
            return RedirectResponse("/set-up", status_code=303)
        self.switches[key] = form["on"] == "yes"
        self.toast = Toast(text=f"{key} is {'on' if self.switches[key] else 'off'}.")
        return RedirectResponse("/shop", status_code=303)

    async def act(self, act: str, request: Request) -> Response:
        """Preview, check or save."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append((act, form))
        if act == "save":
            await self.hold.wait()
            return RedirectResponse("/shop", status_code=303)
        if act == "check":
            return self._page("shop.html", self.view(checked=f"Checked {form['template_id']}"))
        return self._page("shop.html", self.view(text=form.get("text", "")))

    async def live(self) -> Response:
        """Say when something has changed."""

        async def events() -> AsyncIterator[str]:
            yield "event: time\ndata: 14:31\n\n"
            await self.changed.wait()
            self.changed.clear()
            yield "event: changed\ndata: 1\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")


@dataclass(slots=True, kw_only=True)
class Visit:
    """The shop, and somebody who looks at it."""

    shop: Shop
    page: Page
    address: str
    troubles: list[str]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Start the browser; CI must have one."""
    async with chromium() as started:
        yield started


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Serve the shop on this machine and open it."""
    shop = Shop()
    server = uvicorn.Server(
        uvicorn.Config(shop.app, port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    await page.goto(f"{address}/shop")
    yield Visit(shop=shop, page=page, address=address, troubles=troubles)
    shop.hold.set()
    await context.close()
    server.should_exit = True
    await serving
    assert troubles == []


async def test_a_switch_flips_without_a_page_load_and_the_server_has_the_last_word(visit: Visit) -> None:
    """It asks for a state with token and key; the toast is the server's; a second press asks for the other state."""
    page, switch = visit.page, visit.page.get_by_role("switch", name="Notification for created")
    await page.evaluate("window.stayed = true")
    await switch.click()
    await expect(page.locator(".toast")).to_have_text("created is on.")
    await expect(switch).to_be_checked()
    await expect(switch).to_be_focused()
    await switch.click()
    await expect(page.locator(".toast")).to_have_text("created is off.")
    assert [form["on"] for _, form in visit.shop.forms] == ["yes", "no"]
    assert visit.shop.forms[0][1]["csrf"] == "token-1"
    assert await page.evaluate("window.stayed")


async def test_a_switch_that_cannot_be_set_flips_back_and_says_so(visit: Visit) -> None:
    """Nothing has changed, and the page says that."""
    page, switch = visit.page, visit.page.get_by_role("switch", name="Notification for broken")
    await switch.click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing has changed.")
    await expect(switch).not_to_be_checked()


async def test_a_switch_with_nothing_to_send_leads_to_the_set_up(visit: Visit) -> None:
    """Where the server leads elsewhere the browser follows."""
    await visit.page.get_by_role("switch", name="Notification for packed").click()
    await visit.page.wait_for_url(f"{visit.address}/set-up")


async def test_copying_says_copied(visit: Visit) -> None:
    """The button appears with the script; what it copied is said for two seconds."""
    button = visit.page.locator("[data-copy=hook]")
    await button.click()
    await expect(button).to_have_text("Copied")
    assert await visit.page.evaluate("navigator.clipboard.readText()") == "https://hooks.example.com/1"
    await expect(button).to_have_text("Copy", timeout=4000)


async def test_a_filter_replaces_the_list_and_stands_in_the_address(visit: Visit) -> None:
    """The choice keeps the focus; going back shows the list before."""
    page = visit.page
    await page.get_by_label("Reason").select_option("cod")
    await expect(page.locator("#found")).to_contain_text("Found: cod")
    await expect(page).to_have_url(f"{visit.address}/shop?reason=cod")
    await page.go_back()
    await expect(page.locator("#found")).to_contain_text("Found: all")


async def test_the_preview_follows_what_is_typed(visit: Visit) -> None:
    """The server draws it, without the key that would make it count as saved; the count keeps up."""
    page = visit.page
    await page.get_by_label("Text", exact=True).fill("<b>Hello</b>")
    await expect(page.locator("[data-preview-target] .bubble__body")).to_have_text("<b>Hello</b>")
    await expect(page.locator("#text-count")).to_have_text("12 of 1,024 characters")
    kind, form = visit.shop.forms[-1]
    assert (kind, form["csrf"]) == ("preview", "token-1")
    assert "idempotency" not in form


async def test_the_preview_shows_the_text_that_one_goes_to(visit: Visit) -> None:
    """Of several texts the one with the focus is chosen for the preview, and asked for at once."""
    page = visit.page
    await expect(page.get_by_label("Shown")).to_have_value("other")
    async with page.expect_request("**/preview") as asked:
        await page.get_by_label("Text", exact=True).focus()
    await expect(page.get_by_label("Shown")).to_have_value("text")
    assert "shown=text" in ((await asked.value).post_data or "")


async def test_a_template_id_is_checked_when_it_is_entered(visit: Visit) -> None:
    """The result goes into the part that is read out; what was typed elsewhere stays."""
    page = visit.page
    await page.get_by_label("Text", exact=True).fill("mine")
    await page.get_by_label("Template ID").fill("4d1f7a90")
    await page.get_by_label("Text", exact=True).focus()
    await expect(page.locator("#checked")).to_have_text("Checked 4d1f7a90")
    await expect(page.get_by_label("Text", exact=True)).to_have_value("mine")


async def test_a_busy_button_says_what_it_waits_for_and_ignores_a_second_press(visit: Visit) -> None:
    """One press, one request."""
    page = visit.page
    # In one go: Playwright itself waits for the page that is under way.
    said = await page.evaluate(
        """() => {
            const button = document.querySelector("button[data-busy]");
            button.click();
            button.click();
            return [button.textContent, button.getAttribute("aria-busy"), button.disabled];
        }"""
    )
    assert said == ["Checking with Gupshup…", "true", False]
    visit.shop.hold.set()
    await expect(page.locator("button[data-busy]")).to_have_text("Connect and verify")
    assert [kind for kind, _ in visit.shop.forms] == ["save"]


async def test_the_last_question_opens_on_top_and_escape_takes_it_back(visit: Visit) -> None:
    """The same form as on its own page, named by its heading; the focus returns."""
    page = visit.page
    link = page.get_by_role("link", name="Cancel this order…")
    await link.click()
    dialog = page.get_by_role("dialog", name="Cancel and return ORD123456?")
    await expect(dialog.get_by_role("button", name="Cancel and return")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(link).to_be_focused()
    await link.click()
    await dialog.get_by_role("link", name="Keep the order").click()
    await expect(dialog).to_have_count(0)
    await expect(page).to_have_url(f"{visit.address}/shop")


async def test_news_comes_by_itself_and_waits_behind_a_button_when_one_has_scrolled(visit: Visit) -> None:
    """Nothing moves under the eyes of somebody who reads further down."""
    page, shop = visit.page, visit.shop
    await expect(page.locator("[data-as-of]")).to_have_text("14:31")
    shop.entries.append("second")
    shop.changed.set()
    await expect(page.locator("#entry-second")).to_be_visible(timeout=8000)
    await page.set_viewport_size({"width": 1000, "height": 300})
    shop.entries += [f"more-{number}" for number in range(12)]
    shop.changed.set()
    await expect(page.locator("#entry-more-11")).to_be_visible(timeout=8000)
    await page.locator("#entry-first").scroll_into_view_if_needed()
    shop.entries.append("last")
    shop.changed.set()
    button = page.get_by_role("button", name="1 new")
    await expect(button).to_be_visible(timeout=8000)
    await expect(page.locator("#entry-last")).to_have_count(0)
    await button.click()
    await expect(page.locator("#entry-last")).to_be_visible()
    await expect(button).to_be_hidden()


async def test_escape_closes_the_menu(visit: Visit) -> None:
    """The focus goes back to where it was opened."""
    page = visit.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.locator(".menu > summary").click()
    await expect(page.locator(".menu__panel")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".menu__panel")).to_be_hidden()
    await expect(page.locator(".menu > summary")).to_be_focused()
