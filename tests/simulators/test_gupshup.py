"""The stand-in for Gupshup answers, reports and misbehaves as its contract says, and shows it on the phone."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from simulators.gupshup.app import create_app
from simulators.gupshup.fates import MAGIC
from simulators.gupshup.indian import INDIA
from simulators.gupshup.network import Network
from simulators.gupshup.state import Message, PhoneState, moved_clock, now

PAYLOADS = Path(__file__).parent.parent / "payloads" / "gupshup"
APP_ID = "6b1f0f0e-2c55-4d0b-9f0a-5f7d2f6f1a10"
TEMPLATE_ID = "4d1f7a90-3b2c-4e5d-8f6a-9b0c1d2e3f47"
ASHA = "919999900001"
MODES = ["MESSAGE", "ENQUEUED", "FAILED", "SENT", "DELIVERED", "READ", "TEMPLATE", "ACCOUNT", "BILLING"]
HOOK = "http://receiver.test/hook"
CONFIG: dict[str, Any] = {
    "apps": [
        {
            "id": APP_ID,
            "name": "ExampleStore",
            "phone": "919999900099",
            "api_key": "sk-example",
            "display_name": "Example Store",
            "balance": "41.938",
            "templates": [
                {
                    "id": TEMPLATE_ID,
                    "elementName": "delivery_failed_v1",
                    "languageCode": "en",
                    "category": "UTILITY",
                    "status": "APPROVED",
                    "header": "We missed you",
                    "data": "Hi {{1}}, we could not deliver *order {{2}}*.\n\nWhat should we do?",
                    "footer": "Example Store",
                    "buttons": [
                        {"type": "QUICK_REPLY", "text": "Try again"},
                        {"type": "QUICK_REPLY", "text": "Cancel order"},
                    ],
                },
                {
                    "id": "paused",
                    "elementName": "old",
                    "data": "Hello",
                    "status": "PAUSED",
                    "containerMeta": "",
                },
                {
                    "id": "rejected",
                    "elementName": "bad",
                    "data": "Hello",
                    "status": "REJECTED",
                    "containerMeta": False,
                },
            ],
            "subscriptions": [
                {"url": HOOK, "headers": {"X-Webhook-Secret": "s3"}, "version": 2, "modes": MODES}
            ],
        }
    ],
    "people": [{"phone": ASHA, "name": "Asha Rao"}],
    "order_system_url": "http://orders.test",
}


class Receiver:
    """The far end of callbacks: keeps what came, answers as told."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.third = asyncio.Event()
        self.answers: list[int | Exception] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        if len(self.requests) == 3:
            self.third.set()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def bodies(self) -> list[Any]:
        """The callbacks' bodies, in the order they came."""
        return [json.loads(request.content) for request in self.requests if request.url.path == "/hook"]

    def kinds(self) -> list[str]:
        """Name the callbacks by their types."""
        return [body["payload"].get("type", body["type"]) for body in self.bodies]


class Stand:
    """The stand-in with a client before it and a receiver behind it."""

    def __init__(
        self,
        config: Mapping[str, Any] = CONFIG,
        *,
        retries: tuple[float, ...] = (),
        pace: float = 0,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.receiver = Receiver()
        self.app = create_app(
            json.loads(json.dumps(config)),
            pace=pace,
            retries=retries,
            clock=clock,
            transport=httpx.MockTransport(self.receiver.handle),
        )
        self.network: Network = self.app.state.network
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gupshup.test")

    async def close(self) -> None:
        """Stop both ends."""
        await self.http.aclose()
        await self.network.close()

    async def send(
        self, path: str = "template/msg", *, key: str = "sk-example", **fields: Any
    ) -> httpx.Response:
        """Send a form; values that are not text become JSON. A field of None is left out."""
        form: dict[str, Any] = {
            "channel": "whatsapp",
            "source": "919999900099",
            "destination": ASHA,
            "src.name": "ExampleStore",
        }
        if path == "template/msg":
            form["template"] = {"id": TEMPLATE_ID, "params": ["Asha", "1001"]}
            form["postbackTexts"] = [{"index": 0, "text": "ref-0"}, {"index": "1", "text": "ref-1"}]
        form |= {name.replace("src_name", "src.name"): value for name, value in fields.items()}
        data = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in form.items()
            if value is not None
        }
        answer = await self.http.post(f"/wa/api/v1/{path}", data=data, headers={"apikey": key})
        await self.network.settle()
        return answer

    async def accepted(self, path: str = "template/msg", **fields: Any) -> str:
        """Send, and return the message id."""
        answer = await self.send(path, **fields)
        assert answer.status_code == 202
        return str(answer.json()["messageId"])

    async def say(self, message: Mapping[str, Any], **fields: Any) -> str:
        """Send a free-form message, and return its id."""
        return await self.accepted("msg", message=message, **fields)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control route, and return what it answered."""
        answer = await self.http.request(method, f"/control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        await self.network.settle()
        return answer.json()

    async def customer_wrote(self) -> None:
        """Open the window for free-form messages."""
        await self.control(
            "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hello"}
        )
        self.receiver.requests.clear()


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """A stand-in with one app and one subscription."""
    stand = Stand()
    yield stand
    await stand.close()


LIST = {
    "type": "list",
    "title": "Delivery",
    "body": "Choose a day",
    "footer": "Example Store",
    "msgid": "l1",
    "globalButtons": [{"type": "text", "title": "Choose"}],
    "items": [
        {
            "title": "This week",
            "subtitle": "",
            "options": [
                {
                    "type": "text",
                    "title": "Wed 14 Oct",
                    "description": "9 am to 1 pm",
                    "postbackText": "slot-0",
                },
                {
                    "type": "text",
                    "title": "Thu 15 Oct",
                    "description": "2 pm to 6 pm",
                    "postbackText": "slot-1",
                },
            ],
        }
    ],
}
BUTTONS = {
    "type": "quick_reply",
    "msgid": "q1",
    "content": {"type": "text", "header": "Delivery", "text": "What now?", "caption": "Example Store"},
    "options": [
        {"type": "text", "title": "Try again", "postbackText": "again"},
        {"type": "text", "title": "Cancel order", "postbackText": "cancel"},
    ],
}
ADDRESS = {
    "type": "address_message",
    "header": {"text": "Delivery address"},
    "body": {"text": "Check it"},
    "footer": {"text": "Example Store"},
    "address": {
        "country": "IN",
        "values": {"name": "Asha Rao", "inPinCode": "000000"},
        "validationErrors": {"inPinCode": "We do not deliver there"},
    },
}


def shape(value: Any) -> Any:
    """Reduce JSON to its keys and the kinds of its values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def sample(name: str) -> Any:
    """Read a documented payload."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


# Sending ------------------------------------------------------------------------------------------


async def test_a_template_is_queued_and_climbs_to_read(stand: Stand) -> None:
    """202 means queued; enqueued, sent, delivered, billing and read follow, each with its own id rule."""
    answer = await stand.send()
    message_id = answer.json()["messageId"]
    assert answer.status_code == 202
    assert answer.json() == {"status": "submitted", "messageId": message_id}
    assert stand.receiver.kinds() == ["enqueued", "sent", "delivered", "billing-event", "read"]
    enqueued, *later = (body["payload"] for body in stand.receiver.bodies)
    assert enqueued["id"] == message_id
    assert "gsId" not in enqueued
    whatsapp_id = enqueued["payload"]["whatsappMessageId"]
    for payload in (each.get("references", each) for each in later):
        assert (payload["id"], payload["gsId"]) == (whatsapp_id, message_id)
    assert all(request.headers["X-Webhook-Secret"] == "s3" for request in stand.receiver.requests)


async def test_whatsapps_ids_spell_the_phone(stand: Stand) -> None:
    """As the real ones do, so that whoever keeps them as they come keeps the customer's number."""
    await stand.control(
        "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hello"}
    )
    (body,) = stand.receiver.bodies
    assert body["payload"]["id"].startswith("wamid.HBgM")
    assert ASHA.encode() in base64.b64decode(body["payload"]["id"].removeprefix("wamid."))


