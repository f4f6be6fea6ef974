"""The comparison of ledgers sees every kind of lie: an honest story passes, and each doctored one is rejected."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.wording import PRESETS
from tests.e2e.books import done_action
from tests.e2e.evidence import (
    Act,
    ActionRow,
    Asked,
    CaseRow,
    EntryRow,
    Evidence,
    InboxRow,
    Json,
    MessageRow,
    Order,
    OutgoingRow,
    Posted,
    Received,
    ReferenceRow,
    Reported,
    Sent,
    StatusRow,
    UsageRow,
    token_hash,
)
from tests.e2e.ledgers import CHECKS, disagreements

APP, ACCOUNT, PHONE = "KapasKraftLive", "account-1", "919999900001"
DONE = PRESETS["en"]["accepted_reattempt"].format(
    courier="Delhivery", brand="KapasKraft", order_id="ORD1", payment=" Please keep ₹2,998 ready."
)
CANCELLED = PRESETS["en"]["accepted_cancel"].format(brand="KapasKraft", order_id="ORD1")
CASE = CaseRow(
    id="case-1",
    workspace="kapaskraft",
    order_id="ORD1",
    shipment_id="S1",
    tracking_id="T1",
    attempt=1,
    visit=1,
    account=ACCOUNT,
    outcome="resolved",
    accepted_action="reattempt",
    accepted_on=None,
    opened_at=datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC),
    ended_at=datetime(2026, 11, 21, 9, 0, 10, tzinfo=UTC),
    phone=PHONE,
)


def at(seconds: float) -> datetime:
    return datetime(2026, 11, 21, 9, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def sent(number: int, seconds: float, text: str, **changes: Any) -> Sent:
    usual = Sent(
        id=f"gs-{number}",
        app=APP,
        phone=PHONE,
        at=at(seconds),
        is_session=number > 1,
        form=json.dumps({"message": {"text": text}}),
        text=text,
        status="read",
        code="",
        answered=True,
    )
    return replace(usual, **changes)


def row(number: int, seconds: float, text: str, **changes: Any) -> MessageRow:
    usual = MessageRow(
        id=f"message-{number}",
        workspace="kapaskraft",
        case_id="case-1",
        account=ACCOUNT,
        order_id="ORD1",
        kind="template",
        purpose="failed_delivery",
        command_id=f"case-1/{number}",
        status="read",
        gupshup_id=f"gs-{number}",
        code="",
        sending_at=at(seconds),
        phone=PHONE,
        text=text,
    )
    return replace(usual, **changes)


def inbound(number: int, kind: str, content: Json, **more: Any) -> Json:
    payload = {"id": f"wamid-{number}", "source": PHONE, "type": kind, "payload": content, **more}
    return {"app": APP, "type": "message", "payload": payload}


def stored(
    number: int, body: Json, seconds: float, *, source: str = "gupshup", owner: str = ACCOUNT
) -> InboxRow:
    return InboxRow(number, source, owner, "handled", "", at(seconds), at(seconds + 0.2), body)


def entry(number: int, **changes: Any) -> EntryRow:
    key = f"reply:{hashlib.sha256(f'wamid-{number}'.encode()).hexdigest()[:32]}"
    return replace(EntryRow("kapaskraft", "ORD1", "case-1", "reply", "choice", key), **changes)


def asked_about(number: int, case_id: str = "case-1") -> EntryRow:
    known = entry(number)
    return replace(known, case_id=case_id, key=f"{known.key}:{case_id}")


TAP = inbound(1, "quick_reply", {"text": "Try again", "postbackText": "token-1"}, context={"gsId": "gs-1"})
TYPED = inbound(2, "text", {"text": "hello"})
STOP = inbound(3, "text", {"text": "STOP"})
START = inbound(4, "text", {"text": " start. "})
REPORT: Json = {
    "resource": "shipment",
    "eventSubType": "failed_delivery",
    "eventTime": "2026-11-21 14:30:00",
    "response_data": {"externalShipmentID": "S1", "attemptCount": 1},
}
ASKED = Asked(
    workspace="kapaskraft",
    tracking_id="T1",
    attempt=1,
    at=at(6),
    code="ACTF001",
    on="",
    has_address=False,
    accepted=True,
    answered=True,
    id="NDR-T1-1",
)
HONEST = Evidence(
    accounts={APP: ACCOUNT},
    orders=(Order("kapaskraft", "ORD1", "S1", "T1", PHONE), Order("nilgiritea", "ORD2", "S2", "T2", PHONE)),
    acts=(Act("case-1", "actions", "reattempt", is_done=True), Act("case-1", "close", "", is_done=False)),
    sent=(sent(1, 2, "could not deliver"), sent(2, 7, DONE)),
    posted=(Posted(APP, TAP, at(5), at(5.1)), Posted(APP, TYPED, at(8), at(8.1))),
    asked=(ASKED,),
    reported=(Reported("kapaskraft", "S1", "failed_delivery", 1, REPORT, is_taken=True),),
    received=(Received("kapaskraft", "event-1", "case.resolved", "case-1", is_taken=True),) * 2,
    messages=(row(1, 1.9, "could not deliver"), row(2, 6.9, DONE)),
    usage=tuple(
        UsageRow(f"message-{number}", "kapaskraft", ACCOUNT, "ORD1", "accepted", 35, 35) for number in (1, 2)
    ),
    statuses=tuple(
        StatusRow(f"message-{number}", status)
        for number in (1, 2)
        for status in ("sending", "submitted", "read")
    ),
    cases=(CASE,),
    actions=(ActionRow("case-1/1", "case-1", "reattempt", "whatsapp", "accepted", "accepted"),),
    timeline=(entry(1), entry(2)),
    inbox=(
        stored(1, REPORT, 0.5, source="order_system", owner="kapaskraft"),
        stored(2, TAP, 5.1),
        stored(3, TYPED, 8.1),
    ),
    outgoing=(OutgoingRow("event-1", "kapaskraft", "case.resolved", is_delivered=True, case_id="case-1"),),
    references=(ReferenceRow(token_hash("token-1"), "case-1", "reattempt"),),
)


def change(field: str, index: int, **changes: Any) -> Evidence:
    """Return the honest evidence with one thing told otherwise."""
    listed = list(getattr(HONEST, field))
    listed[index] = replace(listed[index], **changes)
    changed: dict[str, Any] = {field: tuple(listed)}
    return replace(HONEST, **changed)


def without(field: str, index: int) -> Evidence:
    listed = list(getattr(HONEST, field))
    del listed[index]
    changed: dict[str, Any] = {field: tuple(listed)}
    return replace(HONEST, **changed)


def also(evidence: Evidence = HONEST, /, **more: Any) -> Evidence:
    """Return evidence with more of something."""
    listed: dict[str, Any] = {field: (*getattr(evidence, field), one) for field, one in more.items()}
    return replace(evidence, **listed)


def opted_out(*bodies: Json, message_at: float) -> Evidence:
    """Return the evidence of wishes at 12 s, 13 s, and so on, and of a message sent later."""
    evidence = HONEST
    for number, body in enumerate(bodies):
        evidence = also(
            evidence,
            posted=Posted(APP, body, at(12 + number), at(12.1 + number)),
            inbox=stored(20 + number, body, 12.1 + number),
        )
    return also(
        evidence,
        sent=sent(3, message_at + 0.1, "already recorded"),
        messages=row(3, message_at, "already recorded"),
        usage=UsageRow("message-3", "kapaskraft", ACCOUNT, "ORD1", "accepted", 35, 35),
        statuses=StatusRow("message-3", "read"),
    )


def shipment_event(event: str, number: int) -> dict[str, Any]:
    """Return a report of another parcel, and where it is stored."""
    body = {**REPORT, "eventSubType": event, "response_data": {"externalShipmentID": "S2", "attemptCount": 1}}
    return {
        "reported": Reported("kapaskraft", "S2", event, 1, body, is_taken=True),
        "inbox": stored(number, body, 3, source="order_system", owner="kapaskraft"),
    }


LOST = replace(ASKED, answered=False)
HONEST_TOO = {
    "an answer lost, never adopted": replace(
        HONEST,
        sent=(sent(1, 2, "could not deliver", answered=False), HONEST.sent[1]),
        messages=(row(1, 1.9, "could not deliver", status="unknown", gupshup_id=None), HONEST.messages[1]),
        usage=(replace(HONEST.usage[0], outcome="unknown", charged_paise=0), HONEST.usage[1]),
    ),
    "a program that died with the answer in its hands": replace(
        HONEST,
        deaths=1,
        messages=(row(1, 1.9, "could not deliver", status="unknown", gupshup_id=None), HONEST.messages[1]),
        usage=(replace(HONEST.usage[0], outcome="unknown", charged_paise=0), HONEST.usage[1]),
    ),
    "a text that was asked about": replace(HONEST, timeline=(entry(1), asked_about(2))),
    "a text that is asked about, with orders of two sellers": also(
        replace(HONEST, timeline=(entry(1),)),
        sent=sent(3, 8.4, "Which order?"),
        messages=row(3, 8.3, "Which order?", workspace="-", case_id=None, order_id="", purpose="which_order"),
        usage=UsageRow("message-3", "-", ACCOUNT, "", "accepted", 35, 35),
        statuses=StatusRow("message-3", "read"),
    ),
    "a row of the question which order is meant": replace(
        HONEST, references=(ReferenceRow(token_hash("token-1"), "case-0", "about:case-1:17"),)
    ),
    "an action accepted, its answer lost and the case closed": replace(
        HONEST,
        asked=(LOST,),
        actions=(replace(HONEST.actions[0], status="unknown"),),
        acts=(Act("case-1", "close", "", is_done=True),),
        cases=(replace(CASE, outcome="closed", accepted_action=""),),
        sent=HONEST.sent[:1],
        messages=HONEST.messages[:1],
        usage=HONEST.usage[:1],
        received=(Received("kapaskraft", "event-1", "case.ended", "case-1", is_taken=True),),
        outgoing=(),
    ),
    "an opt-out that was lifted": opted_out(STOP, START, message_at=14),
    "a message begun before the opt-out was taken in": opted_out(STOP, message_at=12.2),
    "a failure told after the parcel was delivered": also(
        also(HONEST, **shipment_event("delivered", 30)), **shipment_event("failed_delivery", 31)
    ),
}

DOCTORED: tuple[tuple[str, str, Evidence], ...] = (
    ("while playing", "500", replace(HONEST, troubles=("the API answered 500",))),
    # Messages
    ("I5 I7", "no row has it", without("messages", 1)),
    ("I5 I7", "no row has it", also(sent=sent(3, 7.1, DONE, answered=False))),
    ("I5 I7", "never accepted it", without("sent", 1)),
    (
        "I5 I7",
        "no row has it",
        change("messages", 0, status="unknown", gupshup_id=None),
    ),
    ("I5 I7", "has 2 rows", also(messages=row(3, 6.9, DONE, gupshup_id="gs-2"))),
    ("I5 I7", "the key of", change("messages", 0, account="account-2")),
    ("I5 I7", "went to", change("messages", 0, phone="919999900002")),
    ("I5 I7", "is refused, and Gupshup accepted it", change("messages", 1, status="refused")),
    ("I5 I7", "command case-1/2 has 2 rows", also(messages=row(3, 6.9, DONE, command_id="case-1/2"))),
    ("I7 R5.4", "has 0 usage records", without("usage", 0)),
    ("I7 R5.4", "has 2 usage records", also(usage=HONEST.usage[0])),
    ("I7 R5.4", "is counted for", change("usage", 0, account="account-2")),
    ("I7 R5.4", "its usage says", change("usage", 0, outcome="unknown")),
    ("I7 R5.4", "charged 0 paise", change("usage", 0, charged_paise=0)),
    ("I7 R5.4", "does not exist", also(usage=replace(HONEST.usage[0], message_id="message-9"))),
    ("I8", "its case through", change("cases", 0, account="account-2")),
    ("I8", "no case", change("messages", 0, case_id="case-9")),
    ("I10", "was reported", also(statuses=StatusRow("message-1", "read"), messages=row(9, 1, "", status="sent"))),
    ("I10", "read was reported", change("messages", 0, status="sent")),
    ("I10", "really delivered", change("sent", 0, status="delivered")),
    (
        "I10",
        "really with 1002",
        replace(
            change("sent", 0, status="failed", code="1002"),
            messages=(row(1, 1.9, "could not deliver", status="failed", code="470"), HONEST.messages[1]),
        ),
    ),
    # Actions
    ("I4", "accepted 2 actions", also(asked=replace(ASKED, id="NDR-T1-1b", at=at(6.5)))),
    ("I4", "2 actions say accepted", also(actions=replace(HONEST.actions[0], id="case-1/2"))),
    ("I4", "never accepted it", change("asked", 0, accepted=False)),
    ("I4", "we do not know it", change("actions", 0, status="unknown")),
    ("I4", "we do not know it", replace(HONEST, asked=(LOST,), actions=())),
    ("I4", "accepted ACTF003", change("asked", 0, code="ACTF003")),
    ("I4", "with an address: True", change("asked", 0, has_address=True)),
    ("I4", "accepted 2026-11-23", change("asked", 0, on="2026-11-23")),
    ("I4", "accepted no day", change("cases", 0, accepted_on=date(2026, 11, 23))),
    ("I4", "its action", change("cases", 0, accepted_action="cancel")),
    ("I4", "no action of it was accepted", replace(HONEST, actions=(), asked=())),
    ("I4", "ended as closed", change("cases", 0, outcome="closed")),
    ("I4", "2 actions for NDR-T1-1", also(asked=replace(ASKED, tracking_id="T2", attempt=2))),
    ("I4 R6.9", "and asked for", change("asked", 0, at=at(11))),
    ("I4 R6.9", "no case has it", also(asked=replace(ASKED, attempt=2, accepted=False, id=""))),
    ("I4 R6.9", "with the token of", change("asked", 0, workspace="banjara")),
    ("I14", "nothing of it was accepted before", change("asked", 0, at=at(7.5))),
    ("I14", "nothing of it was accepted before", change("sent", 1, text=CANCELLED)),
    ("I14", "nothing of it was accepted before", change("asked", 0, accepted=False)),
    ("I14", "more than once", also(sent=sent(3, 8, DONE), messages=row(3, 7.9, DONE))),
    # Callbacks
    ("I1", "is 0 times in the inbox", without("inbox", 1)),
    ("I1", "is 2 times in the inbox", also(inbox=stored(9, TAP, 5.2))),
    ("I1", "was never taken", change("posted", 0, taken_at=None)),
    ("I1", "is parked", change("inbox", 1, state="parked")),
    ("I1", "is new", change("inbox", 0, state="new")),
    ("I1", "was never posted", also(inbox=stored(9, STOP, 5.2))),
    ("I1", "failed_delivery of shipment S1 is 0 times", without("inbox", 0)),
    ("I1", "failed_delivery of shipment S1 was never taken", change("reported", 0, is_taken=False)),
    ("I2 R6.3", "is on no activity", without("timeline", 0)),
    ("I2 R6.3", "is on no activity", without("timeline", 1)),
    ("I2 R6.3", "is on 2 activities", also(timeline=entry(1, workspace="nilgiritea"))),
    ("I2 R6.3", "is on the activity of", change("timeline", 0, case_id="case-9")),
    (
        "I2 R6.3",
        "is on the activity of",
        replace(HONEST, timeline=(entry(1), asked_about(2), asked_about(2, "case-9"))),
    ),
    ("I2 R6.3", "is on the activity of", change("timeline", 1, workspace="nilgiritea")),
    ("I2 R6.3", "is on the activity of", replace(HONEST, references=())),
    ("R5.5 I6", "opted out", opted_out(STOP, message_at=13)),
    ("R5.5 I6", "opted out", opted_out(START, STOP, message_at=14)),
    ("R5.5 I6", "opted out", opted_out(STOP, START, message_at=12.5)),
    ("R7.11", "who wrote last never", replace(HONEST, posted=())),
    ("R7.11", "who wrote last", change("sent", 1, at=at(25 * 3600))),
    # Cases
    ("I3", "has 2 cases", also(cases=replace(CASE, id="case-2"))),
    ("I3", "has no case", replace(HONEST, cases=())),
    ("I3", "which never failed", replace(HONEST, reported=())),
    ("I9", "is still open", change("cases", 0, ended_at=None)),
    ("I9", "is still open", change("cases", 0, outcome="")),
    ("I9", "is still sending", change("messages", 0, status="sending")),
    ("I9", "is still asking", change("actions", 0, status="asking")),
    ("I9", "is not delivered", change("outgoing", 0, is_delivered=False)),
    ("I9", "run case:1 is still open", replace(HONEST, running=("case:1",))),
    ("I11", "names ORD2 of nilgiritea", change("sent", 0, form="your order ORD2")),
    ("I11", "message message-1 of banjara", change("messages", 0, workspace="banjara")),
    ("I11", "case case-1 of kapaskraft is about ORD2", change("cases", 0, order_id="ORD2")),
    ("I11", "entry", change("timeline", 0, order_id="ORD2")),
    ("I11", "usage of message-1", change("usage", 0, order_id="ORD2")),
    ("R8.3 I15", "under 0 ids", replace(HONEST, received=())),
    ("R8.3 I15", "under 2 ids", change("received", 0, id="event-2")),
    (
        "R8.3 I15",
        "under 1 ids",
        replace(HONEST, received=(replace(HONEST.received[0], is_taken=False),)),
    ),
    ("R8.3 I15", "case.handed_over was told", change("received", 0, type="case.handed_over")),
    ("R8.3 I15", "was told", change("cases", 0, outcome="delivered")),
    (
        "R8.3 I15",
        "times what case.action_refused tells",
        also(received=Received("kapaskraft", "event-9", "case.action_refused", "case-1", is_taken=True)),
    ),
    (
        "R8.3 I15",
        "times what message.failed tells",
        also(received=Received("kapaskraft", "event-9", "message.failed", "case-1", is_taken=True)),
    ),
    ("R8.3 I15", "which does not exist", also(received=replace(HONEST.received[0], case_id="case-9"))),
    ("R6.11", "was closed by hand", change("acts", 1, is_done=True)),
    ("R6.11", "and the case says", change("acts", 0, action="cancel")),
    ("R6.11", "not theirs", change("acts", 0, action="not_my_order")),
)  # fmt: skip


def test_an_honest_story_passes() -> None:
    assert disagreements(HONEST) == ()


@pytest.mark.parametrize("name", HONEST_TOO)
def test_what_may_be_so_for_a_reason_passes(name: str) -> None:
    """Unknown outcomes stay unknown, and what was on its way when a wish came may arrive."""
    assert disagreements(HONEST_TOO[name]) == ()


@pytest.mark.parametrize(
    ("rule", "words", "evidence"), DOCTORED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_doctored_story_is_rejected(rule: str, words: str, evidence: Evidence) -> None:
    """By the check of the very rule that it breaks."""
    found = disagreements(evidence)
    assert any(one.startswith(f"{rule}: ") and words in one for one in found), found


def test_every_check_has_a_story_that_it_rejects() -> None:
    assert {rule for rule, _ in CHECKS} == {rule for rule, _, _ in DOCTORED}


@pytest.mark.parametrize(
    ("language", "key"),
    [(language, key) for language, texts in PRESETS.items() for key in texts if key.startswith("accepted_")],
)
def test_done_texts_are_known_in_every_language(language: str, key: str) -> None:
    """Whatever stands in their gaps, and nothing else is taken for one (I14)."""
    values = dict.fromkeys(("courier", "brand", "order_id", "seller", "day", "payment"), "")
    for filled in (values, dict.fromkeys(values, "A (b). *c\nd")):
        text = PRESETS[language][key].format(**filled)
        assert done_action(" ".join(text.split(" "))) == key.removeprefix("accepted_")


@pytest.mark.parametrize("language", PRESETS)
def test_other_texts_are_not_done_texts(language: str) -> None:
    others = [text for key, text in PRESETS[language].items() if not key.startswith("accepted_")]
    assert {done_action(text) for text in others} == {""}
