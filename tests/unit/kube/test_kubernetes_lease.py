"""The Lease at an API server in memory: what comes of its answers."""

import asyncio
from contextlib import suppress

import pytest
from aiohttp import web
from kubernetes.aio import client

from taskfleet.api import Key, Object
from taskfleet.kube.errors import ConflictError, DeniedError
from taskfleet.kube.lease import Election, KubernetesLease, claimed
from tests.tools.api_server import ApiServer, MemoryClient
from tests.tools.virtual_time import run, virtual_loop
from tests.unit.kube.test_gateway import listening
from tests.unit.kube.test_lease import NOW, TIMING

LEASE = Key("Lease", "system", "operator")


def store(server: ApiServer) -> KubernetesLease:
    return KubernetesLease(MemoryClient(server), namespace=LEASE.namespace, name=LEASE.name)


async def test_the_first_write_creates_the_lease_and_a_stale_one_is_a_conflict() -> None:
    server = ApiServer()
    missing = await store(server).read()
    lease = claimed(missing, identity="a", timing=TIMING, now=NOW)
    await store(server).write(lease)
    assert server.objects[LEASE]["spec"]["holderIdentity"] == "a"
    with pytest.raises(ConflictError):
        await store(server).write(lease)


async def test_a_lease_that_is_there_is_replaced_at_its_version() -> None:
    received: list[tuple[str, str, Object]] = []

    async def replaced(request: web.Request) -> web.Response:
        received.append((request.method, request.path, await request.json()))
        return web.json_response({})

    lease = {"metadata": {"name": "operator", "namespace": "system", "resourceVersion": "7"}, "spec": {}}
    async with listening(replaced) as url:
        api = client.ApiClient(configuration=client.Configuration(host=url))
        try:
            await KubernetesLease(api, namespace="system", name="operator").write(lease)
        finally:
            await api.close()
    path = "/apis/coordination.k8s.io/v1/namespaces/system/leases/operator"
    assert received == [("PUT", path, lease)]


async def test_a_refusal_is_the_error_of_every_other_call() -> None:
    server = ApiServer()
    server.refuse("get", "leases")
    with pytest.raises(DeniedError):
        await store(server).read()


def test_an_operator_without_the_right_says_so_and_quotes_nothing_of_the_answer() -> None:
    async def story() -> None:
        server = ApiServer()
        server.refuse("get", "leases", message="a text of somebody else's")
        election = Election(store(server), identity="a", clock=virtual_loop().time)

        async def lead() -> None:
            raise AssertionError

        with suppress(TimeoutError):
            async with asyncio.timeout(25):
                await election.run(lead)
        assert election.unattended() == (
            "no process has held the Lease for 25 s (the API server rejected the request: 403 Forbidden)"
        )

    run(story())
