"""What is set up for an event: all its languages together, the platform's offer apart from what sellers took over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.accounts import save_account
from db.billing import find_rate, set_price
from db.encryption import Cipher
from db.notifications import (
    Notification,
    list_notifications,
    list_of_event,
    list_offered,
    save_event,
    save_notification,
    switch,
    taken_over,
)
from db.session import Session
from db.workspaces import PLATFORM, ensure_platform
from tests.factories import NOW, app_account

W = "kapaskraft"
ROW = Notification(W, "account-1", "failed_delivery", "en", "template-1", "delivery_failed_v3", "UTILITY")
HINDI = replace(ROW, language="hi", template_id="template-2")


pytestmark = pytest.mark.usefixtures("_account")


@pytest.fixture
async def _account(session: Session, cipher: Cipher, _workspace: None) -> None:
    await save_account(
        session, cipher, app_account(), api_key="key", webhook_token="token", header_secret=None
    )


async def test_another_template_takes_its_other_languages_with_it(session: Session) -> None:
    """R6.13: nobody gets the old template because the new one lacks their language."""
    other = replace(ROW, event="delivered", language="hi")
    await save_notification(session, other)
    await save_event(session, [ROW, HINDI])
    assert await list_of_event(session, W, "account-1", "failed_delivery") == (ROW, HINDI)
    newer = replace(ROW, template_id="template-3")
    await save_event(session, [newer])
    assert await list_notifications(session, W, "account-1") == (other, newer)


async def test_only_one_event_is_saved_at_a_time(session: Session) -> None:
    """What else is set up stays."""
    with pytest.raises(ValueError, match="one event"):
        await save_event(session, [ROW, replace(ROW, event="delivered")])
    with pytest.raises(ValueError, match="one event"):
        await save_event(session, [])


async def test_switch_is_for_all_languages_of_one_event(session: Session) -> None:
    """R4.2: and says whether it did anything, so that nothing is recorded twice."""
    await save_event(session, [ROW, HINDI])
    await save_notification(session, replace(ROW, event="delivered"))
    assert await switch(session, W, "account-1", "failed_delivery", is_on=True)
    assert not await switch(session, W, "account-1", "failed_delivery", is_on=True)
    found = await list_notifications(session, W, "account-1")
    assert {(each.event, each.language): each.is_on for each in found} == {
        ("delivered", "en"): False,
        ("failed_delivery", "en"): True,
        ("failed_delivery", "hi"): True,
    }
    assert not await switch(session, W, "account-2", "failed_delivery", is_on=True)


async def test_what_the_platform_offers_is_taken_over_as_a_row_of_ones_own(session: Session) -> None:
    """R4.4: the offer itself belongs to no seller; what is not offered stays out."""
    await ensure_platform(session)
    offer = replace(ROW, workspace_id=PLATFORM, is_on=True)
    await save_notification(session, offer)
    await save_notification(session, replace(offer, event="delivered", is_on=False))
    assert await list_offered(session, "account-1") == (offer,)
    await save_event(session, taken_over([offer], W))
    assert await list_notifications(session, W, "account-1") == (replace(ROW, is_on=True),)


async def test_rate_in_force_says_since_when(session: Session) -> None:
    """R4.4: the newest that has begun."""
    for days, paise in ((30, 30), (10, 35), (-5, 38)):
        await set_price(session, "utility", paise, valid_from=NOW - timedelta(days=days))
    found = await find_rate(session, "utility", NOW)
    assert found is not None
    assert (found.category, found.price_paise, found.valid_from) == ("utility", 35, NOW - timedelta(days=10))
    assert await find_rate(session, "service", NOW) is None
