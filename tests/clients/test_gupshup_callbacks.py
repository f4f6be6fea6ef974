"""Shapes of callbacks beyond the stored payloads, and the failure table."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from clients.gupshup import (
    FAILURE_CODES,
    Address,
    BillingEvent,
    CallbackEvent,
    Contact,
    Content,
    FailureClass,
    InboundMessage,
    Location,
    Media,
    OtherEvent,
    PreferenceEvent,
    Reaction,
    StatusEvent,
    Tap,
    TemplateEvent,
    Text,
    UnreadableCallback,
    Unsupported,
    failure_class,
    parse_callback,
)

PAYLOADS = Path(__file__).parents[1] / "payloads" / "gupshup"
NOON = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


def _parse(value: object) -> tuple[CallbackEvent, ...]:
    return parse_callback(json.dumps(value).encode()).events


def _v2(kind: str, payload: object, **more: object) -> CallbackEvent:
    envelope = {"app": "ExampleStore", "timestamp": 1791968400000, "version": 2, "type": kind}
    [event] = _parse({**envelope, "payload": payload, **more})
    return event


def _message(kind: str, content: object, **more: object) -> InboundMessage:
    event = _v2("message", {"id": "in-1", "source": "919999900001", "type": kind, "payload": content, **more})
    assert isinstance(event, InboundMessage)
    return event


def _v3(value: object, field: str = "messages", **more: object) -> tuple[CallbackEvent, ...]:
    change = {"field": field, "value": value}
    return _parse({"gs_app_id": "app", "entry": [{"id": "w", "changes": [change], **more}]})


def _v3_content(kind: str, content: object) -> Content:
    message = {"from": "919999900001", "id": "in-1", "timestamp": "1791968400", "type": kind, kind: content}
    [event] = _v3({"messages": [message]})
    assert isinstance(event, InboundMessage)
    return event.content


def _status(payload: dict[str, Any], **more: object) -> StatusEvent:
    event = _v2("message-event", payload, **more)
    assert isinstance(event, StatusEvent)
    return event


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"type=message", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a":"\xc3"}', "not UTF-8"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b'{"a":"x\\u0000y"}', "NUL character"),
        (b'{"a\\u0000":1}', "NUL character"),
        (b'{"a":NaN}', "number without end"),
        (b'{"a":-Infinity}', "number without end"),
        (b'{"a":1e999}', "number without end"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "nested too deeply"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_unreadable_body(body: bytes, reason: str) -> None:
    """What cannot be kept is named, without quoting it. # F45 S26."""
    with pytest.raises(UnreadableCallback) as caught:
        parse_callback(body)
    assert str(caught.value) == caught.value.reason == reason
    assert caught.value.__cause__ is None


def test_nesting_up_to_the_limit_is_read() -> None:
    """Thirty-two levels are allowed."""
    [event] = parse_callback(b'{"a":' + b"[" * 31 + b"]" * 31 + b"}").events
    assert isinstance(event, OtherEvent)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"type":[]}', b'{"entry":[]}', b'{"entry":[5,{"changes":[null]}]}']
)
def test_every_callback_has_an_event(body: bytes) -> None:
    """What says nothing is still kept, under a key. # I1 F46."""
    [event] = parse_callback(body).events
    assert isinstance(event, OtherEvent)
    assert event.kind == "unknown"


def test_half_an_emoji_does_not_cost_the_reply() -> None:
    """A name cut in the middle of a character is somebody else's mistake."""
    raw = (PAYLOADS / "webhook-v2-message-text.json").read_bytes().replace(b"Asha Rao", rb"Asha \ud83d")
    [event] = parse_callback(raw).events
    assert isinstance(event, InboundMessage)
    assert event.profile_name == "Asha \ufffd"


# Event keys


def test_key_ignores_order_and_space() -> None:
    """The same fact written another way is the same fact. # I2 F39."""
    for path in PAYLOADS.glob("webhook-*.json"):
        value = json.loads(path.read_bytes())
        again = json.dumps(dict(reversed(value.items())), ensure_ascii=False, indent=3).encode()
        keys = [event.event_key for event in parse_callback(path.read_bytes()).events]
        assert [event.event_key for event in parse_callback(again).events] == keys


