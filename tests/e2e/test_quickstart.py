"""What the README promises to a newcomer."""

import json
from collections.abc import Mapping

from tests.e2e.fleet import Fleet
from tests.tools.quickstart import send_tasks, start_fleet


def test_one_applied_file_runs_a_thousand_tasks(fleet: Fleet, images: Mapping[str, str]) -> None:
    start_fleet(fleet.kubectl, images)
    said, correct = send_tasks(fleet.kubectl, images)
    assert correct, said
    assert "1000/1000 results correct" in said

    shown = json.loads(fleet.kubectl("get", "taskfleet", "--output=json"))["items"]
    assert {(one["kind"], one["metadata"]["name"]) for one in shown} == {
        ("WorkerPool", "quickstart"),
        ("Broker", "default"),
    }
