"""What a look at a real Redis finds, and at what is none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from taskfleet.brokers.connection import redis_probe as module
from taskfleet.brokers.connection.redis_probe import access, probe
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.probe import Probe, Verdict
from tests.runtime.ports import free_port
from tests.runtime.redis_server import RedisServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), "--maxmemory", "100mb") as running:
        for user, rights in {
            "all": "+ping +info +client",
            "ping-only": "+ping +client",
            "no-ping": "+info +client",
        }.items():
            running.client.acl_setuser(
                user, enabled=True, passwords=["+right"], keys=["*"], commands=rights.split(), categories=[]
            )
        yield running


async def look(url: str) -> Probe:
    client = access(target_of(url)).client()
    try:
        return await probe(client)
    finally:
        await client.aclose()


def as_user(server: RedisServer, user: str, password: str = "right") -> str:
    return f"redis://{user}:{password}@127.0.0.1:{server.port}/0"


async def test_server_that_answers_tells_its_figures(server: RedisServer) -> None:
    found = await look(as_user(server, "all"))
    assert found.verdict is Verdict.REACHABLE
    assert found.version == server.client.info()["redis_version"]
    assert found.max_memory == 100 * 2**20
    assert found.used_memory is not None
    assert found.used_memory > 0
    assert found.clients is not None
    assert found.clients >= 1


async def test_user_that_may_ask_for_nothing_but_ping_is_enough(server: RedisServer) -> None:
    assert await look(as_user(server, "ping-only")) == Probe(Verdict.REACHABLE)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(lambda server: as_user(server, "all", "hunter2"), id="wrong-password"),
        pytest.param(lambda server: as_user(server, "nobody", "hunter2"), id="unknown-user"),
        pytest.param(lambda server: as_user(server, "no-ping"), id="user-without-rights"),
    ],
)
async def test_refused_credentials_are_told_without_them(
    server: RedisServer, url: Callable[[RedisServer], str]
) -> None:
    found = await look(url(server))
    assert found.verdict is Verdict.AUTHENTICATION_FAILED
    assert "hunter2" not in found.detail
    assert "right" not in found.detail.split()


async def test_server_that_asks_for_a_password_which_the_url_lacks(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as server:
        server.client.config_set("requirepass", "hunter2")
        found = await look(server.url)
        assert found.verdict is Verdict.AUTHENTICATION_FAILED
        assert "requires a password" in found.detail


async def test_port_where_nobody_listens() -> None:
    found = await look(f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    assert found.verdict is Verdict.UNREACHABLE
    assert "hunter2" not in found.detail


@asynccontextmanager
async def stranger(says: bytes) -> AsyncIterator[str]:
    """A server that answers everything with `says` and no more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening:
        yield f"redis://:hunter2@127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
        pytest.param(b"AMQP\x00\x00\x09\x01", id="amqp"),
        pytest.param(b"-ERR hunter2 is what you said\r\n" * 9, id="an-error-that-quotes"),
        pytest.param(b"+OK\r\n" * 9, id="always-agreeing"),
        pytest.param(b"*1\r\n$-5\r\n\xff\xfe\r\n", id="broken-redis"),
    ],
)
async def test_what_is_no_redis_is_not_quoted(says: bytes) -> None:
    async with stranger(says) as url, asyncio.timeout(30):
        found = await look(url)
    assert found.verdict is not Verdict.REACHABLE
    assert "hunter2" not in found.detail


async def test_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskfleet.brokers.connection.redis_probe.TIMEOUT_SECONDS", 0.1)
    async with stranger(b"") as url, asyncio.timeout(30):
        found = await look(url)
    assert found.verdict is Verdict.UNREACHABLE


async def test_server_that_is_still_loading_has_answered() -> None:
    async with (
        stranger(b"-LOADING Redis is loading the dataset in memory\r\n" * 9) as url,
        asyncio.timeout(30),
    ):
        found = await look(url)
    assert found == Probe(Verdict.UNREACHABLE, found.detail)
    assert "is loading its data" in found.detail


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        pytest.param("7.2.4", "7.2.4", id="version"),
        pytest.param("hunter2", None, id="anything-else"),
        pytest.param("7.2.4 hunter2", None, id="version-and-more"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_only_what_looks_like_a_version_is_shown(told: str | None, shown: str | None) -> None:
    assert module._answer({"redis_version": told}).version == shown
