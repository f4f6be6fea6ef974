"""PostgreSQL without an installation, in whatever directory a project lies."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops.embedded import _quoted, start_postgres, stop_postgres


@pytest.fixture
def odd_directory() -> Iterator[Path]:
    """A directory whose name means something in PostgreSQL's configuration and in addresses."""
    top = Path(tempfile.mkdtemp(prefix="rescue-odd-"))
    top.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    odd = top / "asha's, 50% new"
    odd.mkdir()
    yield odd / "data"
    stop_postgres(odd / "data")
    shutil.rmtree(top)


async def test_postgres_starts_in_a_directory_with_an_odd_name(odd_directory: Path) -> None:
    """A quote or a comma in the path of a checkout is no reason not to start."""
    url = await asyncio.to_thread(start_postgres, odd_directory)
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()


def test_quotes_of_a_path_are_doubled() -> None:
    """The temporary directory, too, may have an odd name."""
    assert _quoted(Path("/tmp/asha's")) == "/tmp/asha''s"  # noqa: S108 - only a name