async def test_the_same_request_twice_is_two_messages(stand: Stand) -> None:
    """There is no de-duplication."""
    assert await stand.accepted() != await stand.accepted()


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"key": "wrong"}, 401, "Authentication Failed"),
        ({"src_name": "examplestore"}, 400, "Invalid App Details"),
        ({"src_name": "ExampleStore "}, 400, "Invalid App Details"),
        ({"source": "919999900098"}, 400, "Invalid App Details"),
        ({"destination": "+919999900001"}, 400, "Invalid Destination"),
        ({"destination": "12345"}, 400, "Invalid Destination"),
        ({"template": "{not json"}, 400, "Invalid template"),
        ({"template": []}, 400, "Invalid Template"),
        ({"postbackTexts": {"index": 0}}, 400, "Invalid postbackTexts"),
        ({"path": "msg", "message": {"type": "unheard_of"}}, 400, "Invalid message type"),
        ({"path": "msg", "message": {"type": "list"}}, 400, "Invalid message"),
        ({"path": "msg", "message": {"type": "image", "url": "u", "caption": None}}, 400, "Invalid message"),
    ],
)
async def test_what_is_refused_at_once(
    stand: Stand, fields: dict[str, Any], status: int, message: str
) -> None:
    """A refusal has its HTTP status and words, queues nothing and stands in the ledger."""
    answer = await stand.send(**fields)
    assert (answer.status_code, answer.json()) == (status, {"status": "error", "message": message})
    ledger = await stand.control("GET", "ledger")
    assert [(row["outcome"], row["http_status"], row["message_id"]) for row in ledger["requests"]] == [
        ("refused", status, None)
    ]
    assert ledger["callbacks"] == []


async def test_a_body_that_is_no_form_is_refused(stand: Stand) -> None:
    """JSON is not what the sending calls take."""
    answer = await stand.http.post(
        "/wa/api/v1/msg", json={"destination": ASHA}, headers={"apikey": "sk-example"}
    )
    assert answer.status_code == 400


async def test_the_app_name_may_be_left_out(stand: Stand) -> None:
    """Some clients omit src.name and are served."""
    assert (await stand.send(src_name=None)).status_code == 202


