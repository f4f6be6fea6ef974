"""The JSON API about what customers want: stop messages of the workspace's own account, lift that, read it (R5.5).

An opt-out of the shared account stops every seller's messages, so that no seller may speak for its customers: there
the customer's own word counts, or what staff enter.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import Caller
from api.dependencies import Services, ServicesNow
from api.errors import Problem, ProblemField, documented, invalid
from api.idempotency import Once, OnceNow
from api.models import Line, Phone, Text
from db import consents, customers, installations
from db.accounts import AppAccount
from db.consents import Consent
from db.workspaces import ApiKey
from domain.consent import Scope, Source

__all__ = ["router"]

_ALWAYS = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_CLOCKS_DIFFER_BY = timedelta(minutes=10)

router = APIRouter(prefix="/v1", tags=["Opt-outs"], responses=_ALWAYS)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    phone: Phone = Field(description="The customer's mobile number", examples=["+919999900001"])


class WishIn(_Asked):
    """What a customer told the seller."""

    scope: Literal["all", "marketing"] = Field(
        default="all", description="All messages of the account, or those of the category marketing"
    )
    at: AwareDatetime | None = Field(default=None, description="When they said so; now where it is left out")
    note: Text = Field(min_length=1, description="How they said so: it is kept as the proof")
    person: Line = Field(default="", description="Who entered it")


class LookUpIn(_Asked):
    """Whose wishes are asked for; the number stands in no address, where logs would keep it."""


class SaidOut(BaseModel):
    """One thing that a customer said."""

    at: datetime
    scope: Literal["all", "marketing"]
    is_wanted: bool = Field(description="Whether such messages are wanted from then on")
    source: str = Field(description="Who says so", examples=["message"])
    proof: str
    person: str
    note: str


class WishesOut(BaseModel):
    """What a customer wants of the workspace's own account."""

    opted_out_at: datetime | None = Field(description="Since when they want no messages; null where they do")
    marketing_opted_out_at: datetime | None = Field(
        description="Since when they want none of marketing; null where they do, or as for all messages"
    )


class HistoryOut(WishesOut):
    """What a customer wants, and everything they said."""

    history: list[SaidOut] = Field(description="Everything they said, newest first; at most 100")


@router.post("/opt-outs", summary="Stop messages to a customer", response_model=WishesOut)
async def opt_out(wish: WishIn, caller: Caller, services: ServicesNow, once: OnceNow) -> Response:
    """Stop the own account's messages to a customer from now on, and keep who said so (R5.5).

    Open cases of this customer end as undeliverable, so that e-mail or SMS can take over.
    """
    return await once.do(lambda: _take(wish, caller, services, once, is_wanted=False))


@router.post("/opt-ins", summary="Send to a customer again", response_model=WishesOut)
async def opt_in(wish: WishIn, caller: Caller, services: ServicesNow, once: OnceNow) -> Response:
    """Lift an opt-out because the customer asked for messages again, and keep who said so (R5.5)."""
    return await once.do(lambda: _take(wish, caller, services, once, is_wanted=True))


@router.post("/opt-outs/look-up", summary="Read what a customer wants")
async def look_up(asked: LookUpIn, caller: Caller, services: ServicesNow) -> HistoryOut:
    """Return what stands, and everything that the customer said."""
    account = await _own_account(caller.workspace_id, services)
    phone_hash = services.resources.cipher.phone_hash(asked.phone)
    async with services.resources.database.transaction() as session:
        customer = await customers.customer(session, account.id, phone_hash)
        said = await consents.list_consents(session, services.resources.cipher, account.id, phone_hash)
    return HistoryOut(
        opted_out_at=customer.opted_out_at,
        marketing_opted_out_at=customer.marketing_opted_out_at,
        history=[
            SaidOut(
                at=one.at,
                scope=one.scope.value,
                is_wanted=one.is_wanted,
                source=one.source.value,
                proof=one.proof,
                person=one.person,
                note=one.note,
            )
            for one in said
        ],
    )


async def _take(wish: WishIn, caller: ApiKey, services: Services, once: Once, *, is_wanted: bool) -> Response:
    now = services.clock()
    if wish.at is not None and wish.at > now + _CLOCKS_DIFFER_BY:
        raise invalid(
            [ProblemField(where="body.at", problem="in the future", expected="when the customer said so")]
        )
    account = await _own_account(caller.workspace_id, services)
    phone_hash = services.resources.cipher.phone_hash(wish.phone)
    key = once.mail_id(f"api:{uuid4()}")
    await services.intake.take_consent(
        Consent(
            account_id=account.id,
            phone_hash=phone_hash,
            key=key,
            scope=Scope(wish.scope),
            is_wanted=is_wanted,
            at=min(wish.at or now, now),
            source=Source.API,
            proof=f"request {key.removeprefix('api:')[:12]}, key {caller.public_id}",
            person=wish.person,
            note=wish.note,
        )
    )
    async with services.resources.database.transaction() as session:
        customer = await customers.customer(session, account.id, phone_hash)
    # Without the history: an answer is kept with its Idempotency-Key, and notes are personal.
    wishes = WishesOut(
        opted_out_at=customer.opted_out_at, marketing_opted_out_at=customer.marketing_opted_out_at
    )
    return Response(wishes.model_dump_json(), HTTPStatus.OK, media_type="application/json")


async def _own_account(workspace_id: str, services: Services) -> AppAccount:
    async with services.resources.database.transaction(workspace_id) as session:
        installed = await installations.list_installed(session, workspace_id)
    own = next((one.account for one in installed if one.account.owner == "client"), None)
    if own is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            "no-own-account",
            "The workspace has no account of its own",
            "An opt-out of the shared account stops every seller's messages: there the customer's own STOP and START "
            "count, or what Eshopbox's staff enter.",
        )
    return own
