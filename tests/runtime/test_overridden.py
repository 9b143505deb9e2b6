"""Whatever of the app's settings does not hold is named in the report, and nothing else is."""

from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

LEAD = "Settings of the app that are overridden: "


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param(
            "new-names",
            [
                f"{LEAD}worker_concurrency 7 (2 here), worker_prefetch_multiplier 4 (1 here), task_time_limit 99 (60.0 here),"
                " worker_pool 'gevent' (prefork here).",
                f"{LEAD}broker_url (by the Broker).",
                "The app sets queue_order_strategy 'sorted'. The WorkerPool's queueOrder overrides it.",
                "The app sets task_acks_late False, which overrides the WorkerPool's acknowledge Late.",
            ],
            id="new-names",
        ),
        pytest.param(
            "django-namespace",
            [
                f"{LEAD}worker_concurrency 7 (2 here), worker_prefetch_multiplier 4 (1 here),"
                " worker_max_tasks_per_child 3 (100 here)."
            ],
            id="django-namespace",
        ),
        pytest.param(
            "old-names",
            [f"{LEAD}worker_concurrency 7 (2 here), worker_prefetch_multiplier 4 (1 here)."],
            id="old-names",
        ),
        pytest.param("the-same", [], id="the-same"),
        pytest.param("none", [], id="none"),
    ],
)
def test_settings_that_do_not_hold_are_named(
    make_worker: MakeWorker, server: RedisServer, form: str, expected: list[str]
) -> None:
    arguments = {
        "new-names": ("--time-limit=60",),
        "django-namespace": ("--max-tasks-per-child=100",),
    }.get(form, ())
    worker = (
        make_worker(app="opinionated", environment={"TEST_FORM": form}, arguments=arguments).start().ready()
    )
    notes = wait_for(lambda: server.report(worker), 30, what="the report")["notes"]
    assert sorted(note for note in notes if "set acks_late to False" not in note) == sorted(expected)
    assert "hunter2" not in str(notes)


def test_a_prefetch_that_the_pool_sets_is_named_too(make_worker: MakeWorker, server: RedisServer) -> None:
    environment = {"TEST_FORM": "old-names"}
    worker = (
        make_worker(app="opinionated", environment=environment, prefetchMultiplier=3, capacity=7)
        .start()
        .ready()
    )
    notes = wait_for(lambda: server.report(worker), 30, what="the report")["notes"]
    assert f"{LEAD}worker_prefetch_multiplier 4 (3 here)." in notes


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_the_size_of_a_pool_that_scales_itself_is_named(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    scale = {"processAutoscale": {"min": 1, "max": 3}} if pool == "gevent" else {}
    worker = (
        make_worker(pool, app="opinionated", environment={"TEST_FORM": "old-names"}, **scale).start().ready()
    )
    (note,) = wait_for(lambda: server.report(worker), 30, what="the report")["notes"]
    assert "worker_concurrency 7" in note
    assert ("autoscale" in note) == bool(scale)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_an_app_that_brings_a_channel_of_its_own_works_and_is_named(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="own_channel").start().ready()
    tasks = [send(server.client, "own_channel.note") for _ in range(3)]
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="the tasks to run")
    assert any(
        "own_channel.OwnChannel: Celery's own delivery is used" in note
        for note in server.report(worker)["notes"]
    )
    server.drain(worker, lease=7)
    worker.terminate()
    assert worker.ended() == 0