@pytest.mark.parametrize(
    ("fields", "code", "early"),
    [
        ({"destination": "919999900402"}, 1003, True),
        ({"destination": "919999900404"}, 1002, False),
        ({"destination": "919999900405"}, 4005, True),
        ({"destination": "919999900131"}, 131026, False),
        ({"destination": "919999900149"}, 131049, False),
        ({"destination": "919999900503"}, 503, True),
        ({"template": {"id": "no such template", "params": []}}, 4003, True),
        ({"template": {"id": "paused", "params": []}}, 4005, True),
        ({"template": {"id": "rejected", "params": []}}, 132001, False),
        ({"template": {"id": TEMPLATE_ID, "params": ["Asha"]}}, 132000, False),
        ({"template": {"id": TEMPLATE_ID, "params": ["Asha\nRao", "1001"]}}, 132018, False),
        ({"template": {"id": TEMPLATE_ID, "params": ["A" * 1024, "1001"]}}, 132005, False),
        ({"path": "msg", "message": {"type": "text", "text": "Too late"}}, 470, False),
    ],
)
async def test_what_fails_after_it_was_accepted(
    stand: Stand,
    fields: dict[str, Any],
    code: int,
    early: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Accepted with 202; an early failure carries the messageId in id, a late one in gsId."""
    message_id = await stand.accepted(**fields)
    assert stand.receiver.kinds() == (["failed"] if early else ["enqueued", "failed"])
    payload = stand.receiver.bodies[-1]["payload"]
    assert payload["payload"]["code"] == code
    assert payload["id" if early else "gsId"] == message_id
    assert ("gsId" in payload) is not early


@pytest.mark.parametrize(("ending", "last"), [("0408", "sent"), ("0407", "delivered"), ("0409", "enqueued")])
async def test_numbers_that_stop_half_way(stand: Stand, ending: str, last: str) -> None:
    """Blocked: sent and never delivered; delivered but never read; enqueued for ever."""
    await stand.accepted(destination=f"91999990{ending}")
    steps = [kind for kind in stand.receiver.kinds() if kind != "billing-event"]
    assert steps[-1] == last
    assert ending in MAGIC


async def test_free_form_messages_need_the_window(stand: Stand) -> None:
    """Within 24 hours of the customer's last message they are delivered, at no charge; a reaction opens nothing."""
    message_id = await stand.accepted()
    reaction = {
        "phone": ASHA,
        "app": "ExampleStore",
        "type": "reaction",
        "emoji": "👍",
        "reply_to": message_id,
    }
    await stand.control("POST", "replies", reaction)
    await stand.say({"type": "text", "text": "Hello"})
    assert stand.receiver.bodies[-1]["payload"]["payload"]["code"] == 470
    await stand.customer_wrote()
    await stand.say({"type": "text", "text": "Hello"})
    billing = next(body for body in stand.receiver.bodies if body["type"] == "billing-event")
    assert billing["payload"]["deductions"]["billable"] is False
    await stand.control("POST", "options", {"window_seconds": 0})
    await stand.say({"type": "text", "text": "Hello"})
    assert stand.receiver.kinds()[-1] == "failed"


@pytest.mark.parametrize(
    "change",
    [
        {"options": [{"type": "text", "title": "x" * 21, "postbackText": "p"}]},
        {"options": [{"type": "text", "title": str(n), "postbackText": "p"} for n in range(4)]},
        {"options": []},
        {"content": {"type": "text", "text": "x" * 1025}},
    ],
)
async def test_buttons_past_their_limits_fail(stand: Stand, change: dict[str, Any]) -> None:
    """WhatsApp does not draw more than three buttons of twenty characters under 1,024."""
    await stand.customer_wrote()
    await stand.say(BUTTONS | change)
    assert stand.receiver.bodies[-1]["payload"]["payload"]["code"] == 131009


async def test_sends_over_the_apps_limit_are_429(stand: Stand) -> None:
    """An app with a limit refuses what is over it."""
    await stand.control("PUT", "apps", CONFIG["apps"][0] | {"sends_per_second": 2})
    assert [(await stand.send()).status_code for _ in range(3)] == [202, 202, 429]


async def test_messages_of_one_chat_arrive_in_the_order_sent() -> None:
    """A pause more or less on the way does not change it."""
    stand = Stand(pace=0.02)
    try:
        await stand.customer_wrote()
        form = {"source": "919999900099", "destination": ASHA}
        texts = [str(number) for number in range(6)]
        for text in texts:
            data = form | {"message": json.dumps({"type": "text", "text": text})}
            await stand.http.post("/wa/api/v1/msg", data=data, headers={"apikey": "sk-example"})
        await stand.network.settle()
        shown = stand.network.world.chat(ASHA, APP_ID)
        assert [entry.content.text for entry in shown if isinstance(entry, Message)] == texts
    finally:
        await stand.close()


# Misbehaviour ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "status", "queued"),
    [
        ({"mode": "status", "status": 429, "retry_after": 7}, 429, 0),
        ({"mode": "status", "status": 503}, 503, 0),
        ({"mode": "status", "status": 400, "message": {"message": "Template not valid"}}, 400, 0),
        ({"mode": "html"}, 502, 0),
        ({"mode": "status_error_in_2xx"}, 200, 0),
        ({"mode": "http_200_success"}, 200, 1),
    ],
)
async def test_an_ordered_answer_comes_once(
    stand: Stand, order: dict[str, Any], status: int, queued: int
) -> None:
    """The next send meets it, the one after does not."""
    await stand.control("POST", "behaviour", {"app": "ExampleStore", "endpoint": "send", "times": 1} | order)
    answer = await stand.send()
    assert answer.status_code == status
    if "retry_after" in order:
        assert answer.headers["Retry-After"] == "7"
    if order["mode"] == "http_200_success":
        assert answer.json()["status"] == "success"
    assert len(await stand.control("GET", f"messages?phone={ASHA}")) == queued
    assert (await stand.send()).status_code == 202


@pytest.mark.parametrize("order", [{"mode": "cut_after_accept"}, {"mode": "hang", "seconds": 0.01}])
async def test_a_send_without_an_answer_was_queued_all_the_same(stand: Stand, order: dict[str, Any]) -> None:
    """The caller cannot know; the ledger says `cut` and names the message that went out."""
    await stand.control("POST", "behaviour", {"times": 1} | order)
    with pytest.raises(httpx.RemoteProtocolError):
        await stand.send()
    await stand.network.settle()
    (row,) = (await stand.control("GET", f"ledger?destination={ASHA}"))["requests"]
    assert (row["outcome"], row["http_status"]) == ("cut", None)
    (message,) = await stand.control("GET", f"messages?phone={ASHA}&app=ExampleStore")
    assert (message["message_id"], message["status"]) == (row["message_id"], "read")


