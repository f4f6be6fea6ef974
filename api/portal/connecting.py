"""Connect and verify: what a seller entered is read, then Gupshup is asked, and what is wrong stands at its field (R2.2).

Nothing is stored here; limiting how often one may try is left to the route.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import phonenumbers

from clients.gupshup import (
    AppNameUnknown,
    AppNotLive,
    AppUnknown,
    Credentials,
    Gupshup,
    GupshupUnavailable,
    KeyRefused,
    NumberOfAnotherAccount,
    Verified,
    verify_account,
)
from domain.connecting import Obstacle, Trouble, trouble

_API_KEY = re.compile(r"[!-~]{1,512}")  # what a header can carry
_APP_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LONGEST_APP_NAME = 200
_LONGEST_PHONE = 40
_SHORTEST_WITHOUT_PLUS = 11  # ten digits are a national number in many countries, whatever they begin with
_PHONE_DRESS = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The form as it came."""

    api_key: str = field(repr=False)
    app_id: str
    app_name: str
    phone: str = field(repr=False)


def read_entries(entered: Entered) -> Credentials | tuple[Trouble, ...]:
    """Return what Gupshup is asked with, or all that can be seen to be wrong without asking."""
    api_key, app_id, app_name = (
        _cleaned(written) for written in (entered.api_key, entered.app_id, entered.app_name)
    )
    phone = _read_phone(_cleaned(entered.phone))
    found = [*_key_troubles(api_key), *_app_troubles(app_id, app_name)]
    if isinstance(phone, Trouble):
        return (*found, phone)
    if found:
        return tuple(found)
    return Credentials(api_key=api_key, app_id=app_id, app_name=app_name, source=phone)


async def verify(
    gupshup: Gupshup, entered: Entered, *, is_taken: Callable[[str], Awaitable[bool]]
) -> Verified | tuple[Trouble, ...]:
    """Check what was entered, at last with Gupshup itself.

    Whether the number is another workspace's is asked last: only who holds its key learns that.

    Args:
        gupshup: The API.
        entered: The form.
        is_taken: Tells whether a number, as digits, is connected to another workspace; asked after Gupshup.
    """
    credentials = read_entries(entered)
    if not isinstance(credentials, Credentials):
        return credentials
    phone = _shown(_cleaned(entered.phone), credentials.source)
    try:
        verified = await verify_account(gupshup, credentials)
    except KeyRefused:
        return (trouble(Obstacle.KEY_REFUSED),)
    except AppNameUnknown:
        return (trouble(Obstacle.APP_NAME_UNKNOWN, app=credentials.app_name),)
    except AppUnknown:
        return (trouble(Obstacle.APP_UNKNOWN, app=credentials.app_id),)
    except AppNotLive:
        return (trouble(Obstacle.APP_NOT_LIVE, app=credentials.app_name),)
    except NumberOfAnotherAccount:
        return (trouble(Obstacle.NUMBER_OF_ANOTHER, phone=phone, app=credentials.app_name),)
    except GupshupUnavailable:
        return (trouble(Obstacle.GUPSHUP_DOWN),)
    if await is_taken(credentials.source):
        return (trouble(Obstacle.NUMBER_TAKEN),)
    return verified


def _cleaned(written: str) -> str:
    """Return an entry without what copying adds unseen: space around it, marks of direction and of zero width (S24)."""
    return "".join(sign for sign in written if unicodedata.category(sign) != "Cf").strip()


def _key_troubles(api_key: str) -> tuple[Trouble, ...]:
    if not api_key:
        return (trouble(Obstacle.KEY_EMPTY),)
    return () if _API_KEY.fullmatch(api_key) else (trouble(Obstacle.KEY_UNREADABLE),)


def _app_troubles(app_id: str, app_name: str) -> tuple[Trouble, ...]:
    if not app_id and not app_name:
        return (trouble(Obstacle.APP_EMPTY),)
    found: list[Trouble] = []
    if not app_id:
        found.append(trouble(Obstacle.APP_ID_EMPTY))
    elif not _APP_ID.fullmatch(app_id):  # it would become part of a path
        found.append(trouble(Obstacle.APP_UNKNOWN, app=_visible(app_id)))
    if not app_name:
        found.append(trouble(Obstacle.APP_NAME_EMPTY))
    elif not app_name.isprintable() or len(app_name) > _LONGEST_APP_NAME:
        found.append(trouble(Obstacle.APP_NAME_UNREADABLE))
    return tuple(found)


def _read_phone(written: str) -> str | Trouble:
    bare = _PHONE_DRESS.sub("", written)
    plus = bare if bare.startswith("+") else f"+{bare.removeprefix('00')}"
    has_code = bare.startswith(("+", "00")) or len(bare) >= _SHORTEST_WITHOUT_PLUS
    if not has_code or len(written) > _LONGEST_PHONE or not re.fullmatch(r"\+[0-9]+", plus):
        return trouble(Obstacle.NUMBER_WITHOUT_COUNTRY)
    try:
        number = phonenumbers.parse(plus)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            return trouble(Obstacle.NUMBER_WITHOUT_COUNTRY)
        return trouble(Obstacle.NUMBER_NOT_VALID, phone=_shown(written, plus[1:]))
    if not phonenumbers.is_valid_number(number):
        return trouble(Obstacle.NUMBER_NOT_VALID, phone=_shown(written, plus[1:]))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _shown(written: str, digits: str) -> str:
    """Return a number as it was written, so that one finds one's own mistake; never without its plus."""
    return " ".join(written.split()) if written.startswith("+") else f"+{digits}"


def _visible(written: str) -> str:
    return "".join(sign if sign.isprintable() else "…" for sign in written[:64])
