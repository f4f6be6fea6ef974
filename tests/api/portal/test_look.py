"""The portal's macros draw what they are given, as text, in markup that needs neither inline style nor inline script."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, UndefinedError

from api.portal.forms import FieldError
from api.portal.frame import Frame, Toast
from api.portal.pages import Static, environment
from api.portal.parts import (
    Bar,
    Check,
    Choice,
    Column,
    Day,
    Entry,
    EntryKind,
    Language,
    Media,
    Message,
    MessageButton,
    SenderBar,
    Stat,
    Tab,
    message_of,
)
from api.portal.trouble import ErrorPage
from domain.preview import ButtonKind, Mark, Part, PartKind, Preview, PreviewButton

BAD = "<b>Asha</b> & \"co\" 'x'"
ROOT = Path(__file__).parents[3]


PARTS = (
    Part(PartKind.TEXT, "Hi "),
    Part(PartKind.VALUE, BAD, (Mark.BOLD, Mark.ITALIC)),
    Part(PartKind.TEXT, ", not", (Mark.STRIKE,)),
    Part(PartKind.OPEN, "{{3}}", (Mark.MONO,)),
)
SENDER = SenderBar(name=BAD, number="+91 80471 00021", initials="KK")
FRAME = Frame(
    workspace_name="KapasKraft",
    person_name="Meera Iyer",
    initials="MI",
    role_words="Owner",
    csrf="token-1",
    current="notifications",
    attention=1,
    waiting=3,
    toast=Toast(
        text="Failed delivery is on.",
        detail=f"It is sent from {BAD}.",
        undo_url="/undo",
        undo_fields=(("event", BAD),),
    ),
    zone_words="India Standard Time",
    is_owner=True,
    is_ops=False,
    once="once-1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The page that shows every macro."""

    bad: str = BAD
    errors: tuple[FieldError, ...] = tuple(
        FieldError(field=name, text=f"{name} is not right: {BAD}. Write it again.")
        for name in ("api_key", "phone", "secret", "variable", "text", "sender", "accept", "template_id", "")
    )
    choices: tuple[Choice, ...] = (
        Choice(value="own", label="Your own Gupshup account", hint="+91 80471 00021, shown as KapasKraft."),
        Choice(value="shared", label=BAD, hint=BAD, disabled=True),
    )
    checks: tuple[Check, ...] = (
        Check(words="Found in English and Hindi", note=BAD),
        Check(words="This cannot be taken back", tone="bad"),
        Check(words=BAD, tone="warn", drawing="message"),
    )
    languages: tuple[Language, ...] = (
        Language(words="English", lang="en", href="?language=en", current=True),
        Language(words="हिन्दी", lang="hi", href="?language=hi"),
    )
    sender: SenderBar = SENDER
    messages: tuple[Message, ...] = (
        Message(
            head="We missed you today",
            paragraphs=(PARTS, "What should we do?\n*as it is*"),
            foot="Reply STOP to end messages",
            buttons=(MessageButton(label="Try again"), MessageButton(label=BAD, icon="list")),
            time="14:12",
            iso="2026-11-20T14:12+05:30",
            ticks="read",
        ),
        Message(by_customer=True, paragraphs=(BAD,), quote=BAD, quote_by="KapasKraft", time="14:41"),
        *(
            Message(
                by_customer=True, media=Media(kind=kind, title=f"Photo from {BAD}", detail=BAD), time="14:41"
            )
            for kind in ("image", "video", "location", "sticker", "audio", "file", "contact", "other")
        ),
        Message(paragraphs=("Thank you.",), reaction="👍", time="14:42", ticks="failed"),
    )
    tabs: tuple[Tab, ...] = (
        Tab(words="Waiting for you", href="?tab=waiting", count=3, current=True),
        Tab(words=BAD, href="?tab=all"),
    )
    stats: tuple[Stat, ...] = (
        Stat(label="Rescued", figure="61%", note="6 points up on the 30 days before"),
        Stat(label="Orders rescued", figure="783", note=BAD),
        Stat(label=BAD, figure="18 min"),
    )
    bars: tuple[Bar, ...] = (
        Bar(label="Failed", share=100, value="1,284"),
        Bar(label="Messaged", share=98.3, value="1,262", beside="98%", note="22 had no valid number"),
        Bar(label=BAD, share=61, value="783", beside="61%"),
    )
    columns: tuple[Column, ...] = (
        Column(label="< 5 min", words="under 5 minutes", count=212),
        Column(label="5–15", words="from 5 to 15", count=198),
        Column(label="later", words=BAD, count=0),
    )
    days: tuple[Day, ...]
    days_before: tuple[Day, ...] = ()


KINDS: tuple[EntryKind, ...] = (
    "message",
    "not_sent",
    "failed_message",
    "reply",
    "action",
    "refused",
    "automatic",
    "handed_over",
    "courier",
    "moved",
)


