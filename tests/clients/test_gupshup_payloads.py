"""Every stored payload of Gupshup's goes through the client or the parser."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from clients.gupshup import (
    Accepted,
    AccountEvent,
    Address,
    AddressForm,
    BillingEvent,
    Button,
    ButtonsMessage,
    Contact,
    Credentials,
    Gupshup,
    GupshupRefused,
    InboundMessage,
    ListMessage,
    Location,
    LocationRequest,
    Media,
    MediaHeader,
    OtherEvent,
    PreferenceEvent,
    Reaction,
    Refused,
    Row,
    SessionMessage,
    StatusEvent,
    Tap,
    TemplateEvent,
    Text,
    TextMessage,
    Unknown,
    UserEvent,
    parse_callback,
)

PAYLOADS = Path(__file__).parents[1] / "payloads" / "gupshup"

CREDENTIALS = Credentials(
    "sk-example", "6b1f0f0e-2c55-4d0b-9f0a-5f7d2f6f1a10", "ExampleStore", "919999900099"
)
CUSTOMER = "919999900001"
TEMPLATE = "4d1f7a90-3b2c-4e5d-8f6a-9b0c1d2e3f47"
SENT = "b6c2d1e4-7a3f-4c55-8e21-0f9d8c7b6a51"  # the template message, by Gupshup's id
SENT_WA = "3f0d8a72-91c4-4b6e-a1d3-7c5e9b2f4d80"  # the same, by WhatsApp's
SESSION = "c8e4a0b2-1d6f-4b39-92a7-5e3c7d1f8b64"
SESSION_WA = "7ad95c10-4e2b-4f87-b0c6-2d1a8e9f3c75"
META = "wamid.HBgMOTE5OTk5OTAwMDAxFQIAERgSQjAwMDAwMDAwMDAwMDAwMDAxAA=="
MEDIA = f"https://filemanager.gupshup.io/wa/{CREDENTIALS.app_id}/wa/media/example-"

# What each send is answered with, and how it then ended. Answers of calls we never make stand here too: whatever
# comes back where a message id is expected, it must not read as accepted.
ANSWERS: Mapping[str, type[Accepted | Refused | Unknown]] = {
    "api-send-template-202.json": Accepted,
    "api-send-template-200-success.json": Accepted,
    "api-send-session-202.json": Accepted,
    "api-error-200-status-error.json": Unknown,
    "api-error-400-callback-billing.json": Refused,
    "api-error-400-invalid-app-details.json": Refused,
    "api-error-400-invalid-destination.json": Refused,
    "api-error-400-message-object.json": Refused,
    "api-error-401.json": Refused,
    "api-error-429.json": Refused,
    "api-partner-health-400-not-live.json": Refused,
    "api-subscription-error-400.json": Refused,
    "api-media-upload-200.json": Unknown,
    "api-optin-users-200.json": Unknown,
    "api-partner-app-token-200.json": Unknown,
    "api-partner-apps-200.json": Unknown,
    "api-partner-health-200.json": Unknown,
    "api-partner-login-200.json": Unknown,
    "api-partner-v3-send-200.json": Unknown,
    "api-partner-waba-info-200.json": Unknown,
    "api-partner-wallet-200.json": Unknown,
    "api-subscription-create-200.json": Unknown,
    "api-subscription-list-200.json": Unknown,
    "api-wallet-balance.json": Unknown,
}

# How many templates a list holds, or the status of the one.
TEMPLATE_LISTS = {"api-template-list.json": 7, "api-template-list-empty.json": 0}
SINGLE_TEMPLATES = {
    "api-template-get.json": "APPROVED",
    "api-template-get-url-phone-buttons.json": "APPROVED",
    "api-template-create-200.json": "PENDING",
}

SESSION_MESSAGES: Mapping[str, SessionMessage] = {
    "request-session-message-quick-reply.json": ButtonsMessage(
        "What should we do with order 1001?",
        (Button("Try again", "REATTEMPT:attempt-42"), Button("Cancel order", "CANCEL:attempt-42")),
        header="Delivery",
        footer="Example Store",
        message_ref="attempt-42-q1",
    ),
    "request-session-message-list.json": ListMessage(
        "Delivery",
        "Choose a day",
        "Choose",
        (
            Row("Wed 14 Oct", "9 am to 1 pm", "SLOT:2026-10-14", section="This week"),
            Row("Thu 15 Oct", "2 pm to 6 pm", "SLOT:2026-10-15", section="This week"),
        ),
        footer="Example Store",
        message_ref="attempt-42-l1",
    ),
    "request-session-message-location-request.json": LocationRequest(
        "Please share your location for the delivery.",
    ),
    "request-session-message-address.json": AddressForm(
        "Please check and send your address.",
        header="Delivery address",
        footer="Example Store",
        name="Asha Rao",
        phone=CUSTOMER,
        pincode="560001",
        city="Bengaluru",
    ),
    "request-session-message-address-validation.json": AddressForm(
        "Please correct the PIN code.",
        header="Delivery address",
        footer="Example Store",
        name="Asha Rao",
        phone=CUSTOMER,
        pincode="000000",
        errors={"pincode": "We do not deliver to this PIN code"},
    ),
}
FORMS = {
    "request-send-template-form.json",
    "request-send-template-image-form.json",
    "request-send-session-text-form.json",
}
# Requests nothing of ours makes as they stand: a subscription of ours names less, links go in plain text.
NOT_MADE = {"request-create-subscription-form.json", "request-session-message-cta-url.json"}


def _reply(content: object, *, context: tuple[str, ...] = (), ref: str | None = None) -> dict[str, Any]:
    return {
        "type": InboundMessage,
        "phone": CUSTOMER,
        "bsuid": None,
        "profile_name": "Asha Rao",
        "content": content,
        "context_ids": context,
        "message_ref": ref,
    }


def _status(kind: str, gupshup_id: str | None, whatsapp_id: str | None, **more: object) -> dict[str, Any]:
    return {
        "type": StatusEvent,
        "kind": kind,
        "gupshup_id": gupshup_id,
        "whatsapp_id": whatsapp_id,
        "destination": CUSTOMER,
        "code": None,
    } | more


def _template(kind: str, **more: object) -> dict[str, Any]:
    fixed = {"template_id": TEMPLATE, "element_name": "delivery_failed_v1", "language": "en", "reason": ""}
    return {"type": TemplateEvent, "kind": kind} | fixed | more


def _billing(**more: object) -> dict[str, Any]:
    charged = {"billable": True, "category": "utility", "model": "PMP"}
    ids = {"gupshup_id": SENT, "whatsapp_id": SENT_WA, "destination": CUSTOMER}
    return {"type": BillingEvent} | charged | ids | more


TO_TEMPLATE, TO_SESSION = (SENT, SENT_WA), (SESSION, SESSION_WA)
ADDRESS = Address(
    name="Asha Rao",
    phone=CUSTOMER,
    pincode="560001",
    house_number="12",
    floor_number="3",
    tower_number="B",
    building_name="Lake View",
    address="MG Road",
    landmark="Near metro station",
    city="Bengaluru",
    state="Karnataka",
    body=f"Asha Rao\n{CUSTOMER}\n12, 3, B, Lake View\nMG Road, Near metro station\nBengaluru 560001",
)
TRY_AGAIN = Tap("Try again", "REATTEMPT:attempt-42", "template")

CALLBACKS: Mapping[str, dict[str, Any]] = {
    "webhook-v2-message-text.json": _reply(Text("Please come tomorrow after 6")),
    "webhook-v2-message-text-with-context.json": _reply(Text("Yes, try again"), context=TO_TEMPLATE),
    "webhook-v2-message-text-stop.json": _reply(Text("STOP")),
    "webhook-v2-message-text-referral.json": _reply(Text("Hello")),
    "webhook-v2-message-quick-reply.json": _reply(TRY_AGAIN, context=TO_TEMPLATE),
    "webhook-v2-message-quick-reply-cancel.json": _reply(
        Tap("Cancel order", "CANCEL:attempt-42", "template"),
        context=TO_TEMPLATE,
    ),
    "webhook-v2-message-quick-reply-address.json": _reply(
        Tap("Change address", "ADDRESS:attempt-42", "template"),
        context=TO_TEMPLATE,
    ),
    "webhook-v2-message-quick-reply-no-postback.json": _reply(
        Tap("Try again", None, "template"),
        context=TO_TEMPLATE,
    ),
    "webhook-v2-message-quick-reply-no-context.json": _reply(TRY_AGAIN),
    "webhook-v2-message-quick-reply-as-text.json": _reply(
        Tap("Try again", None, "template"),
        context=TO_TEMPLATE,
    ),
    "webhook-v2-message-button-reply.json": _reply(
        Tap("Try again", "REATTEMPT:attempt-42", "buttons"),
        context=TO_SESSION,
        ref="attempt-42-q1",
    ),
    "webhook-v2-message-list-reply.json": _reply(
        Tap("Wed 14 Oct", "SLOT:2026-10-14", "list"),
        context=TO_SESSION,
        ref="attempt-42-l1",
    ),
    "webhook-v2-message-location.json": _reply(Location(12.971599, 77.594566), context=TO_SESSION),
    "webhook-v2-message-location-named.json": _reply(
        Location(12.971599, 77.594566, "Lake View", "MG Road, Bengaluru 560001"),
    ),
    "webhook-v2-message-image.json": _reply(
        Media("image", f"{MEDIA}image?download=false", "My gate", "image/jpeg"),
    ),
    "webhook-v2-message-file.json": _reply(
        Media("file", f"{MEDIA}file?download=false", "", "application/pdf", "address-proof.pdf"),
    ),
    "webhook-v2-message-audio.json": _reply(
        Media("audio", f"{MEDIA}audio?download=false", "", "audio/ogg; codecs=opus"),
    ),
    "webhook-v2-message-video.json": _reply(Media("video", f"{MEDIA}video?download=false", "", "video/mp4")),
    "webhook-v2-message-sticker.json": _reply(
        Media("sticker", f"{MEDIA}sticker?download=false", "", "image/webp"),
    ),
    "webhook-v2-message-contact.json": _reply(Contact(("Ravi Rao",), ("919999900002",))),
    "webhook-v2-message-reaction.json": _reply(Reaction("👍"), context=TO_TEMPLATE),
    "webhook-v2-message-reaction-removed.json": _reply(Reaction(""), context=TO_TEMPLATE),
    "webhook-v2-message-nfm-reply-address.json": _reply(ADDRESS, context=TO_SESSION),
    "webhook-v2-message-event-enqueued.json": _status("enqueued", SENT, SENT_WA),
    "webhook-v2-message-event-enqueued-session.json": _status("enqueued", SESSION, SESSION_WA),
    "webhook-v2-message-event-failed-sync.json": _status("failed", SENT, None, code="1003"),
    "webhook-v2-message-event-failed.json": _status("failed", SENT, SENT_WA, code="1002"),
    "webhook-v2-message-event-failed-meta-code.json": _status("failed", SENT, SENT_WA, code="131049"),
    "webhook-v2-message-event-failed-param-count.json": _status("failed", SENT, SENT_WA, code="132000"),
    "webhook-v2-message-event-failed-window.json": _status("failed", SESSION, SESSION_WA, code="470"),
    "webhook-v2-message-event-sent.json": _status(
        "sent",
        SENT,
        SENT_WA,
        pricing_category="utility",
        pricing_model="PMP",
        pricing_type="regular",
    ),
    "webhook-v2-message-event-sent-conversation.json": _status("sent", SENT, SENT_WA, pricing_model="CBP"),
    "webhook-v2-message-event-delivered.json": _status(
        "delivered",
        SENT,
        SENT_WA,
        occurred_at=datetime(2026, 10, 14, 9, 0, 3, tzinfo=UTC),
    ),
    "webhook-v2-message-event-read.json": _status("read", SENT, SENT_WA),
    "webhook-v2-message-event-read-no-gsid.json": _status("read", None, SENT_WA),
    "webhook-v2-message-event-deleted.json": _status(
        "deleted",
        None,
        "wamid.HBgMOTE5OTk5OTAwMDAxFQIAEhgUM0E1RjAwMDAwMDAwMDAwMDAwMDEA",
    ),
    "webhook-v2-message-event-mismatch.json": _status("mismatch", SENT, None),
    "webhook-v2-billing-event-pmp.json": _billing(type_="regular"),
    "webhook-v2-billing-event-free-window.json": _billing(type_="free_customer_service", billable=False),
    "webhook-v2-billing-event-cbp.json": _billing(type_="regular", model="CBP"),
    "webhook-v2-template-event-approved.json": _template("status", status="APPROVED"),
    "webhook-v2-template-event-rejected.json": _template(
        "status", status="REJECTED", reason="INVALID_FORMAT"
    ),
    "webhook-v2-template-event-paused.json": _template(
        "status",
        status="PAUSED",
        reason="Paused for 3 hours because of low quality",
    ),
    "webhook-v2-template-event-disabled.json": _template("status", status="DISABLED"),
    "webhook-v2-template-event-category-update.json": _template(
        "category",
        old_category="UTILITY",
        new_category="MARKETING",
        is_announcement=False,
    ),
    "webhook-v2-template-event-quality-update.json": _template("quality", quality="YELLOW"),
    "webhook-v2-account-event-tier.json": {
        "type": AccountEvent,
        "kind": "tier",
        "status": "UPGRADE",
        "old_limit": "TIER_1K",
        "new_limit": "TIER_10K",
    },
    "webhook-v2-account-event-status.json": {
        "type": AccountEvent,
        "kind": "status",
        "status": "ACCOUNT_RESTRICTED",
    },
    "webhook-v2-account-event-review.json": {"type": AccountEvent, "kind": "review", "status": "APPROVED"},
    "webhook-v2-account-event-capability.json": {
        "type": AccountEvent,
        "kind": "capability",
        "new_limit": "1000",
    },
    "webhook-v2-user-event-opted-in.json": {"type": UserEvent, "kind": "opted_in", "phone": CUSTOMER},
    "webhook-v2-user-event-opted-out.json": {"type": UserEvent, "kind": "opted_out", "phone": CUSTOMER},
    "webhook-v2-user-event-sandbox-start.json": {"type": UserEvent, "kind": "sandbox_start", "phone": None},
    "webhook-v2-preference-event-stop.json": {
        "type": PreferenceEvent,
        "phone": CUSTOMER,
        "category": "marketing_messages",
        "value": "stop",
    },
    "webhook-v2-system-event.json": {"type": OtherEvent, "kind": "system-event"},
    "webhook-v2-platform-event-connectivity-check.json": {"type": OtherEvent, "kind": "platform-event"},
    "webhook-v3-message-text.json": _reply(Text("Please come tomorrow")),
    "webhook-v3-message-button.json": _reply(TRY_AGAIN, context=(*TO_TEMPLATE, META)),
    "webhook-v3-message-interactive-button-reply.json": _reply(
        Tap("Try again", "REATTEMPT:attempt-42", "buttons"),
        context=(*TO_TEMPLATE, META),
        ref="attempt-42-q1",
    ),
    "webhook-v3-status-sent.json": _status("sent", SENT, SENT_WA, pricing_model="PMP"),
    "webhook-v3-status-delivered.json": _status("delivered", SENT, SENT_WA),
    "webhook-v3-status-failed.json": _status(
        "failed", SENT, SENT_WA, code="131026", reason="Message undeliverable"
    ),
    "webhook-v3-billing-event.json": _billing(type_="regular"),
    "webhook-v3-platform-event-connectivity-check.json": {"type": OtherEvent, "kind": "platform-event"},
}


def _payload(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_bytes())


def _http_status(name: str) -> int:
    return next((int(part) for part in name.removesuffix(".json").split("-") if part.isdecimal()), 200)


def _gupshup(http: httpx.AsyncClient) -> Gupshup:
    return Gupshup(http, base_url="https://gupshup.test/")


def _answering(name: str) -> httpx.AsyncClient:
    answer = httpx.Response(
        _http_status(name),
        content=(PAYLOADS / name).read_bytes(),
        headers={"content-type": "text/html"},  # as the provider really labels its JSON
    )
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))


def test_every_payload_is_used() -> None:
    """A payload that no table names proves nothing."""
    named = (
        {*ANSWERS}
        | {*TEMPLATE_LISTS}
        | {*SINGLE_TEMPLATES}
        | {*SESSION_MESSAGES}
        | FORMS
        | NOT_MADE
        | {*CALLBACKS}
    )
    assert named == {path.name for path in PAYLOADS.iterdir()}


@pytest.mark.parametrize("name", ANSWERS)
async def test_answer_to_a_send(name: str) -> None:
    """Only 2xx with the id of a message is accepted; an error inside 2xx proves neither."""
    async with _answering(name) as http:
        outcome = await _gupshup(http).send_session(
            CREDENTIALS, destination=CUSTOMER, message=TextMessage("Thank you")
        )
    assert type(outcome) is ANSWERS[name]
    if isinstance(outcome, Accepted):
        assert outcome.message_id == _payload(name)["messageId"]
    if isinstance(outcome, Refused):
        said = _payload(name)["message"]
        assert outcome.message == (said["message"] if isinstance(said, dict) else said)
        assert outcome.code == str(_http_status(name))
        assert outcome.retryable == (outcome.code == "429")


@pytest.mark.parametrize("name", TEMPLATE_LISTS)
async def test_template_list(name: str) -> None:
    """All entries are read, also those without or with an empty `containerMeta`, with their buttons."""
    async with _answering(name) as http:
        templates = await _gupshup(http).list_templates(CREDENTIALS)
    assert len(templates) == TEMPLATE_LISTS[name]
    for template in templates:
        assert template.body == ("Hi {{1}}, we could not deliver order {{2}} on {{3}}. What should we do?")
        assert template.placeholders == ("1", "2", "3")
        assert template.quick_replies == ("Try again", "Cancel order", "Change address")


@pytest.mark.parametrize("name", SINGLE_TEMPLATES)
async def test_single_template(name: str) -> None:
    """One template is read as those of the list are."""
    async with _answering(name) as http:
        template = await _gupshup(http).get_template(CREDENTIALS, TEMPLATE)
    assert template is not None
    assert template.status == SINGLE_TEMPLATES[name]
    assert template.id == _payload(name)["template"]["id"]


@pytest.mark.parametrize("name", [name for name in ANSWERS if "-error-40" in name])
async def test_refused_question(name: str) -> None:
    """A question refused names status and Gupshup's words."""
    async with _answering(name) as http:
        with pytest.raises(GupshupRefused, match=str(_http_status(name))):
            await _gupshup(http).list_templates(CREDENTIALS)


