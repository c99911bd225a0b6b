"""What several of the integration tests start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from publishing import LOOPBACK

from realtime.server.publish import Publisher


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(LOOPBACK, LOOPBACK, high_water=2000) as opened:
        yield opened