def entries() -> tuple[Entry, ...]:
    """One entry of each kind, the action with everything an entry can have."""
    plain = [
        Entry(key=kind, kind=kind, what=BAD, rest="not sent", time="11:31", iso="2026-11-20T11:31+05:30")
        for kind in KINDS
    ]
    full = replace(
        plain[4],
        mode="WhatsApp",
        facts=(f"by {BAD}",),
        ticks=("read", "Read 11:22"),
        link=("See notification", "/notifications"),
        asked="Asked 14:44:02",
        answer="Accepted by Delhivery 14:44:05",
        answer_tone="ok",
        say=f"The customer was told: “{BAD}”",
        messages=KIT_MESSAGES,
        customer=BAD,
    )
    return (*plain[:4], full, *plain[5:])


KIT_MESSAGES = (Message(by_customer=True, paragraphs=("bhaiya main ghar pe hi thi",), time="14:41"),)
VIEW = Kit(days=(Day(title="Today, Fri 20 Nov", entries=entries()),))


@pytest.fixture(scope="module")
def templates() -> Environment:
    """The portal's environment, with the kit beside its templates."""
    ours = environment()
    assert ours.loader is not None
    return ours.overlay(loader=ChoiceLoader([ours.loader, FileSystemLoader(Path(__file__).parent)]))


@pytest.fixture(scope="module")
def page(templates: Environment) -> str:
    """Every macro, once."""
    return templates.get_template("kit.html").render(frame=FRAME, view=VIEW)


