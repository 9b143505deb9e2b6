"""`kubectl taskfleet queues`, before an API server in memory."""

import json

import pytest

from taskfleet.api import Object
from taskfleet.commands.queues import queues
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, broker, own

MAILS = own(
    "TaskQueue",
    "mails",
    {"queueName": "mails.high"},
    labels={"team": "a"},
    status={
        "waiting": 40,
        "oldestAge": "1m30s",
        "unacked": 3,
        "arrivalRate": 1.5,
        "completionRate": 2.0,
        "consumers": 2,
        "pools": ["mail", "bulk"],
        "waitingByPriority": [{"priority": 0, "waiting": 30}, {"priority": 9, "waiting": 10}],
        "conditions": [{"type": "Healthy", "status": "False", "reason": "AboveAlert", "message": "40 wait."}],
    },
)
UNSEEN = own("TaskQueue", "unseen", {})
BROKER = broker(
    status={"unconsumedQueues": [{"name": "lost", "waiting": 70}, {"name": "mails.high", "waiting": 40}]}
)


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer()
    for one in (MAILS, UNSEEN, BROKER):
        server.put(one)
    return server


async def test_the_longest_queue_comes_first_and_one_without_a_task_queue_is_listed_too(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await queues(server.gateway(), NAMESPACE) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["NAMESPACE", "QUEUE", "BROKER", "WAITING", "OLDEST", "UNACKED", "IN/S", "OUT/S", "CONSUMERS", "POOLS", "HEALTHY"],
        ["shop", "lost", "default", "70", "-", "-", "-", "-", "0", "-", "-"],
        ["shop", "mails.high", "default", "40", "1m30s", "3", "1.5", "2.0", "2", "mail,bulk", "False"],
        ["shop", "unseen", "default", "-", "-", "-", "-", "-", "-", "-", "-"],
    ]  # fmt: skip


async def test_the_wide_table_shows_priorities_and_what_is_wrong(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await queues(server.gateway(), None, form="wide")
    lost, mails = capsys.readouterr().out.splitlines()[1:3]
    assert lost.endswith("No TaskQueue observes this queue, and it has no consumer.")
    assert "0:30,9:10" in mails
    assert mails.endswith("40 wait.")


async def test_a_selector_leaves_out_what_has_no_labels(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await queues(server.gateway(), NAMESPACE, selector="team=a", form="name")
    assert capsys.readouterr().out == "tq/mails\n"


async def test_data_has_numbers_and_lists(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    await queues(server.gateway(), NAMESPACE, form="json")
    found: list[Object] = json.loads(capsys.readouterr().out)["queues"]
    assert [(one["queue"], one["name"], one["waiting"]) for one in found] == [
        ("lost", None, 70),
        ("mails.high", "mails", 40),
        ("unseen", "unseen", None),
    ]
    assert found[1]["pools"] == ["mail", "bulk"]


async def test_no_queue_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    await queues(ApiServer().gateway(), NAMESPACE)
    assert capsys.readouterr().out == "No queues.\n"