async def test_a_cut_connection_is_closed_without_a_byte() -> None:
    """Over a real socket the caller sees what it would see of a server that died."""
    stand = Stand()
    server = uvicorn.Server(uvicorn.Config(stand.app, host="127.0.0.1", port=0, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    try:
        await stand.control("POST", "behaviour", {"mode": "cut_after_accept", "times": 1})
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        data = {"source": "919999900099", "destination": ASHA, "template": '{"id":"paused","params":[]}'}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"apikey": "sk-example"}
        ) as client:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await client.post("/wa/api/v1/template/msg", data=data)
            assert (await client.post("/wa/api/v1/template/msg", data=data)).status_code == 202
    finally:
        server.should_exit = True
        await serving
        await stand.close()


async def test_ordered_behaviour_can_be_taken_back(stand: Stand) -> None:
    """DELETE clears what was ordered; other endpoints can be ordered too."""
    await stand.control("POST", "behaviour", {"mode": "status", "times": 9})
    await stand.control("DELETE", "behaviour")
    assert (await stand.send()).status_code == 202
    await stand.control("POST", "behaviour", {"endpoint": "templates", "mode": "status", "status": 500})
    url = f"/wa/app/{APP_ID}/template"
    assert (await stand.http.get(url, headers={"apikey": "sk-example"})).status_code == 500
    assert (await stand.http.get(url, headers={"apikey": "sk-example"})).status_code == 200


# Callbacks ---------------------------------------------------------------------------------------


async def test_a_callback_is_tried_again_until_it_is_answered() -> None:
    """Not 2xx, or no answer: again after each pause; the ledger has a row for each attempt."""
    stand = Stand(retries=(0.0, 0.0, 0.0))
    try:
        stand.receiver.answers = [500, httpx.ReadTimeout("too slow"), 204]
        await stand.control(
            "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hi"}
        )
        await asyncio.wait_for(stand.receiver.third.wait(), timeout=5)
        await stand.network.settle()
        rows = (await stand.control("GET", "ledger"))["callbacks"]
        assert [(row["attempt"], row["status"]) for row in rows] == [(1, 500), (2, None), (3, 204)]
        assert len({body["payload"]["id"] for body in stand.receiver.bodies}) == 1
    finally:
        await stand.close()