@pytest.mark.parametrize("change", ["id", "gsId", "type", "ts"])
def test_status_key_differs_with_each_fact(change: str) -> None:
    """Ids, type and inner time make a status."""
    payload = {"id": "wa", "gsId": "gs", "type": "sent", "payload": {"ts": 1791968401}}
    other = copy.deepcopy(payload)
    if change == "ts":
        other["payload"] = {"ts": 1791968402}
    else:
        other[change] = "delivered" if change == "type" else "different"
    assert _status(payload).event_key != _status(other).event_key


def test_status_key_ignores_the_envelope() -> None:
    """A repeat may be stamped anew, and may write numbers as text."""
    first = _status({"id": "wa", "gsId": "gs", "type": "failed", "payload": {"ts": 1791968401, "code": 1002}})
    again = _status(
        {"id": "wa", "gsId": "gs", "type": "failed", "payload": {"ts": "1791968401", "code": "1002"}},
        timestamp=1791968999000,
    )
    assert first.event_key == again.event_key


def test_billing_key_is_ids_and_deduction() -> None:
    """One message may be billed and, of another type, not."""

    def key(deduction: str, gs: str) -> str:
        event = _v2("billing-event", {"deductions": {"type": deduction}, "references": {"gsId": gs}})
        assert isinstance(event, BillingEvent)
        return event.event_key

    assert len({key("regular", "a"), key("regular", "b"), key("free_customer_service", "a")}) == 3
    assert key("regular", "a") == key("regular", "a")


def test_keys_are_short_and_hide_what_they_are_made_of() -> None:
    """WhatsApp's ids hold the customer's number, and nobody promises their length. # I12."""
    for path in PAYLOADS.glob("webhook-*.json"):
        for event in parse_callback(path.read_bytes()).events:
            assert len(event.event_key) < 80
            assert "wamid" not in event.event_key


# Replies


@pytest.mark.parametrize(
    "context", [None, {}, {"id": "", "gsId": ""}, {"id": None}, [], "x", {"forwarded": True}]
)
def test_context_that_links_nothing(context: object) -> None:
    """Missing, null, empty and odd are alike."""
    assert _message("text", {"text": "Hi"}, context=context).context_ids == ()


def test_context_with_whatsapp_id_only() -> None:
    """The example of the provider's own page has no Gupshup id."""
    assert _message("text", {"text": "Hi"}, context={"id": "wa"}).context_ids == ("wa",)


@pytest.mark.parametrize(
    ("kind", "content", "tap", "ref"),
    [
        ("quick_reply", {"title": "Yes", "id": "ref", "reply": "Yes 1"}, Tap("Yes", None, "buttons"), "ref"),
        ("quick_reply", {"postbackText": "p"}, Tap("", "p", "template"), None),
        ("quick_reply", {"text": " हाँ ", "postbackText": ""}, Tap("हाँ", None, "template"), None),
        ("button_reply", {"reply": "Yes 1", "id": 5}, Tap("Yes 1", None, "buttons"), "5"),
        ("list_reply", {"title": "Mon", "id": ""}, Tap("Mon", None, "list"), None),
    ],
)
def test_tap(kind: str, content: object, tap: Tap, ref: str | None) -> None:
    """A session button may come under the template's type; labels may be missing."""
    message = _message(kind, content)
    assert (message.content, message.message_ref) == (tap, ref)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("quick_reply", {"type": "button"}),
        ("button_reply", {}),
        ("text", {}),
        ("text", {"text": "  "}),
        ("text", {"text": {"body": "x"}}),
        ("location", {"latitude": "north", "longitude": "1"}),
        ("location", {"latitude": 91, "longitude": 0}),
        ("location", {"latitude": True, "longitude": False}),
        ("contact", {"contacts": []}),
        ("nfm_reply", {"addressDetails": {}, "body": ""}),
        ("order", {"items": [1]}),
        ("", None),
    ],
)
def test_message_without_readable_content(kind: str, content: object) -> None:
    """It is still a message of the customer's, to be answered with the choices. # R7.1."""
    assert _message(kind, content).content == Unsupported(kind)


def test_flat_message_of_a_test_sender() -> None:
    """Some senders leave the inner payload out."""
    event = _v2("message", {"id": "in-1", "source": "919999900001", "type": "text", "text": "Hi"})
    assert isinstance(event, InboundMessage)
    assert (event.content, event.message_ref) == (Text("Hi"), None)


def test_location_as_numbers() -> None:
    """Degrees come as text or as numbers."""
    assert _message("location", {"latitude": -12.5, "longitude": 77}).content == Location(-12.5, 77.0)


