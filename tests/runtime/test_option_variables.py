"""No variable of the environment sets an option of Celery's command line past a field, and each that would is named."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT, Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
LEAD = "Environment variables of Celery options that are ignored; use the fields of the WorkerPool: "


def test_no_option_of_this_celery_can_be_set_from_outside(python: Path) -> None:
    script = ROOT / "tests" / "runtime" / "apps" / "walked_options.py"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "worker-image")}
    printed = subprocess.run(
        [str(python), str(script)], env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    seen = json.loads(printed)
    assert len(seen["celerys"]) > seen["options"] > 40, "Celery itself reads a variable for each, or two"
    assert {"worker CELERY_WORKER_PURGE", "celery BROKER_URL"} < set(seen["celerys"])
    assert seen["ours"] == []
    known = (ROOT / "tests" / "unit" / "api" / "option_variables.txt").read_text().split()
    named = {entry.split()[1] for entry in seen["celerys"]}
    assert {name for name in named if name.startswith("CELERY_")} <= {*known}, (
        "a new option: add it to operator/taskfleet/api/worker_variables.py"
    )


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"CELERY_WORKER_PURGE": "1"}, ["CELERY_WORKER_PURGE"], id="purge"),
        pytest.param({"CELERY_WORKER_AUTOSCALE": "3,2"}, ["CELERY_WORKER_AUTOSCALE"], id="autoscale"),
        pytest.param(
            {"CELERY_WORKER_EXCLUDE_QUEUES": "celery"}, ["CELERY_WORKER_EXCLUDE_QUEUES"], id="exclude-queues"
        ),
        pytest.param(
            {"BROKER_URL": "amqp://left.over//", "RESULT_BACKEND": "rpc://", "CONFIG_MODULE": "no.such"},
            ["BROKER_URL", "CONFIG_MODULE", "RESULT_BACKEND"],
            id="common-names",
        ),
        pytest.param(
            {"CELERY_WORKER_LOGLEVEL": "ERROR", "CELERY_WORKER_POOL": "solo", "APP": "broken"},
            [],
            id="given-by-fields",
        ),
        pytest.param({"CELERY_WORKER_PURGE": "", "NO_COLOR": "1"}, [], id="without-effect"),
    ],
)
def test_a_worker_runs_as_its_fields_say_and_names_the_variables(
    make_worker: MakeWorker, server: RedisServer, variables: dict[str, str], named: list[str]
) -> None:
    task = send(server.client, "proj.nap", 0)
    worker = make_worker(environment=variables).start().ready()
    wait_for(lambda: server.finished() == [task], 30, what="the task that waited before the start")
    notes = [note for note in server.report(worker)["notes"] if note.startswith(LEAD)]
    assert notes == ([f"{LEAD}{', '.join(named)}."] if named else [])
