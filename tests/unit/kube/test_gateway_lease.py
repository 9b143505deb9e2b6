"""A write that is decided while the lease is held and sent after it ended. Real sockets: aiohttp sends it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client

from taskfleet.api import Key
from taskfleet.kube import gateway
from taskfleet.kube.errors import LeaseLostError
from taskfleet.kube.gateway import Gateway

_POD = Key("Pod", "a", "b")


class Server:
    """Answers `{}` to everything."""

    def __init__(self) -> None:
        self.received = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(10_000):
            self.received += part
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()


@pytest.fixture
async def served() -> AsyncIterator[tuple[Server, client.ApiClient]]:
    server = Server()
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    configuration = gateway.configured()
    configuration.host = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    api = client.ApiClient(configuration)
    yield server, api
    await api.close()
    listener.close()
    await listener.wait_closed()


@pytest.mark.parametrize("connected", [False, True], ids=["new connection", "kept connection"])
async def test_writes_that_were_decided_before_the_lease_ended_do_not_leave(
    served: tuple[Server, client.ApiClient], connected: bool
) -> None:
    server, api = served
    decided: list[bool] = []

    def may_write() -> bool:
        decided.append(len(decided) < 8)
        return decided[-1]

    writes = Gateway(api, may_write=may_write)
    if connected:
        await writes.get(_POD)
    before = server.received
    outcomes = await asyncio.gather(
        *(writes.patch(_POD, {"number": number}) for number in range(8)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [LeaseLostError] * 8
    assert server.received == before, "not even the headers"


async def test_the_holder_writes_and_others_read(served: tuple[Server, client.ApiClient]) -> None:
    server, api = served
    assert await Gateway(api, may_write=lambda: True).patch(_POD, {"mark": 1}) == {}
    assert b'"mark": 1' in server.received
    follower = Gateway(api, may_write=lambda: False)
    assert await follower.get(_POD) == {}
    assert await follower.review("TokenReview", {"token": "t"}) == {}
