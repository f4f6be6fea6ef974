"""Access tokens: asked for as seldom as possible, by one caller at a time."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from clients.carriers.base import ActionTarget, CarrierCredentials, CarrierUnavailable
from clients.carriers.eshopbox import Eshopbox
from clients.carriers.eshopbox.tokens import AccessTokens
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Mode
from domain.shipments import Address

CREDENTIALS = CarrierCredentials(
    workspace_id="kapaskraft", client_id="app-1", client_secret="top-secret", refresh_token="refresh-secret"
)
TARGET = ActionTarget(
    order_id="ORD123456",
    tracking_id="70011223344",
    phone="919999900001",
    customer_name="Asha Rao",
    address=Address(),
    attempt=1,
)
REATTEMPT = ActionRequest("case/1", Action.REATTEMPT, Mode.WHATSAPP)


@dataclass
class AuthHost:
    """Issue tokens t1, t2, …; refuse resolutions whose token is not in `valid` (None: all are)."""

    answer: dict[str, Any] = field(default_factory=lambda: {"expires_in": 86400})
    status: int = 200
    valid: set[str] | None = None
    now: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    issued: int = 0
    paths: list[str] = field(default_factory=list)
    error: Exception | None = None
    delay: float = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, after letting others run."""
        self.paths.append(request.url.path)
        await asyncio.sleep(self.delay)
        if request.url.path != "/api/v1/generateToken":
            given = request.headers["authorization"].removeprefix("Bearer ")
            return httpx.Response(200 if self.valid is None or given in self.valid else 401)
        if self.error:
            raise self.error
        self.issued += 1
        return httpx.Response(self.status, json={"access_token": f"t{self.issued}", **self.answer})

    def http(self) -> httpx.AsyncClient:
        """Build an HTTP client that reaches this host only."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def tokens(self, auth_url: str = "https://auth.example") -> AccessTokens:
        """Build the token cache over this host."""
        return AccessTokens(self.http(), auth_url=auth_url, clock=lambda: self.now, total_seconds=5)

    def eshopbox(self) -> Eshopbox:
        """Build the whole client over this host."""
        url = "https://wms.example"
        return Eshopbox(self.http(), base_url=url, auth_url=url, clock=lambda: self.now)


async def test_token_is_kept_until_shortly_before_it_ends() -> None:
    """`expires_in` is trusted, less a minute."""
    host = AuthHost(answer={"expires_in": "3600"})
    tokens = host.tokens()
    assert await tokens.token(CREDENTIALS) == "t1"
    host.now += timedelta(seconds=3539)
    assert await tokens.token(CREDENTIALS) == "t1"
    host.now += timedelta(seconds=1)
    assert await tokens.token(CREDENTIALS) == "t2"


async def test_token_without_an_end_is_kept_for_an_hour() -> None:
    """A missing life is no reason to ask for every call."""
    host = AuthHost(answer={})
    tokens = host.tokens()
    await tokens.token(CREDENTIALS)
    host.now += timedelta(minutes=58)
    assert await tokens.token(CREDENTIALS) == "t1"


@pytest.mark.parametrize(
    "url", ["https://auth.example", "https://auth.example/", "https://auth.example/api/v1/generateToken"]
)
async def test_address_may_be_the_host_or_the_whole(url: str) -> None:
    """The setting takes either."""
    host = AuthHost()
    await host.tokens(url).token(CREDENTIALS)
    assert host.paths == ["/api/v1/generateToken"]


async def test_many_callers_ask_once() -> None:
    """Of fifty callers at once one asks; another workspace asks for itself."""
    host = AuthHost()
    tokens = host.tokens()
    other = replace(CREDENTIALS, workspace_id="another")
    found = await asyncio.gather(*(tokens.token(CREDENTIALS) for _ in range(50)), tokens.token(other))
    assert len(set(found[:50])) == 1
    assert found[50] not in found[:50]
    assert host.issued == 2


async def test_many_callers_share_one_refusal_and_the_next_one_asks_again() -> None:
    """Whoever waited hears the same; whoever comes later tries for himself."""
    host = AuthHost(status=503)
    tokens = host.tokens()
    found = await asyncio.gather(*(tokens.token(CREDENTIALS) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(error, CarrierUnavailable) for error in found)
    assert host.issued == 1
    host.status = 200
    assert await tokens.token(CREDENTIALS) == "t2"


async def test_cancelled_caller_leaves_the_others_unharmed() -> None:
    """An activity that is cancelled while it asks does not fail those who wait."""
    tokens = AuthHost(delay=0.05).tokens()
    first, second = (asyncio.create_task(tokens.token(CREDENTIALS)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == "t1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_changed_credentials_get_a_token_of_their_own() -> None:
    """A workspace that connects anew does not go on with the old access."""
    tokens = AuthHost().tokens()
    assert await tokens.token(CREDENTIALS) == "t1"
    assert await tokens.token(replace(CREDENTIALS, refresh_token="another-secret")) == "t2"


@pytest.mark.parametrize("answer", [{"access_token": ""}, {"access_token": None}, {"access_token": "a\nb"}])
async def test_answer_without_a_usable_token_is_unavailable(answer: dict[str, Any]) -> None:
    """What cannot stand in a header is no token."""
    with pytest.raises(CarrierUnavailable):
        await AuthHost(answer=answer).tokens().token(CREDENTIALS)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503, 302])
async def test_action_is_unavailable_while_there_is_no_token(status: int) -> None:
    """F53: without a token nothing was asked for; the words of the auth host are not passed on."""
    host = AuthHost(status=status, answer={"message": "top-secret is wrong"})
    came = await host.eshopbox().take_action(CREDENTIALS, TARGET, REATTEMPT)
    assert came.answer is Answer.UNAVAILABLE
    assert "secret" not in came.detail
    assert host.paths == ["/api/v1/generateToken"]


@pytest.mark.parametrize("error", [httpx.ConnectError(""), httpx.ReadTimeout("")])
async def test_action_is_unavailable_while_the_auth_host_is_down(error: Exception) -> None:
    """F53: a token request that was cut is no action that was cut."""
    came = await AuthHost(error=error).eshopbox().take_action(CREDENTIALS, TARGET, REATTEMPT)
    assert came.answer is Answer.UNAVAILABLE


async def test_refused_token_is_renewed_once() -> None:
    """A 401 costs one new token; ten callers who met it share the new one."""
    host = AuthHost(valid={"t2"})
    eshopbox = host.eshopbox()
    found = await asyncio.gather(*(eshopbox.take_action(CREDENTIALS, TARGET, REATTEMPT) for _ in range(10)))
    assert {came.answer for came in found} == {Answer.ACCEPTED}
    assert host.issued == 2


async def test_second_refusal_is_unavailable() -> None:
    """A 401 with a fresh token is a matter of configuration: nothing was executed."""
    host = AuthHost(valid=set())
    came = await host.eshopbox().take_action(CREDENTIALS, TARGET, REATTEMPT)
    assert (came.answer, came.raw_status) == (Answer.UNAVAILABLE, 401)
    assert host.issued == 2