async def _form_of(**send: Any) -> dict[str, str]:
    """Return the form fields that a send puts on the wire."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(202, json={"status": "submitted", "messageId": SENT})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        gupshup = _gupshup(http)
        if "message" in send:
            outcome = await gupshup.send_session(CREDENTIALS, destination=CUSTOMER, **send)
        else:
            outcome = await gupshup.send_template(CREDENTIALS, destination=CUSTOMER, **send)
    assert outcome == Accepted(SENT)
    [request] = requests
    path = "/wa/api/v1/msg" if "message" in send else "/wa/api/v1/template/msg"
    assert (request.method, request.url.path) == ("POST", path)
    assert request.headers["apikey"] == CREDENTIALS.api_key
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.content.decode(), strict_parsing=True, keep_blank_values=True))


async def test_template_request() -> None:
    """A template goes out with its parameters and one postback for each button."""
    form = await _form_of(
        template_id=TEMPLATE,
        params=["Asha", "1001", "Tue 13 Oct"],
        postbacks=["REATTEMPT:attempt-42", "CANCEL:attempt-42", "ADDRESS:attempt-42"],
    )
    assert form == _payload("request-send-template-form.json")


async def test_template_request_with_image() -> None:
    """The media of a template's header goes in `message`."""
    form = await _form_of(
        template_id=TEMPLATE,
        params=["Asha", "1001"],
        postbacks=["REATTEMPT:attempt-42"],
        header=MediaHeader("image", "https://cdn.example.com/parcel.jpg"),
    )
    assert form == _payload("request-send-template-image-form.json")


