"""The seeded templates: every language offers the same, in words that mean something to us."""

from pathlib import Path
from typing import Any, cast

from domain.templates import choice_for, missing_buttons
from ops.seed import LANGUAGES, gupshup_simulator, load

_LONGEST_BUTTON, _LONGEST_LINE = 20, 60  # WhatsApp's own limits


def test_every_language_has_the_same_buttons(tmp_path: Path) -> None:
    """R4.7, R6.13: without the needed ones a customer could not answer everything, whatever the language."""
    seed = load(tmp_path / "secrets.json")
    config = cast("dict[str, Any]", gupshup_simulator(seed, webhook_base="", order_system_url="", people=[]))
    for app in config["apps"][: len(seed.accounts)]:
        labels = {
            template["languageCode"]: [button["text"] for button in template["buttons"]]
            for template in app["templates"]
        }
        assert tuple(labels) == LANGUAGES
        assert len({template["id"] for template in app["templates"]}) == len(LANGUAGES)
        choices = {tuple(choice_for(label) for label in row) for row in labels.values()}
        assert choices == {("reattempt", "reschedule", "options")}
        assert not any(missing_buttons(row) for row in labels.values())
        assert all(len(label) <= _LONGEST_BUTTON for row in labels.values() for label in row)
        for template in app["templates"]:
            assert len(template["header"]) <= _LONGEST_LINE
            assert len(template["footer"]) <= _LONGEST_LINE


def test_spare_apps_offer_every_state_of_connecting_and_of_templates(tmp_path: Path) -> None:
    """R2.2, R4.3: an app that is ready, one that is not live, one of another key; a template in each status."""
    seed = load(tmp_path / "secrets.json")
    config = cast("dict[str, Any]", gupshup_simulator(seed, webhook_base="", order_system_url="", people=[]))
    ready, not_live, of_another = config["apps"][len(seed.accounts) :]
    assert (ready["live"], not_live["live"]) == (True, False)
    assert ready["api_key"] == not_live["api_key"] != of_another["api_key"]
    assert {template["status"] for template in ready["templates"]} >= {
        "APPROVED",
        "PENDING",
        "REJECTED",
        "FAILED",
        "PAUSED",
        "DISABLED",
        "DELETED",
        "SANDBOX_REQUESTED",
    }
    ids = [template["id"] for app in config["apps"] for template in app["templates"]]
    assert len(set(ids)) == len(ids)
    assert len({app["phone"] for app in config["apps"]}) == len(config["apps"])
