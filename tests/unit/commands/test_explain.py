"""`kubectl taskfleet explain`, before an API server in memory."""

import json

import pytest
import yaml

from taskfleet.api import Key, Object
from taskfleet.commands import leader
from taskfleet.commands.explain import explain
from taskfleet.kube.errors import ApiError
from tests.unit.commands.cluster import LEASE, MAIL, Cluster, Operator, willing
from tests.unit.objects import NAMESPACE

BECAUSE = "8 waiting + 4 running at 4 per pod: 3 pods; limited by maxReplicas 2."
TIME = "2026-01-01T12:00:00Z"
MADE: Object = {
    **{"time": TIME, "from": 1, "to": 2, "waiting": 8, "running": 4, "heldBack": 0, "starting": 0},
    **{
        "draining": 0,
        "capacity": 4,
        "want": 3,
        "limit": "maxReplicas 2",
        "reason": "Demand",
        "message": BECAUSE,
    },
}
UNKNOWN: Object = {**MADE, "to": 1, "want": None, "limit": None, "reason": "BrokerUnreachable"}
IN_STATUS: list[Object] = [
    {"time": TIME, "from": 0, "to": 1, "reason": "Demand", "message": "1 waiting: 1 pod."},
    {"time": TIME, "from": 1, "to": 0, "reason": "Demand", "message": "0 waiting: 0 pods."},
]


def cluster(operator: Operator | Object, *, stored: list[Object] = IN_STATUS) -> Cluster:
    answers = operator if callable(operator) else willing("explain", operator)
    return Cluster(answers, status={"decisions": stored} if stored else {})


async def test_the_leader_tells_the_inputs_of_its_decisions(capsys: pytest.CaptureFixture[str]) -> None:
    asked = cluster({"mode": "Auto", "decisions": [MADE, UNKNOWN]})
    assert await explain(asked.gateway(), MAIL, lease=LEASE) == 0
    head, first, second = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [cell.strip() for cell in head if cell] == [
        *(
            "TIME",
            "FROM",
            "TO",
            "WAITING",
            "RUNNING",
            "HELD BACK",
            "STARTING",
            "DRAINING",
            "CAPACITY",
            "WANT",
        ),
        *("LIMITED BY", "REASON", "BECAUSE"),
    ]
    assert [cell.strip() for cell in first if cell.strip()] == [
        *(TIME, "1", "2", "8", "4", "0", "0", "0", "4", "3", "maxReplicas 2", "Demand", BECAUSE)
    ]
    assert [cell.strip() for cell in second if cell.strip()][9:12] == ["-", "-", "BrokerUnreachable"]


async def test_decisions_that_are_not_carried_out_are_said_to_be_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await explain(cluster({"mode": "Recommend", "decisions": [MADE]}).gateway(), MAIL, lease=LEASE)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "No decision is applied: spec.autoscale.mode is Recommend."


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param(
            IN_STATUS,
            "TIME                  FROM  TO  REASON  BECAUSE\n"
            "2026-01-01T12:00:00Z  0     1   Demand  1 waiting: 1 pod.\n"
            "2026-01-01T12:00:00Z  1     0   Demand  0 waiting: 0 pods.\n",
            id="decided",
        ),
        pytest.param([], "No decisions yet.\n", id="nothing-yet"),
    ],
)
async def test_without_the_operator_the_status_tells_the_last_decisions_and_why_not_more(
    stored: list[Object], shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "_RETRY_SECONDS", 0.0)
    asked = cluster(lambda *_: (503, {"message": "It does not lead."}), stored=stored)
    assert await explain(asked.gateway(), MAIL, lease=LEASE) == 0
    said = capsys.readouterr()
    assert said.out == shown
    said_why = "Operator not reachable; showing status.decisions only. It does not lead.\n"
    assert said.err == said_why


async def test_data_are_what_the_leader_answers(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"mode": "Auto", "decisions": [MADE, UNKNOWN]}
    await explain(cluster(answer).gateway(), MAIL, lease=LEASE, form="yaml")
    assert yaml.safe_load(capsys.readouterr().out) == answer


async def test_without_the_operator_the_data_are_the_decisions_in_the_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await explain(
        cluster(lambda *_: (401, {"message": "Unknown."})).gateway(), MAIL, lease=LEASE, form="json"
    )
    assert json.loads(capsys.readouterr().out) == {"mode": None, "decisions": IN_STATUS}


async def test_a_pool_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApiError, match="does not exist"):
        await explain(cluster({}).gateway(), Key("WorkerPool", NAMESPACE, "nail"), lease=LEASE)