async def test_session_text_request() -> None:
    """Free text goes out without a preview of its links."""
    form = await _form_of(message=TextMessage("Thank you. We will try again on Wednesday."))
    assert form == _payload("request-send-session-text-form.json")


@pytest.mark.parametrize("name", SESSION_MESSAGES)
async def test_session_request(name: str) -> None:
    """Each kind of session message is written as Gupshup expects it."""
    form = await _form_of(message=SESSION_MESSAGES[name])
    assert json.loads(form["message"]) == _payload(name)


@pytest.mark.parametrize("name", CALLBACKS)
def test_callback(name: str) -> None:
    """Each callback becomes the event it tells."""
    expected = dict(CALLBACKS[name])
    callback = parse_callback((PAYLOADS / name).read_bytes())
    [event] = callback.events
    assert type(event) is expected.pop("type")
    for attribute, value in expected.items():
        assert getattr(event, attribute.rstrip("_")) == value, attribute
    assert event.occurred_at is not None or name == "webhook-v3-billing-event.json"
    if name.startswith("webhook-v3"):
        assert (callback.version, callback.app_id, callback.app_name) == (3, CREDENTIALS.app_id, None)
    else:
        assert (callback.version, callback.app_name) == (2, "ExampleStore")


@pytest.mark.parametrize("name", NOT_MADE)
def test_foreign_object_is_no_callback(name: str) -> None:
    """An object that is no callback is kept as something else, not refused."""
    [event] = parse_callback((PAYLOADS / name).read_bytes()).events
    assert isinstance(event, OtherEvent)


def test_every_callback_has_its_own_key() -> None:
    """Different facts never share a key; only the same fact in both formats does. # I2."""
    keys: dict[str, list[str]] = {}
    for name in CALLBACKS:
        for event in parse_callback((PAYLOADS / name).read_bytes()).events:
            keys.setdefault(event.event_key, []).append(name)
    shared = {frozenset(names) for names in keys.values() if len(names) > 1}
    assert shared == {
        frozenset(
            {
                "webhook-v2-message-event-sent.json",
                "webhook-v2-message-event-sent-conversation.json",
                "webhook-v3-status-sent.json",
            }
        ),
        frozenset({"webhook-v2-message-event-delivered.json", "webhook-v3-status-delivered.json"}),
        frozenset(
            {
                "webhook-v2-billing-event-pmp.json",
                "webhook-v2-billing-event-cbp.json",
                "webhook-v3-billing-event.json",
            }
        ),
        # These samples repeat one inbound id for three different messages.
        frozenset(
            {
                "webhook-v3-message-text.json",
                "webhook-v3-message-button.json",
                "webhook-v3-message-interactive-button-reply.json",
            }
        ),
    }
