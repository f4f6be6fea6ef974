"""What Gupshup's answers say about a key, an app and a number, and where callbacks go (R2.2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from clients.gupshup import (
    AppNameUnknown,
    AppNotLive,
    AppUnknown,
    Credentials,
    Gupshup,
    GupshupError,
    GupshupRefused,
    GupshupUnavailable,
    KeyRefused,
    NumberOfAnotherAccount,
    SubscriptionRefused,
    TooManySubscriptions,
    Verified,
    list_subscriptions,
    set_subscription,
    verify_account,
)
from clients.gupshup.subscriptions import MODES
from ops.spare_apps import NOT_LIVE, OF_ANOTHER_KEY, READY, SpareApp, spare_apps
from simulators.gupshup.app import create_app

PAYLOADS = Path(__file__).parents[1] / "payloads" / "gupshup"
KEY = "sk-0123456789abcdef"
CREDENTIALS = Credentials(KEY, "6b1f0f0e-2c55-4d0b-9f0a-5f7d2f6f1a10", "ExampleStore", "919999900099")
URL = "https://hooks.example.com/gupshup/3a1f-long-random"

Answer = tuple[int, Any]
WRONG_KEY: Answer = (401, {"status": "error", "message": "Authentication Failed"})
WRONG_APP: Answer = (400, {"message": "Invalid App Details", "status": "error"})
WRONG_RECIPIENT: Answer = (400, {"status": "error", "message": "Invalid Destination"})
NO_LIVE_APP: Answer = (400, {"status": "error", "message": "App is not live."})
DOWN: Answer = (503, "upstream connect error")
TEMPLATES: Answer = (200, {"status": "success", "templates": []})
BUSINESS: Answer = (200, {"status": "success", "business": {"id": CREDENTIALS.app_id}})
WALLET: Answer = (200, {"status": "success", "balance": 41.938})


def _payload(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_bytes())


class _Provider:
    """Answers each question as told, and keeps what was asked."""

    def __init__(
        self,
        *,
        templates: Answer = TEMPLATES,
        business: Answer = BUSINESS,
        wallet: Answer = WALLET,
        given: Answer = WRONG_RECIPIENT,
        changed: Answer = WRONG_APP,
        nameless: Answer = WRONG_APP,
    ) -> None:
        self.answers = {"template": templates, "business": business, "balance": wallet}
        self.offers = {"given": given, "changed": changed, "nameless": nameless}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        last = request.url.path.rpartition("/")[2]
        if last == "msg":
            form = dict(parse_qsl(request.content.decode()))
            which = "given" if form["source"] == CREDENTIALS.source else "changed"
            status, body = self.offers["nameless" if "src.name" not in form else which]
        else:
            status, body = self.answers[last]
        if isinstance(body, str):
            return httpx.Response(status, text=body)
        return httpx.Response(status, json=body, headers={"content-type": "text/html"})


@asynccontextmanager
async def _gupshup(
    answer: Callable[[httpx.Request], httpx.Response],
) -> AsyncIterator[Gupshup]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        yield Gupshup(http, base_url="https://gupshup.test")


async def _verify(provider: _Provider, credentials: Credentials = CREDENTIALS) -> Verified:
    async with _gupshup(provider) as gupshup:
        return await verify_account(gupshup, credentials)


async def test_account_whose_parts_belong_together_is_verified() -> None:
    """All that Gupshup tells is there, and each question was asked once, with nobody as recipient."""
    provider = _Provider(templates=(200, _payload("api-template-list.json")))
    verified = await _verify(provider)
    assert (verified.app_id, verified.app_name, verified.phone) == (
        CREDENTIALS.app_id,
        CREDENTIALS.app_name,
        CREDENTIALS.source,
    )
    assert verified.is_live
    assert verified.wallet_balance == 41.938
    assert len(verified.templates) == 7
    assert verified.number_confirmed
    assert sorted((request.method, request.url.path) for request in provider.requests) == [
        ("GET", "/sm/api/v2/wallet/balance"),
        ("GET", f"/wa/app/{CREDENTIALS.app_id}/business"),
        ("GET", f"/wa/app/{CREDENTIALS.app_id}/template"),
        *[("POST", "/wa/api/v1/msg")] * 3,
    ]
    offers = [dict(parse_qsl(request.content.decode())) for request in provider.requests if request.content]
    assert {offer["destination"] for offer in offers} == {"0"}


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        # Refused as unauthorised: whether the wallet takes the key tells the key from the app.
        ({"templates": WRONG_KEY, "wallet": WRONG_KEY, "business": WRONG_KEY}, KeyRefused),
        ({"templates": WRONG_KEY, "business": WRONG_KEY}, AppUnknown),
        ({"templates": (403, {}), "wallet": (403, {})}, KeyRefused),
        ({"templates": WRONG_KEY, "wallet": DOWN}, KeyRefused),
        ({"templates": WRONG_KEY, "wallet": (404, {})}, KeyRefused),
        ({"templates": WRONG_APP, "business": WRONG_APP}, AppUnknown),
        ({"templates": (404, "not found")}, AppUnknown),
        ({"business": NO_LIVE_APP}, AppNotLive),
        ({"templates": NO_LIVE_APP, "business": DOWN}, AppNotLive),
        ({"templates": WRONG_KEY, "business": NO_LIVE_APP}, AppNotLive),
        ({"business": (400, {"message": "Phone id not found for the given App"})}, AppNotLive),
        ({"given": WRONG_APP}, NumberOfAnotherAccount),
        ({"given": WRONG_APP, "nameless": DOWN}, NumberOfAnotherAccount),
        ({"given": WRONG_APP, "nameless": WRONG_RECIPIENT}, AppNameUnknown),
        ({"templates": DOWN}, GupshupUnavailable),
        ({"templates": (429, {"message": "Too Many Requests"})}, GupshupUnavailable),
        ({"templates": (200, "<html>")}, GupshupUnavailable),
        ({"templates": (200, {"status": "success"})}, GupshupUnavailable),
        ({"templates": (200, {"status": "error", "message": "Something went wrong"})}, GupshupUnavailable),
        ({"templates": (405, {"message": "Method not allowed"})}, GupshupUnavailable),
    ],
)
async def test_what_is_wrong_is_told_apart(answers: Mapping[str, Answer], error: type[GupshupError]) -> None:
    """R2.2: a wrong key, app or number, an app that is not live and Gupshup being down are different errors."""
    with pytest.raises(error) as caught:
        await _verify(_Provider(**answers))
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "answers",
    [
        {"changed": WRONG_RECIPIENT},  # the recipient is looked at first: nothing is proven
        {"changed": DOWN},
        {"given": DOWN},
        {"given": WRONG_KEY, "changed": WRONG_KEY, "nameless": WRONG_KEY},
        {"given": (202, {"status": "submitted", "messageId": "m-1"})},
        {"given": (429, {"message": "Too Many Requests"})},
    ],
)
async def test_number_that_cannot_be_proven_is_never_called_confirmed(answers: Mapping[str, Answer]) -> None:
    """R2.2: "not proven" is a result of its own."""
    assert not (await _verify(_Provider(**answers))).number_confirmed


@pytest.mark.parametrize("business", [DOWN, WRONG_KEY, (404, {}), WRONG_APP, (200, "<html>")])
async def test_what_business_and_wallet_do_not_tell_is_left_open(business: Answer) -> None:
    """A key that may send may be kept from other calls: that is no fault of the account."""
    verified = await _verify(_Provider(business=business, wallet=(404, {})))
    assert (verified.is_live, verified.wallet_balance) == (None, None)
    assert verified.number_confirmed


@pytest.mark.parametrize("balance", [None, "much", True, {}])
async def test_wallet_in_another_form_is_left_open(balance: object) -> None:
    """The wallet's answer is seen in use, not documented."""
    verified = await _verify(_Provider(wallet=(200, {"status": "success", "balance": balance})))
    assert verified.wallet_balance is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("api-error-200-status-error.json", GupshupUnavailable),
        ("api-error-400-invalid-app-details.json", AppUnknown),
        ("api-error-400-message-object.json", AppUnknown),
        ("api-error-401.json", AppUnknown),  # the wallet takes the key
        ("api-error-429.json", GupshupUnavailable),
        ("api-partner-health-400-not-live.json", AppNotLive),
    ],
)
async def test_documented_refusals(name: str, error: type[GupshupError]) -> None:
    """Every documented error of the list of templates is read."""
    status = next(int(part) for part in name.removesuffix(".json").split("-") if part.isdecimal())
    with pytest.raises(error):
        await _verify(_Provider(templates=(status, _payload(name))))