@pytest.mark.parametrize(
    ("option", "count", "with_gs_id"),
    [({"duplicate": True}, 10, True), ({"statuses": False}, 0, True), ({"drop_gs_id": True}, 5, False)],
)
async def test_options_spoil_the_status_callbacks(
    stand: Stand,
    option: dict[str, bool],
    count: int,
    with_gs_id: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Each twice; none at all; without gsId as a week later."""
    await stand.control("POST", "options", option)
    await stand.accepted()
    assert len(stand.receiver.bodies) == count
    later = [
        body["payload"] for body in stand.receiver.bodies if body["payload"].get("type") in {"sent", "read"}
    ]
    assert all(("gsId" in payload) is with_gs_id for payload in later)


async def test_shuffled_callbacks_are_the_same_ones(stand: Stand) -> None:
    """Out of order, but none lost."""
    await stand.control("POST", "options", {"shuffle": True})
    await stand.accepted()
    assert sorted(stand.receiver.kinds()) == ["billing-event", "delivered", "enqueued", "read", "sent"]


async def test_late_callbacks_are_the_same_ones(stand: Stand) -> None:
    """They come in the background, and count as under way until they have."""
    await stand.control("POST", "options", {"late_seconds": 0.2})
    await stand.http.post("/control/replies", json={"phone": ASHA, "app": "ExampleStore", "text": "Hello"})
    await stand.accepted()
    assert sorted(stand.receiver.kinds()) == [
        "billing-event", "delivered", "enqueued", "read", "sent", "text",
    ]  # fmt: skip
    assert (await stand.control("GET", "under-way"))["under_way"] == 0


async def test_a_callback_to_be_tried_again_is_under_way() -> None:
    """Whoever compares ledgers has to wait for it."""
    stand = Stand(retries=(60.0,))
    try:
        stand.receiver.answers = [500]
        await stand.control(
            "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hello"}
        )
        assert (await stand.control("GET", "under-way"))["under_way"] == 1
    finally:
        await stand.close()


async def test_what_waits_on_a_phone_is_sent_once(stand: Stand) -> None:
    """Also when it is switched on twice in the same moment."""
    await stand.control("POST", f"phones/{ASHA}", {"state": "off"})
    for text in ("Hello", "Anybody there?"):
        await stand.control(
            "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": text}
        )
    phone = stand.network.world.phone(ASHA)
    for _ in range(2):
        stand.network.set_state(phone, PhoneState.ONLINE)
    await stand.network.settle()
    assert [body["payload"]["payload"]["text"] for body in stand.receiver.bodies] == [
        "Hello",
        "Anybody there?",
    ]


async def test_all_messages_are_listed_without_a_phone(stand: Stand) -> None:
    """Each with its phone."""
    await stand.accepted()
    await stand.accepted(destination="919999900002")
    listed = await stand.control("GET", "messages")
    assert [message["phone"] for message in listed] == [ASHA, "919999900002"]


async def test_raw_callbacks_are_posted_as_they_are(stand: Stand) -> None:
    """Anything at all, several times, also at once."""
    await stand.control(
        "POST", "callbacks", {"app": "ExampleStore", "body": {"odd": [1]}, "repeat": 3, "at_once": True}
    )
    assert stand.receiver.bodies == [{"odd": [1]}] * 3


async def test_a_template_that_is_paused_is_reported(stand: Stand) -> None:
    """The change is a template-event, and sends with it fail from now on."""
    await stand.control("POST", "templates", {"app": "ExampleStore", "id": TEMPLATE_ID, "status": "paused"})
    payload = stand.receiver.bodies[0]["payload"]
    assert (payload["id"], payload["status"], payload["type"]) == (TEMPLATE_ID, "paused", "status-update")
    await stand.accepted()
    assert stand.receiver.bodies[-1]["payload"]["payload"]["code"] == 4005


# Customers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "kind", "keys", "context"),
    [
        ("A", "quick_reply", {"text", "type", "postbackText"}, {"id", "gsId"}),
        ("B", "text", {"text", "type"}, {"id", "gsId"}),
        ("no_postback", "quick_reply", {"text", "type"}, {"id", "gsId"}),
        ("no_context", "quick_reply", {"text", "type", "postbackText"}, None),
        ("context_id_only", "quick_reply", {"text", "type", "postbackText"}, {"id"}),
    ],
)
async def test_a_tap_on_a_template(
    stand: Stand, variant: str, kind: str, keys: set[str], context: set[str] | None
) -> None:
    """Each variant that is seen in the field."""
    message_id = await stand.accepted()
    tap = {"phone": ASHA, "message_id": message_id, "title": "Cancel order", "variant": variant}
    inbound = await stand.control("POST", "taps", tap)
    payload = stand.receiver.bodies[-1]["payload"]
    assert (payload["id"], payload["type"], set(payload["payload"])) == (inbound["inbound_id"], kind, keys)
    assert payload["payload"].get("postbackText", "ref-1") == "ref-1"
    assert payload["payload"]["text"] == "Cancel order"
    assert (set(payload["context"]) if "context" in payload else None) == context
    assert payload.get("context", {}).get("gsId", message_id) == message_id


async def test_a_tap_on_nothing(stand: Stand) -> None:
    """No such message, not this phone's, no such choice."""
    message_id = await stand.accepted()
    for tap, status in (
        ({"phone": ASHA, "message_id": "none", "index": 0}, 404),
        ({"phone": "919999900002", "message_id": message_id, "index": 0}, 404),
        ({"phone": ASHA, "message_id": message_id, "index": 2}, 422),
    ):
        assert (await stand.http.post("/control/taps", json=tap)).status_code == status


async def test_taps_on_session_messages(stand: Stand) -> None:
    """A button and a row bring back msgid, postback, and the title with its position."""
    await stand.customer_wrote()
    buttons, rows = await stand.say(BUTTONS), await stand.say(LIST)
    await stand.control("POST", "taps", {"phone": ASHA, "message_id": buttons, "index": 1})
    await stand.control("POST", "taps", {"phone": ASHA, "message_id": rows, "title": "Wed 14 Oct"})
    button, row = (body["payload"] for body in stand.receiver.bodies[-2:])
    assert (button["type"], button["payload"]) == (
        "button_reply",
        {"title": "Cancel order", "id": "q1", "reply": "Cancel order 2", "postbackText": "cancel"},
    )
    assert (row["type"], row["payload"]) == (
        "list_reply",
        {
            "title": "Wed 14 Oct",
            "id": "l1",
            "reply": "Wed 14 Oct 1",
            "postbackText": "slot-0",
            "description": "9 am to 1 pm",
        },
    )


async def test_messages_are_listed_with_their_choices(stand: Stand) -> None:
    """What the customer sees, oldest first, for tests that act on it."""
    await stand.customer_wrote()
    await stand.accepted()
    await stand.say(LIST)
    template, rows = await stand.control("GET", f"messages?phone={ASHA}")
    assert (template["kind"], template["header"], template["footer"]) == (
        "template",
        "We missed you",
        "Example Store",
    )
    assert template["text"] == "Hi Asha, we could not deliver *order 1001*.\n\nWhat should we do?"
    assert template["choices"] == [
        {"title": "Try again", "description": "", "postback": "ref-0"},
        {"title": "Cancel order", "description": "", "postback": "ref-1"},
    ]
    assert [choice["postback"] for choice in rows["choices"]] == ["slot-0", "slot-1"]


SAID: list[tuple[str, dict[str, Any]]] = [
    ("text", {"type": "text", "text": "Yes"}),
    ("location-named", {"type": "location", "name": "Lake View", "address": "MG Road"}),
    ("image", {"type": "image", "caption": "My gate"}),
    ("file", {"type": "file"}),
    ("audio", {"type": "audio"}),
    ("video", {"type": "video"}),
    ("sticker", {"type": "sticker"}),
]


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the documented payloads are not here")
@pytest.mark.parametrize(("name", "said"), SAID, ids=[name for name, _ in SAID])
async def test_what_customers_send_has_the_documented_shape(
    stand: Stand, name: str, said: dict[str, Any]
) -> None:
    """Same keys, same kinds of values."""
    await stand.control("POST", "replies", {"phone": ASHA, "app": "ExampleStore"} | said)
    assert shape(stand.receiver.bodies[-1]) == shape(sample(f"webhook-v2-message-{name}"))


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the documented payloads are not here")
async def test_statuses_have_the_documented_shape(stand: Stand) -> None:
    """Enqueued, sent with its price, delivered, billing, read, failed early and late; a tap; the address form."""
    await stand.accepted()
    await stand.accepted(destination="919999900402")
    await stand.accepted(destination="919999900404")
    names = [f"message-event-{step}" for step in ("enqueued", "sent", "delivered")]
    names += ["billing-event-pmp", "message-event-read", "message-event-failed-sync"]
    names += ["message-event-enqueued", "message-event-failed"]
    assert [shape(body) for body in stand.receiver.bodies] == [
        shape(sample(f"webhook-v2-{name}")) for name in names
    ]


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the documented payloads are not here")
async def test_v3_subscriptions_get_metas_format() -> None:
    """The same events in Meta's envelope, with Gupshup's ids added."""
    config = json.loads(json.dumps(CONFIG))
    config["apps"][0]["subscriptions"][0]["version"] = 3
    stand = Stand(config)
    try:
        message_id = await stand.accepted()
        await stand.accepted(destination="919999900404")
        await stand.control("POST", "taps", {"phone": ASHA, "message_id": message_id, "index": 0})
        statuses = {
            body["entry"][0]["changes"][0]["value"]["statuses"][0]["status"]: body
            for body in stand.receiver.bodies
            if "statuses" in body["entry"][0]["changes"][0]["value"]
        }
        assert shape(statuses["sent"]) == shape(sample("webhook-v3-status-sent"))
        assert shape(statuses["delivered"]) == shape(sample("webhook-v3-status-delivered"))
        assert isinstance(
            statuses["enqueued"]["entry"][0]["changes"][0]["value"]["statuses"][0]["timestamp"], int
        )
        failed = statuses["failed"]["entry"][0]["changes"][0]["value"]["statuses"][0]
        assert failed["errors"][0]["code"] == 1002
        tap = stand.receiver.bodies[-1]["entry"][0]["changes"][0]["value"]["messages"][0]
        assert tap["button"] == {"payload": "ref-0", "text": "Try again"}
        assert tap["context"]["gs_id"] == message_id
    finally:
        await stand.close()


async def test_the_address_form_comes_back_in_snake_case(stand: Stand) -> None:
    """Sent with camelCase keys, answered with snake_case ones, linked to the form."""
    await stand.customer_wrote()
    form = await stand.say(ADDRESS)
    details = {"name": "Asha Rao", "in_pin_code": "560001", "house_number": "12", "city": "Bengaluru"}
    said = {"phone": ASHA, "app": "ExampleStore", "type": "address", "reply_to": form} | details
    await stand.control("POST", "replies", said)
    payload = stand.receiver.bodies[-1]["payload"]
    assert payload["type"] == "nfm_reply"
    assert payload["payload"]["addressDetails"] == details
    assert payload["payload"]["body"] == "Asha Rao\n12\nBengaluru, 560001"
    assert (payload["context"]["gsId"], payload["context"]["forwarded"]) == (form, False)


async def test_a_phone_without_network_gets_everything_later(stand: Stand) -> None:
    """Off: sent, not delivered, and what is typed waits; online again: both go through."""
    await stand.control("POST", f"phones/{ASHA}", {"state": "off"})
    await stand.accepted()
    await stand.control(
        "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hi"}
    )
    assert stand.receiver.kinds() == ["enqueued", "sent"]
    await stand.control("POST", f"phones/{ASHA}", {"state": "online"})
    assert stand.receiver.kinds() == ["enqueued", "sent", "delivered", "billing-event", "read", "text"]


