"""How each call to Gupshup can end, and what is put on the wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from clients.gupshup import (
    Accepted,
    AddressForm,
    Button,
    ButtonsMessage,
    Credentials,
    Gupshup,
    GupshupError,
    GupshupRefused,
    GupshupUnavailable,
    ListMessage,
    LocationRequest,
    MediaHeader,
    Refused,
    Row,
    SendOutcome,
    TextMessage,
    Unknown,
)
from clients.gupshup.messages import clean_parameter

KEY = "sk-0123456789abcdef"
CUSTOMER = "919999900001"
CREDENTIALS = Credentials(KEY, "6b1f0f0e-2c55-4d0b-9f0a-5f7d2f6f1a10", "ExampleStore", "919999900099")
ACCEPTED = {"status": "submitted", "messageId": "m-1"}

Handler = Callable[[httpx.Request], httpx.Response]


class _Stream(httpx.AsyncByteStream):
    """A body that comes in pieces, and may break."""

    def __init__(self, *pieces: bytes | httpx.HTTPError) -> None:
        self._pieces = pieces
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, httpx.HTTPError):
                raise piece
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


def _raising(error: httpx.HTTPError) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def _answering(status: int, **response: Any) -> Handler:
    return lambda _request: httpx.Response(status, **response)


async def _send(handler: Handler, credentials: Credentials = CREDENTIALS) -> SendOutcome:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        gupshup = Gupshup(http, base_url="https://gupshup.test")
        return await gupshup.send_template(
            credentials,
            destination=CUSTOMER,
            template_id="t-1",
            params=["Asha"],
            postbacks=[],
        )


async def _list(handler: Handler, credentials: Credentials = CREDENTIALS) -> tuple[object, ...]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        return await Gupshup(http, base_url="https://gupshup.test").list_templates(credentials)


NOT_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
MAYBE_SENT = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.DecodingError,
]


@pytest.mark.parametrize("error", NOT_SENT)
async def test_send_that_never_left_is_refused_and_may_be_made_again(error: type[httpx.RequestError]) -> None:
    """Refused connection, DNS and TLS: the request did not arrive. # F27."""
    outcome = await _send(_raising(error("no route to 919999900001")))
    assert outcome == Refused("connection", error.__name__, retryable=True, cls="transient")


@pytest.mark.parametrize("error", MAYBE_SENT)
async def test_send_cut_on_the_way_is_unknown(error: type[httpx.RequestError]) -> None:
    """Once a byte was written the message may have been taken. # I5 F28."""
    assert await _send(_raising(error("cut"))) == Unknown(error.__name__)


async def _send_slowly(
    handler: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]],
) -> SendOutcome:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        gupshup = Gupshup(http, base_url="https://gupshup.test", total_seconds=0.05)
        return await gupshup.send_session(CREDENTIALS, destination=CUSTOMER, message=TextMessage("Done."))


async def test_send_is_cut_when_all_of_it_takes_too_long() -> None:
    """Time-outs of single steps do not bound a server that dribbles. # I5 F28."""

    async def handler(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(202, json=ACCEPTED)

    assert await _send_slowly(handler) == Unknown("TimeoutError")


async def test_status_decides_when_the_body_takes_too_long() -> None:
    """A refusal is known to be one, whatever was to follow. # F27."""

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, content=body())

    assert await _send_slowly(handler) == Refused("429", "HTTP 429", retryable=True, cls="throttled")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 500, 501, 502, 504, 520, 599])
