"""Task queue, time-outs, retry policies and search attributes: all of them, none inline."""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy, SearchAttributeKey

TASK_QUEUE = "cases"

WORKSPACE_ID = SearchAttributeKey.for_keyword("WorkspaceId")
ORDER_ID = SearchAttributeKey.for_keyword("OrderId")
TRACKING_ID = SearchAttributeKey.for_keyword("TrackingId")
CASE_STATE = SearchAttributeKey.for_keyword("CaseState")
CASE_OUTCOME = SearchAttributeKey.for_keyword("CaseOutcome")
SEARCH_ATTRIBUTES = ("WorkspaceId", "OrderId", "TrackingId", "CaseState", "CaseOutcome")

_QUICK = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=15)
)

# start_to_close stands a little above each client's own total time-out; a killed worker is noticed by its heartbeat.
SEND: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "heartbeat_timeout": timedelta(seconds=8),
    # Longer trouble comes back to the case, so that it stays awake for other facts meanwhile.
    "schedule_to_close_timeout": timedelta(minutes=5),
    "retry_policy": _QUICK,
}
SEND_FOR_NO_CASE: dict[str, Any] = SEND | {
    # No case is there to try again: an outage of Gupshup's, or of ours, is waited for here.
    "schedule_to_close_timeout": timedelta(hours=6),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=2)
    ),
}
NOTIFY: dict[str, Any] = {
    # The order system may be read before: one read, and one send.
    "start_to_close_timeout": timedelta(seconds=50),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=2)
    ),
    # A parcel's news can wait for a moment, a customer's answer cannot; 3 is what everything else has.
    "priority_key": 4,
}
LAST_TRY = timedelta(minutes=5)
"""How long after its time a message is still tried: the last try finds that it is late, and says so."""
ACT: dict[str, Any] = {
    "heartbeat_timeout": timedelta(seconds=8),
    "start_to_close_timeout": timedelta(seconds=75),  # a token, a read and a call of the order system
    "schedule_to_close_timeout": timedelta(
        minutes=5
    ),  # then the case asks again, and hears of other things meanwhile
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
    ),
}
RECORD: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
    ),
}
DELIVER_EVENT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "schedule_to_close_timeout": timedelta(hours=24),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=5), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=30)
    ),
}
ROUND: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=15),
    "schedule_to_close_timeout": timedelta(hours=12),  # the next day's round does what this one could not
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=5), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=10)
    ),
}
ROUND_AT = (2, 30)
"""When the daily round begins, hour and minute by `ROUND_ZONE`: after midnight of the last day a month stays open."""
ROUND_ZONE = "Asia/Kolkata"
