"""Compares what the stand-ins really accepted with what the database says; each disagreement is a sentence.

Pure: everything is in an `Evidence`. A rule that may be broken for a reason has that reason beside it; nothing else is
let pass.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from tests.e2e.books import ACCEPTED, START_WORDS, STOP_WORDS, Books, done_action, grouped, repeated, typed
from tests.e2e.evidence import ActionRow, Asked, CaseRow, Evidence, Json, MessageRow, canonical

_ORDER: Final = ("submitted", "enqueued", "sent", "failed", "delivered", "read")
_CODES: Final = {
    "reattempt": "ACTF001",
    "update_address": "ACTF001",
    "reschedule": "ACTF002",
    "cancel": "ACTF003",
    "dispute": "ACTF004",
}
_TOLD: Final = {
    "resolved": "case.resolved",
    "undeliverable": "case.undeliverable",
    "handed_over": "case.handed_over",
    "not_my_order": "case.handed_over",
}
"""How an end is told; every other one as `case.ended`."""

_ENDS: Final = frozenset({*_TOLD.values(), "case.ended"})
_OF_NO_CASE: Final = frozenset({"standard_answer", "which_order"})
_PLATFORM: Final = "-"
_FINAL_EVENTS: Final = ("delivered", "cancelled_order", "lost", "damage", "return_expected")
_WINDOW: Final = timedelta(hours=24)


def disagreements(evidence: Evidence) -> tuple[str, ...]:
    """Return every disagreement in words, with the rule that it breaks."""
    books = Books(evidence)
    return tuple(f"{rule}: {words}" for rule, check in CHECKS for words in check(books))


# --- Messages ---


def _messages(books: Books) -> Iterator[str]:
    """One accepted message, one row; no row without an accepted message, no command with two (I5, I7)."""
    paired = {row.id for row in books.row_of.values()}
    accounts = books.all.accounts
    for sent in books.all.sent:
        rows = books.by_gupshup_id[sent.id]
        row = books.row_of.get(sent.id)
        if row is None:
            yield f"Gupshup accepted message {sent.id} to {sent.phone} ({sent.text[:60]!r}), and no row has it"
        elif len(rows) > 1:
            yield f"Gupshup's message {sent.id} has {len(rows)} rows: {_ids(rows)}"
        elif row.account != accounts.get(sent.app):
            yield f"message {row.id} says account {row.account}, and the key of {sent.app} was used"
        elif row.phone != sent.phone:
            yield f"message {row.id} went to {sent.phone}, and its row says {row.phone or 'somebody unknown'}"
        elif row.status not in ACCEPTED | {"unknown"}:
            yield f"message {row.id} is {row.status}, and Gupshup accepted it as {sent.id}"
    for row in books.all.messages:
        if row.status in ACCEPTED and row.id not in paired:
            yield f"message {row.id} says {row.status}, and Gupshup never accepted it"
    for (_, command), rows in repeated(books.all.messages, lambda row: (row.workspace, row.command_id)):
        yield f"command {command} has {len(rows)} rows: {_ids(rows)}"


def _usage(books: Books) -> Iterator[str]:
    """Each message is counted once, by the account whose key was used, and charged if it was accepted (I7, R5.4)."""
    used = grouped(books.all.usage, lambda row: row.message_id)
    for row in books.all.messages:
        if len(used[row.id]) != 1:
            yield f"message {row.id} has {len(used[row.id])} usage records"
            continue
        usage = used[row.id][0]
        outcome = "accepted" if row.status in ACCEPTED else row.status
        if (usage.account, usage.workspace) != (row.account, row.workspace):
            yield f"message {row.id} of {row.workspace}, {row.account} is counted for {usage.workspace}, {usage.account}"
        if usage.outcome != outcome:
            yield f"message {row.id} is {row.status}, and its usage says {usage.outcome}"
        owed = usage.price_paise if outcome == "accepted" and row.status != "failed" else 0
        if usage.charged_paise != owed:
            yield f"message {row.id} is {row.status} and charged {usage.charged_paise} paise, not {owed}"
    for message_id in used.keys() - books.message.keys():
        yield f"usage of message {message_id}, which does not exist"


def _one_account(books: Books) -> Iterator[str]:
    """All messages of a case go through the account it began with (I8)."""
    for row in books.all.messages:
        case = books.case.get(row.case_id or "")
        if case is None:
            if row.purpose not in _OF_NO_CASE:
                yield f"message {row.id} belongs to no case"
        elif (row.account, row.workspace, row.phone) != (case.account, case.workspace, case.phone):
            yield f"message {row.id} went through {row.account} for {row.workspace}, its case through {case.account}"


def _statuses(books: Books) -> Iterator[str]:
    """Statuses moved forward only, and came as far as the message really did (I10)."""
    reached = grouped(books.all.statuses, lambda known: known.message_id)
    for row in books.all.messages:
        before = [known.status for known in reached[row.id] if known.status in ACCEPTED]
        furthest = max(before, key=_ORDER.index, default="nothing")
        if row.status in ACCEPTED and row.status != furthest:
            yield f"message {row.id} is {row.status}, and {furthest} was reported"
    for sent in books.all.sent:
        for row in books.by_gupshup_id[
            sent.id
        ]:  # without the id its statuses could not be told from another's
            if row.status != sent.status:
                yield f"message {row.id} is {row.status}, and really {sent.status} ({sent.id} to {sent.phone})"
            elif row.status == "failed" and row.code != sent.code:
                yield f"message {row.id} failed with {row.code}, and really with {sent.code}"


# --- Actions ---


def _actions(books: Books) -> Iterator[str]:
    """At most one action is accepted for a case, and both sides tell the same of it (I4)."""
    for case in books.all.cases:
        accepted = [asked for asked in books.asked_by(case) if asked.accepted]
        rows = [row for row in books.actions_of[case.id] if row.status == "accepted"]
        if len(accepted) > 1:
            yield f"{_named(case)}: the order system accepted {len(accepted)} actions: {[one.code for one in accepted]}"
        if len(rows) > 1:
            yield f"{_named(case)}: {len(rows)} actions say accepted: {_ids(rows)}"
        for row in rows[:1]:
            yield from _compared(case, row, accepted)
        if not rows and case.accepted_action:
            yield f"{_named(case)} says {case.accepted_action}, and no action of it was accepted"
        if accepted and not rows:
            # Whose answer was lost, and which was over before anybody could look, is honestly unknown.
            known = [row for row in books.actions_of[case.id] if row.status in {"unknown", "asking"}]
            if not known or (accepted[0].answered and not books.all.deaths):
                yield f"{_named(case)}: the order system accepted {accepted[0].code}, and we do not know it"
    for (_, id_), asked in repeated(
        (one for one in books.all.asked if one.accepted), lambda one: (one.workspace, one.id)
    ):
        yield f"the order system accepted {len(asked)} actions for {id_}"


def _compared(case: CaseRow, row: ActionRow, accepted: Sequence[Asked]) -> Iterator[str]:
    if case.accepted_action != row.action:
        yield f"{_named(case)} says {case.accepted_action or 'no action'}, its action {row.id} says {row.action}"
    if case.outcome != "resolved":
        yield f"{_named(case)} ended as {case.outcome or 'nothing yet'}, and {row.action} was accepted"
    if not accepted:
        yield f"{_named(case)}: {row.action} says accepted, and the order system never accepted it"
        return
    asked = accepted[0]
    if asked.code != _CODES.get(row.action):
        yield f"{_named(case)}: {row.action} was accepted, the order system accepted {asked.code}"
    if asked.has_address != (row.action == "update_address"):
        yield f"{_named(case)}: {row.action} was asked for with an address: {asked.has_address}"
    if asked.on != (case.accepted_on.isoformat() if case.accepted_on else ""):
        yield f"{_named(case)} says {case.accepted_on}, the order system accepted {asked.on or 'no day'}"


def _asked_in_time(books: Books) -> Iterator[str]:
    """Whatever is asked for is a case's, and nothing is asked for after its end (I4, R6.9)."""
    by_parcel = {(case.tracking_id, case.attempt): case for case in books.all.cases}
    for asked in books.all.asked:
        case = by_parcel.get((asked.tracking_id, asked.attempt))
        if case is None:
            yield f"{asked.code} was asked for parcel {asked.tracking_id}, attempt {asked.attempt}: no case has it"
        elif asked.workspace not in {case.workspace, ""}:  # whose token had ended is not known there
            yield f"{_named(case)}: {asked.code} was asked for with the token of {asked.workspace}"
        elif case.ended_at is not None and asked.at > case.ended_at:
            yield f"{_named(case)} ended at {case.ended_at:%X}, and asked for {asked.code} at {asked.at:%X}"


