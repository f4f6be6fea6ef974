"""Save the history of one run for each ending and shape: `python -m tests.workflows.save_histories`.

Run it when the shape of a case has changed on purpose. Histories of a released shape are kept: rename them first
(`resolved.json` to `resolved--2026-12.json`), because runs of that shape may still be open.
"""

import asyncio
import json
import time
from pathlib import Path

from tests.workflows.endings import SHAPES, STORIES, Story
from tests.workflows.stage import END_SECONDS, on_stage

FOLDER = Path(__file__).parent.parent / "histories" / "failed_delivery"


async def _history(story: Story) -> str:
    async with on_stage() as stage:
        await story(stage)
        await stage.outcome()
        return (await stage.case.fetch_history()).to_json()


async def main() -> None:
    """Play every story and write what Temporal kept of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stories = {outcome.value: story for outcome, story in STORIES.items()} | SHAPES
    for name, story in stories.items():
        history = json.loads(await _history(story))
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(history, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.name, len(history["events"]), "events")  # noqa: T201 - a program for a terminal


if __name__ == "__main__":
    asyncio.run(main())
    time.sleep(END_SECONDS)
