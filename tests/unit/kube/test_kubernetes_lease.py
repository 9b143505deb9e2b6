"""The Lease at an API server in memory: what comes of its answers."""

import asyncio
from contextlib import suppress

import pytest

from taskfleet.api import Key
from taskfleet.kube.errors import ConflictError, DeniedError
from taskfleet.kube.lease import Election, KubernetesLease, claimed
from tests.tools.api_server import ApiServer, MemoryClient
from tests.tools.virtual_time import run, virtual_loop
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
