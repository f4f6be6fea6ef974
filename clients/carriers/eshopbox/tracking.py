"""Reads the tracking answer: where a parcel is, and whether an action was recorded for its last failed attempt."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from clients.carriers.base import FailedAttempt, ShipmentReading, TrackingEntry
from clients.carriers.eshopbox import wire
from clients.carriers.eshopbox.vocabulary import (
    EVENTS,
    FAILED_DELIVERY,
    RESOLUTION_LOGGED,
    Meaning,
    is_refused,
    move_of,
    status_word,
)
from domain.journey import SHIPMENT

# The submitted action is a status of its own in some answers; the parcel still stands in its failed attempt.
_STANDS_IN_FAILURE: Final = frozenset({FAILED_DELIVERY, RESOLUTION_LOGGED, "ndr_resolution_submitted"})


def read_tracking(body: object, tracking_id: str) -> ShipmentReading | None:
    """Return the reading of one parcel; None if the answer does not hold it."""
    parcel = _parcel(body, tracking_id)
    status = wire.text(parcel.get("currentStatus"))
    if not status:
        return None
    entries = _entries(parcel.get("statusLogs"))
    words = [status_word(entry.status) for entry in entries]
    last_failure = max((at for at, word in enumerate(words) if word == FAILED_DELIVERY), default=-1)
    current = status_word(status)
    recorded = _recorded(words[last_failure + 1 :], entries[last_failure + 1 :])
    if recorded is None:
        recorded = current in _STANDS_IN_FAILURE - {FAILED_DELIVERY}
    return ShipmentReading(
        status=status,
        is_failed_delivery=current in _STANDS_IN_FAILURE,
        resolution_recorded=recorded,
        move=None if current in _STANDS_IN_FAILURE else move_of(status),
        attempts=_attempts(entries, words),
        recorded_at=max(
            (
                entry.at
                for word, entry in zip(words, entries, strict=True)
                if word == RESOLUTION_LOGGED and entry.at
            ),
            default=None,
        )
        if recorded
        else None,
        entries=entries,
        expected_on=wire.india_day(parcel.get("expectedDeliveryDate")),
        courier_name=wire.text(parcel.get("courierPartnerName")),
    )


def _recorded(words: Sequence[str], entries: Sequence[TrackingEntry]) -> bool | None:
    """Tell whether an action stands as accepted, by what was logged of one last; None where nothing was."""
    recorded = None
    for word, entry in zip(words, entries, strict=True):
        takes_back = EVENTS.get((SHIPMENT, word), Meaning()).takes_back
        if takes_back or word == RESOLUTION_LOGGED:
            recorded = not (takes_back or is_refused(entry.reason))
    return recorded


def _attempts(entries: Sequence[TrackingEntry], words: Sequence[str]) -> tuple[FailedAttempt, ...]:
    failures = [place for place, word in enumerate(words) if word == FAILED_DELIVERY]
    return tuple(
        FailedAttempt(entries[begin].at, is_resolved=bool(_recorded(words[begin:end], entries[begin:end])))
        for begin, end in pairwise([*failures, len(words)])
    )


def _parcel(body: object, tracking_id: str) -> Mapping[str, Any]:
    listed = wire.mappings(wire.mapping(body).get("trackingDetails"))
    found = [entry for entry in listed if wire.identifier(entry.get("trackingId")) == tracking_id]
    # A number can stand there twice: for the way to the customer, and for a way back.
    forward = [entry for entry in found if wire.text(entry.get("journeyType")).lower() == "forward"]
    return next(iter([*forward, *found]), {})


def _entries(logs: object) -> tuple[TrackingEntry, ...]:
    """Return the log, oldest first. Its order is not documented: the times say which way it runs."""
    entries = [
        TrackingEntry(
            status=wire.text(log.get("status")),
            at=wire.moment(log.get("dateTime")),
            reason=wire.text(log.get("ndrStatus")),
            remark=wire.text(log.get("remarks") or log.get("remark")),
        )
        for log in wire.mappings(logs)
    ]
    times = [entry.at for entry in entries if entry.at is not None]
    if times and times[0] > times[-1]:
        entries.reverse()
    if len(times) == len(entries):
        entries.sort(
            key=lambda entry: entry.at or times[0]
        )  # stable: what happened in one second stays in order
    return tuple(entries)