class Outline(HTMLParser):
    """What a browser would make of a page: elements, ids and what refers to them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), f"<{tag}> says an attribute twice: {attrs}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


VOID = {"meta", "link", "input", "br", "hr", "img"}


def test_every_macro_draws_only_well_formed_markup_without_inline_style_or_script(page: str) -> None:
    """The content security policy refuses inline style and script (S23), and so does this test."""
    outline = Outline(page)
    assert outline.open == []
    for tag, attributes in outline.elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")], attributes
    (script,) = outline.all("script")
    assert (script["src"] or "").startswith("/static/portal.js?v=")


def test_values_are_escaped_wherever_they_stand(page: str) -> None:
    """Markup in a value is text, in an element as in an attribute (S24)."""
    assert "<b>Asha" not in page
    assert page.count("&lt;b&gt;Asha&lt;/b&gt; &amp; &#34;co&#34; &#39;x&#39;") > 60
    assert "&amp;lt;" not in page


def test_a_page_has_one_first_heading_and_names_that_are_its_own(page: str) -> None:
    """One h1; no id twice; each label, description and link inside the page leads somewhere."""
    outline = Outline(page)
    assert len(outline.all("h1")) == 1
    ids = Counter(attributes["id"] for _, attributes in outline.elements if "id" in attributes)
    assert {name for name, count in ids.items() if count > 1} == set()
    for _, attributes in outline.elements:
        for name in ("for", "aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids), attributes
        href = attributes.get("href") or ""
        if href.startswith("#"):
            assert href.removeprefix("#") in ids, href


def test_every_control_has_a_name(page: str) -> None:
    """A visible label, or a name that is said."""
    outline = Outline(page)
    labelled = {label.get("for") for label in outline.all("label")}
    for tag in ("input", "select", "textarea"):
        for control in outline.all(tag):
            if control.get("type") in {"hidden", "radio", "checkbox"}:
                continue
            assert control.get("id") in labelled, control
    for switch in (each for each in outline.all("button") if each.get("role") == "switch"):
        assert switch.get("aria-label") or switch.get("aria-labelledby")
        assert switch["aria-checked"] in {"true", "false"}


def test_each_form_that_changes_something_carries_token_and_idempotency_key(page: str) -> None:
    """Without them a form of another site, or a second press, would count (S10)."""
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    assert len(forms) > 8
    for form in forms:
        assert '<input type="hidden" name="csrf" value="token-1">' in form
        assert '<input type="hidden" name="idempotency" value="once-1">' in form


def test_the_summary_leads_to_each_field_and_the_field_says_what_is_wrong(page: str) -> None:
    """First thing in main, the first sentence of each error; the field has all of it, marked invalid."""
    main = page[page.index("<main") :]
    assert main.index('class="summary"') < main.index("<h1")
    assert '<a href="#api_key">api_key is not right:' in main
    assert "<title>Error: Components and states – KapasKraft – Eshopbox</title>" in page
    field = re.search(r'<input[^>]*id="api_key"[^>]*>', page)
    assert field is not None
    assert 'aria-describedby="api_key-hint api_key-error"' in field[0]
    assert 'aria-invalid="true"' in field[0]
    secret = re.search(r'<input[^>]*id="secret"[^>]*>', page)
    assert secret is not None
    assert 'value=""' in secret[0]


def test_the_navigation_marks_where_one_is_and_counts_what_waits(page: str) -> None:
    """The same list twice, at the side and in the menu; counts only above nought."""
    assert page.count('href="/notifications" aria-current="page"') == 2
    assert page.count('3<span class="vh"> waiting for you</span>') == 2
    assert page.count('1<span class="vh"> needs attention</span>') == 2


def test_the_pages_of_eshopboxs_people_look_like_nobody_elses(templates: Environment) -> None:
    """The amber edge, the word ops, and their own navigation."""
    frame = replace(FRAME, is_ops=True, current="ops_audit", theme="dark", toast=None)
    page = templates.get_template("kit.html").render(frame=frame, view=VIEW)
    assert 'class="side side--ops"' in page
    assert 'class="top top--ops"' in page
    assert page.count('href="/ops/audit" aria-current="page"') == 2
    assert 'href="/notifications" aria-current' not in page
    assert "– Eshopbox ops</title>" in page
    assert '<html lang="en-IN" data-theme="dark">' in page


def test_an_error_page_needs_nobody_signed_in(templates: Environment) -> None:
    """It says what is wrong, gives a reference and a way on."""
    view = ErrorPage(
        title="We cannot show this now", text="Nothing you entered is lost.", reference="7F3K-20NV"
    )
    page = templates.get_template("error.html").render(view=view)
    assert "Nothing you entered is lost. Reference 7F3K-20NV." in page
    assert len(Outline(page).all("h1")) == 1
    assert "<nav" not in page


def test_a_name_that_does_not_exist_is_an_error(templates: Environment) -> None:
    """A misspelt name must not become an empty place on a page."""
    page = templates.from_string("{{ view.nothing }}")
    with pytest.raises(UndefinedError):
        page.render(view=VIEW)


def test_a_preview_is_drawn_with_its_marks_and_its_values_marked() -> None:
    """WhatsApp's markup becomes elements around escaped text (R4.6, S24); buttons have the icon of their kind."""
    view = Preview(
        header=(Part(PartKind.TEXT, "We missed you"),),
        paragraphs=(PARTS,),
        footer=BAD,
        buttons=tuple(PreviewButton(kind, kind.value) for kind in ButtonKind),
    )
    message = message_of(view, time="14:12")
    drawn = environment().get_template("message.html").module.wall((message,))  # type: ignore[attr-defined] # a macro
    value = "&lt;b&gt;Asha&lt;/b&gt; &amp; &#34;co&#34; &#39;x&#39;"
    assert (
        f'Hi <strong><em><span class="var">{value}</span></em></strong><s>, not</s>'
        '<code><span class="var">{{3}}</span></code></p>'
    ) in drawn
    assert '<p class="bubble__head">We missed you</p>' in drawn
    assert [button.icon for button in message.buttons] == ["reply", "link", "call", "reply"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "Gupshup does not accept this API key. Copy it again from your app's settings.",
            "Gupshup does not accept this API key",
        ),
        (
            "Enter the number with its country code, for example +91 80471 00021",
            "Enter the number with its country code, for example +91 80471 00021",
        ),
        ("Enter the API key", "Enter the API key"),
        ("At most ₹0.38 is accepted.", "At most ₹0.38 is accepted"),
    ],
)
def test_the_summary_says_the_first_sentence(text: str, first: str) -> None:
    """Up to the first full stop that ends a sentence."""
    assert FieldError(field="x", text=text).first_sentence == first


async def test_style_sheet_script_and_picture_are_served_under_one_address() -> None:
    """The style sheet is the one the phone has, the script the portal's own."""
    app = FastAPI()
    app.mount("/static", Static())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        kinds: dict[str, Any] = {
            name: (await client.get(f"/static/{name}")).headers["content-type"].partition(";")[0]
            for name in ("portal.css", "portal.js", "portal.svg")
        }
        assert (await client.get("/static/nothing.css")).status_code == 404
    assert kinds == {
        "portal.css": "text/css",
        "portal.js": "text/javascript",
        "portal.svg": "image/svg+xml",
    }


def test_the_script_never_makes_markup_of_data() -> None:
    """HTML comes from the server and is parsed inertly."""
    script = (ROOT / "api/portal/static/portal.js").read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in script


def test_older_browsers_get_the_light_side_of_every_colour() -> None:
    """Two lists in the style sheet must say the same."""
    css = (ROOT / "look/static/portal.css").read_text()
    root, old = css.partition("@supports not")[0], css.partition("@supports not")[2].partition("\n}\n")[0]
    pairs = dict(re.findall(r"--([\w-]+):\s*light-dark\((#\w+),", root))
    assert len(pairs) > 30
    assert {name: value for name, value in re.findall(r"--([\w-]+): (#\w+);", old) if name in pairs} == pairs