async def test_documented_wallet() -> None:
    """The wallet's real answer is read."""
    verified = await _verify(_Provider(wallet=(200, _payload("api-wallet-balance.json"))))
    assert verified.wallet_balance == _payload("api-wallet-balance.json")["balance"]


async def test_key_that_no_header_can_carry_is_refused_unasked() -> None:
    """A key with a line break would be a second header."""
    provider = _Provider()
    with pytest.raises(KeyRefused):
        await _verify(provider, replace(CREDENTIALS, api_key="sk\r\nX: 1"))
    assert provider.requests == []


async def test_gupshup_that_does_not_answer_is_unavailable() -> None:
    """A connection refused is the same to a seller as silence."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with _gupshup(refuse) as gupshup:
        with pytest.raises(GupshupUnavailable):
            await verify_account(gupshup, CREDENTIALS)


async def test_slow_gupshup_is_given_up_in_time() -> None:
    """A check has its own limit, below the limit of one call: a person waits."""

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    started = asyncio.get_running_loop().time()
    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as http:
        with pytest.raises(GupshupUnavailable, match="no answer within"):
            await verify_account(
                Gupshup(http, base_url="https://gupshup.test"), CREDENTIALS, step_seconds=0.05
            )
    assert asyncio.get_running_loop().time() - started < 2


# Subscriptions --------------------------------------------------------------------------------------


class _Subscribing:
    """Keeps what was asked about subscriptions, and answers with the samples."""

    def __init__(self, present: list[dict[str, Any]], *, answer: Answer | None = None) -> None:
        self.present = present
        self.answer = answer or (200, _payload("api-subscription-create-200.json"))
        self.changes: list[tuple[str, str, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"status": "success", "subscriptions": self.present})
        self.changes.append((request.method, request.url.path, dict(parse_qsl(request.content.decode()))))
        return httpx.Response(self.answer[0], json=self.answer[1])


async def test_documented_list_of_subscriptions() -> None:
    """What is subscribed is read from the documented answer."""
    listed = _payload("api-subscription-list-200.json")
    async with _gupshup(lambda _: httpx.Response(200, json=listed)) as gupshup:
        [found] = await list_subscriptions(gupshup, CREDENTIALS)
    assert (found.id, found.tag, found.version, found.url) == ("8166", "orders-v2", 2, URL)
    assert found.is_complete
    assert not replace(found, version=3).is_complete
    assert not replace(found, modes=("MESSAGE",)).is_complete
    assert URL not in repr(found)


async def test_first_subscription_is_created_with_the_documented_fields() -> None:
    """Where none is ours one is made; the fields are those of the documented request that we use."""
    provider = _Subscribing([])
    async with _gupshup(provider) as gupshup:
        stored = await set_subscription(gupshup, CREDENTIALS, url=URL, tag="orders-v2")
    [(method, path, form)] = provider.changes
    assert (method, path) == ("POST", f"/wa/app/{CREDENTIALS.app_id}/subscription")
    documented = _payload("request-create-subscription-form.json")
    assert form == {name: documented[name] for name in ("url", "tag", "version", "modes")}
    assert stored.id == "8166"


@pytest.mark.parametrize(
    "present",
    [
        {"id": "8166", "tag": "ours", "url": "https://old.example.com", "version": 2, "modes": ["MESSAGE"]},
        {"id": 8166, "tag": "by hand", "url": URL, "version": 3, "modes": ["ALL"]},
    ],
)
async def test_own_subscription_is_changed_and_not_doubled(present: dict[str, Any]) -> None:
    """Two subscriptions of one address would double every callback."""
    other = {"id": "1", "tag": "shop", "url": "https://shop.example.com", "version": 2, "modes": ["ALL"]}
    provider = _Subscribing([other, present])
    async with _gupshup(provider) as gupshup:
        await set_subscription(gupshup, CREDENTIALS, url=URL, tag="ours")
    [(method, path, form)] = provider.changes
    assert (method, path) == ("PUT", f"/wa/app/{CREDENTIALS.app_id}/subscription/8166")
    assert form == {"url": URL, "tag": present["tag"], "version": "2", "modes": ",".join(MODES)}


async def test_sixth_subscription_is_not_tried() -> None:
    """Gupshup takes five, and none of the others is ours to remove."""
    provider = _Subscribing([{"id": str(n), "tag": f"t{n}", "url": "https://x.example"} for n in range(5)])
    async with _gupshup(provider) as gupshup:
        with pytest.raises(TooManySubscriptions):
            await set_subscription(gupshup, CREDENTIALS, url=URL, tag="ours")
    assert provider.changes == []


@pytest.mark.parametrize(
    "answer",
    [
        (400, _payload("api-subscription-error-400.json")),
        (400, {"status": "error", "message": f"Invalid URL {URL}"}),
        WRONG_KEY,
    ],
)
async def test_refused_subscription_does_not_show_its_address(answer: Answer) -> None:
    """S1: the address is a secret, and Gupshup's words may quote it."""
    async with _gupshup(_Subscribing([], answer=answer)) as gupshup:
        with pytest.raises(SubscriptionRefused) as caught:
            await set_subscription(gupshup, CREDENTIALS, url=URL, tag="ours")
    assert URL not in str(caught.value)


