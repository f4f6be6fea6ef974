"""Several open cases of one customer, and strangers: who is meant is asked, not guessed."""

import asyncio
from datetime import timedelta

import pytest

from db import accounts, customers, messages, statuses, workspaces
from db.encryption import digest
from db.references import Reference, add_references
from domain.case_events import CustomerReplied, LanguageChosen, Purpose
from domain.cases import Outcome
from domain.messages import MessageStatus
from domain.timing import Policy
from tests.factories import PHONE, app_account, failed_delivery, new_message
from tests.intake.stage import ACCOUNT, Stage, as_new, gupshup, typed
from workflows.client import AccountMessageTask

STRANGER = "919999900077"


def _told(stage: Stage) -> list[tuple[str, str, str]]:
    return [
        (ref.shipment_id, mail.event.reply.text, mail.event.reply.choice)
        for ref, mail in stage.workflows.mail
        if isinstance(mail.event, CustomerReplied)
    ]


async def _replies_on(stage: Stage, order_id: str, workspace_id: str = "kapaskraft") -> list[str]:
    return [
        str(entry.data["text"])
        for entry in await stage.activity(order_id, workspace_id)
        if entry.kind == "reply"
    ]


async def _open_two(stage: Stage, *, second: str = "kapaskraft") -> None:
    """Open two cases of one phone; the first one's message was delivered, the second one's not yet."""
    first = await stage.open(failed_delivery())
    stage.clock.pass_by(seconds=1)
    other = failed_delivery(
        workspace_id=second,
        order_id="KK2002",
        shipment_id="SHIP2002",
        tracking_id="TRK2002",
        brand=second.title(),
    )
    later = await stage.open(other)
    await stage.send(first, status=MessageStatus.DELIVERED)
    await stage.send(later)
    stage.clock.pass_by(seconds=1)


async def _question(stage: Stage) -> AccountMessageTask:
    (task,) = stage.workflows.account_messages.values()
    return task


async def _show(stage: Stage, task: AccountMessageTask) -> dict[str, str]:
    """Send the question as the activity does, and return its references by their order's id."""
    tokens = {option.title: f"token-{number}" for number, option in enumerate(task.message.options)}
    async with stage.database.transaction() as session:
        if task.workspace_id == workspaces.PLATFORM:
            await workspaces.ensure_platform(session)
        message = await messages.add_message(
            session,
            stage.cipher,
            new_message(
                workspace_id=task.workspace_id,
                case_id=task.about.case_id if task.about else None,
                command_id=task.id,
                kind="session",
                purpose=task.purpose.value,
                now=stage.clock(),
            ),
        )
        await add_references(
            session,
            workspace_id=task.workspace_id,
            case_id=None,
            message_id=message.id,
            references=[
                Reference(digest(tokens[option.title]), option.choice, option.title)
                for option in task.message.options
            ],
        )
    stage.clock.pass_by(seconds=1)
    return tokens


async def _tap(stage: Stage, token: str, title: str, *, phone: str = PHONE) -> int:
    body = as_new(gupshup("v2-message-list-reply"), phone=phone)
    body["payload"]["payload"] |= {"title": title, "postbackText": token}
    body["payload"].pop("context", None)
    return await stage.callback(body)


@pytest.mark.parametrize("second", ["kapaskraft", "nakshi"])
async def test_free_text_without_context_asks_which_order(stage: Stage, second: str) -> None:
    """R6.3, F48: brand and order of each are named; at two sellers the question is neither's."""
    await _open_two(stage, second=second)
    asked = await stage.callback(typed("come tomorrow"))
    assert await stage.came_to(asked) == ("handled", "reply: asked which order is meant")
    assert not _told(stage)
    (task,) = stage.workflows.account_messages.values()
    assert task.purpose is Purpose.WHICH_ORDER
    assert task.phone == PHONE
    assert [option.title for option in task.message.options] == ["Order KK1001", "Order KK2002"]
    assert "KapasKraft order KK1001" in task.message.body
    assert f"{second.title()} order KK2002" in task.message.body
    assert task.workspace_id == ("kapaskraft" if second == "kapaskraft" else workspaces.PLATFORM)
    assert (task.about is None) is (second == "nakshi")
    # Until the customer says which, it stands with the newest whose message arrived; of two sellers with neither (I11).
    stands_with_newest = ["come tomorrow"] if second == "kapaskraft" else []
    assert await _replies_on(stage, "KK1001") == stands_with_newest
    assert not await _replies_on(stage, "KK2002", second)