def _done_texts(books: Books) -> Iterator[str]:
    """The customer reads "done" once, after the order system said yes to this very action (I14)."""
    told: Counter[str] = Counter()
    for sent in books.all.sent:
        action, case = done_action(sent.text), books.case_of(sent)
        if not action or case is None:
            continue
        told[case.id] += 1
        before = [one for one in books.asked_by(case) if one.accepted and one.at <= sent.at]
        if not any(one.code == _CODES[action] for one in before):
            yield f"{_named(case)}: {sent.phone} was told {sent.text[:70]!r}, and nothing of it was accepted before"
        if told[case.id] == 2:
            yield f'{_named(case)}: {sent.phone} was told "done" more than once'


# --- Callbacks ---


def _callbacks(books: Books) -> Iterator[str]:
    """What was answered 2xx is in the inbox, handled or ignored; nothing else is there (I1)."""
    for posted in books.all.posted:
        rows = books.inbox_of(posted)
        what = f"callback {_kind(posted.body)} of {posted.app}"
        if posted.taken_at is None:
            yield f"{what} was never taken: {canonical(posted.body)[:120]}"
        elif len(rows) != 1:
            yield f"{what} is {len(rows)} times in the inbox: {canonical(posted.body)[:120]}"
    reports = grouped(
        (row for row in books.all.inbox if row.source == "order_system"),
        lambda row: (row.owner, *_event_of(row.body)),
    )
    for report in books.all.reported:
        if not report.is_taken:
            yield f"{report.event} of shipment {report.shipment_id} was never taken"
        elif len(rows := reports[report.workspace, *_event_of(report.body)]) != 1:
            yield f"{report.event} of shipment {report.shipment_id} is {len(rows)} times in the inbox"
    known = {("gupshup", books.account(posted.app), canonical(posted.body)) for posted in books.all.posted}
    known |= {("order_system", one.workspace, canonical(one.body)) for one in books.all.reported}
    for row in books.all.inbox:
        if row.state not in {"handled", "ignored"}:
            yield f"inbox {row.id} ({row.source} {_kind(row.body)}) is {row.state}: {row.note}"
        if (row.source, row.owner, canonical(row.body)) not in known:
            yield f"inbox {row.id} ({row.source} {_kind(row.body)}) was never posted"


