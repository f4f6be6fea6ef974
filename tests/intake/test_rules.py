"""The rules that take callbacks and a database to be seen: whose answer it is, what is told once, what the activity shows.

A row begins with its rule's number, where `make rules` reads it. What a case says to what it is told stands in
`tests/domain/test_rules.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from db import tables
from db.cases import CaseRow
from domain.case_events import CustomerReplied, Event
from domain.cases import Outcome
from tests.factories import NOW, PHONE, failed_delivery
from tests.intake.stage import Stage, sample

STRANGER = "919999900077"
FAILED = "A failed_delivery"
LATE = "A out_for_delivery_not_sent"
TAPPED = "A choice Try again"


def row(rule: str, *steps: str, **seen: Any) -> Any:
    """Return a row: a rule, the steps of a `Post`, and what of `Post.seen` follows from them."""
    return pytest.param(list(steps), seen, id=f"{rule}: {', '.join(steps)}")


class Post:
    """What an order system and a customer send, by the line.

    Parcels are called A, B and N, the last one of another workspace on the same account; A/2 is A's second attempt.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rows: dict[str, CaseRow] = {}
        self.last: dict[str, Any] = {}
        self.count = 0

    async def play(self, step: str) -> None:
        """Do one step, a second after the one before."""
        self.stage.clock.pass_by(seconds=1)
        verb, _, rest = step.partition(" ")
        match verb:
            case "fail":
                await self.fail(rest)
            case "tap":
                await self.answer("quick-reply", {"text": "Try again", "postbackText": f"token of {rest}"})
            case "stolen":
                await self.answer("quick-reply", {"postbackText": f"token of {rest}"}, phone=STRANGER)
            case "quote":
                await self.answer("text-with-context", {}, context={"gsId": f"gs-{rest}"})
            case "text":
                await self.answer("text", {"text": rest})
            case "stranger":
                await self.answer("text", {"text": rest}, phone=STRANGER)
            case "send":
                await self.answer(rest, {})
            case "again":
                await self.stage.callback(self.last)
            case "arrive":
                body = sample("gupshup/webhook-v2-message-event-delivered")
                body["payload"] |= {"id": f"wa-{rest}", "gsId": f"gs-{rest}"}
                await self.stage.callback(body)
            case "end":
                await self.stage.end(self.rows[rest], Outcome.DELIVERED)
            case "yesterday":
                await self.move(rest, at="2026-11-19 09:00:00")
            case _:
                raise ValueError(step)

    async def fail(self, name: str) -> None:
        """Report a failed attempt; if it is news, send its message with a button."""
        parcel, _, attempt = name.partition("/")
        failed = failed_delivery(
            workspace_id="nakshi" if parcel == "N" else "kapaskraft",
            shipment_id=parcel,
            order_id=parcel,
            attempt=int(attempt),
            failed_at=NOW + timedelta(hours=int(attempt)),
        )
        row = await self.stage.open(failed)
        if name not in self.rows:
            self.rows[name] = row
            button = {f"token of {name}": ("reattempt", "Try again")}
            await self.stage.send(row, references=button, gupshup_id=f"gs-{name}")

    async def answer(
        self, kind: str, content: dict[str, str], *, phone: str = PHONE, context: dict[str, str] | None = None
    ) -> None:
        """Send a customer's message."""
        self.count += 1
        body = sample(f"gupshup/webhook-v2-message-{kind}")
        body["payload"] |= {"id": f"wamid.{self.count}", "source": phone, "context": context or {}}
        body["payload"]["sender"]["phone"] = phone
        body["payload"]["payload"] |= content
        self.last = body
        await self.stage.callback(body)

    async def move(self, parcel: str, *, at: str) -> None:
        """Report, late, that a parcel went out for delivery."""
        body = sample("eshopbox/webhook-shipment-out-for-delivery") | {"eventTime": at}
        body["response_data"] |= {"externalShipmentID": parcel, "customerOrderNumber": parcel}
        await self.stage.order_event(body)

    async def seen(self) -> dict[str, Any]:
        """Return what came of it all.

        `runs` that began; what they were `told`, repeats too; what became a `late` answer; what was
        `asked` or answered outside of all cases; what the activity of each parcel has `shown`; how many callbacks are `kept`.
        """
        workflows = self.stage.workflows
        async with self.stage.database.transaction() as session:
            kept = (await session.execute(select(func.count()).select_from(tables.inbox))).scalar_one()
        shown = [
            entry
            for parcel in ("A", "B", "N")
            for entry in await self.stage.activity(parcel, "nakshi" if parcel == "N" else "kapaskraft")
        ]
        return {
            "runs": [f"{ref.shipment_id}/{ref.attempt}" for ref in workflows.started],
            "told": [f"{ref.shipment_id}/{ref.attempt} {_said(mail.event)}" for ref, mail in workflows.told],
            "late": [
                f"{late.case.facts.failure.shipment_id}/{late.case.facts.failure.attempt} {_said(late.event)}"
                for late in workflows.late.values()
            ],
            "asked": [task.purpose.value for task in workflows.account_messages.values()],
            "shown": [f"{entry.order_id} {_words(entry.topic, entry.data)}" for entry in shown],
            "kept": kept,
        }


def _said(event: Event) -> str:
    if isinstance(event, CustomerReplied):
        return event.reply.choice or event.reply.text or event.reply.kind.value
    return event.kind


