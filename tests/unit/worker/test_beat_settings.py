import json
from typing import Any

import pytest

from taskfleet_worker.beat.health import LOOP_LIMIT, WORKED_LIMIT, BeatHealth
from taskfleet_worker.beat.settings import read_beat_settings
from taskfleet_worker.probes import respond
from taskfleet_worker.settings import SettingsError

URL = "redis://localhost/0"


def environment(**changes: Any) -> dict[str, str]:
    settings = {
        "v": 1, "namespace": "shop", "clusterId": "c1", "globalKeyPrefix": "p:",
        "prioritySteps": [0, 5], "separator": ":", **changes,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value != "left out"}
    return {"CELERY_BROKER_URL": URL, "POD_NAME": "beat-0", "TASKFLEET_SETTINGS": json.dumps(settings)}


def test_beat_uses_the_layout_that_workers_use() -> None:
    settings = read_beat_settings(environment())
    assert settings.keys == "p:taskfleet:c1:shop:"
    options = settings.transport_options
    assert (options["global_keyprefix"], options["priority_steps"], options["sep"]) == ("p:", [0, 5], ":")


def test_what_the_broker_leaves_out_is_kombus_default() -> None:
    settings = read_beat_settings(environment(globalKeyPrefix=None, prioritySteps=None, separator=None))
    assert settings.keys == "taskfleet:c1:shop:"
    assert not {"global_keyprefix", "priority_steps", "sep"} & set(settings.transport_options)
    assert settings.log_level == "INFO"


@pytest.mark.parametrize("name", ["namespace", "clusterId"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_beat_settings(environment(**{name: "left out"}))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def status(health: BeatHealth, path: str) -> int:
    return int(respond(f"GET {path} HTTP/1.1".encode(), health).split()[1])


def test_ready_means_a_turn_has_gone_well_lately() -> None:
    clock = Clock()
    health = BeatHealth(clock)
    assert status(health, "/readyz") == 503
    health.worked()
    assert status(health, "/readyz") == 200
    clock.now += WORKED_LIMIT + 1
    assert status(health, "/readyz") == 503


def test_a_loop_that_turns_is_alive_whether_or_not_the_broker_answers() -> None:
    clock = Clock()
    health = BeatHealth(clock)
    clock.now += LOOP_LIMIT
    assert status(health, "/livez") == 200
    clock.now += 1
    assert status(health, "/livez") == 503
    health.turned()
    assert status(health, "/livez") == 200