@pytest.mark.parametrize("answer", [(200, {"status": "success"}), (503, {}), (200, {"subscription": []})])
async def test_subscription_without_a_usable_answer(answer: Answer) -> None:
    """It may have been set."""
    async with _gupshup(_Subscribing([], answer=answer)) as gupshup:
        with pytest.raises(GupshupUnavailable):
            await set_subscription(gupshup, CREDENTIALS, url=URL, tag="ours")


@pytest.mark.parametrize("body", [{"subscriptions": None}, {}, {"subscriptions": "none"}])
async def test_list_of_subscriptions_in_another_form(body: object) -> None:
    """The list is documented by one source alone."""
    async with _gupshup(lambda _: httpx.Response(200, json=body)) as gupshup:
        with pytest.raises(GupshupUnavailable):
            await list_subscriptions(gupshup, CREDENTIALS)


async def test_entries_of_a_list_are_read_with_suspicion() -> None:
    """What is not readable is left out, what is missing is empty."""
    odd = [{"tag": "no id"}, "text", {"id": 7, "modes": "ALL", "version": "2", "active": "false"}]
    async with _gupshup(lambda _: httpx.Response(200, json={"subscriptions": odd})) as gupshup:
        [found] = await list_subscriptions(gupshup, CREDENTIALS)
    assert (found.id, found.modes, found.version, found.is_active, found.url) == ("7", (), 2, False, "")


