"""The help articles: every variable, a template for every step, and a conversation as it is (R8.4)."""

import pytest
from bs4 import Tag

from db import samples
from domain.journey import JOURNEY
from domain.templates import missing_buttons, placeholders
from domain.variables import SAMPLES, VARIABLES, find_variable
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody


async def test_every_variable_is_listed_with_its_sample(owner: Somebody) -> None:
    """The article names each variable, what it holds and a sample."""  # R8.4
    await owner.open("/help")
    assert owner.path == "/help/variables"
    assert owner.heading == "Variables and templates"
    for variable in VARIABLES:
        code = owner.page.find(id=f"v-{variable.name}")
        assert isinstance(code, Tag)
        assert code.get_text() == variable.placeholder
        row = code.find_parent("tr")
        assert isinstance(row, Tag)
        said = row.get_text(" ")
        assert variable.holds in said
        assert SAMPLES[variable.name] in said
        assert f"Copy {variable.name}" in str(row)


async def test_article_says_which_notifications_know_a_variable(owner: Somebody) -> None:
    """What only some steps can fill says so."""
    await owner.open("/help/variables")

    def known_for(name: str) -> str:
        found = owner.page.find(id=f"v-{name}")
        row = found.find_parent("tr") if found else None
        cell = row.select_one('[data-label="Known for"]') if row else None
        return cell.get_text() if cell else ""

    assert known_for("brand") == "Every notification"
    assert known_for("failure_reason") == "Failed delivery"
    assert known_for("invoice") == "All but Failed delivery"


async def test_stored_samples_are_shown_as_text(owner: Somebody, outside: Outside) -> None:
    """Samples that ops stored take the place of the first ones; markup in them is text."""  # S24
    async with outside.stage.database.transaction() as session:
        await samples.save_samples(session, {"customer_name": "<b>Asha</b> *Rao*"})
    await owner.open("/help/variables")
    assert "<b>Asha</b> *Rao*" in owner.words
    assert "<b>Asha" not in owner.answer.text
    assert SAMPLES["brand"] in owner.words


@pytest.mark.parametrize("language", ["en", "hi"])
async def test_every_step_has_a_template_to_copy(owner: Somebody, language: str) -> None:
    """Name, text with names and with numbers, footer and buttons stand ready for each step."""  # R8.4
    await owner.open(f"/help/templates?language={language}")
    for entry in JOURNEY:
        text = entry.text(language)
        assert text is not None
        card = owner.page.find(id=entry.key.value)
        assert isinstance(card, Tag)
        for part, words in (
            ("text", text.named_body),
            ("numbered", text.body),
            ("footer", text.footer),
            ("header", text.header),
        ):
            found = card.find(id=f"{entry.key.value}-{part}")
            assert (found.get_text() if found else "") == words
        name = card.find(id=f"{entry.key.value}-name")
        assert isinstance(name, Tag)
        assert name["value"] == text.name
        assert all(find_variable(each) for each in placeholders(text.named_body))
        assert {each.get_text() for each in card.select(".bubble .var")} >= {SAMPLES["brand"]}
        assert "{" not in str(card.select_one(".bubble"))
        if entry.needs_buttons:
            shown = [each.get_text().partition(". ")[2] for each in card.select("ol li")]
            assert missing_buttons(shown) == ()


async def test_unknown_language_shows_the_first(owner: Somebody) -> None:
    """An address that was tampered with shows the usual page."""
    await owner.open("/help/templates?language=xx")
    assert owner.answer.status_code == 200
    assert "thank you for your" in owner.words


async def test_conversation_tells_the_workspaces_own_times(owner: Somebody) -> None:
    """Reminders, quiet hours and deadline are those that are set; every talk is whole."""  # R8.4
    await owner.open("/help/failed-delivery")
    assert "after 4 h and 12 h" in owner.words
    assert "between 21:00 and 08:00" in owner.words
    assert "24 h after the failed attempt" in owner.words
    assert len(owner.page.select(".wa")) == 3
    assert all("{" not in each.get_text() for each in owner.page.select(".wa"))


async def test_articles_are_for_who_is_signed_in(stranger: Somebody) -> None:
    """A stranger is asked to sign in first."""
    await stranger.open("/help/templates")
    assert stranger.path.startswith("/sign-in")
