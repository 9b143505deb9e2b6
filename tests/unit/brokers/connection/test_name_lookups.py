"""Names of brokers that no name server answers for."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from taskfleet.brokers.connection.addresses import ANYWHERE

_MORE_THAN_THREADS = 64


@pytest.fixture
def no_answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that is silent until the test ends; addresses need none."""
    ended, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **options: Any) -> Any:
        if not options["flags"] & socket.AI_NUMERICHOST:
            ended.wait(30)
        return real("127.0.0.1" if ended.is_set() else host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    ended.set()


@pytest.mark.usefixtures("no_answer")
async def test_names_without_an_answer_hold_up_neither_the_loops_threads_nor_addresses() -> None:
    lookups = [
        asyncio.create_task(ANYWHERE.resolve(f"broker-{number}.shop.svc", 6379))
        for number in range(_MORE_THAN_THREADS)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (
            await asyncio.to_thread(lambda: "as a request to the API server")
            == "as a request to the API server"
        )
        assert await ANYWHERE.resolve("127.0.0.1", 6379) == "127.0.0.1"
    for lookup in lookups:
        lookup.cancel()
    await asyncio.gather(*lookups, return_exceptions=True)


@pytest.mark.parametrize(
    ("known", "host", "asked", "address"),
    [
        pytest.param({"cache.shop": "10.0.0.1"}, "cache", ["cache.shop"], "10.0.0.1", id="service-there"),
        pytest.param({"cache": "10.0.0.2"}, "cache", ["cache.shop", "cache"], "10.0.0.2", id="nodes-own"),
        pytest.param({"cache.b": "10.0.0.3"}, "cache.b", ["cache.b"], "10.0.0.3", id="other-namespace"),
        pytest.param({"localhost": "127.0.0.1"}, "localhost", ["localhost"], "127.0.0.1", id="localhost"),
    ],
)
async def test_a_name_without_a_dot_is_of_the_brokers_namespace_as_in_its_pods(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, str], host: str, asked: list[str], address: str
) -> None:
    seen: list[str] = []

    def getaddrinfo(name: str, port: int, **options: Any) -> Any:
        if options["flags"] & socket.AI_NUMERICHOST:
            raise socket.gaierror
        seen.append(name)
        if name not in known:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[name], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert await ANYWHERE.resolve(host, 6379, "shop") == address
    assert seen == asked
