"""Revokes that workers share, on a real Redis."""

from collections.abc import Iterator
from typing import Any

import pytest

from taskfleet_worker.messages.revokes import Revokes
from taskfleet_worker.patches import worker_state
from tests.runtime.redis_server import RedisServer

KEY = "taskfleet:c:ns:revoked"


class Revoked(dict[str, float]):
    """As Celery's LimitedSet: ids with the time of their revoke."""

    def add(self, item: str, now: float = 0.0) -> None:
        self[item] = now

    def update(self, other: Any) -> None:  # type: ignore[override]  # as LimitedSet has it
        for item in other:
            self.add(item)


class State:
    """celery.worker.state."""

    def __init__(self, most: int = 50_000, expires: float = 10_800) -> None:
        self.REVOKES_MAX, self.REVOKE_EXPIRES = most, expires
        self.revoked = Revoked()
        self.revoked_stamps: dict[str, Any] = {}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    running.client.flushall()
    running.client.acl_setuser("default", enabled=True, commands=["+@all"])
    return running


def worker(**settings: Any) -> tuple[Revokes, State]:
    revokes, state = Revokes(), State(**settings)
    revokes.follow(state)
    worker_state.watch_revokes(state, revokes.heard)
    return revokes, state


def heard(server: RedisServer, *ids: str, **settings: Any) -> Revokes:
    revokes, state = worker(**settings)
    state.revoked.update(ids)
    revokes.share(server.client, KEY)
    return revokes


def learnt(server: RedisServer, now: float = 1000.0) -> State:
    revokes, state = worker()
    revokes.read(server.client, KEY)
    assert revokes.known
    revokes.apply(now)
    return state


def test_who_starts_later_learns_what_was_revoked(server: RedisServer) -> None:
    heard(server, "a", "b")
    assert set(learnt(server).revoked) == {"a", "b"}


def test_a_revoke_is_as_old_as_it_was(server: RedisServer) -> None:
    server.client.zadd(KEY, {"id:a": int(server.client.time()[0]) - 600})
    assert 398 <= learnt(server, now=1000.0).revoked["a"] <= 400


def test_what_a_task_does_itself_by_expiring_is_not_shared(server: RedisServer) -> None:
    revokes, state = worker()
    state.revoked.add("expired")
    revokes.share(server.client, KEY)
    assert server.client.exists(KEY) == 0


def test_stamped_headers_are_shared_and_added_to_what_is_known(server: RedisServer) -> None:
    revokes, state = worker()
    state.revoked_stamps["tenant"] = ["acme", 7]
    revokes.share(server.client, KEY)
    other, theirs = worker()
    theirs.revoked_stamps["tenant"] = "apex"
    other.share(server.client, KEY)
    other.read(server.client, KEY)
    other.apply(0.0)
    assert sorted(map(str, theirs.revoked_stamps["tenant"])) == ["7", "acme", "apex"]


def test_as_many_are_kept_as_celery_keeps_the_newest(server: RedisServer) -> None:
    heard(server, "a", most=3)
    heard(server, *"bcde", most=3)
    assert server.client.zcard(KEY) == 3
    assert "id:a" not in server.client.zrange(KEY, 0, -1)


def test_they_are_kept_for_as_long_as_celery_keeps_them(server: RedisServer) -> None:
    server.client.zadd(KEY, {"id:old": int(server.client.time()[0]) - 60})
    heard(server, "new", expires=30.5)
    assert server.client.zrange(KEY, 0, -1) == ["id:new"]
    assert 0 < int(server.client.ttl(KEY)) <= 31


def test_what_is_too_long_for_an_id_is_not_shared(server: RedisServer) -> None:
    heard(server, "x" * 2000)
    assert server.client.exists(KEY) == 0


def test_what_could_not_be_shared_is_shared_later(server: RedisServer) -> None:
    server.client.config_set("min-replicas-to-write", 1)
    try:
        revokes, state = worker()
        state.revoked.update(["a"])
        with pytest.raises(Exception, match="NOREPLICAS"):
            revokes.share(server.client, KEY)
    finally:
        server.client.config_set("min-replicas-to-write", 0)
    revokes.share(server.client, KEY)
    assert set(learnt(server).revoked) == {"a"}


@pytest.mark.parametrize(
    "commands", [["-zrangebyscore", "-zadd"], ["-zrangebyscore", "-eval"], ["-zrangebyscore"]]
)
def test_a_user_without_the_rights_is_told_so_and_works_on(server: RedisServer, commands: list[str]) -> None:
    server.client.acl_setuser("default", enabled=True, commands=commands)
    revokes, state = worker()
    state.revoked.update(["a"])
    revokes.read(server.client, KEY)
    revokes.share(server.client, KEY)
    assert revokes.known
    assert revokes.note
    assert revokes.note.startswith("The Redis user lacks permissions to share revokes")
