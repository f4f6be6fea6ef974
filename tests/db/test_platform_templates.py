"""The platform's templates: a change reaches the copies that workspaces send with, and accepts no price for anybody."""

from dataclasses import replace

import pytest

from db.accounts import save_account
from db.encryption import Cipher
from db.installations import install
from db.notifications import Notification, list_of_event, save_event, save_notification
from db.platform_templates import Spread, count_copies, spread
from db.session import Session
from db.workspaces import PLATFORM, add_workspace, ensure_platform
from tests.factories import NOW, app_account, workspace

EVENT = "failed_delivery"
ORIGINAL = Notification(
    PLATFORM, "account-1", EVENT, "en", "new-en", "delivery_failed", "UTILITY", body="New", is_on=True
)


@pytest.fixture(autouse=True)
async def _set_up(session: Session, cipher: Cipher) -> None:
    """Two workspaces on the platform's account: one has the event on, the other set up and off."""
    await ensure_platform(session)
    await save_account(
        session, cipher, app_account(), api_key="key", webhook_token="token", header_secret=None
    )
    for slug, is_on in (("kapaskraft", True), ("nakshi", False)):
        await add_workspace(session, workspace(id=slug))
        await install(session, slug, "account-1", NOW)
        copy = Notification(slug, "account-1", EVENT, "en", "old-en", "before", "utility", is_on=is_on)
        await save_notification(session, copy)
        await save_notification(session, replace(copy, language="ta", template_id="old-ta"))


async def _copies(session: Session, workspace_id: str) -> list[tuple[str, str, bool, str]]:
    rows = await list_of_event(session, workspace_id, "account-1", EVENT)
    return [(row.language, row.template_id, row.is_on, row.attention) for row in rows]


async def test_change_reaches_every_copy_in_every_language(session: Session) -> None:
    """R4.4: a new language comes along, one that is gone goes, what is off stays off."""
    await save_event(session, [ORIGINAL, replace(ORIGINAL, language="hi", template_id="new-hi")])
    assert await spread(session, "account-1", EVENT) == Spread(reached=1, waiting=0)
    for slug, is_on in (("kapaskraft", True), ("nakshi", False)):
        assert await _copies(session, slug) == [("en", "new-en", is_on, ""), ("hi", "new-hi", is_on, "")]
    assert await count_copies(session, "account-1") == {EVENT: 1}


async def test_what_the_platform_does_not_offer_is_left_as_it_was(session: Session) -> None:
    """Another event, another account, and a template that is not on."""
    await save_event(session, [replace(ORIGINAL, is_on=False)])
    await save_event(session, [replace(ORIGINAL, event="delivered")])
    for event in (EVENT, "delivered"):
        await spread(session, "account-1", event)
    await spread(session, "account-2", EVENT)
    assert [row[1] for row in await _copies(session, "kapaskraft")] == ["old-en", "old-ta"]


async def test_other_category_is_not_sent_before_the_seller_accepts_it(session: Session) -> None:
    """R4.4: its price is another one; what they accepted goes on being sent, until they take the new one over."""
    await save_event(session, [replace(ORIGINAL, category="MARKETING")])
    assert await spread(session, "account-1", EVENT) == Spread(reached=0, waiting=1)
    assert [row[1] for row in await _copies(session, "kapaskraft")] == ["old-en", "old-ta"]
    await save_event(session, [replace(ORIGINAL, category="MARKETING", workspace_id="kapaskraft")])
    await save_event(session, [replace(ORIGINAL, category="MARKETING", template_id="newer-en")])
    assert await spread(session, "account-1", EVENT) == Spread(reached=1, waiting=0)
    assert await _copies(session, "kapaskraft") == [("en", "newer-en", True, "")]
    assert [row[1] for row in await _copies(session, "nakshi")] == ["old-en", "old-ta"]