@pytest.mark.parametrize("second", ["kapaskraft", "nakshi"])
@pytest.mark.parametrize("chosen", ["KK1001", "KK2002"])
async def test_chosen_order_gets_the_words(stage: Stage, second: str, chosen: str) -> None:
    """R6.3: what was unclear reaches the order that was tapped, as it came, once, and no other."""
    await _open_two(stage, second=second)
    await stage.callback(typed("come tomorrow"))
    (task,) = stage.workflows.account_messages.values()
    tokens = await _show(stage, task)
    await _tap(stage, tokens[f"Order {chosen}"], f"Order {chosen}")
    assert _told(stage) == [("SHIP1001" if chosen == "KK1001" else "SHIP2002", "come tomorrow", "")]
    owner = "kapaskraft" if chosen == "KK1001" else second
    assert await _replies_on(stage, chosen, owner) == ["come tomorrow", f"Order {chosen}"]
    if second == "nakshi":  # the other seller learns nothing of it
        other, its_owner = ("KK2002", "nakshi") if chosen == "KK1001" else ("KK1001", "kapaskraft")
        assert not await _replies_on(stage, other, its_owner)


async def test_typed_number_picks_the_order(stage: Stage) -> None:
    """R7.1: after a list a digit is a choice."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    (task,) = stage.workflows.account_messages.values()
    await _show(stage, task)
    await stage.callback(typed("2"))
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]


async def test_typed_number_that_is_handled_again_picks_the_same_order(stage: Stage) -> None:
    """I2: as after a crash between the run that was told of it and the mark that says so."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    await _show(stage, await _question(stage))
    stage.workflows.dies_next = True
    with pytest.raises(asyncio.CancelledError):
        await stage.callback(typed("2"))
    row = (await stage.cases())[1]  # the case has put its own question meanwhile
    await stage.send(row, command_id=f"{row.id}/2", kind="session", purpose="question", now=stage.clock())
    stage.clock.pass_by(minutes=5)
    await stage.intake.sweep()
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]
    assert len({mail.id for _, mail in stage.workflows.mail}) == 1
    assert await _replies_on(stage, "KK2002") == ["come tomorrow", "2"]


@pytest.mark.parametrize("words", ["come tomorrow", "1"])
async def test_message_that_is_handled_again_is_about_the_same_order(stage: Stage, words: str) -> None:
    """I2, F9: another order's question, put meanwhile, is not what it answers."""
    await _open_two(stage)
    first, second = await stage.cases()
    await stage.send(first, command_id="c/2", kind="session", purpose="question", now=stage.clock())
    stage.workflows.is_down = True
    await stage.callback(typed(words))
    stage.workflows.is_down = False
    stage.clock.pass_by(seconds=1)
    await stage.send(second, command_id="c/3", kind="session", purpose="question", now=stage.clock())
    stage.clock.pass_by(minutes=5)
    await stage.intake.sweep()
    assert _told(stage) == [("SHIP1001", words, "")]
    assert not await _replies_on(stage, "KK2002")


async def test_question_that_is_put_again_keeps_its_order(stage: Stage) -> None:
    """I2: a typed number picks from the list as it was shown."""
    await _open_two(stage)
    stage.workflows.is_down = True
    await stage.callback(typed("come tomorrow"))
    row = (await stage.cases())[1]  # its message arrives meanwhile: now it would be the likeliest
    async with stage.database.transaction() as session:
        (message,) = await messages.list_for_case(session, row.workspace_id, row.id)
        await statuses.record_outcome(session, message.id, status=MessageStatus.DELIVERED, now=stage.clock())
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=5)
    await stage.intake.sweep()
    task = await _question(stage)
    assert [option.title for option in task.message.options] == ["Order KK1001", "Order KK2002"]
    await _show(stage, task)
    await stage.callback(typed("2"))
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]


@pytest.mark.parametrize("words", ["KK2002 cancel kar do", "KK2002 phir se bhejo", "call me KK2002"])
async def test_new_wish_with_an_order_number_is_that_orders(stage: Stage, words: str) -> None:
    """R6.3: it takes the place of what was unclear."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    await _show(stage, await _question(stage))
    await stage.callback(typed(words))
    assert _told(stage) == [("SHIP2002", words, "")]


@pytest.mark.parametrize("words", ["KK2002", "order KK2002 please", "kk2002"])
async def test_typed_order_number_picks_the_order(stage: Stage, words: str) -> None:
    """R6.3: a number that no more than names the order answers the question, with the words that were unclear."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    await _show(stage, await _question(stage))
    await stage.callback(typed(words))
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]


async def test_message_that_names_its_order_needs_no_list(stage: Stage) -> None:
    """R6.3: nobody is asked what they have just said."""
    await _open_two(stage)
    await stage.callback(typed("please bring KK2002 tomorrow"))
    assert _told(stage) == [("SHIP2002", "please bring KK2002 tomorrow", "")]
    assert not stage.workflows.account_messages


