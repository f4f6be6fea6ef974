"""What Prometheus reads; a registry for each app, so that two apps of one process do not share figures."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.callbacks = Counter(
            "callbacks",
            "Callbacks by what became of the request",
            ("source", "result"),
            registry=self._registry,
        )
        self.callback_seconds = Histogram(
            "callback_answer_seconds",
            "From the request to the answer of a callback",
            ("source",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "api_answer_seconds",
            "From the request to the answer, by route",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.inbox = Gauge("inbox_rows", "Rows of the inbox that wait", ("state",), registry=self._registry)
        self.inbox_age = Gauge(
            "inbox_oldest_seconds", "Age of the oldest row that waits", registry=self._registry
        )
        self.queued = Gauge("intake_queued", "Rows queued in this process", registry=self._registry)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)
