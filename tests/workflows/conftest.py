"""What tests with Temporal's own servers share: a quiet end."""

import time
from collections.abc import Iterator

import pytest

from tests.workflows.stage import END_SECONDS


@pytest.fixture(scope="package", autouse=True)
def _end_quietly() -> Iterator[None]:
    yield
    time.sleep(END_SECONDS)
