"""Acts are the patches of the command line, made as the user, and only these."""

from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.ui.acts import change
from tests.tools.fleet_server import FleetServer
from tests.unit.objects import own, pool
from tests.unit.ui.page import opened


@pytest.mark.parametrize(
    ("kind", "act", "arguments", "patch"),
    [
        pytest.param("WorkerPool", "scale", {"replicas": 3}, {"spec": {"replicas": 3}}, id="scale"),
        pytest.param(
            "WorkerPool",
            "limits",
            {"minReplicas": 1, "maxReplicas": 9},
            {"spec": {"autoscale": {"minReplicas": 1, "maxReplicas": 9}}},
            id="limits",
        ),
        pytest.param("WorkerPool", "suspend", {}, {"spec": {"suspend": True}}, id="suspend"),
        pytest.param("WorkerPool", "resume", {}, {"spec": {"suspend": False}}, id="resume"),
        pytest.param("PeriodicSchedule", "suspend", {}, {"spec": {"suspend": True}}, id="suspend-schedule"),
    ],
)
def test_an_act_changes_only_its_fields(kind: str, act: str, arguments: Any, patch: Object) -> None:
    assert change(kind, act, arguments).patch == patch


def test_the_operator_answers_by_the_token_that_the_page_is_told() -> None:
    requeue = change("WorkerPool", "requeue", {"ids": ["id-1", "id-2"]})
    assert requeue.request is not None
    assert requeue.request.answer == "lastRequeue"
    assert requeue.patch["metadata"]["annotations"] == {
        "taskfleet.dev/requeue": f"{requeue.request.token} id-1 id-2"
    }
    purge = change("TaskQueue", "purge", {"force": True})
    assert purge.request is not None
    assert purge.request.token.endswith(" force")
    assert purge.patch == {"spec": {"purge": purge.request.token}}
    assert change("TaskQueue", "purge", {"force": "no"}).patch["spec"]["purge"].count(" ") == 0
    trigger = change("PeriodicSchedule", "trigger", {})
    assert trigger.request is not None
    assert trigger.patch["metadata"]["annotations"] == {"taskfleet.dev/trigger": trigger.request.token}


@pytest.mark.parametrize(
    ("kind", "act"),
    [("WorkerPool", "requeue"), ("WorkerPool", "forget"), ("WorkerPool", "upgrade"), ("TaskQueue", "purge")],
)
async def test_a_request_names_the_user_who_makes_it(tmp_path: Path, kind: str, act: str) -> None:
    fleet = FleetServer()
    fleet.put(pool(), own("TaskQueue", "mail", {}))
    async with opened(tmp_path, fleet) as browser:
        assert (await browser.act(kind, "mail", act))[0] == 200
    ((_, patch),) = fleet.patches
    assert patch["metadata"]["annotations"]["taskfleet.dev/requested-by"] == "ann"


async def test_what_the_api_server_denies_is_told_in_its_words(tmp_path: Path) -> None:
    fleet = FleetServer(allowed=lambda asked: asked["verb"] != "patch")
    fleet.put(pool())
    async with opened(tmp_path, fleet) as browser:
        status, answer = await browser.act("WorkerPool", "mail", "suspend")
        assert (status, answer["message"]) == (403, 'User cannot patch resource "workerpools"')
        status, answer = await browser.act("WorkerPool", "gone", "suspend")
        assert status == 404


async def test_rights_are_asked_of_the_api_server_for_one_object(tmp_path: Path) -> None:
    fleet = FleetServer(allowed=lambda asked: asked["namespace"] == "shop")
    async with opened(tmp_path, fleet) as browser:
        for namespace, allowed in (("shop", "true"), ("billing", "false")):
            body = {"kind": "TaskQueue", "namespace": namespace, "name": "mail"}
            status, text, _ = await browser.ask("POST", "/api/access", body=body)
            assert (status, text) == (200, f'{{"allowed": {allowed}}}')
    asked = {"group": "taskfleet.dev", "resource": "taskqueues", "verb": "patch", "name": "mail"}
    assert fleet.reviews == [{**asked, "namespace": "shop"}, {**asked, "namespace": "billing"}]