@pytest.mark.parametrize(
    ("state", "kinds"), [("blocked", ["enqueued", "sent"]), ("none", ["enqueued", "failed"])]
)
async def test_a_phone_that_cannot_be_reached(stand: Stand, state: str, kinds: list[str]) -> None:
    """Blocking gives no error, and such a phone cannot write either."""
    await stand.control("POST", f"phones/{ASHA}", {"state": state})
    await stand.accepted()
    assert stand.receiver.kinds() == kinds
    reply = {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": "Hi"}
    assert (await stand.http.post("/control/replies", json=reply)).status_code == 409


# Management --------------------------------------------------------------------------------------


async def test_templates_are_shown_as_the_provider_does(stand: Stand) -> None:
    """Body flattened in `data`; details as JSON inside a string, empty or absent as configured."""
    url, headers = f"/wa/app/{APP_ID}/template", {"apikey": "sk-example"}
    good, paused, rejected = (await stand.http.get(url, headers=headers)).json()["templates"]
    assert good["data"].endswith("What should we do?\nExample Store | [Try again] | [Cancel order]")
    details = json.loads(good["containerMeta"])
    assert [button["text"] for button in details["buttons"]] == ["Try again", "Cancel order"]
    assert (paused["status"], paused["containerMeta"]) == ("PAUSED", "")
    assert "containerMeta" not in rejected
    one = (await stand.http.get(f"{url}/{TEMPLATE_ID}", headers=headers)).json()
    assert one == {"status": "success", "template": good}
    assert (await stand.http.get(url, headers={"apikey": "wrong"})).status_code == 401
    assert (await stand.http.get("/wa/app/another/template", headers=headers)).status_code == 400
    created = await stand.http.post(
        url, headers=headers, data={"elementName": "new_one", "content": "Hi {{1}}", "category": "UTILITY"}
    )
    assert created.json()["template"]["status"] == "PENDING"


async def test_the_wallet_proves_the_key(stand: Stand) -> None:
    """A key alone shows the balance; an empty wallet fails every message."""
    answer = await stand.http.get("/sm/api/v2/wallet/balance", headers={"apikey": "sk-example"})
    assert answer.json() == {"status": "success", "balance": 41.938}
    assert (await stand.http.get("/sm/api/v2/wallet/balance", headers={"apikey": "x"})).status_code == 401
    await stand.control("PUT", "apps", CONFIG["apps"][0] | {"balance": "0"})
    await stand.accepted()
    assert stand.receiver.bodies[-1]["payload"]["payload"]["code"] == 1003


async def test_subscriptions_are_made_checked_and_limited() -> None:
    """The address is tried first; a tag is unique; five for an app; then they get callbacks with their headers."""
    stand = Stand(CONFIG | {"subscription_calls_per_minute": 100})
    try:
        url, headers = f"/wa/app/{APP_ID}/subscription", {"apikey": "sk-example"}
        meta = json.dumps({"headers": {"Authorization": "Basic eA=="}})
        form = {"url": HOOK, "tag": "orders", "version": "2", "modes": "MESSAGE,SENT", "meta": meta}
        made = (await stand.http.post(url, headers=headers, data=form)).json()["subscription"]
        assert stand.receiver.bodies[0]["payload"] == {"phone": "callbackSetPhone", "type": "sandbox-start"}
        assert (made["modes"], made["version"], made["tag"]) == (["MESSAGE", "SENT"], 2, "orders")
        assert (await stand.http.post(url, headers=headers, data=form)).status_code == 400
        stand.receiver.answers = [404]
        refused = await stand.http.post(url, headers=headers, data=form | {"tag": "other"})
        assert refused.json()["message"] == "Invalid URL Passed"
        changed = await stand.http.put(
            f"{url}/{made['id']}", headers=headers, data={"modes": "MESSAGE", "doCheck": "false"}
        )
        assert changed.json()["subscription"]["modes"] == ["MESSAGE"]
        assert len((await stand.http.get(url, headers=headers)).json()["subscriptions"]) == 2
        for number in range(3):
            more = form | {"tag": f"t{number}", "doCheck": "false"}
            assert (await stand.http.post(url, headers=headers, data=more)).status_code == 200
        sixth = await stand.http.post(url, headers=headers, data=form | {"tag": "t9", "doCheck": "false"})
        assert sixth.status_code == 400
        assert (await stand.http.delete(f"{url}/{made['id']}", headers=headers)).status_code == 200
        assert (await stand.http.get(f"{url}/{made['id']}", headers=headers)).status_code == 400
    finally:
        await stand.close()


async def test_subscription_calls_are_five_a_minute(stand: Stand) -> None:
    """The sixth within a minute is 429."""
    url, headers = f"/wa/app/{APP_ID}/subscription", {"apikey": "sk-example"}
    assert [(await stand.http.get(url, headers=headers)).status_code for _ in range(6)] == [200] * 5 + [429]


# The phone on the screen -------------------------------------------------------------------------

PAGE = f"/phone/{ASHA}/ExampleStore"
MARKUP = '<script>alert("x")</script>*bold*'


async def test_the_page_is_locked_down(stand: Stand) -> None:
    """No script or style but its own files; nothing inline."""
    page = await stand.http.get(PAGE)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src)", page.text)
    for asset in re.findall(r'(?:href|src)="(/(?:static|look)/[^"]+)"', page.text):
        assert (await stand.http.get(asset)).status_code == 200, asset


