"""Ops at a terminal, beside the running stack: each command is a process of its own."""

import asyncio
import os
import sys
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from ops.stack import ROOT, Stack
from tests.e2e.conftest import NewStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal]


async def _ops(stack: Stack, *words: str) -> tuple[int, str]:
    """Run a program for ops as a person does, and return its exit code and what it printed."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops",
        *words,
        cwd=ROOT,
        env={**os.environ, **stack._environment()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await program.communicate()
    return program.returncode or 0, printed.decode()


async def test_ops_act_by_hand_from_the_terminal(new_story: NewStory, stack: Stack) -> None:
    """Listed, shown, sent again, acted on; all of it stands on the activity with mode and person (R6.11)."""
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    code, listed = await _ops(stack, "cases", "list", "--order", story.order_id)
    assert code == 0
    case_id = listed.splitlines()[1].split()[0]
    code, shown = await _ops(stack, "cases", "show", case_id)
    assert code == 0
    assert "possible" in shown.casefold()
    assert story.phone[-4:] in shown
    assert story.phone[2:] not in shown

    assert await _ops(stack, "cases", "resend", case_id, "--person", "asha") == (
        0,
        "Done: asked to send the message again. The case is waiting.\n",
    )
    await story.message("could not deliver")
    code, refused = await _ops(stack, "cases", "act", case_id, "reschedule", "--on", "2020-01-01")
    assert (code, "possible: 20" in refused) == (1, True)
    code, done = await _ops(stack, "cases", "act", case_id, "reattempt", "--person", "asha")
    assert (code, done) == (0, "Done: a new delivery attempt. The case has ended: resolved.\n")
    await story.accepted("ACTF001")
    code, late = await _ops(stack, "cases", "close", case_id, "--note", "a duplicate")
    assert (code, "The case has ended: resolved" in late) == (1, True)

    entries = (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    by_ops = {entry["topic"] for entry in entries if (entry["mode"], entry["person"]) == ("ops", "asha")}
    assert by_ops == {"resend_asked", "reattempt_asked", "reattempt_accepted", "ended_resolved"}
    assert (await _ops(stack, "cases", "show", "00000000"))[0] == 2


async def test_ops_close_a_case_from_the_terminal(new_story: NewStory, stack: Stack) -> None:
    """With the note and the person, and the workspace hears of it (R6.11, R8.3)."""
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    case_id = (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"][0]["id"]
    code, _ = await _ops(
        stack, "cases", "close", case_id, "--note", "talked on the phone", "--person", "asha"
    )
    assert code == 0
    entries = (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    (end,) = [entry for entry in entries if entry["topic"] == "ended_closed"]
    assert (end["mode"], end["person"], end["detail"]) == ("ops", "asha", "talked on the phone")
    told = await story.outgoing_event("case.ended")
    assert (told["data"]["outcome"], told["data"]["case_id"]) == ("closed", case_id)


async def test_workspace_hears_of_a_refused_action(new_story: NewStory) -> None:
    """While the customer still chooses anew (R8.3)."""
    story = new_story()
    await story.order_system_behaves(
        endpoint="resolution", mode="refuse", times=1, message="Reattempt not allowed"
    )
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    refused = await story.outgoing_event("case.action_refused")
    assert (refused["data"]["action"], refused["data"]["answer"]) == ("reattempt", "refused")
    assert (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"][0]["is_open"]


async def test_events_that_were_given_up_are_delivered_when_ops_say_so(
    new_story: NewStory, stack: Stack, http: httpx.AsyncClient
) -> None:
    """The receiver is gone, and is back: the same ids, signed anew, each taken once (R8.3, I15, F57)."""
    story = new_story(workspace=2)
    slug, secret = story.workspace.slug, story.workspace.event_secret
    await story.order_system_behaves(endpoint="events", mode="status", status=410, times=2, workspace=slug)
    story.phone = "919999990404"  # not on WhatsApp
    await story.fail_delivery()

    async def given_up() -> dict[str, Any] | None:
        _, listed = await _ops(stack, "events", "list", "--failed", "--workspace", slug)
        rows = [line.split() for line in listed.splitlines() if story.order_id in line]
        return {row[2]: row[0] for row in rows} if len(rows) == 2 else None

    ids = await story.until(given_up, "two events to be given up")
    assert set(ids) == {"message.failed", "case.undeliverable"}
    code, _ = await _ops(stack, "events", "replay", "--failed", "--workspace", slug)
    assert code == 0

    async def received() -> dict[str, Any] | None:
        ledger = (await http.get(f"{stack.addresses.order_system}/control/ledger")).json()
        ours = [event for event in ledger["events"] if event["body"]["data"]["order_id"] == story.order_id]
        return {"all": ours} if len(ours) == 4 else None

    deliveries = (await story.until(received, "both events to be delivered again"))["all"]
    for type_, event_id in ids.items():
        refused, taken = [one for one in deliveries if one["body"]["type"] == type_]
        assert (refused["http_status"], taken["http_status"]) == (410, 200)
        assert refused["raw"] == taken["raw"]
        assert refused["headers"]["webhook-id"] == taken["headers"]["webhook-id"] == event_id
        assert Webhook(secret).verify(taken["raw"], taken["headers"]) == taken["body"]

    async def arrived() -> dict[str, Any] | None:
        _, listed = await _ops(stack, "events", "list", "--undelivered", "--workspace", slug)
        return {"listed": listed} if story.order_id not in listed else None

    await story.until(arrived, "both events to stand as delivered")
