"""Logs as JSON lines: allow-listed fields, long digit runs masked, nothing of a request's body or path (S19)."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_LONG_DIGITS = re.compile(r"\d{10,}")
_ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "exc_info", "exception",
        "workspace_id", "case_id", "order_id", "shipment_id", "attempt", "account_id", "inbox_id", "message_id",
        "command_id", "event_id", "workflow_id", "source", "kind", "state", "outcome", "answer", "status", "code",
        "reason", "error", "tries", "count", "milliseconds", "method", "route", "reference", "address", "signal", "name",
    }
)  # fmt: skip


def configure(level: str) -> None:
    """Send every log record of the process, ours and the libraries', to standard error as one JSON line."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _allow_and_mask,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold whole addresses
    logging.getLogger("uvicorn.access").disabled = True  # webhook paths hold a secret (S1)


def _allow_and_mask(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: _masked(value) for name, value in event.items() if name in _ALLOWED}


def _masked(value: object) -> object:
    return _LONG_DIGITS.sub("…", value) if isinstance(value, str) else value
