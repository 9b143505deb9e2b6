"""The last hour of a pool comes from the operator, which reviews whose token it is shown."""

import json
from pathlib import Path

import pytest

from tests.tools.fleet_server import FleetServer
from tests.unit.ui.page import opened

HISTORY = {"step": 15, "end": "2026-01-01T00:00:00Z", "series": {"waiting": [None, 3]}}
PATH = "/api/history?namespace=shop&name=mail"


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        pytest.param("of-ann", "of-ann", id="of-the-kubeconfig"),
        pytest.param(None, "of-taskfleet-operator-client", id="of-the-account-for-clients"),
    ],
)
async def test_the_operator_is_asked_with_a_token_that_it_can_review(
    tmp_path: Path, token: str | None, shown: str
) -> None:
    fleet = FleetServer(tokens=frozenset({shown}), histories={("shop", "mail"): HISTORY})
    async with opened(tmp_path, fleet, token=token) as browser:
        status, text, _ = await browser.ask("GET", PATH)
    assert (status, json.loads(text)) == (200, HISTORY)


def failure(name: str, message: str, time: float) -> dict[str, object]:
    return {"name": name, "exception": "ValueError", "message": message, "time": time, "args": "hunter2"}


async def test_failed_tasks_come_by_cause_over_all_pages_and_without_arguments(tmp_path: Path) -> None:
    tasks = [failure("shop.pay", f"no order {number}", 60.0 - number) for number in range(4)]
    fleet = FleetServer(tokens=frozenset({"of-ann"}), histories={("shop", "mail"): HISTORY})
    fleet.failures["shop", "mail"] = [*tasks, failure("shop.mail", "no address", 1.0)]
    async with opened(tmp_path, fleet) as browser:
        status, text, _ = await browser.ask("GET", "/api/failed?namespace=shop&name=mail")
    told = json.loads(text)
    assert (status, told["tasks"], told["more"]) == (200, 5, False)
    assert [(one["count"], one["name"], one["first"], one["last"]) for one in told["groups"]] == [
        (4, "shop.pay", "1970-01-01T00:00:57Z", "1970-01-01T00:01:00Z"),
        (1, "shop.mail", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"),
    ]
    assert "hunter2" not in text


async def test_what_the_operator_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    fleet = FleetServer(histories={("shop", "mail"): HISTORY})
    async with opened(tmp_path, fleet) as browser:
        status, text, _ = await browser.ask("GET", PATH)
        assert (status, json.loads(text)) == (403, {"message": "You cannot get this WorkerPool."})
        assert (await browser.ask("GET", "/api/history?namespace=shop&name=..%2fx"))[0] == 422
        assert (await browser.ask("GET", "/api/history"))[0] == 422