def _event_of(body: Json) -> tuple[object, ...]:
    """Return what makes an event of the order system the same when it is told again."""
    data = body["response_data"]
    return (
        body["resource"],
        body["eventSubType"],
        data["externalShipmentID"],
        body["eventTime"],
        data.get("attemptCount"),
    )


def _replies(books: Books) -> Iterator[str]:
    """Each answer is once on the activity of the order that it is about (I2, R6.3)."""
    questions: dict[str, list[datetime]] = defaultdict(list)
    for message in books.all.messages:
        if message.purpose == "which_order" and message.workspace == _PLATFORM:
            questions[message.phone].append(message.sending_at)
    for posted in books.inbound:
        payload = posted.body["payload"]
        if typed(posted.body) in STOP_WORDS | START_WORDS:
            continue
        key = f"reply:{hashlib.sha256(payload['id'].encode()).hexdigest()[:32]}"
        entries = books.replies[key]
        what = f"{_kind(posted.body)} of {payload['source']} at {posted.at:%X}"
        # Nobody knew which order was meant: it stands with the likeliest, and with those that were chosen.
        was_asked_about = all(entry.key == f"{key}:{entry.case_id}" for entry in entries)
        if len(entries) > 1 and not was_asked_about:
            yield f"{what} is on {len(entries)} activities: {[entry.order_id for entry in entries]}"
        about = books.case_named_by(payload)
        known = books.cases_of[books.account(posted.app), payload["source"]]
        expected = [case for case in known if about in {None, case.id}]
        for entry in entries:
            if (entry.workspace, entry.case_id) not in {(case.workspace, case.id) for case in expected}:
                yield f"{what} is on the activity of {entry.workspace} {entry.order_id}, and about case {about}"
        # Before the customer says which, words that may be about several sellers' orders stand with none of them (I11).
        is_undecided = about is None and any(asked >= posted.at for asked in questions[payload["source"]])
        if not entries and not is_undecided and any(case.opened_at < posted.at for case in expected):
            yield f"{what} is on no activity: {canonical(payload)[:160]}"


