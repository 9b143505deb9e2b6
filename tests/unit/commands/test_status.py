"""`kubectl taskfleet status`, before an API server in memory."""

import json

import pytest

from taskfleet.api import KINDS, Key, Object
from taskfleet.api.schema import Column
from taskfleet.commands.status import OF_CONDITION, ONE_OF, PLAIN, fleet, pool, problems, value
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, own


def condition(kind: str, status: str, reason: str, message: str = "A sentence.") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


MAILS: Object = {
    **own("WorkerPool", "mails", {"autoscale": {"minReplicas": 0, "maxReplicas": 5}}),
    "status": {
        "desiredReplicas": 3,
        "readyReplicas": 2,
        "waiting": 40,
        "worker": {"pool": "prefork", "queues": ["high", "low"]},
        "conditions": [
            condition("Ready", "False", "ImagePullFailed", "Pod a: the registry answers 401. Set imagePullSecrets."),
            condition("Reconciling", "False", "Settled"),
        ],
        "decisions": [{"time": "2030-01-01T00:00:00Z", "from": 1, "to": 3, "reason": "Demand", "message": "40 wait."}],
    },
}  # fmt: skip
QUEUE: Object = {
    **own("TaskQueue", "high", {}),
    "status": {"waiting": 40, "pools": "mails", "conditions": [condition("Healthy", "True", "BelowAlert")]},
}


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer()
    server.put(MAILS)
    server.put(QUEUE)
    return server


async def test_what_asks_for_attention_comes_first_with_its_whole_sentence(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await fleet(server.gateway(), NAMESPACE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Asks for attention"
    assert lines[2].split()[:4] == ["WorkerPool", "shop/mails", "Ready=False", "ImagePullFailed"]
    assert lines[2].endswith("Pod a: the registry answers 401. Set imagePullSecrets.")
    (row,) = [line.split() for line in lines if line.startswith("shop") and "prefork" in line]
    assert row == ["shop", "mails", "prefork", "3", "2", "-", "40", "ImagePullFailed"]
    assert "TaskQueues" in lines
    assert "Brokers" not in lines


async def test_a_healthy_fleet_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    server = ApiServer()
    server.put(QUEUE)
    await fleet(server.gateway(), None)
    assert capsys.readouterr().out.startswith("Nothing asks for attention.\n")


async def test_an_empty_cluster_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    await fleet(ApiServer().gateway(), None)
    assert capsys.readouterr().out == "No objects of Taskfleet.\n"


async def test_the_answer_as_data_has_numbers_and_lists(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await fleet(server.gateway(), NAMESPACE, form="json")
    answer = json.loads(capsys.readouterr().out)
    assert answer["workerpools"][0]["Waiting"] == 40
    assert answer["attention"] == list(problems(MAILS))


async def test_names_can_be_passed_to_kubectl(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    await fleet(server.gateway(), None, form="name")
    assert capsys.readouterr().out == "wp/mails\ntq/high\n"


async def test_the_wide_screen_has_the_columns_of_kubectl_get_wide(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await fleet(server.gateway(), None, form="wide")
    assert "QUEUES" in capsys.readouterr().out


async def test_a_selector_leaves_out_other_objects(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await fleet(server.gateway(), None, selector="team=a")
    assert capsys.readouterr().out == "No objects of Taskfleet.\n"


async def test_one_pool_shows_its_conditions_and_why_it_has_its_size(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await pool(server.gateway(), Key("WorkerPool", NAMESPACE, "mails")) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Queues", "high,low"] in shown
    assert ["Max", "5"] in shown
    assert ["Reconciling", "False", "Settled", "A", "sentence."] in shown
    assert ["2030-01-01T00:00:00Z", "1", "3", "40", "wait."] in shown


async def test_control_characters_of_a_message_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = ApiServer()
    server.put({**MAILS, "status": {"conditions": [condition("Ready", "False", "AppFailed", "\x1b[2J")]}})
    await fleet(server.gateway(), NAMESPACE)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


COLUMNS = [
    pytest.param(column, id=f"{info.kind}-{column.name}") for info in KINDS for column in info.model.columns
]


@pytest.mark.parametrize("column", COLUMNS)
def test_the_path_of_every_printer_column_is_understood(column: Column) -> None:
    """One that is not would show as nothing for ever."""
    assert (
        PLAIN.fullmatch(column.path) or OF_CONDITION.fullmatch(column.path) or ONE_OF.fullmatch(column.path)
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(".status.names[*].name", ["a", "b"], id="of-each"),
        pytest.param(".status.none[*].name", [], id="of-none"),
        pytest.param(".spec['schedule','interval']", "30s", id="the-first-that-is-there"),
        pytest.param('.status.conditions[?(@.type=="Ready")].reason', "Settled", id="of-a-condition"),
        pytest.param('.status.conditions[?(@.type=="Stalled")].reason', None, id="of-no-condition"),
        pytest.param(".spec.not.there", None, id="nothing"),
    ],
)
def test_a_path_finds_what_kubectl_finds(path: str, found: object) -> None:
    raw = {
        "spec": {"interval": "30s"},
        "status": {
            "names": [{"name": "a"}, {"name": "b"}],
            "conditions": [condition("Ready", "True", "Settled")],
        },
    }
    assert value(raw, Column("x", path)) == found
