"""The way through real Sentinels: to the master, past one that is away, and what is told where none helps."""

from collections.abc import Iterator

import pytest

from taskfleet.brokers.connection.raw_connection import RawConnectionError
from taskfleet.brokers.connection.redis_probe import access, probe
from taskfleet.brokers.connection.target import Sentinels, Target, target_of
from taskfleet.brokers.probe import Probe, Verdict
from tests.runtime.ports import free_port
from tests.runtime.redis_sentinel import MASTER, SentinelGroup

OWN = "own-hunter2"


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    with SentinelGroup(tmp_path_factory.mktemp("sentinels"), password=OWN) as running:
        yield running


def target(group: SentinelGroup, *, master: str = MASTER, password: str = OWN, before: str = "") -> Target:
    return target_of(before + group.url(), sentinels=Sentinels(master, password))


async def look(where: Target) -> Probe:
    client = access(where).client()
    try:
        return await probe(client)
    finally:
        await client.aclose()


async def test_master_is_found_past_a_sentinel_that_is_away(group: SentinelGroup) -> None:
    where = target(group, before=f"sentinel://127.0.0.1:{free_port()}/0;")
    assert (await access(where).locate()).port == group.first.port
    assert (await look(where)).verdict is Verdict.REACHABLE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"master": "other"}, "has no master 'other'", id="unknown-master"),
        pytest.param({"password": "wrong-hunter2"}, "does not answer", id="wrong-password"),
    ],
)
async def test_sentinels_that_do_not_help_are_told_in_our_words(
    group: SentinelGroup, changes: dict[str, str], said: str
) -> None:
    where = target(group, **changes)
    with pytest.raises(RawConnectionError, match=said):
        await access(where).locate()
    found = await look(where)
    assert found.verdict is not Verdict.REACHABLE
    assert "hunter2" not in found.detail