def _words(topic: str, data: Mapping[str, object]) -> str:
    return f"{topic} {data['text']}" if data.get("text") else topic


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # One run for each attempt, of each parcel, of each workspace.
        row("R6.1", "fail A/1", "fail A/1", runs=["A/1"], told=[], shown=[FAILED]),
        row(
            "R6.1",
            "fail A/1",
            "fail A/2",
            runs=["A/1", "A/2"],
            told=["A/1 superseded"],
            shown=[FAILED, FAILED],
        ),
        row("R6.1", "fail A/1", "fail B/1", "fail N/1", runs=["A/1", "B/1", "N/1"], told=[]),
        # By the button's reference; by the message that is quoted.
        row("R6.3", "fail A/1", "fail B/1", "arrive B/1", "tap A/1", told=["A/1 reattempt"]),
        row("R6.3", "fail A/1", "fail B/1", "arrive B/1", "quote A/1", told=["A/1 Yes, try again"]),
        # With several open, which one is asked, of one seller or of two; a second time the rule says.
        row("R6.3", "fail A/1", "fail N/1", "arrive A/1", "text hm", told=[], asked=["which_order"]),
        row("R6.3", "fail A/1", "fail B/1", "text hm", told=[], asked=["which_order"]),
        row("R6.3", "fail A/1", "fail N/1", "arrive A/1", "text hm", "text well", told=["A/1 well"]),
        row("R6.3", "fail A/1", "fail N/1", "text hm", "text well", told=["N/1 well"]),
        row("R6.3", "fail A/1", "fail N/1", "end N/1", "text hm", told=["A/1 hm"], late=[]),
        row("R6.3", "fail A/1", "stolen A/1", told=[], shown=[FAILED]),
    ],
)
async def test_rule_of_a_case(stage: Stage, steps: list[str], expected: dict[str, Any]) -> None:
    """One run for each attempt; and every answer has one case, or none."""
    assert await seen_after(stage, steps, expected) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # Whatever comes is on the activity in its own form, and the case hears of it.
        row("R7.1 activity", "fail A/1", "text when?", told=["A/1 when?"], shown=[FAILED, "A text when?"]),
        row("R7.1 activity", "fail A/1", "send image", shown=[FAILED, "A image My gate"]),
        row("R7.1 activity", "fail A/1", "send file", shown=[FAILED, "A file"]),
        row("R7.1 activity", "fail A/1", "send audio", told=["A/1 media"], shown=[FAILED, "A audio"]),
        row("R7.1 activity", "fail A/1", "send sticker", shown=[FAILED, "A sticker"]),
        row("R7.1 activity", "fail A/1", "send reaction", shown=[FAILED, "A reaction 👍"]),
        row("R7.2 activity", "fail A/1", "end A/1", "tap A/1", told=[], shown=[FAILED, TAPPED]),
        row("R7.3 activity", "fail A/1", "tap A/1", "tap A/1", shown=[FAILED, TAPPED, TAPPED]),
        row("R7.4 order", "fail A/1", "fail A/2", runs=["A/1", "A/2"]),
        row("R7.4 activity", "fail A/1", "fail A/2", shown=[FAILED, FAILED]),
        # Nobody we know: kept, and nothing else.
        row("R7.5 customer", "stranger hello", "stranger hello?", asked=["standard_answer"], told=[]),
        row("R7.5 customer", "fail A/1", "text hello", asked=[]),
        row("R7.5 order", "fail A/1", "stranger hello", runs=["A/1"], told=[], late=[]),
        row("R7.5 activity", "fail A/1", "stranger hello", shown=[FAILED], kept=1),
        row(
            "R7.7 activity",
            *("fail A/1", "text 1", "send audio", "text 3"),
            shown=[FAILED, "A text 1", "A audio", "A text 3"],
        ),
        # The older case, open or ended, is the one that is answered; the newer one does not hear of it.
        row("R7.8 customer", "fail A/1", "fail B/1", "tap A/1", told=["A/1 reattempt"]),
        row("R7.8 customer", "fail A/1", "end A/1", "fail B/1", "tap A/1", late=["A/1 reattempt"]),
        row("R7.8 order", "fail A/1", "end A/1", "fail B/1", "tap A/1", told=[]),
        row("R7.8 activity", "fail A/1", "fail B/1", "tap A/1", shown=[FAILED, TAPPED, "B failed_delivery"]),
        # Again, or late.
        row(
            "R7.9 customer", "fail A/1", "tap A/1", "again", "again", told=["A/1 reattempt"], late=[], kept=1
        ),
        row("R7.9 order", "fail A/1", "fail A/1", "yesterday A", runs=["A/1"], told=[]),
        # The late step itself is told of once: that no message is sent for it (R5.1 journey).
        row(
            "R7.9 activity",
            "fail A/1",
            "tap A/1",
            "again",
            "yesterday A",
            "yesterday A",
            shown=[FAILED, TAPPED, LATE],
        ),
    ],
)
async def test_rule_of_unexpected_answers(stage: Stage, steps: list[str], expected: dict[str, Any]) -> None:
    """Logged as it came, once, at the case that it belongs to."""
    assert await seen_after(stage, steps, expected) == expected


async def seen_after(stage: Stage, steps: list[str], expected: dict[str, Any]) -> dict[str, Any]:
    """Return what is seen after some steps, of the kinds that are expected to be looked at."""
    post = Post(stage)
    for step in steps:
        await post.play(step)
    seen = await post.seen()
    return {kind: seen[kind] for kind in expected}
