"""The script that fetches, against a real Redis: what it takes, in which order, and what it leaves when it is refused."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
import redis

from taskfleet_worker.broker.redis_commands import Unacked
from taskfleet_worker.broker.redis_fetch import FETCH, Fetched, Line, fetch_arguments, read_fetched
from taskfleet_worker.refusals import code
from tests.runtime.redis_server import RedisServer

NAMES = Unacked("p:", "unacked", "unacked_index", "held")
MESSAGE = b'{"body": "",  "headers":{}, "properties": {"delivery_tag":"x", "n": 12345678901234567890}}'


def line(queue: str, step: int = 0, *, recorded: bool = True) -> Line:
    name = f"{queue}\x06\x16{step}" if step else queue
    return Line(f"p:{name}", name, queue, f"p:{queue}.dead", recorded)


class Scene:
    """A worker's fetches over some lists, as a user without any more rights than its test leaves it."""

    def __init__(self, server: RedisServer) -> None:
        self.client: Any = redis.Redis(port=server.port)
        self.order = 1

    def put(self, queue: str, *items: bytes) -> None:
        self.client.lpush(f"p:{queue}", *items)

    def fetch(self, lines: Sequence[Line], *, want: int = 1, share: int = 1, turn: int = 1) -> Fetched:
        arguments = fetch_arguments(
            NAMES, lines, tags="t-", order=self.order, want=want, share=share, turn=turn, now=1.5
        )
        self.order += want
        reply: Any = self.client.execute_command("EVAL", FETCH, *arguments)
        return read_fetched(reply, lines)

    def records(self) -> tuple[int, int, int]:
        return self.client.hlen(NAMES.messages), self.client.zcard(NAMES.index), self.client.hlen(NAMES.held)


@pytest.fixture
def scene(server: RedisServer) -> Scene:
    return Scene(server)


def raws(fetched: Fetched) -> list[bytes]:
    return [one.raw for one in fetched.taken]


def numbered(*numbers: int) -> list[bytes]:
    return [b'{"n": %d}' % number for number in numbers]


def test_a_message_is_on_record_byte_for_byte_and_off_its_list(scene: Scene) -> None:
    scene.put("celery", MESSAGE)
    (taken,) = scene.fetch([line("celery")]).taken
    assert (taken.raw, taken.order) == (MESSAGE, 1)
    assert scene.client.hget(NAMES.messages, "t-1") == b"[" + MESSAGE + b', "", "celery"]'
    assert json.loads(scene.client.hget(NAMES.held, "t-1") or "") == [1, "p:celery", "p:celery.dead"]
    assert scene.client.zscore(NAMES.index, "t-1") == 1.5
    assert scene.client.llen("p:celery") == 0


def test_the_lists_are_emptied_in_their_order(scene: Scene) -> None:
    scene.put("low", *numbered(1, 2))
    scene.put("high\x06\x163", *numbered(3))
    scene.put("high", *numbered(4))
    lines = [line("high"), line("low"), line("high", 3), line("low", 3)]
    assert raws(scene.fetch(lines, want=10)) == numbered(4, 1, 2, 3)


def test_lists_that_take_turns_give_one_message_each(scene: Scene) -> None:
    scene.put("a", *numbered(1, 2, 3))
    scene.put("b", *numbered(4))
    lines = [line("a"), line("b"), line("a", 3), line("b", 3)]
    scene.put("b\x06\x163", *numbered(5))
    assert raws(scene.fetch(lines, want=10, turn=2)) == numbered(1, 4, 2, 3, 5)


def test_no_worker_takes_more_than_its_share(scene: Scene) -> None:
    scene.put("celery", *numbered(*range(10)))
    lengths = [len(scene.fetch([line("celery")], want=8, share=2).taken) for _ in range(5)]
    assert lengths == [5, 3, 1, 1, 0]


def test_what_needs_no_acknowledgement_is_not_recorded(scene: Scene) -> None:
    scene.put("celery", MESSAGE)
    assert raws(scene.fetch([line("celery", recorded=False)])) == [MESSAGE]
    assert scene.records() == (0, 0, 0)


