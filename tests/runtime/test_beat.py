"""Real beats on a real Redis: nothing lost, nothing doubled, changes seen at once."""

import base64
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.beat import UID, Beat, Schedules, task_id
from tests.runtime.brokers.acl import acl_commands
from tests.runtime.certificates import Certificates
from tests.runtime.ports import free_port
from tests.runtime.proxy import Proxy
from tests.runtime.redis_sentinel import MASTER, SentinelGroup
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import wait_for

MakeBeat = Callable[..., Beat]
KILLS = 20
# On one second's beat: enough that a kill often comes in the middle of a batch.
MANY = {f"00000000-0000-4000-8000-{number:012d}": number for number in range(30)}


@pytest.fixture
def make_beat(python: Path, server: RedisServer, tmp_path: Path) -> Iterator[MakeBeat]:
    beats: list[Beat] = []

    def make(url: str | None = None, **settings: Any) -> Beat:
        beats.append(Beat(python, url or server.url, tmp_path, **settings))
        return beats[-1]

    yield make
    for beat in beats:
        beat.kill()


@pytest.fixture
def schedules(server: RedisServer) -> Schedules:
    return Schedules(server.client)


def every(seconds: int, **changes: Any) -> dict[str, Any]:
    """A schedule of this moment."""
    now = int(time.time())
    return {"schedule": {"every": seconds, "anchor": now}, "since": now, **changes}


def ids(server: RedisServer, queue: str = "celery") -> list[str]:
    """Ids of the runs in a queue, the first sent first."""
    return server.waiting(queue)


def assert_all_planned_runs_are_told(
    server: RedisServer, schedules: Schedules, since: dict[str, int]
) -> None:
    """Sent or counted as missed, up to the last settled run; and what was sent was sent once."""
    sent = ids(server)
    assert len(sent) == len(set(sent))
    expected = set()
    for uid, begin in since.items():
        state = schedules.state(uid)
        planned = {task_id(uid, second) for second in range(begin + 1, int(state["last"]) + 1)}
        assert len(planned & set(sent)) == state["runs"]
        assert state["runs"] + state["missed"] == len(planned)
        expected |= planned
    assert set(sent) <= expected


