"""A start of the image's own: SIGTERM reaches the worker's main process once and no child of it, or it is said."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.cluster import debian
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

SCRIPT = """#!/bin/sh
export PREPARED=yes
exec "$@"
"""
# As opentelemetry-instrument, newrelic-admin and ddtrace-run do it: set up the environment, then exec.
PROGRAM = """
import os, sys
os.environ["PREPARED"] = "yes"
os.execvp(sys.argv[1], sys.argv[1:])
"""
WAITS = """#!/bin/sh
"$@"
exit $?
"""
LAUNCHERS = {
    "shell": ["sh", "-c", 'export PREPARED=yes; exec "$0" "$@"'],
    "script": ["{folder}/entrypoint.sh"],
    "program": ["python3", "{folder}/program.py"],
    "tini": ["tini", "--"],
    "dumb-init": ["dumb-init", "--"],
}


def in_a_container(worker: Worker, launcher: list[str]) -> Worker:
    """Started as in a container: the launcher is the first process of its namespace."""
    for name, text in (("entrypoint.sh", SCRIPT), ("waits.sh", WAITS), ("program.py", PROGRAM)):
        path = worker.folder / name
        path.write_text(text)
        path.chmod(0o755)
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    words = [word.format(folder=worker.folder) for word in launcher]
    worker.command = [*unshare, *words, *worker.command]
    return worker.start().ready()


def first(worker: Worker) -> int:
    """The container's first process, which the kubelet sends its signals to."""
    return int(Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()[0])


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    debian.require({"tini": "tini", "dumb-init": "dumb-init", "util-linux": "unshare"})
    assert os.geteuid() == 0, "a namespace of processes needs root"
    assert shutil.which("unshare")


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_stopping_worker_finishes_its_task_behind_every_launcher(
    make_worker: MakeWorker, server: RedisServer, pool: str, launcher: str
) -> None:
    worker = in_a_container(make_worker(pool), LAUNCHERS[launcher])
    assert [note for note in server.report(worker)["notes"] if "SIGTERM" in note] == []
    task = send(server.client, "proj.nap", 3)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    os.kill(first(worker), signal.SIGTERM)
    assert worker.ended(timeout=30) == 0
    assert server.finished() == [task], "it ran to its end, once"
    assert server.client.llen("celery") == 0


def test_a_launcher_that_keeps_the_signal_to_itself_is_named(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = in_a_container(make_worker("threads"), ["{folder}/waits.sh"])
    (note,) = [one for one in server.report(worker)["notes"] if "SIGTERM" in one]
    assert note.startswith(
        "SIGTERM may not reach the worker, because 'waits.sh' runs between it and the container"
    )
    assert note in worker.log.replace("\n", " ")


def test_functions_of_the_project_are_called_before_the_app_is_imported(make_worker: MakeWorker) -> None:
    make_worker("threads", app="prepared_app", setup=["prepared:prepare"]).start().ready()
    unprepared = make_worker("threads", app="prepared_app").start()
    assert unprepared.ended() != 0


def test_a_function_that_is_not_there_is_named(make_worker: MakeWorker) -> None:
    worker = make_worker("threads", setup=["proj:missing"]).start()
    assert worker.ended() == 2
    assert "spec.setup names proj:missing, which cannot be imported" in worker.termination_log