async def test_send_answered_without_a_decision_is_unknown(status: int) -> None:
    """A server error says nothing about the queue, whatever its body says. # F26."""
    outcome = await _send(_answering(status, json=ACCEPTED, headers={"location": "https://elsewhere.test/"}))
    assert outcome == Unknown(f"HTTP {status}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422])
async def test_send_refused_for_good(status: int) -> None:
    """The same request again would get the same answer."""
    outcome = await _send(_answering(status, json={"status": "error", "message": "No"}))
    assert outcome == Refused(
        str(status),
        "No",
        retryable=False,
        cls="account" if status in {401, 403} else "unknown",
    )


@pytest.mark.parametrize(("status", "cls"), [(408, "transient"), (429, "throttled"), (503, "transient")])
async def test_send_refused_for_now(status: int, cls: str) -> None:
    """Too fast or away: not taken, may be sent again. # F25."""
    outcome = await _send(_answering(status, text="<html>busy</html>", headers={"retry-after": "7"}))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.retryable, outcome.retry_after, outcome.cls) == (
        str(status),
        True,
        7.0,
        cls,
    )
    assert outcome.message == f"HTTP {status}"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("", None), ("0", 0.0), ("120", 120.0), ("999999", 3600.0), ("-5", None), ("1e9", None), ("soon", None)],
)
async def test_retry_after(written: str, seconds: float | None) -> None:
    """A wait is obeyed up to an hour; what is no number of seconds is none."""
    outcome = await _send(_answering(429, headers={"retry-after": written}))
    assert isinstance(outcome, Refused)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize(
    ("message", "cls"),
    [
        ("Invalid Destination", "recipient"),
        ("Invalid App Details", "account"),
        ("Callback Billing must be enabled for this API", "account"),
        ("Something new", "unknown"),
    ],
)
async def test_words_of_a_refusal_tell_whose_fault_it_is(message: str, cls: str) -> None:
    """Answers carry no code: the documented words are the table."""
    outcome = await _send(_answering(400, json={"status": "error", "message": message}))
    assert isinstance(outcome, Refused)
    assert outcome.cls == cls


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("word", ["submitted", "success", "", None, 5])
async def test_any_2xx_with_an_id_is_accepted(status: int, word: object) -> None:
    """Real success is 202, other pages say 200; the word varies."""
    answer = {"status": word, "messageId": " m-1 "}
    assert await _send(_answering(status, json=answer)) == Accepted("m-1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"<html>accepted</html>",
        b"null",
        b"[]",
        b"{}",
        b'{"messageId":""}',
        b'{"messageId":"   "}',
        b'{"messageId":null}',
        b'{"messageId":{"id":"m-1"}}',
        b'{"status":"error","messageId":"m-1"}',
        b'{"status":"ERROR","messageId":"m-1"}',
        b'{"messageId":"' + b"x" * 300 + b'"}',
        b'{"messageId":"m-1"}' + b" " * 1024 * 1024,
        b'{"messageId":"m-1","more":' + b"[" * 40 + b"]" * 40 + b"}",
        b"\xff\xfe",
    ],
)
async def test_2xx_without_a_usable_id_is_unknown(body: bytes) -> None:
    """Neither a success nor a refusal: never sent again, adopted by evidence. # F29 S25."""
    assert await _send(_answering(202, content=body)) == Unknown(
        "HTTP 202 without the id of an accepted message"
    )


async def test_answer_cut_after_its_status_is_decided_by_the_status() -> None:
    """A refusal stays one without its body; a success without its id does not become one."""
    cut = httpx.ReadError("cut")
    refused = await _send(lambda _: httpx.Response(400, stream=_Stream(b'{"mess', cut)))
    assert refused == Refused("400", "HTTP 400", retryable=False)
    unknown = await _send(lambda _: httpx.Response(202, stream=_Stream(b'{"mess', cut)))
    assert isinstance(unknown, Unknown)


async def test_endless_answer_is_left() -> None:
    """No answer is read beyond one mebibyte, and its connection is given back. # S25."""
    stream = _Stream(*[b" " * 65536] * 1000)
    outcome = await _send(lambda _: httpx.Response(202, stream=stream))
    assert isinstance(outcome, Unknown)
    assert stream.is_closed


async def test_redirect_is_not_followed() -> None:
    """A redirect would carry the key to another host. # S25."""
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.test/"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler), follow_redirects=True) as http:
        gupshup = Gupshup(http, base_url="https://gupshup.test")
        outcome = await gupshup.send_session(CREDENTIALS, destination=CUSTOMER, message=TextMessage("Hi"))
    assert outcome == Unknown("HTTP 307")
    assert seen == ["gupshup.test"]


@pytest.mark.parametrize("key", ["", "two\nlines", "two words", "schlüssel", "k" * 600])
async def test_key_that_no_header_can_carry(key: str) -> None:
    """A mistyped key is a refusal, not a crash, and nothing is sent."""
    credentials = Credentials(key, "app", "ExampleStore", "919999900099")
    outcome = await _send(_answering(202, json=ACCEPTED), credentials)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.retryable, outcome.cls) == ("request", False, "account")
    with pytest.raises(GupshupRefused) as caught:
        await _list(_answering(200, json={"templates": []}), credentials)
    assert caught.value.status is None