def test_twenty_kills_at_random_moments_lose_and_double_nothing(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    fields = every(1)
    since = dict.fromkeys(MANY, fields["since"])
    for uid in MANY:
        schedules.write(uid, **fields)
    chance = random.Random(6)
    beat = make_beat().start()
    for number in range(KILLS):
        # Every other one right where the runs of a second are sent, the rest anywhere, the start included.
        moment = (
            int(time.time()) + 2 + chance.random() * 0.03
            if number % 2
            else time.time() + chance.random() * 1.5
        )
        wait_for(lambda until=moment: time.time() >= until, 30, what="the moment", poll=0.001)  # type: ignore[misc]
        beat.kill()
        beat.start()
    beat.ready()
    before = schedules.state(UID_OF_MANY)["last"]
    wait_for(lambda: schedules.state(UID_OF_MANY)["last"] >= before + 2, 30, what="two more runs")
    beat.terminate().ended(timeout=5)
    assert sum(schedules.state(uid)["runs"] for uid in MANY) > len(MANY) * 5
    assert_all_planned_runs_are_told(server, schedules, since)


UID_OF_MANY = next(iter(MANY))


def test_two_beats_at_once_send_every_run_once(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    fields = every(1)
    for uid in MANY:
        schedules.write(uid, **fields)
    beats = [make_beat().start() for _ in range(2)]
    for beat in beats:
        beat.ready()
    wait_for(lambda: len(ids(server)) >= 5 * len(MANY), 30, what="five seconds of runs")
    for beat in beats:
        beat.terminate().ended(timeout=5)
    assert_all_planned_runs_are_told(server, schedules, dict.fromkeys(MANY, fields["since"]))


def test_a_new_schedule_a_change_and_a_removal_act_within_a_second(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    make_beat().start().ready()
    schedules.write(**every(3600))
    wait_for(lambda: schedules.state().get("next"), 1, what="the new schedule")
    schedules.write(**every(1, args=["changed"]))
    wait_for(lambda: ids(server), 2, what="its first run")
    schedules.write(**every(1, suspend=True))
    wait_for(lambda: "next" not in schedules.state(), 1, what="the suspension")
    count = len(ids(server))
    schedules.write(**every(3600, trigger="again"))
    wait_for(lambda: schedules.state().get("trigger") == "again", 1, what="the answer to the trigger")
    assert ids(server)[count:] == [schedules.state()["triggerTaskId"]]
    schedules.write(**every(1))
    wait_for(lambda: len(ids(server)) > count + 1, 2, what="a run")
    schedules.remove()
    wait_for(lambda: schedules.heartbeat()["entries"] == 0, 3, what="the removal")
    assert schedules.state() == {}


def test_a_redis_that_went_away_is_caught_up_with(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    fields = every(1)
    schedules.write(**fields)
    beat = make_beat().start().ready()
    wait_for(lambda: len(ids(server)) >= 2, 30, what="two runs")
    server.kill()
    wait_for(lambda: "retrying" in beat.log, 30, what="beat to notice")
    away = int(time.time())
    wait_for(lambda: time.time() >= away + 4, 30, what="some seconds without Redis")
    server.start()
    wait_for(lambda: schedules.state()["last"] > away + 4, 10, what="it to go on")
    assert schedules.state()["missed"] >= 3
    assert beat.get("/livez")[0] == 200
    beat.terminate().ended(timeout=5)
    assert_all_planned_runs_are_told(server, schedules, {UID: fields["since"]})


def test_a_connection_gone_silent_is_given_up(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    fields = every(1)
    schedules.write(**fields)
    proxy = Proxy(server.port)
    try:
        beat = make_beat(proxy.url).start().ready()
        wait_for(lambda: ids(server), 30, what="a run")
        proxy.freeze()
        frozen = time.time()
        wait_for(lambda: schedules.state()["last"] > frozen + 1, 30, what="it to go on")
        beat.terminate().ended(timeout=5)
    finally:
        proxy.close()
    assert_all_planned_runs_are_told(server, schedules, {UID: fields["since"]})


def test_it_is_not_ready_without_redis_and_ends_at_once_on_term(
    make_beat: MakeBeat, server: RedisServer
) -> None:
    server.kill()
    beat = make_beat().start()
    wait_for(lambda: "retrying" in beat.log, 30, what="the first attempt")
    assert beat.get("/readyz") == (503, "beat has not read the schedules yet")
    since = time.monotonic()
    assert beat.terminate().ended(timeout=5) == 0
    assert time.monotonic() - since < 1
    server.start()


def test_it_speaks_tls(make_beat: MakeBeat, tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    certificates, port = Certificates(tmp_path), free_port()
    with RedisServer(tmp_path / "tls", *certificates.redis_options(port)) as encrypted:
        schedules = Schedules(encrypted.client)
        schedules.write(**every(1))
        ca = {"ca": str(certificates.folder / "ca.crt"), "certificate": None, "key": None, "verify": True}
        make_beat(f"rediss://127.0.0.1:{port}/0", tls=ca).start().ready()
        wait_for(lambda: schedules.state().get("runs"), 30, what="a run")


def test_the_rights_of_the_broker_page_are_enough(make_beat: MakeBeat, server: RedisServer) -> None:
    for command in acl_commands(user="shop", password="s3cret", database=0, prefix="shop:"):
        server.client.execute_command(*command)  # type: ignore[no-untyped-call]
    schedules = Schedules(server.client, "shop:")
    schedules.write(**every(1))
    url = server.url.replace("redis://", "redis://shop:s3cret@")
    make_beat(url, globalKeyPrefix="shop:").start().ready()
    wait_for(lambda: schedules.state().get("runs"), 30, what="a run")
    assert server.client.acl_log() == []


def test_it_follows_a_failover_of_sentinels(make_beat: MakeBeat, tmp_path: Path) -> None:
    with SentinelGroup(tmp_path, password="own-s3cret") as group:
        schedules = Schedules(group.client)
        schedules.write(**every(1))
        environment = {"TASKFLEET_SENTINEL_PASSWORD": "own-s3cret"}
        make_beat(
            group.url(), environment=environment, sentinel={"masterName": MASTER, "tls": False}
        ).start().ready()
        wait_for(lambda: schedules.state().get("runs"), 30, what="a run")
        group.fail_over()
        failed_over = time.time()
        wait_for(lambda: schedules.state().get("last", 0) > failed_over, 30, what="it to go on")


def test_messages_are_those_of_celery_in_the_brokers_layout(make_beat: MakeBeat, server: RedisServer) -> None:
    schedules = Schedules(server.client, "shop:")
    make_beat(globalKeyPrefix="shop:", prioritySteps=[0, 5], separator=":").start().ready()
    schedules.write(
        **every(1, queue="mails", priority=7, expires=90, headers={"tenant": "a"}, args=[None, {"b": 1}])
    )
    key = "shop:mails:5"
    (raw,) = wait_for(lambda: server.lines(key)[:1], 30, what="the first run")
    sent = json.loads(raw)
    state = schedules.state()
    assert sent["headers"]["task"] == "shop.report"
    assert sent["headers"]["id"] == sent["properties"]["correlation_id"] == task_id(UID, state["last"])
    assert (sent["headers"]["tenant"], sent["headers"]["periodic_task_name"]) == ("a", "report")
    expires = datetime.fromisoformat(sent["headers"]["expires"]).timestamp()
    assert expires == pytest.approx(max(state["last"], state["lastSent"]) + 90, abs=0.01)
    assert sent["properties"]["priority"] == 7
    assert sent["properties"]["delivery_info"] == {"exchange": "", "routing_key": "mails"}
    assert json.loads(base64.b64decode(sent["body"]))[:2] == [[None, {"b": 1}], {"full": True}]


def test_a_worker_runs_what_beat_sends(
    make_beat: MakeBeat, make_worker: Any, server: RedisServer, schedules: Schedules
) -> None:
    make_worker().start().ready()
    schedules.write(**every(3600, task="proj.nap", args=[0], kwargs={}, trigger="now"))
    make_beat().start().ready()
    wait_for(lambda: schedules.state()["triggerTaskId"] in server.finished(), 30, what="the task's end")


def test_a_queue_whose_name_is_taken_holds_back_its_schedule_only(
    make_beat: MakeBeat, server: RedisServer, schedules: Schedules
) -> None:
    server.client.set("taken", "no list")
    other = next(iter(MANY))
    schedules.write(**every(1, queue="taken"))
    schedules.write(other, **every(1))
    make_beat().start().ready()
    wait_for(lambda: schedules.state().get("error"), 30, what="the error")
    assert "delete that key" in schedules.state()["error"]
    wait_for(lambda: len(ids(server)) >= 3, 30, what="the other's runs")
    server.client.delete("taken")
    wait_for(lambda: "error" not in schedules.state(), 10, what="its first run")
    assert schedules.state()["last"]
