"""A test of a notification: what is saved, with sample values, to a phone of the seller's own."""

from uuid import uuid4
from zoneinfo import ZoneInfo

import phonenumbers
from fastapi import APIRouter, Response

from api.portal.frame import Toast
from api.portal.pages import once, see_other
from api.portal.setup_page import page_again, read_step, record
from api.portal.visits import FieldsNow, Seller
from domain.formats import clock, phone_words
from workflows.client import SampleMessageTask

__all__ = ["router"]

router = APIRouter(prefix="/notifications")

_INDIA = 91


@router.post("/{event}/test")
async def send_test(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Send what is saved, with sample values, to a phone of the seller's own."""
    fields.only("phone", "test_language")
    step = await read_step(visit, event)
    if step is None or not step.rows or (not step.is_own and not step.is_on):
        return see_other(visit, f"/notifications/{event}")
    if not step.is_own and not visit.is_owner:
        return await page_again(
            step, test_error="Only owners can send a test through the Eshopbox account: it costs money."
        )
    written = fields.text("phone", longest=40)
    language = fields.text("test_language", longest=16)
    phone = _indian_mobile(written)
    if not phone:
        return await page_again(
            step, phone=written, test_error="Enter an Indian mobile number, for example +91 99999 00001"
        )
    if language not in {row.language for row in step.rows}:
        language = step.rows[0].language

    async def act() -> Response:
        free_at = visit.services.test_messages.take(visit.workspace_id, visit.now)
        if free_at is not None:
            when = clock(free_at, ZoneInfo(visit.workspace.policy.timezone))
            return await page_again(
                step, phone=written, test_error=f"You have sent 5 tests in an hour. Wait until {when}."
            )
        task = SampleMessageTask(
            id=f"sample:{visit.person.id}:{fields.once or uuid4()}",
            workspace_id=visit.workspace_id,
            account_id=step.account.id,
            phone=phone,
            event=step.entry.key,
            language=language,
        )
        await visit.services.workflows.send_sample(task)
        await record(step, "notification.test_sent", language)
        toast = Toast(
            f"The test is on its way to {phone_words(phone)}.", "Taps on its buttons are not answered."
        )
        return see_other(visit, step.url, toast)

    return await once(visit, fields, act)


def _indian_mobile(written: str) -> str:
    """Return an Indian mobile number as digits with its country code; empty for anything else."""
    try:
        number = phonenumbers.parse(written, "IN")
    except phonenumbers.NumberParseException:
        return ""
    digits = str(number.national_number)
    is_mobile = phonenumbers.number_type(number) in {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    } and digits.startswith(("6", "7", "8", "9"))
    is_right = number.country_code == _INDIA and phonenumbers.is_valid_number(number) and is_mobile
    return f"{_INDIA}{digits}" if is_right else ""
