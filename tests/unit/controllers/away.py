"""Brokers that no question can be asked of."""

import pytest
from redis.asyncio import Redis

# The client of a Redis, None where the broker is not watched, and what is said.
away = pytest.mark.parametrize(
    ("client", "said"),
    [
        pytest.param(None, "has no address yet", id="not-watched"),
        pytest.param(Redis(port=1), r"does not answer \(ConnectionError\)", id="away"),
    ],
)
