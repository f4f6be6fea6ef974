"""The evidence indexed, and what belongs together found once: whose row a message is, whose case an answer names."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Final, TypeVar

from domain.wording import PRESETS
from tests.e2e.evidence import (
    Asked,
    CaseRow,
    Evidence,
    InboxRow,
    Json,
    MessageRow,
    Posted,
    Sent,
    canonical,
    token_hash,
)

_T = TypeVar("_T")

ACCEPTED: Final = frozenset({"submitted", "enqueued", "sent", "failed", "delivered", "read"})
"""Statuses that say that Gupshup took a message."""

STOP_WORDS: Final = frozenset({"stop", "unsubscribe", "बंद"})
START_WORDS: Final = frozenset({"start", "शुरू"})
_REQUEST_LASTS: Final = timedelta(seconds=30)


class Books:
    """The evidence, indexed; what belongs together is found once."""

    def __init__(self, evidence: Evidence) -> None:
        self.all = evidence
        self.case = {row.id: row for row in evidence.cases}
        self.message = {row.id: row for row in evidence.messages}
        self.by_gupshup_id = grouped(evidence.messages, lambda row: row.gupshup_id)
        self.cases_of = grouped(evidence.cases, lambda row: (row.account, row.phone))
        self.inbox = grouped(evidence.inbox, lambda row: (row.source, row.owner, canonical(row.body)))
        self.replies = grouped(
            (row for row in evidence.timeline if row.key.startswith("reply:")),
            lambda row: ":".join(row.key.split(":")[:2]),  # one that was asked about also names the order
        )
        self.actions_of = grouped(evidence.actions, lambda row: row.case_id)
        self.asked_of = grouped(evidence.asked, lambda row: (row.tracking_id, row.attempt))
        self.once_unknown = {row.message_id for row in evidence.statuses if row.status == "unknown"}
        self.reference = {row.token_hash: row for row in evidence.references}

    @cached_property
    def row_of(self) -> Mapping[str, MessageRow]:
        """The one row of each accepted message, by Gupshup's id.

        Of an answer that was lost nobody told us the id: such a message belongs to a row without one, of the same
        account, phone and text, that was being sent at the time.
        """
        found: dict[str, MessageRow] = {}
        taken: set[str] = set()
        for sent in self.all.sent:
            for row in self.by_gupshup_id[sent.id][:1]:
                found[sent.id] = row
                taken.add(row.id)
        nameless = [row for row in self.all.messages if row.gupshup_id is None]
        for sent in self.all.sent:
            if sent.id in found or (sent.answered and not self.all.deaths):
                continue
            fitting = [
                row
                for row in nameless
                if row.id not in taken
                and (row.account, row.phone, row.text) == (self.account(sent.app), sent.phone, sent.text)
                and row.status in ACCEPTED | {"unknown"}
                and row.sending_at <= sent.at <= row.sending_at + _REQUEST_LASTS
            ]
            for row in fitting[:1]:
                found[sent.id] = row
                taken.add(row.id)
        return found

    def account(self, app: str) -> str:
        return self.all.accounts.get(app, "")

    def case_of(self, sent: Sent) -> CaseRow | None:
        row = self.row_of.get(sent.id)
        return self.case.get(row.case_id or "") if row is not None else None

    def asked_by(self, case: CaseRow) -> Sequence[Asked]:
        return self.asked_of[case.tracking_id, case.attempt]

    def inbox_of(self, posted: Posted) -> Sequence[InboxRow]:
        return self.inbox["gupshup", self.account(posted.app), canonical(posted.body)]

    @cached_property
    def inbound(self) -> tuple[Posted, ...]:
        """What customers sent, as far as it was taken."""
        return tuple(
            posted
            for posted in self.all.posted
            if posted.body.get("type") == "message" and posted.taken_at is not None
        )

    def case_named_by(self, payload: Json) -> str | None:
        """Return the case that an answer names: by its reference, else by the message that it answers.

        A row of the question which of several orders is meant names the one that it stands for. A message whose id was
        not known at first may have been answered before it was.
        """
        inner = payload["payload"]
        postback = inner.get("postbackText")
        if postback is not None:
            reference = self.reference.get(token_hash(postback))
            if reference is None:
                return "none: the reference is not ours"
            return (
                reference.choice.split(":")[1] if reference.choice.startswith("about:") else reference.case_id
            )
        named = inner.get("gsId") if payload["type"] == "reaction" else payload.get("context", {}).get("gsId")
        rows = self.by_gupshup_id[named] if named else ()
        if not rows or rows[0].purpose == "which_order" or rows[0].id in self.once_unknown:
            return None
        return rows[0].case_id


def done_action(text: str) -> str:
    """Return the action that a text on the phone says is done, in whatever language; empty when it says none."""
    return next((action for action, form in _DONE if form.fullmatch(text)), "")


def _form(preset: str) -> re.Pattern[str]:
    """Return what a preset looks like once it is filled in, whatever its values are."""
    parts = re.split(r"\{\w+\}", preset)
    return re.compile(".*".join(r"\s+".join(map(re.escape, part.split())) for part in parts), re.DOTALL)


_DONE: Final = tuple(
    (key.removeprefix("accepted_"), _form(preset))
    for presets in PRESETS.values()
    for key, preset in presets.items()
    if key.startswith("accepted_")
)


def typed(body: Json) -> str:
    """Return what a customer typed, as it is compared with words; empty for everything else."""
    payload = body["payload"]
    if payload["type"] != "text" or payload["payload"].get("type") == "button":
        return ""
    return " ".join(str(payload["payload"]["text"]).casefold().split()).strip(" .!")


def grouped(rows: Iterable[_T], key: Callable[[_T], Hashable]) -> Mapping[Hashable, Sequence[_T]]:
    groups: dict[Hashable, list[_T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def repeated(
    rows: Iterable[_T], key: Callable[[_T], tuple[object, ...]]
) -> list[tuple[tuple[object, ...], list[_T]]]:
    groups: dict[tuple[object, ...], list[_T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return [(found, listed) for found, listed in groups.items() if len(listed) > 1]