async def test_errors_hold_no_key_and_no_phone() -> None:
    """Gupshup's words are quoted without what they may repeat. # I12."""
    said = f"Key {KEY} may not\n write to +91 99999 00001 or {CUSTOMER}" + "!" * 500
    outcome = await _send(_answering(400, json={"status": "error", "message": said}))
    assert isinstance(outcome, Refused)
    with pytest.raises(GupshupRefused) as caught:
        await _list(_answering(400, json={"error": {"message": said}}))
    for message in (outcome.message, str(caught.value)):
        assert message.startswith("Key … may not write to … or …!!")
        assert len(message) < 250
    assert KEY not in repr(CREDENTIALS)
    assert CREDENTIALS.source not in repr(CREDENTIALS)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_refused_question(status: int) -> None:
    """Key or app are wrong: asking again does not help."""
    with pytest.raises(GupshupRefused) as caught:
        await _list(_answering(status, json={"status": "error", "message": "No"}))
    assert (caught.value.status, caught.value.message) == (status, "No")


async def test_error_inside_2xx_refuses_a_question() -> None:
    """The status word counts, whatever HTTP says."""
    with pytest.raises(GupshupRefused, match="No"):
        await _list(_answering(200, json={"status": "error", "message": "No"}))


@pytest.mark.parametrize(
    "handler",
    [
        *(_raising(error("no")) for error in (*NOT_SENT, *MAYBE_SENT)),
        *(_answering(status, headers={"retry-after": "3"}) for status in (302, 408, 429, 500, 502, 503, 504)),
        *(_answering(200, content=body) for body in (b"", b"<html>", b"[]", b"{}", b'{"templates":{}}')),
        _answering(200, content=b" " * 1024 * 1024 + b'{"templates":[]}'),
    ],
)
async def test_question_without_a_usable_answer(handler: Handler) -> None:
    """Everything else is a reason to ask again later."""
    with pytest.raises(GupshupUnavailable) as caught:
        await _list(handler)
    assert isinstance(caught.value, GupshupError)


async def test_single_template_that_is_not_there() -> None:
    """Absent is an answer; something unreadable is none."""

    async def get(handler: Handler) -> object:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
            return await Gupshup(http, base_url="https://gupshup.test").get_template(CREDENTIALS, "t/../1")

    assert await get(_answering(404, json={"status": "error"})) is None
    assert await get(_answering(200, json={"status": "success", "template": None})) is None
    with pytest.raises(GupshupUnavailable):
        await get(_answering(200, json={"status": "success", "template": {"id": "t"}}))
    with pytest.raises(GupshupRefused):
        await get(_answering(401, json={"message": "Authentication Failed"}))

    asked: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(404)

    assert await get(handler) is None
    assert asked == [f"/wa/app/{CREDENTIALS.app_id}/template/t%2F..%2F1".encode()]


async def _form(**send: Any) -> dict[str, Any]:
    forms: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        fields = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        forms.append(
            {name: json.loads(value) if value[0] in "[{" else value for name, value in fields.items()}
        )
        return httpx.Response(202, json=ACCEPTED)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        gupshup = Gupshup(http, base_url="https://gupshup.test")
        send_it = gupshup.send_session if "message" in send else gupshup.send_template
        await send_it(CREDENTIALS, destination=CUSTOMER, **send)
    return forms[0]


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("Asha Rao", "Asha Rao"),
        ("  two\nlines\tand \r\n more  ", "two lines and more"),
        ("a     b", "a b"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("nul\x00bel\x07", "nulbel"),
        ("half \ud83d emoji", "half emoji"),
        ("क्‍ष 👩‍👧 ₹ é", "क्‍ष 👩‍👧 ₹ é"),
        ("", "-"),
        (" \n\u200f", "-"),
    ],
)
async def test_parameters_are_cleaned(value: str, cleaned: str) -> None:
    """WhatsApp refuses line breaks, tabs, wide gaps and nothing at all; bidi characters disguise. # F64."""
    assert clean_parameter(value) == cleaned
    form = await _form(template_id="t-1", params=[value], postbacks=[])
    assert form["template"] == {"id": "t-1", "params": [cleaned]}


async def test_template_without_parameters_or_buttons() -> None:
    """An empty list is sent; fields that say nothing are left out."""
    form = await _form(template_id="t-1", params=[], postbacks=[])
    assert form["template"] == {"id": "t-1", "params": []}
    assert form.keys() == {"channel", "source", "destination", "src.name", "template"}


async def test_postback_of_a_button_after_a_link() -> None:
    """The index counts all buttons: an empty postback keeps the place of one that cannot be tapped."""
    form = await _form(template_id="t-1", params=[], postbacks=["", "ref-1"])
    assert form["postbackTexts"] == [{"index": 1, "text": "ref-1"}]


