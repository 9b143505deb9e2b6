"""A Redis for the tests of one file, as none of them disturbs another that empties it before."""

from collections.abc import Iterator

import pytest
import redis

from tests.runtime.redis_server import RedisServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the emptied server."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client
