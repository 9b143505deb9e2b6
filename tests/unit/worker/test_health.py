from collections.abc import Callable
from typing import Any

import pytest

from taskfleet_worker.health import LOOP_LIMIT, POOL_LIMIT, Health, Seen, alive
from taskfleet_worker.probes import respond


def seen(**changes: Any) -> Seen:
    """A ready prefork worker of two slots whose loop stands still."""
    return Seen(**{
        "pool_type": "prefork", "capacity": 2, "ready": True, "stopping": False,
        "loop_age": LOOP_LIMIT, "hub_age": None, "active": 0, **changes,
    })  # fmt: skip


def answers() -> bool:
    return True


def is_away() -> bool:
    return False


@pytest.mark.parametrize(
    ("changes", "broker", "expected"),
    [
        pytest.param({"loop_age": LOOP_LIMIT - 1}, answers, True, id="the-loop-turns"),
        pytest.param({}, answers, False, id="the-loop-hangs"),
        pytest.param({"active": 2}, answers, False, id="running-tasks-are-no-excuse-for-prefork"),
        pytest.param({}, is_away, True, id="the-broker-is-away"),
        pytest.param(
            {"loop_age": 1.0, "fetch_age": LOOP_LIMIT}, answers, False, id="the-loop-turns-without-fetching"
        ),
        pytest.param({"loop_age": 1.0, "fetch_age": 1.0}, answers, True, id="it-fetches"),
        pytest.param(
            {"loop_age": 1.0, "fetch_age": LOOP_LIMIT}, is_away, True, id="no-fetch-while-the-broker-is-away"
        ),
        pytest.param({"loop_age": 1.0, "pool_idle": POOL_LIMIT}, is_away, False, id="the-pool-does-not-work"),
        pytest.param({"loop_age": 1.0, "pool_idle": 1.0}, answers, True, id="the-pool-is-slow-to-begin"),
        pytest.param({"waiting": "the result backend"}, answers, True, id="a-known-wait"),
        pytest.param(
            {"waiting": "the result backend", "pool_idle": 10_000.0},
            answers,
            True,
            id="a-known-wait-for-long",
        ),
        pytest.param({"ready": False}, answers, True, id="still-starting"),
        pytest.param({"loop_age": None}, answers, True, id="no-turn-yet"),
        pytest.param({"stopping": True}, answers, True, id="stopping"),
        pytest.param({"pool_type": "solo", "active": 1}, answers, True, id="solo-runs-a-task"),
        pytest.param({"pool_type": "solo"}, answers, False, id="solo-hangs"),
        pytest.param({"pool_type": "gevent", "active": 2}, answers, True, id="full-green-pool"),
        pytest.param(
            {"pool_type": "gevent", "active": 1, "hub_age": LOOP_LIMIT}, answers, True, id="green-cpu-work"
        ),
        pytest.param(
            {"pool_type": "gevent", "active": 1, "hub_age": 1.0}, answers, False, id="green-consumer-hangs"
        ),
        pytest.param(
            {"pool_type": "eventlet", "active": 0, "hub_age": LOOP_LIMIT},
            answers,
            False,
            id="green-hub-hangs",
        ),
    ],
)
def test_alive(changes: dict[str, Any], broker: Callable[[], bool], expected: bool) -> None:
    assert alive(seen(**changes), broker)[0] is expected


def test_the_broker_is_asked_only_when_all_else_says_dead() -> None:
    def must_not_be_asked() -> bool:
        raise AssertionError

    assert alive(seen(loop_age=1.0), must_not_be_asked) == (True, "consuming")


def test_a_turn_of_the_loop_is_seen() -> None:
    now = [100.0]
    health = Health("prefork", 2, clock=lambda: now[0])
    assert health.look().loop_age is None
    health.turned()
    now[0] = 107.0
    assert health.look().loop_age == 7.0


@pytest.mark.parametrize(
    ("pool", "ended", "expected"),
    [
        pytest.param("solo", 1.0, True, id="solo-comes-round"),
        pytest.param("gevent", 1.0, True, id="green-pool-had-no-room"),
        pytest.param("solo", LOOP_LIMIT, False, id="solo-hangs-after-it"),
        pytest.param("prefork", 1.0, False, id="no-excuse-for-prefork"),
    ],
)
def test_the_end_of_a_long_task_gives_the_loop_its_time(pool: str, ended: float, expected: bool) -> None:
    now = 1000.0
    health = Health(pool, 1, clock=lambda: now)
    health.ready = True
    health.fetch_age = lambda: 500.0
    health.last_end = lambda: 1000.0 - ended
    health.broker_reachable = lambda: True
    health.turned()
    assert health.liveness()[0] is expected


@pytest.mark.parametrize(
    ("ready", "request_line", "status"),
    [
        pytest.param(False, b"GET /readyz HTTP/1.1\r\n", b"503", id="not-ready"),
        pytest.param(True, b"GET /readyz HTTP/1.1\r\n", b"200", id="ready"),
        pytest.param(False, b"GET /livez HTTP/1.1\r\n", b"200", id="alive-while-starting"),
        pytest.param(True, b"GET / HTTP/1.1\r\n", b"404", id="unknown-path"),
        pytest.param(True, b"", b"404", id="empty-request"),
    ],
)
def test_probe_responses(ready: bool, request_line: bytes, status: bytes) -> None:
    health = Health("prefork", 2, clock=lambda: 0.0)
    health.ready = ready
    assert respond(request_line, health).split(b" ")[1] == status


def test_a_drained_worker_is_not_ready() -> None:
    health = Health("prefork", 2, clock=lambda: 0.0)
    health.ready = health.drained = True
    assert respond(b"GET /readyz HTTP/1.1\r\n", health).split(b" ")[1] == b"503"
