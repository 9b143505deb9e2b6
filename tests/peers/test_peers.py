"""What projects run beside Celery works with this runtime as it does with a plain worker."""

import json
import subprocess
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.ports import free_port
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

Start = Callable[..., Worker]


def run(worker: Worker, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    """A command with the app, from outside of the worker."""
    result = subprocess.run(
        [str(worker.python), *command],
        env=worker.environment,
        cwd=worker.folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode in codes, result.stdout + result.stderr
    return result.stdout


def celery(worker: Worker, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    return run(worker, "-m", "celery", "-A", "peers", *command, codes=codes)


def ready(worker: Worker) -> Worker:
    wait_for(lambda: " ready." in worker.log or not worker.running, 60, what="the worker to be ready")
    assert worker.running, worker.log[-2000:]
    return worker


@pytest.mark.parametrize(
    ("client", "expected", "environment"),
    [
        pytest.param("batches", "[10, 35]", {}, id="celery-batches"),
        pytest.param("singleton", "[1, 2]", {}, id="celery-singleton"),
        pytest.param("once_only", "[2, 2]", {}, id="celery-once"),
        pytest.param(
            "django_results", "[42, 'SUCCESS']", {"TEST_RESULTS": "django-db"}, id="django-celery-results"
        ),
    ],
)
def test_a_package(start: Start, client: str, expected: str, environment: dict[str, str]) -> None:
    # celery-batches asks for a prefetch of at least a batch; here it is what there are slots, where nobody sets it.
    worker = ready(start(prefetch=4 if client == "batches" else None, **environment))
    assert run(worker, str(worker.environment["PYTHONPATH"]) + "/clients.py", client).strip() == expected


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(("status",), ("OK", "1 node online"), id="status"),
        pytest.param(("inspect", "ping"), ("pong",), id="inspect-ping"),
        pytest.param(("inspect", "registered"), ("peers.double",), id="inspect-registered"),
        pytest.param(("inspect", "active"), ("empty",), id="inspect-active"),
        pytest.param(("inspect", "scheduled"), ("empty",), id="inspect-scheduled"),
        pytest.param(("inspect", "reserved"), ("empty",), id="inspect-reserved"),
        pytest.param(("inspect", "revoked"), ("empty",), id="inspect-revoked"),
        pytest.param(("inspect", "stats"), ("max-concurrency",), id="inspect-stats"),
        pytest.param(("inspect", "active_queues"), ("celery",), id="inspect-active_queues"),
        pytest.param(("inspect", "conf"), ("result_backend",), id="inspect-conf"),
        pytest.param(("control", "rate_limit", "peers.double", "10/m"), ("new rate limit set",), id="control-rate_limit"),
        pytest.param(("control", "time_limit", "peers.double", "5", "9"), ("time limits set",), id="control-time_limit"),
        pytest.param(("control", "enable_events"), ("task events enabled",), id="control-enable_events"),
        pytest.param(("control", "pool_grow", "1"), ("pool will grow",), id="control-pool_grow"),
        pytest.param(("control", "add_consumer", "more"), ("add consumer more",), id="control-add_consumer"),
        pytest.param(("control", "revoke", "an-id"), ("flagged as revoked",), id="control-revoke"),
        pytest.param(("purge", "-f"), ("No messages purged",), id="purge"),
    ],
)  # fmt: skip
def test_a_command(start: Start, command: tuple[str, ...], words: tuple[str, ...]) -> None:
    worker = ready(start())
    said = celery(worker, *command)
    assert [word for word in words if word not in said] == []


def test_call_and_result(start: Start) -> None:
    worker = ready(start())
    task = celery(worker, "call", "peers.double", "--args", "[21]").strip()
    wait_for(lambda: "succeeded" in worker.log, 30, what="the task to end")
    assert celery(worker, "result", task).strip() == "42"


def test_events(start: Start) -> None:
    worker = ready(start())
    celery(worker, "control", "enable_events")
    with (worker.folder / "events").open("wb") as out:
        command = [str(worker.python), "-u", "-m", "celery", "-A", "peers", "events", "--dump"]
        dump = subprocess.Popen(command, env=worker.environment, cwd=worker.folder, stdout=out, stderr=out)
    try:
        seen = worker.folder / "events"
        wait_for(lambda: "heartbeat" in seen.read_text(), 30, what="a heartbeat")
        celery(worker, "call", "peers.double", "--args", "[21]")
        wait_for(lambda: "succeeded" in seen.read_text(), 30, what="the task's events")
    finally:
        dump.kill()
        dump.wait()


def test_control_shutdown(start: Start) -> None:
    worker = ready(start())
    celery(worker, "control", "shutdown", codes=(0, 69))
    assert worker.ended() == 0


def test_flower(start: Start) -> None:
    worker = ready(start())
    port = free_port()
    command = [
        str(worker.python),
        "-m",
        "celery",
        "-A",
        "peers",
        "flower",
        f"--port={port}",
        "--address=127.0.0.1",
    ]
    environment = {**worker.environment, "FLOWER_UNAUTHENTICATED_API": "true"}
    with (worker.folder / "flower").open("wb") as out:
        flower = subprocess.Popen(command, env=environment, cwd=worker.folder, stdout=out, stderr=out)
    try:
        name = f"pool@{worker.name}"
        wait_for(lambda: name in asked(port, "/api/workers?refresh=1"), 40, what="flower to see the worker")
        told = asked(port, "/api/task/apply/peers.double", {"args": [21]})
        assert told["result"] == 42
        asked(port, f"/api/worker/pool/grow/{name}?n=1", {})
        asked(port, f"/api/worker/shutdown/{name}", {})
        assert worker.ended() == 0
    finally:
        flower.kill()
        flower.wait()


def asked(port: int, path: str, body: Any = None) -> Any:
    """Flower's answer; empty while it does not listen."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)
    except OSError:
        if body is None:
            return {}
        raise
