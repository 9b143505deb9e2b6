"""`kubectl taskfleet doctor`, before an API server in memory."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.commands.doctor import doctor
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, own

LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")
NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


def lease(renewed: str = "2030-01-01T11:59:58.000000Z", holder: str = "operator-1_a") -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE.name, "namespace": LEASE.namespace},
        "spec": {"holderIdentity": holder, "renewTime": renewed},
    }


def pool(*conditions: tuple[str, str, str, str]) -> Object:
    names = ("type", "status", "reason", "message")
    return {
        **own("WorkerPool", "mails", {}),
        "status": {"conditions": [dict(zip(names, one, strict=True)) for one in conditions]},
    }


def cluster(*objects: Object) -> ApiServer:
    server = ApiServer()
    for one in objects:
        server.put(one)
    return server


async def diagnosed(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[dict[str, Any]]]:
    code = await doctor(server.gateway(), lease=LEASE, namespace=NAMESPACE, form="json", now=lambda: NOW)
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return code, [one for one in found if one["level"] != "ok"]


async def test_a_healthy_installation_has_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    healthy = cluster(lease(), pool(("Ready", "True", "Available", "2 of 2 pods are ready.")))
    assert await diagnosed(healthy, capsys) == (0, [])


async def test_what_is_found_well_is_said_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    await doctor(cluster(lease(), pool()).gateway(), lease=LEASE, namespace=None, now=lambda: NOW)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["OK       CRDs: all kinds are served.", "OK       operator: operator-1_a leads."]
    assert "OK       WorkerPools: 1 objects, and none asks for attention." in lines


@pytest.mark.parametrize(
    ("objects", "said", "cure"),
    [
        pytest.param((), "no operator has ever led", "Install the chart", id="no-lease"),
        pytest.param((lease(holder=""),), "nothing holds the Lease", "get pods", id="released"),
        pytest.param((lease("2030-01-01T11:58:00.000000Z"),), "120 s ago", "get pods", id="not-renewed"),
    ],
)
async def test_an_operator_that_does_not_lead_is_an_error(
    objects: tuple[Object, ...], said: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (finding,) = await diagnosed(cluster(*objects), capsys)
    assert (code, finding["level"], finding["check"]) == (1, "error", "operator")
    assert said in finding["message"]
    assert cure in finding["cure"]


async def test_a_lease_of_the_future_tells_of_clocks(capsys: pytest.CaptureFixture[str]) -> None:
    code, (finding,) = await diagnosed(cluster(lease("2030-01-01T12:01:00.000000Z")), capsys)
    assert (code, finding["check"]) == (0, "clocks")
    assert "60 s in the future" in finding["message"]


async def test_a_lease_that_the_caller_may_not_read_is_a_warning_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = cluster(pool(("Stalled", "True", "InvalidSpec", "spec.image is empty: set it.")))
    server.refuse("get", "leases")
    code, found = await diagnosed(server, capsys)
    assert code == 1
    assert [one["level"] for one in found] == ["warning", "error"]
    assert found[1]["message"] == "Stalled, InvalidSpec: spec.image is empty: set it."


async def test_pods_of_another_version_are_told_with_the_command_that_replaces_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outdated = pool(("UpToDate", "False", "PodTemplateOutdated", "Of 0.0.9."))
    code, (finding,) = await diagnosed(cluster(lease(), outdated), capsys)
    assert code == 0
    assert finding["cure"] == "kubectl taskfleet upgrade wp/mails -n shop"


async def test_kinds_that_are_not_installed_end_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    server = cluster(lease())
    for plural in ("workerpools", "taskqueues", "periodicschedules", "brokers"):
        server.refuse("list", plural, status=404, reason="NotFound")
    code, found = await diagnosed(server, capsys)
    assert code == 1
    assert len(found) == 4
    assert all("taskfleet crds" in one["cure"] for one in found)