def _opt_outs(books: Books) -> Iterator[str]:
    """After an opt-out was taken in, nothing is sent to this phone until it is lifted (R5.5, I6)."""
    wishes: dict[tuple[str, str], list[tuple[datetime, datetime | None, bool]]] = defaultdict(list)
    for posted in books.inbound:
        word = typed(posted.body)
        if word not in STOP_WORDS | START_WORDS:
            continue
        for row in books.inbox_of(posted):
            who = (books.account(posted.app), posted.body["payload"]["source"])
            wishes[who].append((row.received_at, row.finished_at, word in STOP_WORDS))
    for sent in books.all.sent:
        message = books.row_of.get(sent.id)
        changes = sorted(wishes[books.account(sent.app), sent.phone], key=lambda wish: wish[0])
        if message is None or not changes:
            continue
        ends: list[datetime | None] = [since for since, _, _ in changes[1:]]
        for (_, since, is_stop), until in zip(changes, [*ends, None], strict=True):
            is_after = since is not None and message.sending_at > since
            if is_stop and is_after and (until is None or message.sending_at < until):
                yield f"message {message.id} was sent to {sent.phone} at {message.sending_at:%X}, opted out at {since:%X}"


def _window(books: Books) -> Iterator[str]:
    """Free-form messages only within 24 hours of the customer's last (R7.11)."""
    wrote: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for posted in books.inbound:
        if posted.body["payload"]["type"] != "reaction":
            wrote[posted.app, posted.body["payload"]["source"]].append(posted.at)
    for sent in books.all.sent:
        if not sent.is_session:
            continue
        last = max((at for at in wrote[sent.app, sent.phone] if at <= sent.at), default=None)
        if last is None or sent.at - last >= _WINDOW:
            yield f"session message {sent.id} to {sent.phone}, who wrote last {last or 'never'}"


# --- Cases ---


def _one_case(books: Books) -> Iterator[str]:
    """One failed attempt, one case; no case without a failure (I3)."""
    for key, rows in repeated(
        books.all.cases, lambda row: (row.workspace, row.shipment_id, row.attempt, row.visit)
    ):
        yield f"{key} has {len(rows)} cases: {_ids(rows)}"
    known = {(case.workspace, case.shipment_id, case.attempt) for case in books.all.cases}
    reports = [one for one in books.all.reported if one.event == "failed_delivery"]
    failed = {(one.workspace, one.shipment_id, one.attempt) for one in reports}
    over = {
        (one.workspace, one.shipment_id)
        for one in books.all.reported
        if one.event in _FINAL_EVENTS or one.event.startswith("rto")
    }
    for workspace, shipment, attempt in failed - known:
        is_outdated = any(
            (workspace, shipment) == later[:2] and later[2] > attempt for later in failed
        )  # its report came after that of a later attempt
        if (workspace, shipment) not in over and not is_outdated:
            yield f"attempt {attempt} of {workspace} {shipment} failed, and has no case"
    for workspace, shipment, attempt in known - failed:
        yield f"case of {workspace} {shipment}, attempt {attempt}, which never failed"


def _all_over(books: Books) -> Iterator[str]:
    """Every case ends, and nothing is left half done (I9)."""
    for case in books.all.cases:
        if case.ended_at is None or not case.outcome:
            yield f"{_named(case)} is still open"
    for message in books.all.messages:
        if message.status not in ACCEPTED | {"unknown", "refused"}:
            yield f"message {message.id} is still {message.status}"
    for action in books.all.actions:
        if action.status == "asking":
            yield f"action {action.id} is still asking"
    for event in books.all.outgoing:
        if not event.is_delivered:
            yield f"event {event.id} ({event.type}) is not delivered"
    for run in books.all.running:
        yield f"run {run} is still open"