@pytest.mark.parametrize("item", [b"", b"nonsense", b"[1]", b'"x"', b'{"a": ', b"{}]", b"\xff\xfe"])
def test_what_is_no_message_is_fetched_and_recorded_like_any_other(scene: Scene, item: bytes) -> None:
    scene.put("celery", item, MESSAGE)
    assert raws(scene.fetch([line("celery")], want=5)) == [item, MESSAGE]
    assert scene.records() == (2, 2, 2)


def test_large_messages_are_fetched_one_at_a_time(scene: Scene) -> None:
    large = b'{"body": "' + b"x" * 3_000_000 + b'"}'
    scene.put("celery", large, large)
    assert raws(scene.fetch([line("celery")], want=2)) == [large], "Redis answers nobody meanwhile"
    assert scene.records() == (1, 1, 1)


@pytest.mark.parametrize("key", [NAMES.messages, NAMES.index, NAMES.held])
def test_a_record_of_another_type_leaves_the_message_in_its_list(scene: Scene, key: str) -> None:
    scene.put("celery", MESSAGE)
    scene.client.set(key, "text")
    fetched = scene.fetch([line("celery")], want=2)
    assert "WRONGTYPE" in fetched.refusal
    assert fetched.taken == []
    assert scene.client.lrange("p:celery", 0, -1) == [MESSAGE]
    scene.client.delete(key)
    assert scene.records() == (0, 0, 0)


@pytest.mark.parametrize("command", ["hset", "zadd", "rpop", "lindex"])
def test_a_missing_right_leaves_the_message_in_its_list(scene: Scene, command: str) -> None:
    scene.put("celery", MESSAGE)
    scene.client.acl_setuser("default", enabled=True, commands=[f"-{command}"])
    fetched = scene.fetch([line("celery")])
    assert code(redis.ResponseError(fetched.refusal)) == "NOPERM"
    scene.client.acl_setuser("default", enabled=True, commands=[f"+{command}"])
    assert scene.client.lrange("p:celery", 0, -1) == [MESSAGE]
    assert scene.records() == (0, 0, 0)


@pytest.mark.parametrize("key", [NAMES.messages, NAMES.index, NAMES.held])
def test_a_key_without_rights_leaves_the_message_in_its_list(
    scene: Scene, server: RedisServer, key: str
) -> None:
    scene.put("celery", MESSAGE)
    keys = {NAMES.messages, NAMES.index, NAMES.held, "p:celery", "p:celery.dead"} - {key}
    scene.client.acl_setuser(
        "worker", enabled=True, passwords=["+w"], keys=sorted(keys), commands=["+@all"], reset=True
    )
    limited, scene.client = scene.client, redis.Redis(port=server.port, username="worker", password="w")
    fetched, scene.client = scene.fetch([line("celery")]), limited
    assert code(redis.ResponseError(fetched.refusal)) == "NOPERM"
    assert scene.client.lrange("p:celery", 0, -1) == [MESSAGE]
    assert scene.records() == (0, 0, 0)


@pytest.mark.parametrize(
    ("setting", "value", "normal", "reply"),
    [("maxmemory", 1, 0, "OOM"), ("min-replicas-to-write", 1, 0, "NOREPLICAS")],
)
def test_a_redis_that_takes_no_writes_leaves_the_message_in_its_list(
    scene: Scene, setting: str, value: int, normal: int, reply: str
) -> None:
    scene.put("celery", MESSAGE)
    scene.client.config_set(setting, value)
    assert reply in scene.fetch([line("celery")]).refusal
    scene.client.config_set(setting, normal)
    assert scene.client.lrange("p:celery", 0, -1) == [MESSAGE]
    assert scene.records() == (0, 0, 0)


def test_what_was_taken_before_a_refusal_arrives_with_it(scene: Scene) -> None:
    scene.put("a", *numbered(1))
    scene.put("b", *numbered(2))
    scene.client.set(NAMES.messages, "text")
    fetched = scene.fetch([line("a", recorded=False), line("b")], want=2)
    assert (raws(fetched), "WRONGTYPE" in fetched.refusal) == (numbered(1), True)
    assert scene.client.lrange("p:b", 0, -1) == numbered(2)