def test_customer_with_hidden_number() -> None:
    """With a username only the business-scoped id is told. # F49."""
    event = _v2(
        "message",
        {"id": "in-1", "type": "text", "payload": {"text": "Hi"}, "sender": {}, "userId": "IN.1648abc"},
    )
    assert isinstance(event, InboundMessage)
    assert (event.phone, event.bsuid) == (None, "IN.1648abc")


@pytest.mark.parametrize("sender", [None, "919999900002", {"phone": ""}, {"dial_code": "919999900002"}])
def test_number_is_never_put_together(sender: object) -> None:
    """Country and dial code are unreliable; the source is the number."""
    assert _message("text", {"text": "Hi"}, sender=sender).phone == "919999900001"


def test_message_without_id_is_something_else() -> None:
    """Without its id a message could not be recognised when it is repeated."""
    assert isinstance(_v2("message", {"type": "text", "payload": {"text": "Hi"}}), OtherEvent)


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("document", {"id": "5", "mime_type": "application/pdf", "filename": "a.pdf", "caption": "c"},
         Media("file", "", "c", "application/pdf", "a.pdf")),
        ("location", {"latitude": 12.9, "longitude": 77.5, "name": "Home"}, Location(12.9, 77.5, "Home")),
        ("reaction", {"message_id": "wa", "emoji": "👍"}, Reaction("👍")),
        ("contacts", [{"name": {"first_name": "Ravi"}, "phones": [{"phone": "+91 99999 00002"}]}],
         Contact(("Ravi",), ("919999900002",))),
        ("button", {"payload": "", "text": "Yes"}, Tap("Yes", None, "template")),
        ("button", {}, Unsupported("button")),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "plain", "title": "Mon"}},
         Tap("Mon", "plain", "list")),
        ("interactive", {"type": "list_reply", "list_reply": {}}, Unsupported("list_reply")),
        ("interactive", {"type": "button_reply", "button_reply": {"id": '{"msgid":"m"}', "title": "Yes"}},
         Tap("Yes", None, "buttons")),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {
            "name": "address_message", "body": "all", "response_json": '{"values":{"in_pin_code":"560001"}}'}},
         Address(pincode="560001", body="all")),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": "{}"}},
         Unsupported("nfm_reply")),
        ("interactive", {}, Unsupported("interactive")),
        ("unsupported", None, Unsupported("unsupported")),
    ],
)  # fmt: skip
def test_content_in_the_other_format(kind: str, content: object, expected: Content) -> None:
    """A v2 app may receive Meta's format too."""
    assert _v3_content(kind, content) == expected


# Statuses


@pytest.mark.parametrize(
    ("payload", "ids"),
    [
        ({"id": "a", "type": "enqueued"}, ("a", None)),
        ({"id": "a", "type": "enqueued", "payload": {"whatsappMessageId": "w"}}, ("a", "w")),
        ({"id": "a", "type": "failed"}, ("a", None)),
        ({"gsId": "a", "type": "failed"}, ("a", None)),
        ({"id": "w", "gsId": "a", "type": "failed"}, ("a", "w")),
        ({"id": "w", "gsId": "", "type": "sent"}, (None, "w")),
        ({"id": "w", "type": "delivered", "payload": {"gsId": "a"}}, ("a", "w")),
        ({"id": "a", "gsId": "a", "type": "sent"}, ("a", None)),
        ({"id": "w", "type": "others"}, (None, "w")),
    ],
)
def test_ids_of_a_status(payload: dict[str, Any], ids: tuple[str | None, str | None]) -> None:
    """Before WhatsApp knew the message a lone id is Gupshup's, afterwards WhatsApp's. # F41."""
    event = _status(payload)
    assert (event.gupshup_id, event.whatsapp_id) == ids


@pytest.mark.parametrize(
    "payload", [{"type": "sent"}, {"type": "mismatch", "payload": {"wa_id": "9"}}, {}, None]
)
def test_status_of_no_message(payload: object) -> None:
    """Nothing can be matched to it."""
    assert isinstance(_v2("message-event", payload), OtherEvent)


def test_callback_address_being_set() -> None:
    """Meta's format tells it as a status without a message."""
    [event] = _v3({"statuses": [{"type": "set-callback", "timestamp": "1791968400"}]})
    assert isinstance(event, OtherEvent)
    assert (event.kind, event.occurred_at) == ("set-callback", NOON)


@pytest.mark.parametrize("written", [1791968400, "1791968400", 1791968400000, "1791968400000", 1791968400.0])
def test_seconds_and_milliseconds(written: object) -> None:
    """Both occur, as numbers and as text. # F59."""
    event = _status({"id": "w", "gsId": "a", "type": "sent", "ts": written}, timestamp=None)
    assert event.occurred_at == NOON


