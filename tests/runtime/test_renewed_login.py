"""Parts of a broker or result backend whose password is a token that is renewed: the newest is used everywhere."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.runtime.messages import send
from tests.runtime.redis_sentinel import MASTER, SentinelGroup
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT, Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
USER = "app:ü@x"


class Tokens:
    """The token that the server takes, and the file that the kubelet would renew: at once as a whole."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self._server = server
        self.folder = folder / "taskfleet-broker"
        self.folder.mkdir()
        self._number = 0
        self.renew()

    def renew(self) -> None:
        """Another token; the old one is no longer valid, and its connections are ended."""
        self._number += 1
        token = f"t/{self._number}@#?%;+="
        client: Any = self._server.client
        client.execute_command("ACL", "SETUSER", USER, "reset", "on", f">{token}", "~*", "&*", "+@all")
        new = self.folder / "new"
        new.write_text(token, encoding="utf-8")
        os.replace(new, self.folder / "password")
        client.execute_command("CLIENT", "KILL", "USER", USER)

    def parts(self) -> dict[str, Any]:
        return {
            "scheme": "redis", "folder": str(self.folder), "host": "127.0.0.1", "port": str(self._server.port),
            "username": USER, "path": None,
        }  # fmt: skip


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_token_that_is_renewed_under_running_tasks_loses_and_doubles_none(
    make_worker: MakeWorker, server: RedisServer, tmp_path: Path, pool: str
) -> None:
    tokens = Tokens(server, tmp_path)
    worker = make_worker(
        pool, broker=tokens.parts(), resultDatabase=1, environment={"TEST_NOTES_URL": server.url}
    )
    worker.start().ready()
    sent: list[str] = []
    for _ in range(3):
        sent.extend((send(server.client, "proj.nap", 1.5), send(server.client, "proj.nap", 0)))
        wait_for(lambda: sent[-2] in server.started(), 30, what="a task to run")
        tokens.renew()
        wait_for(lambda: set(server.finished()) == set(sent), 60, what="tasks of before and after a renewal")
    assert sorted(server.started()) == sorted(sent)
    assert worker.running
    clients = server.client.client_list()
    assert [one for one in clients if one["user"] == USER], "it is connected as the user of the parts"
    assert "t/1@" not in worker.log


def test_results_are_stored_with_the_renewed_token(
    make_worker: MakeWorker, server: RedisServer, tmp_path: Path
) -> None:
    tokens = Tokens(server, tmp_path)
    worker = make_worker(app="results", broker=tokens.parts(), resultDatabase=1)
    _renew_between_results(worker, server, tokens)


def test_results_by_parts_are_stored_with_the_renewed_token_and_the_broker_keeps_its_own(
    make_worker: MakeWorker, server: RedisServer, tmp_path: Path
) -> None:
    tokens = Tokens(server, tmp_path)
    worker = make_worker(app="results", results={**tokens.parts(), "path": "1", "files": ["password"]})
    _renew_between_results(worker, server, tokens)
    assert {one["user"] for one in server.client.client_list() if one["db"] == "0"} == {"default"}


# The first Sentinel does not answer: it is passed over.
SENTINELS = pytest.mark.parametrize(
    "hosts",
    [
        pytest.param({"host": "127.0.0.1"}, id="one"),
        pytest.param({"host": None, "hosts": ["127.0.0.2", "127.0.0.1"]}, id="several"),
    ],
)


@SENTINELS
def test_the_master_behind_sentinels_is_entered_with_the_renewed_token(
    make_worker: MakeWorker, tmp_path: Path, hosts: dict[str, Any]
) -> None:
    with SentinelGroup(tmp_path) as group:
        tokens = Tokens(group.first, tmp_path)
        broker = {**tokens.parts(), **hosts, "scheme": "sentinel", "port": str(group.ports[0])}
        sentinel = {"masterName": MASTER, "tls": False}
        worker = make_worker(app="results", broker=broker, sentinel=sentinel, resultDatabase=1)
        _renew_between_results(worker, group.first, tokens)


def test_results_by_parts_behind_sentinels_of_their_own(
    make_worker: MakeWorker, server: RedisServer, tmp_path: Path
) -> None:
    with SentinelGroup(tmp_path, password="own") as group:
        tokens = Tokens(group.first, tmp_path)
        parts = {**tokens.parts(), "host": None, "hosts": ["127.0.0.2", "127.0.0.1"], "scheme": "sentinel"}
        worker = make_worker(
            app="results",
            results={**parts, "port": str(group.ports[0]), "path": "1", "files": ["password"]},
            resultSentinel={"masterName": MASTER, "tls": False},
            environment={"TASKFLEET_RESULT_SENTINEL_PASSWORD": "own"},
        )
        _renew_between_results(worker, server, tokens, group.first)


def _renew_between_results(
    worker: Worker, server: RedisServer, tokens: Tokens, results_in: RedisServer | None = None
) -> None:
    worker.start().ready()
    results = redis.Redis(port=(results_in or server).port, db=1, socket_timeout=5)
    for number in range(3):
        task = send(server.client, "results.double", number, headers={"ignore_result": False})
        _wait_for_result(results, f"celery-task-meta-{task}")
        tokens.renew()


def _wait_for_result(results: redis.Redis, key: str) -> None:
    wait_for(lambda: results.exists(key), 30, what="the result")


def test_connections_to_rabbitmq_take_the_newest_token_and_those_of_others_their_own(
    python: Path, tmp_path: Path
) -> None:
    script = ROOT / "tests" / "runtime" / "apps" / "renewed_amqp.py"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "worker-image")}
    printed = subprocess.run(
        [str(python), str(script), str(tmp_path)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert json.loads(printed) == [
        ["shop", password] for number in (1, 2, 3) for password in (f"t/{number}", "other")
    ]