async def test_row_tapped_again_repeats_nothing(stage: Stage) -> None:
    """I2: the words are passed on once; a further tap gets the choices again."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    tokens = await _show(stage, await _question(stage))
    for _ in range(2):
        await _tap(stage, tokens["Order KK2002"], "Order KK2002")
    assert _told(stage) == [("SHIP2002", "come tomorrow", ""), ("SHIP2002", "Order KK2002", "options")]
    assert await _replies_on(stage, "KK2002") == ["come tomorrow", "Order KK2002", "Order KK2002"]


async def test_row_tapped_by_a_hidden_phone_counts(stage: Stage) -> None:
    """F49: the row's reference cannot be guessed, and tells whose id it is."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    tokens = await _show(stage, await _question(stage))
    await _tap(stage, tokens["Order KK2002"], "Order KK2002", phone="IN.1648Ab77")
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]
    await stage.callback(typed("STOP", phone="IN.1648Ab77"))
    async with stage.database.transaction() as session:
        known = await customers.customer(session, ACCOUNT, stage.cipher.phone_hash(PHONE))
    assert known.opted_out_at is not None


async def test_two_parcels_of_one_order_are_told_apart(stage: Stage) -> None:
    """R6.3: rows of a list need titles of their own; the tracking numbers tell them apart."""
    await stage.open(failed_delivery())
    stage.clock.pass_by(seconds=1)
    await stage.open(failed_delivery(shipment_id="SHIP1002", tracking_id="TRK1002"))
    stage.clock.pass_by(seconds=1)
    await stage.callback(typed("come tomorrow"))
    task = await _question(stage)
    assert sorted(option.title for option in task.message.options) == ["KK1001 · TRK1001", "KK1001 · TRK1002"]
    assert "order KK1001 (TRK1002)" in task.message.body
    tokens = await _show(stage, task)
    await _tap(stage, tokens["KK1001 · TRK1002"], "KK1001 · TRK1002")
    assert _told(stage) == [("SHIP1002", "come tomorrow", "")]


async def test_wish_for_a_language_reaches_every_open_case(stage: Stage) -> None:
    """R6.13: it is the customer's, not one order's; no list is asked for it."""
    await _open_two(stage, second="nakshi")
    await stage.callback(typed("हिंदी में बात करें"))
    assert not stage.workflows.account_messages
    told = [(ref.shipment_id, type(mail.event)) for ref, mail in stage.workflows.mail]
    assert told == [("SHIP1001", CustomerReplied), ("SHIP2002", LanguageChosen)]


async def test_question_is_not_put_again_and_again(stage: Stage) -> None:
    """R6.3: whoever does not choose is understood by rule: the newest whose message was delivered."""
    await _open_two(stage)
    await stage.callback(typed("hello"))
    await stage.callback(typed("are you there?"))
    assert len(stage.workflows.account_messages) == 1
    assert _told(stage) == [("SHIP1001", "are you there?", "")]
    stage.clock.pass_by(minutes=11)
    await stage.callback(typed("hello?"))
    assert len(stage.workflows.account_messages) == 2


async def test_answer_to_the_question_just_put_needs_no_list(stage: Stage) -> None:
    """R6.3: in the middle of one order's conversation an address is that order's."""
    await _open_two(stage)
    row = (await stage.cases())[1]
    await stage.send(row, command_id=f"{row.id}/2", kind="session", purpose="question", now=stage.clock())
    await stage.callback(typed("Flat 4B, Lake View, 12th Main"))
    assert _told(stage) == [("SHIP2002", "Flat 4B, Lake View, 12th Main", "")]
    assert not stage.workflows.account_messages


async def test_one_open_case_needs_no_list(stage: Stage) -> None:
    """R6.3: ended ones are not asked about."""
    await _open_two(stage)
    await stage.end((await stage.cases())[0], Outcome.DELIVERED)
    await stage.callback(typed("come tomorrow"))
    assert _told(stage) == [("SHIP2002", "come tomorrow", "")]


async def test_question_survives_a_time_without_temporal(stage: Stage) -> None:
    """I1, I2: the same message asks again when it is handled again, under the same id."""
    await _open_two(stage)
    stage.workflows.is_down = True
    asked = await stage.callback(typed("come tomorrow"))
    assert not stage.workflows.account_messages
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=5)
    await stage.intake.handle(asked)
    await stage.intake.sweep()
    assert len(stage.workflows.account_messages) == 1


