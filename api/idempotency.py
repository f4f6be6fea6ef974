"""`Idempotency-Key`: the same request again gets the same answer, another one with the same key is an error (S5)."""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from api.auth import Caller
from api.dependencies import Services, ServicesNow
from api.errors import Problem, answer
from db import workspaces

__all__ = ["Once", "OnceNow"]

_JSON = "application/json"
_PROBLEM_FROM = 400


class Once:
    """Does what a request asks for at most once for its key.

    Args:
        services: The app's services.
        workspace_id: Whose key it is.
        key: The key; empty for none.
        request_hash: What tells this request from another.
    """

    def __init__(self, services: Services, workspace_id: str, key: str, request_hash: bytes) -> None:
        self._services = services
        self._workspace_id = workspace_id
        self._key = key
        self._hash = request_hash

    def mail_id(self, otherwise: str) -> str:
        """Return the id of a case's mail: the same for the same request and key, so that a repeat is the same act."""
        if not self._key:
            return otherwise
        said = f"{self._workspace_id}\0{self._key}\0".encode() + self._hash
        return "api:" + hashlib.sha256(said).hexdigest()[:32]

    async def do(self, act: Callable[[], Awaitable[Response]]) -> Response:
        """Act and return the answer, or the answer that was given before.

        After trouble on our side the same request may be sent again; the key stays its own, since nobody knows whether
        the act arrived.

        Raises:
            Problem: The key belongs to another request, or this one is being handled right now.
        """
        if not self._key:
            return await act()
        database = self._services.resources.database
        async with database.transaction(self._workspace_id) as session:
            claim = await workspaces.claim_idempotency_key(
                session, self._workspace_id, self._key, self._hash, self._services.clock()
            )
        if claim.kind == "conflict":
            raise Problem(
                HTTPStatus.CONFLICT,
                "key-reused",
                "The Idempotency-Key belongs to another request",
                "It was first sent with another method, path or body. Send each request with a key of its own, and the "
                "same key only to repeat the same request.",
            )
        if claim.kind == "in_progress":
            raise Problem(
                HTTPStatus.CONFLICT,
                "in-progress",
                "The same request is being handled",
                "Its answer is not there yet; the same request may be sent again in a moment.",
                headers={"Retry-After": "2"},
            )
        if claim.kind == "replay":
            status = claim.status or HTTPStatus.OK
            media_type = "application/problem+json" if status >= _PROBLEM_FROM else _JSON
            return Response(
                claim.body, status, media_type=media_type, headers={"Idempotency-Replayed": "true"}
            )
        try:
            response = await self._answered(act)
        except BaseException:
            async with database.transaction(self._workspace_id) as session:
                await workspaces.release_idempotency_key(session, self._workspace_id, self._key)
            raise
        async with database.transaction(self._workspace_id) as session:
            await workspaces.save_idempotent_answer(
                session, self._workspace_id, self._key, response.status_code, bytes(response.body).decode()
            )
        return response

    @staticmethod
    async def _answered(act: Callable[[], Awaitable[Response]]) -> Response:
        try:
            return await act()
        except Problem as problem:
            if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return answer(problem)


async def _once(
    request: Request,
    caller: Caller,
    services: ServicesNow,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Any text of yours, kept for seven days: the same request again gets the same answer",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
        ),
    ] = None,
) -> Once:
    what = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Once(services, caller.workspace_id, idempotency_key or "", hashlib.sha256(what).digest())


OnceNow = Annotated[Once, Depends(_once)]
