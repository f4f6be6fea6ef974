"""Checks that a key, an app and a number belong together (R2.2), and where an app's callbacks go.

Nothing is changed by a check. What Gupshup's self-serve API can tell, and how surely:

- The list of an app's templates proves key and app id. Refused as unauthorised it may mean either of them: the wallet,
  which asks for the key alone, decides.
- The business details are given for live apps only.
- No call shows an app's name or number, and none finds an app by its name. But a message is refused at once with the
  words "Invalid App Details" where name, number and key do not belong together, and with "Invalid Destination" where its
  recipient is no number. So a message that nobody can get is offered twice: from the number given, and from one that is
  surely another. Only where the second is refused for its sender and the first for its recipient, the number is proven.

Not told by any of this: whether id and name are of the same app, when one key has several.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from clients.gupshup import messages, wire
from clients.gupshup.calls import Credentials, Gupshup
from clients.gupshup.errors import (
    UNAUTHORISED,
    AppNameUnknown,
    AppNotLive,
    AppUnknown,
    GupshupRefused,
    GupshupUnavailable,
    KeyRefused,
    NumberOfAnotherAccount,
)
from clients.gupshup.messages import TextMessage
from clients.gupshup.templates import Template

_STEP_SECONDS = 4.5
"""Two steps, one after the other, stay below the ten seconds that a person waits."""

_NOBODY = "0"
"""No phone number by any reading: what is addressed to it reaches nobody."""

_ABOUT_THE_APP = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})
_NOT_LIVE = ("not live", "phone id not found")
_WRONG_SENDER = "invalid app details"
_WRONG_RECIPIENT = "invalid destination"

T = TypeVar("T")
_Sender = Literal["known", "unknown", "untold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What Gupshup said about an account whose parts belong together as far as can be told.

    Attributes:
        app_id: Gupshup's id of the app.
        app_name: The name under which it sends.
        phone: The business number, digits with the country code.
        is_live: Whether the app is live; None where Gupshup did not say.
        wallet_balance: The money left; None where Gupshup did not say.
        templates: All templates of the app.
        number_confirmed: Whether name and number are proven to be the key's; where not, they were not refuted either.
    """

    app_id: str
    app_name: str
    phone: str = field(repr=False)
    is_live: bool | None
    wallet_balance: float | None
    templates: tuple[Template, ...]
    number_confirmed: bool


async def verify_account(
    gupshup: Gupshup, credentials: Credentials, *, step_seconds: float = _STEP_SECONDS
) -> Verified:
    """Check live whether key, app and number belong together, each question asked once.

    Raises:
        KeyRefused: Gupshup does not accept the key.
        AppUnknown: The key has no app of this id, or the app has another name.
        AppNotLive: The app cannot send yet.
        NumberOfAnotherAccount: The app does not send from this number.
        GupshupUnavailable: Gupshup did not answer in time, or with nothing that says yes or no.
    """
    templates, business, wallet = await asyncio.gather(
        _attempt(gupshup.list_templates(credentials), step_seconds),
        _attempt(gupshup.ask(credentials, "GET", f"{_app_path(credentials)}/business"), step_seconds),
        _attempt(gupshup.ask(credentials, "GET", "/sm/api/v2/wallet/balance"), step_seconds),
    )
    if isinstance(business, GupshupRefused) and _says_not_live(business):
        raise AppNotLive(business.status, business.message) from business
    if isinstance(templates, GupshupUnavailable):
        raise templates
    if isinstance(templates, GupshupRefused):
        raise _refusal(templates, wallet) from templates
    number_confirmed = await _confirm_number(gupshup, credentials, step_seconds)
    return Verified(
        app_id=credentials.app_id,
        app_name=credentials.app_name,
        phone=credentials.source,
        is_live=True if isinstance(business, Mapping) else None,
        wallet_balance=wire.number(wallet.get("balance")) if isinstance(wallet, Mapping) else None,
        templates=templates,
        number_confirmed=number_confirmed,
    )


def _refusal(
    refused: GupshupRefused, wallet: Mapping[str, Any] | GupshupRefused | GupshupUnavailable
) -> GupshupRefused | GupshupUnavailable:
    """Say whose fault it is that the app's templates are not shown."""
    if refused.status is None:
        return KeyRefused(None, refused.message)  # no header can carry it
    if _says_not_live(refused):
        return AppNotLive(refused.status, refused.message)
    if refused.status in UNAUTHORISED:
        # A key of one app is refused for another as a wrong key is; only a wrong one is refused by the wallet too.
        kind = AppUnknown if isinstance(wallet, Mapping) else KeyRefused
        return kind(refused.status, refused.message)
    if refused.status in _ABOUT_THE_APP:
        return AppUnknown(refused.status, refused.message)
    return GupshupUnavailable(f"HTTP {refused.status}: {refused.message}")


async def _confirm_number(gupshup: Gupshup, credentials: Credentials, step_seconds: float) -> bool:
    """Tell whether name and number are proven to be the key's.

    Raises:
        AppNameUnknown: The number is the key's, and its app has another name.
        NumberOfAnotherAccount: Name, number and key do not belong together.
    """
    other_number = credentials.source[:-1] + str((int(credentials.source[-1]) + 1) % 10)
    given, changed, nameless = await asyncio.gather(
        _offer(gupshup, credentials, step_seconds),
        _offer(gupshup, replace(credentials, source=other_number), step_seconds),
        # Gupshup serves clients that leave the name out, so that it can be told from the number.
        _offer(gupshup, credentials, step_seconds, with_name=False),
    )
    if given == "unknown":
        if nameless == "known":
            raise AppNameUnknown(HTTPStatus.BAD_REQUEST, "the number is the key's, the app's name is not")
        raise NumberOfAnotherAccount(HTTPStatus.BAD_REQUEST, "name, number and key do not belong together")
    return given == "known" and changed == "unknown"


async def _offer(
    gupshup: Gupshup, credentials: Credentials, step_seconds: float, *, with_name: bool = True
) -> _Sender:
    """Offer a message to nobody, to hear whether Gupshup objects to its sender or to its recipient."""
    form = {
        "channel": "whatsapp",
        "source": credentials.source,
        "destination": _NOBODY,
        "message": messages.write_session(TextMessage("Connection check")),
    }
    if with_name:
        form["src.name"] = credentials.app_name
    answer = await _attempt(gupshup.ask(credentials, "POST", "/wa/api/v1/msg", form), step_seconds)
    said = answer.message.lower() if isinstance(answer, GupshupRefused) else ""
    if _WRONG_SENDER in said:
        return "unknown"
    return "known" if _WRONG_RECIPIENT in said else "untold"


async def _attempt(question: Awaitable[T], seconds: float) -> T | GupshupRefused | GupshupUnavailable:
    """Return the answer to a question, or what it came to instead."""
    try:
        async with asyncio.timeout(seconds):
            return await question
    except (GupshupRefused, GupshupUnavailable) as error:
        return error
    except TimeoutError:
        return GupshupUnavailable(f"no answer within {seconds:g} s")


def _says_not_live(refused: GupshupRefused) -> bool:
    return any(words in refused.message.lower() for words in _NOT_LIVE)


def _app_path(credentials: Credentials) -> str:
    return f"/wa/app/{quote(credentials.app_id, safe='')}"
