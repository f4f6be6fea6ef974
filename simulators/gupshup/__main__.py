"""Runs the stand-in: `python -m simulators.gupshup --host 127.0.0.1 --port 8100 --config FILE.json`.

The phone is at `/phone`, the routes for tests at `/control`. Numbers that always behave one way stand in `fates`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import uvicorn

from .app import create_app
from .network import RETRIES
from .state import moved_clock, now


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="simulators.gupshup", description="A stand-in for Gupshup, with phones."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument(
        "--config", type=Path, required=True, help="apps, people and the order system, as JSON"
    )
    parser.add_argument(
        "--pace", type=float, default=0.1, help="seconds before each step of a message; 0 = none"
    )
    parser.add_argument(
        "--retries",
        type=_seconds,
        default=RETRIES,
        help="seconds before each further attempt of a callback, separated by commas",
    )
    parser.add_argument(
        "--clock-file", type=Path, help="holds the seconds by which the clock is ahead, for rehearsals"
    )
    given = parser.parse_args()
    config = json.loads(given.config.read_text(encoding="utf-8"))
    clock = moved_clock(given.clock_file) if given.clock_file else now
    app = create_app(config, pace=given.pace, retries=given.retries, clock=clock)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=2)


def _seconds(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


if __name__ == "__main__":
    main()