# Against the stand-in -------------------------------------------------------------------------------


class _Stand:
    """The stand-in with a client of ours before it."""

    def __init__(self) -> None:
        self.hooks: list[httpx.Request] = []
        self.hook_status = 200

        def hook(request: httpx.Request) -> httpx.Response:
            self.hooks.append(request)
            return httpx.Response(self.hook_status)

        self.app = create_app({"apps": spare_apps()}, pace=0, transport=httpx.MockTransport(hook))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app))
        self.gupshup = Gupshup(self.http, base_url="http://gupshup.test")

    async def order(self, path: str, body: Mapping[str, Any]) -> None:
        """Call a control route."""
        answer = await self.http.post(f"http://gupshup.test/control/{path}", json=body)
        assert answer.status_code == 200, answer.text

    async def close(self) -> None:
        """Stop both."""
        await self.http.aclose()
        await self.app.state.network.close()


@pytest.fixture
async def stand() -> AsyncIterator[_Stand]:
    """A stand-in with the spare apps."""
    stand = _Stand()
    yield stand
    await stand.close()


def _of(app: SpareApp, **changes: str) -> Credentials:
    return replace(
        Credentials(api_key=app.api_key, app_id=app.id, app_name=app.name, source=app.phone), **changes
    )


async def test_stand_in_verifies_what_belongs_together(stand: _Stand) -> None:
    """And nobody gets a message by it."""
    verified = await verify_account(stand.gupshup, _of(READY))
    assert verified.is_live
    assert verified.number_confirmed
    assert verified.wallet_balance == 12.5
    assert {template.status for template in verified.templates} >= {"APPROVED", "REJECTED", "PAUSED"}
    assert stand.app.state.network.world.messages == {}


