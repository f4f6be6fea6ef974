"""An account whose key Gupshup refuses is asked at most once in five minutes, by whatever message or check (F34).

What is not asked counts as refused for its account: cases try again later, and whoever connects the account again lets
everything go on.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from clients.gupshup import UNAUTHORISED, Refused
from db import accounts
from db.session import Session
from domain.connecting import KEY_LOST
from domain.template_checks import failed_reason

PROBED_EVERY: Final = timedelta(minutes=5)
"""How seldom an account is asked whose key was refused, by the clock, by hand or by a message."""

KEY_TROUBLES: Final = frozenset({KEY_LOST, *(failed_reason(str(int(status))) for status in UNAUTHORISED)})
"""What an account needs attention for that an answer to its key refutes."""

NOT_ASKED: Final = Refused(
    str(int(HTTPStatus.UNAUTHORIZED)), "the key was refused a moment ago", retryable=False, cls="account"
)
"""What a message comes to that is not offered to Gupshup."""


async def may_ask(session: Session, account_id: str, attention: str, now: datetime) -> bool:
    """Tell whether an account may be asked now; of those whose key was refused, the one that is told so is the probe."""
    if attention not in KEY_TROUBLES:
        return True
    return await accounts.claim_asking(session, account_id, now, every=PROBED_EVERY)


async def note_refusal(session: Session, account_id: str, refused: Refused, now: datetime) -> None:
    """Put an account's trouble before its seller; what was not asked is no news."""
    if refused.cls != "account" or refused is NOT_ASKED:
        return
    is_key = refused.code.isdecimal() and int(refused.code) in UNAUTHORISED
    await accounts.set_attention(session, account_id, KEY_LOST if is_key else failed_reason(refused.code))
    await accounts.claim_asking(session, account_id, now, every=timedelta())