@pytest.mark.parametrize("written", [None, "", "soon", True, -1, 0, 10**30, "9" * 40, [], 2**63])
def test_time_that_is_none(written: object) -> None:
    """An odd time is no time, and no reason to lose the status."""
    event = _status({"id": "w", "gsId": "a", "type": "sent", "payload": {"ts": written}}, timestamp=written)
    assert event.occurred_at is None


def test_several_events_in_one_body() -> None:
    """Meta's format may bundle; nothing is lost, and each has its key."""
    statuses = [
        {"id": "w", "gs_id": "a", "status": word, "timestamp": "1791968400"} for word in ("sent", "read")
    ]
    messages = [{"id": "in-1", "from": "919999900001", "type": "text", "text": {"body": "Hi"}}, "odd", {}]
    events = _v3({"statuses": statuses, "messages": messages})
    assert [type(event) for event in events] == [InboundMessage, OtherEvent, StatusEvent, StatusEvent]
    assert len({event.event_key for event in events}) == 4


# Templates, money, wishes


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"status": "approved"}, ("status", "APPROVED", "", "", False)),
        ({"type": "category-update", "category": "MARKETING"}, ("category", "", "", "MARKETING", False)),
        (
            {"type": "category-update", "category": {"correct": "MARKETING", "current": "UTILITY"}},
            ("category", "", "UTILITY", "MARKETING", True),
        ),
    ],
)
def test_template_change(payload: dict[str, Any], expected: tuple[object, ...]) -> None:
    """Old statuses name no kind, categories come as pair, plain or announced. # F33."""
    event = _v2("template-event", {"id": "t-1", **payload})
    assert isinstance(event, TemplateEvent)
    assert (
        event.kind,
        event.status,
        event.old_category,
        event.new_category,
        event.is_announcement,
    ) == expected


def test_template_change_in_the_other_format() -> None:
    """Meta's field names, with Gupshup's id of the template."""
    value = {
        "gs_template_id": "t-1",
        "message_template_name": "delivery_failed",
        "event": "REJECTED",
        "reason": "NONE",
    }
    [event] = _v3(value, "message_template_status_update", time=1791968400)
    assert isinstance(event, TemplateEvent)
    assert (event.template_id, event.kind, event.status, event.reason) == ("t-1", "status", "REJECTED", "")
    assert event.occurred_at == NOON


@pytest.mark.parametrize(
    ("deductions", "billable"),
    [
        ({"billable": "true"}, True),
        ({"billable": "FALSE"}, False),
        ({"type": "regular"}, True),
        ({"type": "free_entry_point"}, False),
    ],
)
def test_billable(deductions: object, *, billable: bool) -> None:
    """Boolean, text, or to be read from the kind of deduction."""
    event = _v2("billing-event", {"deductions": deductions, "references": {"id": "w"}})
    assert isinstance(event, BillingEvent)
    assert event.billable is billable


def test_each_wish_is_an_event() -> None:
    """One body may hold the wishes of several customers."""
    wishes = [
        {"wa_id": "919999900001", "category": "marketing_messages", "value": "stop", "timestamp": 1791968400},
        {"wa_id": "919999900002", "category": "marketing_messages", "value": "Resume"},
        {"wa_id": "919999900003", "value": "?"},
    ]
    envelope = {"type": "preference-event", "payload": {"payload": {"user_preferences": wishes}}}
    first, second, third = _parse(envelope)
    assert isinstance(first, PreferenceEvent)
    assert isinstance(second, PreferenceEvent)
    assert [first.value, second.value] == ["stop", "resume"]
    assert isinstance(third, OtherEvent)


# The failure table


@pytest.mark.parametrize(
    ("code", "cls"),
    [("1002", "recipient"), (" 470 ", "window"), ("132015", "template"), ("99999", "unknown"), ("", "unknown"),
     (None, "unknown")],
)  # fmt: skip
def test_failure_class(code: str | None, cls: str) -> None:
    """A code in no list is final and looked at. # F31."""
    assert failure_class(code) == cls


def test_failure_table_is_whole() -> None:
    """Each row has a known class and its own words; codes are the digits that come."""
    for code, failure in FAILURE_CODES.items():
        assert code.isdecimal()
        assert failure.cls in get_args(FailureClass)
        assert failure.meaning
        assert failure_class(code) == failure.cls