async def test_values_are_shown_as_text(stand: Stand) -> None:
    """Markup in a name, a parameter or a reply does nothing; bold of the template's own text is drawn."""
    await stand.control("POST", f"phones/{ASHA}", {"state": "online", "name": MARKUP})
    await stand.accepted(template={"id": TEMPLATE_ID, "params": [MARKUP, "1001"]})
    await stand.control(
        "POST", "replies", {"phone": ASHA, "app": "ExampleStore", "type": "text", "text": MARKUP}
    )
    await stand.say(LIST | {"title": MARKUP[:60], "body": MARKUP, "footer": MARKUP[:60]})
    page = (await stand.http.get(PAGE)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;*bold*, we could not deliver" in page
    assert "<strong>order 1001</strong>" in page


async def test_everything_happens_at_the_time_of_the_clock(tmp_path: Path) -> None:
    """A rehearsal moves it: callbacks, the window for free-form messages and the phone follow."""
    ahead = tmp_path / "clock"
    ahead.write_text("0")
    stand = Stand(clock=moved_clock(ahead))
    await stand.customer_wrote()
    ahead.write_text(str(3 * 3600))
    await stand.say({"type": "text", "text": "within the window"})
    times = [body["timestamp"] / 1000 for body in stand.receiver.bodies]
    assert all(2 * 3600 < at - time.time() <= 3 * 3600 for at in times)
    ahead.write_text(str(25 * 3600))
    await stand.say({"type": "text", "text": "too late"})
    last = (await stand.http.get("/control/messages", params={"phone": ASHA})).json()[-1]
    assert (last["status"], last["code"]) == ("failed", 470)
    now = datetime.now(INDIA) + timedelta(hours=25)
    assert f">{now:%H:%M}<" in (await stand.http.get(PAGE)).text
    await stand.close()


async def test_what_is_under_way_can_be_asked(stand: Stand) -> None:
    """A rehearsal waits for it; whatever happened since the last look shows in the version."""
    before = await stand.control("GET", "under-way")
    await stand.accepted()
    after = await stand.control("GET", "under-way")
    assert (before["under_way"], after["under_way"]) == (0, 0)
    assert after["version"] > before["version"]


async def test_a_link_of_a_template_is_a_link_only_when_it_is_http(stand: Stand) -> None:
    """Other schemes are drawn as text."""
    buttons = [{"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"}]
    buttons += [{"type": "URL", "text": "Odd", "url": "javascript:alert(1)"}]
    template = {"id": "links", "elementName": "links", "data": "Order {{1}}", "buttons": buttons}
    await stand.control("PUT", "apps", CONFIG["apps"][0] | {"templates": [template]})
    await stand.accepted(template={"id": "links", "params": ["1001"]}, postbackTexts=None)
    page = (await stand.http.get(PAGE)).text
    assert 'href="https://example.com/1001"' in page
    assert "javascript:" not in page


async def test_a_customer_can_do_everything_by_forms(stand: Stand) -> None:
    """Type, tap, choose a row, send the address and attachments, react: each a POST and a redirect back."""
    template = await stand.accepted()
    await stand.customer_wrote()
    rows, form, place = (
        await stand.say(LIST),
        await stand.say(ADDRESS),
        await stand.say(
            {
                "type": "location_request_message",
                "body": {"text": "Where?"},
                "action": {"name": "send_location"},
            }
        ),
    )
    stand.receiver.requests.clear()
    steps: list[tuple[str, dict[str, str], str]] = [
        ("say", {"text": "STOP"}, "text"),
        (f"tap/{template}", {"index": "0"}, "quick_reply"),
        (f"tap/{rows}", {"index": "1"}, "list_reply"),
        (f"tap/{place}", {"index": "0"}, "location"),
        (f"address/{form}", {"name": "Asha Rao", "in_pin_code": "560001"}, "nfm_reply"),
        ("attach", {"kind": "audio"}, "audio"),
        ("attach", {"kind": "contact"}, "contact"),
        ("react", {"emoji": "👍"}, "reaction"),
    ]
    for path, data, _ in steps:
        answer = await stand.http.post(f"{PAGE}/{path}", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
        await stand.network.settle()
    assert stand.receiver.kinds() == [kind for *_, kind in steps]
    page = (await stand.http.get(PAGE)).text
    assert 'aria-pressed="true"' in page
    assert f'id="sheet-{rows}"' in page
    assert "We do not deliver there" in page
    assert "is typing" in page


async def test_forms_of_other_sites_are_refused(stand: Stand) -> None:
    """A page elsewhere must not be able to act as the customer."""
    answer = await stand.http.post(
        f"{PAGE}/say", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403


async def test_failing_a_delivery_asks_the_order_system(stand: Stand) -> None:
    """The button calls the order system's stand-in; what came of it is said once."""
    await stand.http.post(f"{PAGE}/fail", data={"reason": "address"})
    request = stand.receiver.requests[-1]
    assert str(request.url) == "http://orders.test/control/fail"
    assert json.loads(request.content) == {"phone": ASHA, "reason": "address"}
    assert "The delivery has failed." in (await stand.http.get(PAGE)).text
    assert "The delivery has failed." not in (await stand.http.get(PAGE)).text
    stand.receiver.answers = [httpx.ConnectError("down")]
    await stand.http.post(f"{PAGE}/fail", data={"reason": "address"})
    assert "The order system did not answer." in (await stand.http.get(PAGE)).text


async def test_the_version_changes_with_what_is_shown(stand: Stand) -> None:
    """The script asks for it each second and fetches the page only when it differs."""
    before = (await stand.http.get(f"{PAGE}/version")).json()
    assert (await stand.http.get(f"{PAGE}/version")).json() == before
    await stand.accepted()
    assert (await stand.http.get(f"{PAGE}/version")).json() != before


async def test_unread_messages_are_counted_until_the_chat_is_opened() -> None:
    """The count stands in the list of chats of the phone they came to."""
    config = json.loads(json.dumps(CONFIG))
    config["apps"].append(
        CONFIG["apps"][0] | {"id": "second", "name": "SecondStore", "phone": "919999900098"}
    )
    stand = Stand(config)
    try:
        await stand.accepted(source="919999900098", src_name="SecondStore")
        unread = '<span class="chats__new">1<'
        assert unread in (await stand.http.get(PAGE)).text
        await stand.http.get(f"/phone/{ASHA}/SecondStore")
        assert unread not in (await stand.http.get(PAGE)).text
    finally:
        await stand.close()


async def test_the_first_page_leads_to_the_newest_chat(stand: Stand) -> None:
    """`/phone` needs no number; an unknown one is 404."""
    answer = await stand.http.get("/phone", follow_redirects=True)
    assert answer.url.path == PAGE
    assert (await stand.http.get("/phone/919999900077/ExampleStore")).status_code == 404
    assert (await stand.http.get("/healthz")).json() == {"status": "ok"}


# What connecting meets -----------------------------------------------------------------------------


async def _ask(stand: Stand, path: str, key: str = "sk-example") -> tuple[int, Any]:
    answer = await stand.http.get(path, headers={"apikey": key})
    return answer.status_code, answer.json()


async def test_business_details_are_those_of_a_live_app(stand: Stand) -> None:
    """The contact's number there is not the one that sends."""
    status, body = await _ask(stand, f"/wa/app/{APP_ID}/business")
    assert (status, body["status"], body["business"]["id"]) == (200, "success", APP_ID)
    assert body["business"]["contactNumber"] != "919999900099"


async def test_an_app_that_is_not_live_cannot_send_and_hides_its_business(stand: Stand) -> None:
    """Its templates are listed all the same; subscribing is refused as if the key were wrong."""
    app = {**CONFIG["apps"][0], "live": False}
    await stand.control("PUT", "apps", app)
    assert await _ask(stand, f"/wa/app/{APP_ID}/business") == (
        400,
        {"status": "error", "message": "App is not live."},
    )
    assert (await _ask(stand, f"/wa/app/{APP_ID}/template"))[0] == 200
    assert (await _ask(stand, f"/wa/app/{APP_ID}/subscription"))[0] == 401
    assert (await stand.send()).json()["message"] == "Invalid App Details"


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_an_app_of_another_key_is_refused_as_ordered(stand: Stand, status: int) -> None:
    """How the real one refuses it is not recorded."""
    await stand.control("POST", "options", {"stranger_status": status})
    assert (await _ask(stand, "/wa/app/another/template"))[0] == status


async def test_a_provider_that_is_down_answers_nothing_but_its_control_routes(stand: Stand) -> None:
    """Until it is up again, whatever the key."""
    await stand.control("POST", "options", {"down": True})
    for path in (f"/wa/app/{APP_ID}/template", "/sm/api/v2/wallet/balance"):
        answer = await stand.http.get(path, headers={"apikey": "sk-example"})
        assert (answer.status_code, answer.text) == (503, "upstream connect error")
    assert (await stand.send()).status_code == 503
    await stand.control("POST", "options", {"down": False})
    assert (await stand.send()).status_code == 202


async def test_the_sender_is_looked_at_before_the_recipient_or_after(stand: Stand) -> None:
    """Both orders are possible at the real one."""
    wrong = {"source": "919999900098", "destination": "0"}
    assert (await stand.send(**wrong)).json()["message"] == "Invalid App Details"
    await stand.control("POST", "options", {"recipient_first": True})
    assert (await stand.send(**wrong)).json()["message"] == "Invalid Destination"
