"""What programs share: every activity of a worker has a connection of its own."""

import asyncio
import base64
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from bootstrap.resources import CONCURRENT_ACTIVITIES, open_resources
from bootstrap.settings import Settings
from clients.carriers.base import CarrierCredentials
from clients.gupshup import Credentials

_KEY = base64.b64encode(bytes(32)).decode()


def _settings(**changes: str) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"),
        master_keys=SecretStr(f"k:{_KEY}"),
        hash_key=SecretStr(_KEY),
        payload_keys=SecretStr(f"k:{_KEY}"),
        **changes,  # type: ignore[arg-type]
    )


async def test_every_part_lives_by_the_clock_of_a_rehearsal(tmp_path: Path) -> None:
    """The file says by how much it is ahead, and may be changed while the program runs."""
    ahead = tmp_path / "clock"
    ahead.write_text("0")
    async with open_resources(_settings(clock_file=str(ahead)), name="tests") as resources:
        before = resources.clock()
        ahead.write_text("86400.25")
        assert timedelta(days=1) < resources.clock() - before < timedelta(days=1, minutes=1)


async def test_no_activity_waits_for_anothers_connection() -> None:  # F21, F27
    """A server that answers nobody before everybody has asked is answered for by as many connections."""
    asked = 0
    everybody = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked == 2 * CONCURRENT_ACTIVITIES:
            everybody.set()
        await everybody.wait()
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\nconnection: close\r\n\r\n{"templates": []}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = _settings(gupshup_base_url=url, eshopbox_base_url=url, eshopbox_auth_url=url)
    async with server, open_resources(settings, name="tests") as resources:
        ours = Credentials("key-1", "app-1", "ExampleStore", "919999900099")
        theirs = [
            CarrierCredentials(
                workspace_id=f"seller-{number}", client_id="c", client_secret="s", refresh_token="r"
            )
            for number in range(CONCURRENT_ACTIVITIES)
        ]
        listed = (resources.gupshup.list_templates(ours) for _ in theirs)
        read = (resources.carriers["eshopbox"].read_shipment(one, "TRK1001") for one in theirs)
        answers = await asyncio.gather(*listed, *read, return_exceptions=True)
    assert answers[:CONCURRENT_ACTIVITIES] == [()] * CONCURRENT_ACTIVITIES
    assert {str(error) for error in answers[CONCURRENT_ACTIVITIES:]} == {"no access token in the answer"}