@pytest.mark.parametrize("postback", ["x" * 65, "two words", "न", "a\n"])
async def test_postback_that_would_not_come_back_is_a_mistake(postback: str) -> None:
    """A reference is short visible ASCII."""
    with pytest.raises(ValueError, match="postbacks"):
        await _form(template_id="t-1", params=[], postbacks=[postback])


async def test_document_header() -> None:
    """A document has a name."""
    header = MediaHeader("document", "https://cdn.example.com/a.pdf", filename="bill.pdf")
    form = await _form(template_id="t-1", params=[], postbacks=[], header=header)
    assert form["message"] == {
        "type": "document",
        "document": {"link": "https://cdn.example.com/a.pdf", "filename": "bill.pdf"},
    }


async def test_session_text_keeps_its_lines() -> None:
    """Free text may have paragraphs, but nothing invisible."""
    form = await _form(message=TextMessage("Hello\n\nAsha\u202e\x00"))
    assert form["message"] == {"type": "text", "text": "Hello\n\nAsha"}


async def test_list_rows_stand_under_their_sections() -> None:
    """Rows of one section stay together in the order given."""
    rows = (Row("a", "", "1", "x"), Row("b", "", "2", "y"), Row("c", "", "3", "x"))
    form = await _form(message=ListMessage("Days", "Choose", "Open", rows))
    sections = [
        (item["title"], [row["postbackText"] for row in item["options"]]) for item in form["message"]["items"]
    ]
    assert sections == [("x", ["1", "3"]), ("y", ["2"])]
    assert "msgid" not in form["message"]


async def test_address_form_sends_only_what_is_known() -> None:
    """Nothing empty is filled in."""
    form = await _form(message=AddressForm("Your address?", pincode="560001"))
    assert form["message"] == {
        "type": "address_message",
        "body": {"text": "Your address?"},
        "address": {"country": "IN", "values": {"inPinCode": "560001"}},
    }


BUTTON, ROW = Button("Yes", "ref"), Row("Mon", "", "ref")


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("TextMessage.text", lambda: TextMessage("")),
        ("TextMessage.text", lambda: TextMessage("x" * 4097)),
        ("Button.title", lambda: Button("x" * 21, "ref")),
        ("Button.title", lambda: Button(" ", "ref")),
        ("Button.postback", lambda: Button("Yes", "")),
        ("Button.postback", lambda: Button("Yes", "x" * 65)),
        ("ButtonsMessage.body", lambda: ButtonsMessage("", (BUTTON,))),
        ("ButtonsMessage.body", lambda: ButtonsMessage("x" * 1025, (BUTTON,))),
        ("ButtonsMessage.buttons", lambda: ButtonsMessage("x", ())),
        ("ButtonsMessage.buttons", lambda: ButtonsMessage("x", (BUTTON,) * 4)),
        ("ButtonsMessage.header", lambda: ButtonsMessage("x", (BUTTON,), header="x" * 61)),
        ("ButtonsMessage.footer", lambda: ButtonsMessage("x", (BUTTON,), footer="x" * 61)),
        ("Row.title", lambda: Row("x" * 25, "", "ref")),
        ("Row.description", lambda: Row("x", "x" * 73, "ref")),
        ("Row.section", lambda: Row("x", "", "ref", section="x" * 25)),
        ("Row.postback", lambda: Row("x", "", "")),
        ("ListMessage.title", lambda: ListMessage("x" * 61, "x", "x", (ROW,))),
        ("ListMessage.body", lambda: ListMessage("x", "x" * 1025, "x", (ROW,))),
        ("ListMessage.button", lambda: ListMessage("x", "x", "x" * 21, (ROW,))),
        ("ListMessage.rows", lambda: ListMessage("x", "x", "x", ())),
        ("ListMessage.rows", lambda: ListMessage("x", "x", "x", (ROW,) * 11)),
        ("ListMessage.rows", lambda: ListMessage("x", "x", "x", (ROW, Row("x", "", "ref", "s")))),
        ("ListMessage.footer", lambda: ListMessage("x", "x", "x", (ROW,), footer="x" * 61)),
        ("AddressForm.body", lambda: AddressForm("")),
        ("AddressForm.errors", lambda: AddressForm("x", errors={"inPinCode": "no"})),
        ("LocationRequest.body", lambda: LocationRequest("")),
        ("MediaHeader.link", lambda: MediaHeader("image", "http://cdn.example.com/a.jpg")),
    ],
)
def test_message_beyond_a_limit_is_a_mistake(name: str, build: Callable[[], object]) -> None:
    """WhatsApp would refuse it: the field is named when it is built."""
    with pytest.raises(ValueError, match=name):
        build()
