"""What the page's stream tells: lists, changes, refusals; and what it keeps to itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from taskfleet.api import Object
from taskfleet.ui import live
from tests.tools.fleet_server import FleetServer
from tests.tools.waiting import until
from tests.unit.objects import broker, metadata, own, pool
from tests.unit.ui.page import opened

KINDS = ("WorkerPool", "Broker", "TaskQueue", "PeriodicSchedule", "Event")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_RETRY_SECONDS", "_MAX_RETRY_SECONDS", "_BETWEEN_SECONDS"):
        monkeypatch.setattr(live, name, 0.01)


async def until_synced(lines: AsyncIterator[Object]) -> dict[str, list[Object]]:
    """The lists of all kinds, by kind."""
    found: dict[str, list[Object]] = {}
    async for line in lines:
        if "sync" in line:
            found[line["sync"]] = line["items"]
        if len(found) == len(KINDS):
            return found
    raise AssertionError("the stream ended")


async def watched(fleet: FleetServer, count: int = len(KINDS)) -> None:
    """Until the page watches that many kinds."""
    await until(lambda: fleet.watches == count, 10)


async def test_lists_come_first_and_then_every_change(tmp_path: Path) -> None:
    fleet = FleetServer()
    fleet.put(pool(status={"waiting": 3}))
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        first = await anext(lines)
        assert (first["scope"], first["namespace"]) == ("", "shop")
        found = await until_synced(lines)
        assert [(one["name"], one["status"]["waiting"]) for one in found["WorkerPool"]] == [("mail", 3)]
        await watched(fleet)
        fleet.put(pool(status={"waiting": 4}))
        assert (await anext(lines))["put"]["status"] == {"waiting": 4}
        fleet.drop("WorkerPool", "shop", "mail")
        gone = {"kind": "WorkerPool", "namespace": "shop", "name": "mail"}
        assert await anext(lines) == {"drop": gone}


@pytest.mark.parametrize("gone", [pytest.param(False, id="ended"), pytest.param(True, id="too-old")])
async def test_a_watch_that_ends_goes_on_without_a_gap(tmp_path: Path, gone: bool) -> None:
    fleet = FleetServer()
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        await until_synced(lines)
        await watched(fleet)
        fleet.end_watches(gone=gone)
        if gone:
            await until_synced(lines)
        await watched(fleet)
        fleet.put(pool("new"))
        assert (await anext(lines))["put"]["name"] == "new"


async def test_a_kind_that_the_user_may_not_list_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    fleet = FleetServer(denied=frozenset({"brokers"}))
    fleet.put(pool())
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        told = [await anext(lines) for _ in range(6)]
        refused = [one for one in told if "error" in one]
        assert [(one["error"], one["status"]) for one in refused][:1] == [("Broker", 403)]
        assert "brokers is forbidden" in refused[0]["message"]
        assert "WorkerPool" in [one.get("sync") for one in told]


async def test_a_namespace_shows_nothing_of_another_one(tmp_path: Path) -> None:
    fleet = FleetServer()
    other = pool("other")
    fleet.put(pool(), {**other, "metadata": {**other["metadata"], "namespace": "billing"}})
    async with opened(tmp_path, fleet) as browser, browser.lines("/api/live?namespace=billing") as lines:
        found = await until_synced(lines)
        assert [one["name"] for one in found["WorkerPool"]] == ["other"]


async def test_environments_arguments_and_templates_stay_in_the_cluster(tmp_path: Path) -> None:
    fleet = FleetServer()
    secret = "hunter2"
    fleet.put(
        pool(env=[{"name": "P", "value": secret}], template={"a": secret}, extraArgs=[secret]),
        broker(external={"urlSecretRef": {"name": secret, "key": "url"}}),
        own("PeriodicSchedule", "daily", {"task": "t", "args": [secret], "kwargs": {"p": secret}}),
    )
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        found = await until_synced(lines)
        assert len(found["PeriodicSchedule"]) == len(found["WorkerPool"]) == len(found["Broker"]) == 1
        assert secret not in str(found)


async def test_conditions_that_ask_for_attention_are_marked(tmp_path: Path) -> None:
    fleet = FleetServer()
    conditions = [
        {"type": "Ready", "status": "False", "reason": "ImagePullFailed", "message": "no such image"},
        {"type": "Reconciling", "status": "True", "reason": "Scaling", "message": "2 of 4"},
    ]
    fleet.put(pool(status={"conditions": conditions}))
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        (shown,) = (await until_synced(lines))["WorkerPool"]
        assert shown["attention"] == ["Ready"]


async def test_events_of_old_and_new_writers_are_told_alike(tmp_path: Path) -> None:
    fleet = FleetServer()
    about = {
        "involvedObject": {"kind": "WorkerPool", "name": "mail"},
        "reason": "Scaled",
        "message": "1 to 2",
    }
    old = {"count": 3, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-02T00:00:00Z"}
    new = {"eventTime": "2026-01-03T00:00:00.000000Z", "count": None, "lastTimestamp": None}
    fleet.put({"kind": "Event", "metadata": metadata("b"), **about, **new})
    fleet.put({"kind": "Event", "metadata": metadata("a"), **about, **old})
    async with opened(tmp_path, fleet) as browser, browser.lines() as lines:
        told = (await until_synced(lines))["Event"]
    assert [(one["count"], one["last"][:10]) for one in told] == [(3, "2026-01-02"), (1, "2026-01-03")]


async def test_a_page_that_is_closed_ends_its_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT_SECONDS", 0.02)
    fleet = FleetServer()
    async with opened(tmp_path, fleet) as browser:
        async with browser.lines() as lines:
            await until_synced(lines)
            await watched(fleet)
        await watched(fleet, 0)