async def test_row_tapped_from_another_phone_has_no_effect(stage: Stage) -> None:
    """S3: a reference counts only from the phone it was sent to."""
    await _open_two(stage)
    await stage.callback(typed("come tomorrow"))
    (task,) = stage.workflows.account_messages.values()
    tokens = await _show(stage, task)
    tapped = await _tap(stage, tokens["Order KK2002"], "Order KK2002", phone=STRANGER)
    assert await stage.came_to(tapped) == ("ignored", "sent to another phone")
    assert not _told(stage)


# --- Strangers (R7.5, F47) ---


async def test_stranger_is_answered_once_a_day(stage: Stage) -> None:
    """R7.5: at most once per 24 h and sender, on no order's activity, under the platform's name."""
    for pause in (timedelta(), timedelta(hours=23), timedelta(hours=1)):
        stage.clock.now += pause
        await stage.callback(typed("hello", phone=STRANGER))
    tasks = list(stage.workflows.account_messages.values())
    assert [(task.purpose, task.workspace_id, task.phone, task.about) for task in tasks] == [
        (Purpose.STANDARD_ANSWER, workspaces.PLATFORM, STRANGER, None)
    ] * 2
    assert "No delivery of yours waits" in tasks[0].message.body


async def test_stranger_is_answered_in_the_language_asked_for(stage: Stage) -> None:
    """R6.13: also before there is any order."""
    async with stage.database.transaction() as session:
        await customers.set_language(session, ACCOUNT, stage.cipher.phone_hash(STRANGER), "hi")
    await stage.callback(typed("hello", phone=STRANGER))
    (task,) = stage.workflows.account_messages.values()
    assert task.language == "hi"
    assert "धन्यवाद" in task.message.body


@pytest.mark.parametrize(
    "name", ["v2-message-reaction", "v2-message-text-stop", "v2-message-quick-reply", "v2-message-event-read"]
)
async def test_not_everything_of_a_stranger_is_answered(stage: Stage, name: str) -> None:
    """R7.5, F43: a reaction, a STOP, a reference that is not ours, a status."""
    body = gupshup(name)
    if body["type"] == "message":
        body = as_new(body, phone=STRANGER)
    await stage.callback(body)
    assert not stage.workflows.account_messages


async def test_seller_who_wants_no_answers_gives_none_to_strangers(stage: Stage) -> None:
    """R7.10: off means logged and not answered; with texts of their own they are the seller's."""
    own = app_account(
        id="own", owner="client", workspace_id="kapaskraft", app_name="ExampleStore", app_id="a"
    )
    for answers in (True, False):
        policy = Policy(answer_unexpected=answers, texts=(("standard_answer", "Namaste!"),))
        async with stage.database.transaction() as session:
            await accounts.save_account(
                session, stage.cipher, own, api_key="k", webhook_token="t2", header_secret="s"
            )
            await workspaces.add_workspace(
                session, workspaces.Workspace("kapaskraft", "KapasKraft", "KapasKraft", policy, "en")
            )
        await stage.callback(typed("hello", phone=STRANGER), account_id="own")
        stage.clock.pass_by(hours=25)
    (task,) = stage.workflows.account_messages.values()
    assert (task.workspace_id, task.message.body) == ("kapaskraft", "Namaste!")


# --- Words of the workspace, changed messages ---


async def test_workspaces_own_word_stops_too(stage: Stage) -> None:
    """R5.5 words: those that a seller of this customer added."""
    await stage.open(failed_delivery())
    async with stage.database.transaction() as session:
        found = await workspaces.get_workspace(session, "kapaskraft")
        policy = Policy(opt_out_words=("band karo",))
        await workspaces.add_workspace(
            session, workspaces.Workspace(found.id, found.name, found.brand, policy, "en")
        )
    stopped = await stage.callback(typed("Band karo!"))
    assert await stage.came_to(stopped) == ("handled", "opted_out")
    stranger = await stage.callback(typed("band karo", phone=STRANGER))
    assert (await stage.came_to(stranger))[1] == "no case: the standard answer"


@pytest.mark.parametrize("kind", ["edited", "message_edit", "deleted", "revoke"])
async def test_changed_and_deleted_messages_do_no_harm(stage: Stage, kind: str) -> None:
    """R7.1: logged as it came; no answer, and not counted as unexpected."""
    row = await stage.open(failed_delivery())
    await stage.send(row)
    body = as_new(gupshup("v2-message-text"))
    body["payload"]["type"] = kind
    body["payload"]["payload"] = {}
    changed = await stage.callback(body)
    assert await stage.came_to(changed) == (
        "handled",
        "reply: an earlier one was changed or taken back, logged",
    )
    assert not _told(stage)
    assert [entry.topic for entry in await stage.activity("KK1001") if entry.kind == "reply"] == ["other"]
