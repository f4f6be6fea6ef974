"""The seeded templates: every language offers the same, in words that mean something to us."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bootstrap.passwords import Passwords
from db import acceptances, installations, notifications, people
from db.encryption import Cipher
from db.session import Database
from domain.journey import JOURNEY
from domain.templates import choice_for, missing_buttons
from ops.seed import LANGUAGES, gupshup_simulator, load, plant

_LONGEST_BUTTON, _LONGEST_LINE = 20, 60  # WhatsApp's own limits


def test_every_language_has_the_same_buttons(tmp_path: Path) -> None:
    """R4.7, R6.13: without the needed ones a customer could not answer everything, whatever the language."""
    seed = load(tmp_path / "secrets.json")
    config = cast("dict[str, Any]", gupshup_simulator(seed, webhook_base="", order_system_url="", people=[]))
    for app in config["apps"][: len(seed.accounts)]:
        own = [each for each in app["templates"] if each["elementName"] == "delivery_failed_v3"]
        labels = {
            template["languageCode"]: [button["text"] for button in template["buttons"]] for template in own
        }
        assert tuple(labels) == LANGUAGES
        assert len({template["id"] for template in own}) == len(LANGUAGES)
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


async def test_seeded_people_sign_in_with_what_is_written_down(
    tmp_path: Path, database: Database, cipher: Cipher
) -> None:
    """An owner and a member of each workspace, one of staff; planted again, whoever chose another password keeps it."""
    seed = load(tmp_path / "secrets.json")
    assert load(tmp_path / "secrets.json") == seed
    roles = {(person.workspace, person.role) for person in seed.people}
    slugs = {workspace.slug for workspace in (*seed.workspaces, seed.newcomer)}
    assert roles == {(slug, role) for slug in slugs for role in ("owner", "member")} | {(None, "ops")}
    now = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
    await plant(database, cipher, seed, events_url=None, now=now)
    for person in seed.people:
        async with database.transaction() as session:
            found = await people.find_sign_in(session, cipher, person.email)
        assert found is not None
        assert found.totp_secret == person.totp_secret
        assert bool(person.totp_secret) is found.person.needs_second_step
        assert await Passwords().matches(found.password_hash, person.password)
        assert not found.person.password_is_temporary
        async with database.transaction() as session:
            await people.set_password(session, found.person.id, "changed", is_temporary=False)
    await plant(database, cipher, seed, events_url=None, now=now)
    async with database.transaction() as session:
        assert await installations.find_sender(session, seed.newcomer.slug) is None
        again = await people.find_sign_in(session, cipher, seed.people[0].email)
    assert again is not None
    assert again.password_hash == "changed"


async def test_shared_accounts_template_is_offered_to_every_seller(
    tmp_path: Path, database: Database, cipher: Cipher
) -> None:
    """R4.4: in each language; whoever has it on has accepted its price; what ops change stays when planted again."""
    seed = load(tmp_path / "secrets.json")
    now = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
    await plant(database, cipher, seed, events_url=None, now=now)
    (shared,) = [account for account in seed.accounts if account.owner == "eshopbox"]
    async with database.transaction() as session:
        offered = await notifications.list_offered(session, shared.id)
        accepted = await acceptances.list_acceptances(session, "nilgiritea", shared.id)
        await notifications.save_notification(session, replace(offered[0], template_id="another"))
    assert {(row.event, row.language) for row in offered} == {
        (entry.key, language) for entry in JOURNEY for language in LANGUAGES
    }
    assert [(each.event, each.price_paise) for each in accepted] == [("failed_delivery", 35)]
    await plant(database, cipher, seed, events_url=None, now=now)
    async with database.transaction() as session:
        again = await notifications.list_offered(session, shared.id)
    assert again[0].template_id == "another"


def test_seed_of_a_version_without_a_portal_gets_its_people_once(tmp_path: Path) -> None:
    """A stack that is kept goes on with the secrets it had."""
    path = tmp_path / "secrets.json"
    seed = load(path)
    kept = json.loads(path.read_text())
    del kept["people"]
    path.write_text(json.dumps(kept))
    first = load(path)
    assert (first.accounts, first.environment) == (seed.accounts, seed.environment)
    assert len(first.people) == len(seed.people)
    assert load(path) == first
