"""What the durable execution of one journey message costs: a standalone activity against a workflow with one activity.

`python -m tests.measure.journey_message` starts Temporal's server and one worker, runs batches of both in turn, and prints
CPU-milliseconds for each message by process. Both run the same activity that does nothing, with our encrypted payloads:
what is measured is the execution, and our own work is the same in both.
"""

import argparse
import asyncio
import dataclasses
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import temporalio.converter
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.common import ActivityIDReusePolicy, WorkflowIDReusePolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from bootstrap.temporal import EncryptedPayloads, PayloadsWithDays
from tests.measure.measured import COUNT, OPTIONS, Measured, counted_by, send
from tests.measure.values import Ids

_QUEUE = "measured"
_AT_ONCE = 50
_TICKS = os.sysconf("SC_CLK_TCK")
_SERVER = (
    "--headless",
    "--dynamic-config-value",
    "history.transferProcessorMaxPollRPS=1000",
    "--sqlite-pragma",
    "journal_mode=wal",
    "--sqlite-pragma",
    "synchronous=normal",
)


@dataclass(slots=True)
class Arm:
    """One way to run a message, with the CPU-milliseconds of each batch by process."""

    name: str
    start: Callable[[Client, str], Awaitable[object]]
    spent: list[dict[str, float]] = dataclasses.field(default_factory=list)

    def median(self, process: str) -> float:
        """Return the median of a process over the batches."""
        return statistics.median(batch[process] for batch in self.spent)


async def _standalone(client: Client, name: str) -> object:
    return await client.start_activity(
        send,
        Ids("kapaskraft", name, "out_for_delivery", datetime.now(UTC)),
        id=f"ntf:kapaskraft:{name}:out_for_delivery",
        task_queue=_QUEUE,
        id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
        **OPTIONS,
    )


async def _in_workflow(client: Client, name: str) -> object:
    return await client.start_workflow(
        Measured.run,
        Ids("kapaskraft", name, "out_for_delivery", datetime.now(UTC)),
        id=f"ntf:kapaskraft:{name}:out_for_delivery",
        task_queue=_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )


async def measure(batches: int, size: int) -> None:
    """Run batches of both in turn and print what they cost."""
    with tempfile.TemporaryDirectory() as directory:
        counted = Path(directory) / "count"
        counted.touch()
        binary = shutil.which("temporal", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=binary,
            dev_server_database_filename=str(Path(directory) / "temporal.db"),
            dev_server_extra_args=list(_SERVER),
            data_converter=_converter(),
        ) as environment:
            address = environment.client.service_client.config.target_host
            server = _pid_of_server(address)
            worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.measure.journey_message",
                "--worker",
                address,
                env=os.environ | {COUNT: str(counted)},
            )
            try:
                await _alternate(environment.client, batches, size, counted, (server, worker.pid))
            finally:
                worker.terminate()
                await worker.wait()


async def _alternate(client: Client, batches: int, size: int, counted: Path, pids: tuple[int, int]) -> None:
    arms = (Arm("standalone activity", _standalone), Arm("workflow with one activity", _in_workflow))
    for arm in arms:  # warm
        await _batch(client, arm, f"warm-{arm.name[0]}", min(size, 100), counted)
    for number in range(batches):
        for arm in arms if number % 2 else reversed(arms):
            before = _spent(*pids)
            began = time.monotonic()
            await _batch(client, arm, f"{arm.name[0]}-{number}", size, counted)
            took = time.monotonic() - began
            after = _spent(*pids)
            arm.spent.append(
                {name: (after[name] - before[name]) * 1000 / size for name in before} | {"rate": size / took}
            )
    history = await client.get_workflow_handle("ntf:kapaskraft:w-0-0:out_for_delivery").fetch_history()
    _report(arms, history, batches, size)


async def _batch(client: Client, arm: Arm, name: str, size: int, counted: Path) -> None:
    """Start so many messages and wait until all are sent and the server has come to rest."""
    wanted = counted_by(counted) + size
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with free:
            await arm.start(client, f"{name}-{number}")

    await asyncio.gather(*(one(number) for number in range(size)))
    while counted_by(counted) < wanted:  # noqa: ASYNC110 - another process counts
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)


def _report(arms: tuple[Arm, ...], history: WorkflowHistory, batches: int, size: int) -> None:
    kinds = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
    asked = sum(kind in {"WORKFLOW_EXECUTION_STARTED", "ACTIVITY_TASK_SCHEDULED"} for kind in kinds)
    figures = {arms[0].name: (0, 1), arms[1].name: (len(kinds), asked)}
    print(f"{batches} batches of {size} each, in turn; medians, CPU-ms for each message")  # noqa: T201
    print("| execution | server | worker | client | all | history events | actions | per second |")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for arm in arms:
        parts = [arm.median(process) for process in ("server", "worker", "client")]
        whole = statistics.median(
            sum(batch[p] for p in ("server", "worker", "client")) for batch in arm.spent
        )
        cells = " | ".join(f"{part:.1f}" for part in (*parts, whole))
        events, actions = figures[arm.name]
        print(f"| {arm.name} | {cells} | {events} | {actions} | {arm.median('rate'):.0f} |")  # noqa: T201


def _spent(server: int, worker: int) -> dict[str, float]:
    return {"server": _cpu(server), "worker": _cpu(worker), "client": time.process_time()}


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _pid_of_server(address: str) -> int:
    """Return the process that was started for this address."""
    port = f"--port\0{address.rsplit(':', 1)[1]}\0".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            if port in words and b"start-dev" in words:
                return int(entry.name)
    raise LookupError(f"no server of {address}")


def _converter() -> temporalio.converter.DataConverter:
    return dataclasses.replace(
        temporalio.converter.default(),
        payload_converter_class=PayloadsWithDays,
        payload_codec=EncryptedPayloads({"measured": bytes(32)}),
    )


async def work(address: str) -> None:
    """Be the worker, until stopped."""
    client = await Client.connect(address, data_converter=_converter())
    async with Worker(client, task_queue=_QUEUE, workflows=[Measured], activities=[send]):
        await asyncio.Event().wait()


def main() -> None:
    """Read what is wanted, and run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=7)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--worker", default="")
    wanted = parser.parse_args()
    if wanted.worker:
        asyncio.run(work(wanted.worker))
    else:
        asyncio.run(measure(wanted.batches, wanted.size))


if __name__ == "__main__":
    main()
