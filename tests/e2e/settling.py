"""Brings random conversations to their end, waits until nothing moves, and gathers the evidence."""

import asyncio
from dataclasses import replace
from typing import Final

import asyncpg
import httpx
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.service import RPCError

from bootstrap.settings import named_keys, plain_key
from db.encryption import Cipher
from ops.stack import Stack
from tests.e2e.evidence import Evidence, read_database, read_gupshup, read_order_system
from tests.e2e.town import Town

_PAUSE: Final = 0.3
_QUIET_LOOKS: Final = 3
_HALF_DONE: Final = {
    "cases are open": "SELECT count(*) FROM cases WHERE ended_at IS NULL",
    "messages are being sent": "SELECT count(*) FROM messages WHERE status IN ('queued', 'sending')",
    "actions are being asked for": "SELECT count(*) FROM actions WHERE status = 'asking'",
    "callbacks wait in the inbox": "SELECT count(*) FROM inbox WHERE state = 'new'",
    "events are not delivered": "SELECT count(*) FROM outgoing_events WHERE delivered_at IS NULL",
}


async def settle(town: Town, *, within: float) -> tuple[str, ...]:
    """Close what is open and wait until nothing moves; return in words what still does when the time is over."""
    end = asyncio.get_running_loop().time() + within
    client = await Client.connect(town.stack.addresses.temporal, lazy=True)
    connection = await asyncpg.connect(town.stack.addresses.database)
    quiet, moving = 0, ["nobody looked"]
    try:
        while quiet < _QUIET_LOOKS:
            if asyncio.get_running_loop().time() > end:
                return tuple(f"it did not settle within {within:.0f} s: {what}" for what in moving)
            await _close_all(town)
            moving = await _what_moves(town, client, connection)
            quiet = 0 if moving else quiet + 1
            await asyncio.sleep(_PAUSE)
    finally:
        await connection.close()
    return ()


async def _what_moves(town: Town, client: Client, connection: asyncpg.Connection) -> list[str]:
    counts = {what: await connection.fetchval(query) for what, query in _HALF_DONE.items()}
    try:
        counts["runs are open"] = (await client.count_workflows("ExecutionStatus = 'Running'")).count
    except (RPCError, RuntimeError):
        return ["Temporal is starting"]  # it was killed
    for name, control in (("Gupshup", town.gupshup), ("the order system", town.order_system)):
        answer = await town.http.get(f"{control}/under-way")
        counts[f"things of {name} are under way"] = answer.raise_for_status().json()["under_way"]
    return [f"{count} {what}" for what, count in counts.items() if count]


async def _close_all(town: Town) -> None:
    for workspace in town.stack.seed.workspaces:
        page = await town.ask_api(workspace, "GET", "/v1/cases?state=open&limit=200")
        cases = page["cases"] if page else ()
        for case in cases:
            await town.close(workspace, case["id"])


async def gather(town: Town, troubles: tuple[str, ...], *, deaths: int) -> Evidence:
    """Read everything there is."""
    stack = town.stack
    tokens = {account.webhook_token: account.app_name for account in stack.seed.accounts}
    async with httpx.AsyncClient(trust_env=False, timeout=120.0) as http:
        sent, posted = await read_gupshup(http, stack.addresses.gupshup, tokens)
        asked, reported, received = await read_order_system(http, stack.addresses.order_system)
    rows = await read_database(stack.addresses.database, cipher_of(stack), town.phones)
    client = await Client.connect(stack.addresses.temporal)
    running = [run.id async for run in client.list_workflows("ExecutionStatus = 'Running'")]
    return replace(
        Evidence(**rows),
        seed=town.seed,
        deaths=deaths,
        orders=tuple(town.orders),
        acts=tuple(town.acts),
        sent=sent,
        posted=posted,
        asked=asked,
        reported=reported,
        received=received,
        running=tuple(running),
        troubles=(*town.troubles, *troubles),
    )


def cipher_of(stack: Stack) -> Cipher:
    """Return the cipher of a stack, from its own seed."""
    keys = stack.seed.environment
    return Cipher(named_keys(SecretStr(keys["MASTER_KEYS"])), plain_key(SecretStr(keys["HASH_KEY"])))