@pytest.mark.parametrize("stranger_status", [400, 401, 404])
@pytest.mark.parametrize(
    ("credentials", "error"),
    [
        (_of(READY, api_key="sk_wrong"), KeyRefused),
        (_of(READY, app_id=OF_ANOTHER_KEY.id), AppUnknown),
        (_of(READY, app_id="none"), AppUnknown),
        (_of(READY, app_name="banjaralive"), AppNameUnknown),
        (_of(NOT_LIVE), AppNotLive),
        (_of(READY, source=OF_ANOTHER_KEY.phone), NumberOfAnotherAccount),
        (_of(READY, source="918047100039"), NumberOfAnotherAccount),
    ],
)
async def test_stand_in_tells_what_is_wrong(
    stand: _Stand, credentials: Credentials, error: type[GupshupRefused], stranger_status: int
) -> None:
    """R2.2: also where an app of another key is refused as a wrong key is."""
    await stand.order("options", {"stranger_status": stranger_status})
    with pytest.raises(error) as caught:
        await verify_account(stand.gupshup, credentials)
    assert type(caught.value) is error


async def test_stand_in_that_looks_at_the_recipient_first_proves_no_number(stand: _Stand) -> None:
    """Neither right nor wrong numbers are told from one another then."""
    await stand.order("options", {"recipient_first": True})
    for phone in (READY.phone, OF_ANOTHER_KEY.phone):
        assert not (await verify_account(stand.gupshup, _of(READY, source=phone))).number_confirmed


async def test_stand_in_that_is_down_is_unavailable_until_it_is_up(stand: _Stand) -> None:
    """R2.2: Gupshup being down says nothing about the key."""
    await stand.order("options", {"down": True})
    with pytest.raises(GupshupUnavailable):
        await verify_account(stand.gupshup, _of(READY, api_key="sk_wrong"))
    await stand.order("options", {"down": False})
    assert (await verify_account(stand.gupshup, _of(READY))).number_confirmed


async def test_stand_in_takes_a_subscription_once(stand: _Stand) -> None:
    """The address is tried, and setting it again changes the same one."""
    first = await set_subscription(stand.gupshup, _of(READY), url=URL, tag="eshopbox")
    again = await set_subscription(stand.gupshup, _of(READY), url=f"{URL}-2", tag="eshopbox")
    assert again.id == first.id
    assert [found.url for found in await list_subscriptions(stand.gupshup, _of(READY))] == [f"{URL}-2"]
    assert [str(request.url) for request in stand.hooks] == [URL, f"{URL}-2"]
    assert first.is_complete


async def test_stand_in_refuses_an_address_that_does_not_answer(stand: _Stand) -> None:
    """Gupshup tries an address before it takes it."""
    stand.hook_status = 404
    with pytest.raises(SubscriptionRefused):
        await set_subscription(stand.gupshup, _of(READY), url=URL, tag="eshopbox")
    assert await list_subscriptions(stand.gupshup, _of(READY)) == ()


async def test_stand_in_lets_no_app_subscribe_that_is_not_live(stand: _Stand) -> None:
    """Seen at the real one: 401, though the key is right."""
    with pytest.raises(SubscriptionRefused, match="401"):
        await set_subscription(stand.gupshup, _of(NOT_LIVE), url=URL, tag="eshopbox")
