"""Who calls: webhook secrets, API keys. Comparisons are of hashes in constant time; a refusal says nothing more."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.dependencies import ServicesNow
from api.errors import Problem
from api.remembered import Remembered
from db import accounts, workspaces
from db.accounts import AppAccount
from db.session import Database
from db.workspaces import ApiKey

__all__ = ["Caller", "check_order_system", "find_callback_account"]

_CASES = "cases"


async def find_callback_account(
    database: Database, remembered: Remembered[AppAccount], token: str, headers: Mapping[str, str]
) -> AppAccount:
    """Return the app account of a callback address, its header secret checked where it has one (S1, S2).

    Raises:
        Problem: 404 for an unknown address, 401 for a wrong header.
        DatabaseUnavailable: Nobody can tell now.
    """
    account = remembered.find(token)
    if account is not None and remembered.find(token, _header_of(account, headers)) is not None:
        return account
    async with database.transaction() as session:
        account = await accounts.find_account_by_token(session, token)
        if account is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", HTTPStatus.NOT_FOUND.phrase)
        presented = _header_of(account, headers)
        if not await accounts.header_is_authentic(session, account.id, presented):
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", HTTPStatus.UNAUTHORIZED.phrase)
    remembered.keep(account, token)
    remembered.keep(account, token, presented)
    return account


def _header_of(account: AppAccount, headers: Mapping[str, str]) -> str:
    return headers.get(account.header_name.lower(), "") if account.header_name else ""


async def check_order_system(
    database: Database, remembered: Remembered[str], workspace_id: str, headers: Mapping[str, str]
) -> None:
    """Check that a callback comes from a workspace's order system.

    Raises:
        Problem: 401, the same for a wrong secret and a workspace that does not exist.
        DatabaseUnavailable: Nobody can tell now.
    """
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    presented = headers.get("x-webhook-secret") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if remembered.find(workspace_id, presented) is not None:
        return
    async with database.transaction() as session:
        if not await workspaces.order_webhook_is_authentic(session, workspace_id, presented):
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", HTTPStatus.UNAUTHORIZED.phrase)
    remembered.keep(workspace_id, workspace_id, presented)


_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="A workspace's API key: `esb_<id>_<secret>`"
)


async def _caller(
    services: ServicesNow,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> ApiKey:
    """Return the API key of a request, which says whose workspace it is; nothing else does (S12)."""
    key = None
    if credentials is not None:
        async with services.resources.database.transaction() as session:
            key = await workspaces.find_api_key(session, credentials.credentials, services.clock())
    if key is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "An API key is needed",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not services.api_rates.take(key.public_id):
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS, "too-many", "Too many requests", headers={"Retry-After": "1"}
        )
    if _CASES not in key.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "The key may not do this")
    return key


Caller = Annotated[ApiKey, Depends(_caller)]
