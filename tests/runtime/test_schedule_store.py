"""The script that settles runs, on a real Redis, does what the store in memory does, with which the loop is tested."""

from collections.abc import Iterator

import pytest
import redis

from taskfleet_worker.beat.entry import digest
from taskfleet_worker.beat.store import Change, Message, RedisStore, Store, Verdict
from tests.runtime.redis_server import RedisServer
from tests.unit.worker.schedules import MemoryStore

WRONGTYPE = b"WRONGTYPE Operation against a key holding the wrong kind of value"


@pytest.fixture
def stores(server: RedisServer) -> Iterator[list[Store]]:
    """Both with entries a to d, a state of c, and a queue `taken` that takes nothing."""
    memory = MemoryStore()
    memory.hash = {uid: uid.encode() for uid in "abcd"}
    memory.state, memory.refuses = {"c": b"another beat's"}, {"taken": WRONGTYPE}
    client = redis.Redis(port=server.port)
    client.hset("p:schedules", mapping=memory.hash)  # type: ignore[arg-type] # its types know no bytes as values
    client.hset("p:schedules:state", "c", "another beat's")
    client.set("taken", "no list")
    yield [memory, RedisStore(client, "p:")]
    client.close()


def change(uid: str, *, seen: bytes = b"", state: bytes = b"new", place: str | None = "celery") -> Change:
    message = None if place is None else Message(place, f"message of {uid}")
    return Change(uid, digest(uid.encode()), seen, state, message)


def test_each_change_is_done_as_a_whole_or_not_at_all(stores: list[Store], server: RedisServer) -> None:
    first = [change("a"), change("b", place=None), change("c"), change("d", place="taken"), change("gone")]
    second = [
        change("a"),  # the same run by another beat
        change("b", seen=b"new", state=b"newer", place="mails"),
    ]
    answers = [store.settle(first) + store.settle(second) for store in stores]
    assert [answer.verdict for answer in answers[1]] == [
        Verdict.DONE, Verdict.DONE, Verdict.STATE_CHANGED, Verdict.FAILED, Verdict.ENTRY_CHANGED,
        Verdict.STATE_CHANGED, Verdict.DONE,
    ]  # fmt: skip
    assert answers[0] == answers[1]
    uids = ["a", "b", "c", "d", "gone"]
    assert stores[0].states(uids) == stores[1].states(uids) == [b"new", b"newer", b"another beat's", b"", b""]
    assert (server.lines("celery"), server.lines("mails")) == (["message of a"], ["message of b"])


def test_a_redis_that_has_forgotten_the_script_is_told_it_again(
    stores: list[Store], server: RedisServer
) -> None:
    assert stores[1].settle([change("a")])[0].verdict is Verdict.DONE
    server.client.script_flush()
    assert stores[1].settle([change("b")])[0].verdict is Verdict.DONE


def test_a_full_redis_takes_no_run_and_notes_none(stores: list[Store], server: RedisServer) -> None:
    server.client.config_set("maxmemory", 1)
    (answer,) = stores[1].settle([change("a")])
    assert answer.verdict is Verdict.FAILED
    assert answer.text.startswith(b"OOM ")
    server.client.config_set("maxmemory", 0)
    assert stores[1].states(["a"]) == [b""]
    assert server.lines("celery") == []
