"""Calls that are cut off by a timeout, a cancellation or the end of the lease. Real sockets, for aiohttp takes part."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client

from taskfleet.api import Key
from taskfleet.kube import gateway
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

_SECONDS = 0.3


@pytest.fixture
async def hanging(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway to a server that accepts requests and never answers."""
    monkeypatch.setattr(gateway, "_WRITE_SECONDS", _SECONDS)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    api = client.ApiClient(configuration)
    yield Gateway(api, may_write=lambda: True)
    await api.close()
    server.close()
    await server.wait_closed()


async def test_write_without_an_answer_fails_in_time(hanging: Gateway) -> None:
    with pytest.raises(ApiError, match="does not answer"):
        await hanging.patch(Key("Pod", "a", "b"), {})


@pytest.mark.parametrize("cancelled_after", [-0.01, 0.01], ids=["just-before", "just-after"])
async def test_cancelled_write_stays_cancelled_although_it_times_out_too(
    hanging: Gateway, cancelled_after: float
) -> None:
    loop = asyncio.get_running_loop()
    writing = asyncio.create_task(hanging.patch(Key("Pod", "a", "b"), {}))
    began = loop.time()
    loop.call_at(began + _SECONDS + cancelled_after, writing.cancel)
    # While the loop stands still both become due, so that both happen before the task runs again.
    loop.call_at(began + _SECONDS / 2, time.sleep, _SECONDS)
    with pytest.raises(asyncio.CancelledError):
        await writing