def _strangers(books: Books) -> Iterator[str]:
    """Nothing of one workspace is told or kept for another (I11); what names orders of two is the platform's."""
    owner = {order.order_id: order.workspace for order in books.all.orders}
    others = grouped(books.all.orders, lambda order: order.phone)
    for sent in books.all.sent:
        row = books.row_of.get(sent.id)
        for order in others[sent.phone]:
            if row is None or row.workspace == _PLATFORM:
                continue
            if order.workspace != row.workspace and order.order_id in sent.form:
                yield f"message {row.id} of {row.workspace} names {order.order_id} of {order.workspace}"
    own_words = {row.id for row in books.all.messages if not row.order_id and row.purpose in _OF_NO_CASE}
    for message in books.all.messages:
        if message.id not in own_words and owner.get(message.order_id) != message.workspace:
            yield f"message {message.id} of {message.workspace} is about {message.order_id or 'no order'}"
    for case in books.all.cases:
        if owner.get(case.order_id) != case.workspace:
            yield f"case {case.id} of {case.workspace} is about {case.order_id} of {owner.get(case.order_id)}"
    for entry in books.all.timeline:
        if owner.get(entry.order_id) != entry.workspace:
            yield f"entry {entry.key} of {entry.workspace} is about {entry.order_id} of {owner.get(entry.order_id)}"
    for usage in books.all.usage:
        if usage.message_id not in own_words and owner.get(usage.order_id) != usage.workspace:
            yield f"usage of {usage.message_id} of {usage.workspace} is about {usage.order_id}"


def _events(books: Books) -> Iterator[str]:
    """Each end, refusal and failed message reached its workspace, always with the same id (R8.3, I15)."""
    told = grouped(books.all.received, lambda event: event.case_id)
    refused = Counter(row.case_id for row in books.all.actions if row.answer in {"refused", "refused_date"})
    failed = Counter(row.case_id for row in books.all.messages if row.status == "failed")
    for case in books.all.cases:
        expected = _TOLD.get(case.outcome, "case.ended")
        for type_, count in (("case.action_refused", refused), ("message.failed", failed)):
            ids = {event.id for event in told[case.id] if event.type == type_ and event.is_taken}
            if len(ids) != count[case.id]:
                yield f"{_named(case)} has {count[case.id]} times what {type_} tells, and {len(ids)} ids of it came"
        events = [event for event in told[case.id] if event.type in _ENDS]
        ids = {event.id for event in events}
        if len(ids) != 1 or not any(event.is_taken for event in events):
            yield f"{_named(case)} ended as {case.outcome}, and was told under {len(ids)} ids, {len(events)} times"
        elif {(event.type, event.workspace) for event in events} != {(expected, case.workspace)}:
            yield f"{_named(case)} ended as {case.outcome}, and {events[0].type} was told to {events[0].workspace}"
    for case_id in told.keys() - books.case.keys() - {"", None}:
        yield f"an event tells of case {case_id}, which does not exist"


def _by_hand(books: Books) -> Iterator[str]:
    """What the API told a seller is done, is done (R6.11)."""
    for act in books.all.acts:
        case = books.case.get(act.case_id)
        if case is None or not act.is_done:
            continue
        if act.what == "close" and case.outcome != "closed":
            yield f"{_named(case)} was closed by hand, and ended as {case.outcome}"
        if act.what == "actions" and act.action == "not_my_order" and case.outcome != "not_my_order":
            yield f"{_named(case)} was said to be not theirs by hand, and ended as {case.outcome}"
        if act.what == "actions" and act.action not in {"not_my_order", case.accepted_action}:
            yield f"{_named(case)}: {act.action} by hand is done, and the case says {case.accepted_action}"


def _troubles(books: Books) -> Iterator[str]:
    yield from books.all.troubles


CHECKS: Final[tuple[tuple[str, Callable[[Books], Iterator[str]]], ...]] = (
    ("while playing", _troubles),
    ("I5 I7", _messages),
    ("I7 R5.4", _usage),
    ("I8", _one_account),
    ("I10", _statuses),
    ("I4", _actions),
    ("I4 R6.9", _asked_in_time),
    ("I14", _done_texts),
    ("I1", _callbacks),
    ("I2 R6.3", _replies),
    ("R5.5 I6", _opt_outs),
    ("R7.11", _window),
    ("I3", _one_case),
    ("I9", _all_over),
    ("I11", _strangers),
    ("R8.3 I15", _events),
    ("R6.11", _by_hand),
)
"""Every rule with its check."""


def _named(case: CaseRow) -> str:
    return f"case {case.id} ({case.workspace} {case.order_id}, attempt {case.attempt})"


def _kind(body: Json) -> str:
    payload = body.get("payload", {})
    return f"{body.get('type') or body.get('eventSubType')} {payload.get('type', '')}".strip()


def _ids(rows: Iterable[MessageRow | CaseRow | ActionRow]) -> str:
    return ", ".join(row.id for row in rows)
