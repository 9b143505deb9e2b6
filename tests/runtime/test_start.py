"""The start: configuration reaches the app in whatever way it is built, and TERM or an error ends it well."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.inspect import inspect
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@pytest.mark.parametrize(
    ("app", "options"),
    [
        pytest.param("proj", {}, id="app-without-options"),
        pytest.param("django_like", {"max_connections": 20}, id="django-namespace"),
        pytest.param("app_is_early", {"max_connections": 20}, id="old-setting-names"),
        pytest.param("finalized", {"max_connections": 20}, id="early-finalized"),
        pytest.param("own_loader", {"max_connections": 20}, id="own-loader"),
        pytest.param("own_urls", {}, id="urls-of-another-broker"),
    ],
)
def test_transport_options_are_merged_into_the_apps(
    make_worker: MakeWorker, app: str, options: dict[str, Any]
) -> None:
    worker = make_worker(app=app, visibilityTimeout=1800).start().ready()
    seen = inspect(worker, "conf")["broker_transport_options"]
    expected = {
        "visibility_timeout": 1800,
        "queue_order_strategy": "priority",
        "socket_timeout": 10,
        **options,
    }
    assert {name: seen[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("app", "acknowledge", "late"),
    [
        pytest.param("django_like", "Late", {"late"}, id="django-namespace"),
        pytest.param("finalized", "Late", {"late"}, id="bound-while-the-module-is-imported"),
        pytest.param("own_loader", "Late", {"late"}, id="own-loader"),
        pytest.param("app_is_early", "Late", {"late"}, id="the-app-says-early-one-task-late"),
        pytest.param("django_like", "App", set(), id="left-to-the-app"),
        pytest.param("django_like", "Early", set(), id="early"),
    ],
)
def test_acknowledge_holds_where_neither_app_nor_task_decides(
    make_worker: MakeWorker, app: str, acknowledge: str, late: set[str]
) -> None:
    worker = make_worker(app=app, acknowledge=acknowledge).start().ready()
    tasks = [task for task in inspect(worker, "registered", "acks_late") if task.startswith(f"{app}.")]
    assert {task.split()[0] for task in tasks if "acks_late=True" in task} == {
        f"{app}.{name}" for name in late
    }


def test_the_pools_type_is_the_operators_although_the_app_sets_another(make_worker: MakeWorker) -> None:
    worker = make_worker(app="own_loader", pool="prefork").start().ready()
    assert inspect(worker, "stats")["pool"]["implementation"] == "celery.concurrency.prefork:TaskPool"


def test_the_operators_flags_win_over_variables_that_celery_reads(make_worker: MakeWorker) -> None:
    variables = {
        "CELERY_WORKER_POOL": "solo", "CELERY_WORKER_QUEUES": "other", "CELERY_WORKER_CONCURRENCY": "7",
        "BROKER_URL": "redis://127.0.0.1:1/0", "APP": "broken",
    }  # fmt: skip
    worker = make_worker("threads", environment=variables).start().ready()
    for name in variables:
        del worker.environment[name]  # `celery inspect` would look for its broker there
    pool = inspect(worker, "stats")["pool"]
    assert (pool["implementation"], pool["max-concurrency"]) == ("celery.concurrency.thread:TaskPool", 2)
    assert [queue["name"] for queue in inspect(worker, "active_queues")] == ["celery"]


def test_processes_beside_the_worker_see_a_plain_celery(make_worker: MakeWorker) -> None:
    worker = make_worker().start().ready()
    assert inspect(worker, "ping") == {"ok": "pong"}
    assert "CELERY_LOADER" not in Path(f"/proc/{worker.pid}/environ").read_text()


def test_a_module_of_the_app_may_have_the_name_of_one_of_ours(
    make_worker: MakeWorker, tmp_path: Path
) -> None:
    (tmp_path / "run.py").write_text("from proj import app\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent / "apps")])
    make_worker(app="run", environment={"PYTHONPATH": path}).start().ready()


def test_a_failing_import_is_named_in_the_termination_log(make_worker: MakeWorker) -> None:
    worker = make_worker(app="broken").start()
    assert worker.ended() != 0
    line = "ModuleNotFoundError: No module named 'module_that_is_not_there' (broken, line 3)\n"
    assert worker.termination_log == line


def test_a_missing_app_is_named_in_the_termination_log(make_worker: MakeWorker) -> None:
    worker = make_worker(app="no_such_app").start()
    assert worker.ended() != 0
    assert worker.termination_log.startswith("ModuleNotFoundError: No module named 'no_such_app'")


def test_a_broker_that_refuses_is_named_without_its_url(make_worker: MakeWorker, server: RedisServer) -> None:
    server.client.config_set("requirepass", "secret-word")
    options = ("--", "broker.connection_retry_on_startup=false")
    worker = make_worker(arguments=options).start()
    assert worker.ended() != 0
    assert "connection to the message broker" in worker.termination_log
    assert "://" not in worker.termination_log


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"])
@pytest.mark.parametrize("scheme", ["redis", "rediss", "amqp"])
def test_several_addresses_of_a_broker_are_refused(make_worker: MakeWorker, name: str, scheme: str) -> None:
    worker = make_worker(environment={name: f"{scheme}://a:1;{scheme}://b:1"}).start()
    assert worker.ended() == 2
    assert f"{name} contains several addresses" in worker.termination_log


def test_settings_of_another_release_are_refused(make_worker: MakeWorker) -> None:
    worker = make_worker(v=2).start()
    assert worker.ended() == 2
    assert "use images of the same release" in worker.termination_log


def test_term_before_celery_is_imported_ends_the_worker(make_worker: MakeWorker, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    package = tmp_path / "path" / "celery"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        # In short steps: apps/slow_import.py.
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nfor _ in range(6000): time.sleep(0.01)\n"
    )
    worker = make_worker(environment={"PYTHONPATH": str(package.parent)}).start()
    wait_for(begun.exists, 30, what="the import of celery to begin")
    assert worker.terminate().ended(timeout=5) == 0


def test_term_while_the_app_is_imported_ends_the_worker(make_worker: MakeWorker, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    worker = make_worker(app="slow_import", environment={"IMPORT_BEGUN": str(begun)}).start()
    wait_for(begun.exists, 30, what="the import of the app to begin")
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/livez")[0] == 200
    assert worker.terminate().ended(timeout=5) == 0


@every_pool
def test_term_while_the_pool_is_started_ends_the_worker(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(pool).start()
    wait_for(lambda: "[queues]" in worker.log, 30, what="Celery's banner", poll=0.01)
    assert worker.terminate().ended(timeout=15) == 0


@every_pool
def test_term_while_the_broker_is_away_at_the_start_ends_the_worker(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    server.kill()
    worker = make_worker(pool).start()
    wait_for(lambda: "Cannot connect to redis" in worker.log, 30, what="the worker to miss its broker")
    assert worker.get("/livez")[0] == 200
    assert worker.terminate().ended(timeout=15) == 0


def test_a_plain_worker_can_be_started_beside_ours(make_worker: MakeWorker) -> None:
    worker = make_worker()
    command = [str(worker.python), "-m", "celery", "-A", "proj", "report"]
    result = subprocess.run(
        command, env=worker.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
