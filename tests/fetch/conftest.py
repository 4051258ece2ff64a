"""The scripted server as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fetch_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.release.set()  # type: ignore[attr-defined]
    made.http.shutdown()
    made.http.server_close()
