"""Run the stand-in: `python -m simulators.carriers --host 127.0.0.1 --port 8200 --config FILE.json`."""

import argparse
from pathlib import Path
from typing import Final

import uvicorn

from simulators.carriers.app import create_app
from simulators.carriers.state import Config, moved_clock, utc_now

# Callers left hanging on purpose must not keep the program from ending.
GRACE_SECONDS: Final = 2


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m simulators.carriers", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument(
        "--config", type=Path, help="JSON file with the workspaces; none at the start without it"
    )
    parser.add_argument(
        "--clock-file", type=Path, help="holds the seconds by which the clock is ahead, for rehearsals"
    )
    given = parser.parse_args()
    config = Config.model_validate_json(given.config.read_bytes()) if given.config else Config()
    uvicorn.run(
        create_app(config, clock=moved_clock(given.clock_file) if given.clock_file else utc_now),
        host=given.host,
        port=given.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
