import json
from typing import Any

import pytest

from taskfleet_worker.settings import SettingsError, read_settings
from tests.runtime.worker import settings
from tests.unit.worker.factories import environment


def test_keys_are_read() -> None:
    read = read_settings(
        environment(
            poolType="gevent", capacity=10, prioritySteps=[0, 5], separator=":", globalKeyPrefix="p:",
            prefetchMultiplier=4,
        )
    )  # fmt: skip
    identity = read.namespace, read.pool_uid, read.cluster_id, read.pool_type
    assert identity == ("test", "uid-1", "cluster-1", "gevent")
    assert (read.capacity, read.priority_steps, read.prefetch_multiplier) == (10, (0, 5), 4)
    assert (read.separator, read.global_key_prefix) == (":", "p:")
    assert read.visibility_timeout == 3600


def test_keys_of_a_newer_operator_are_ignored() -> None:
    assert read_settings(environment(somethingNew=1)).pool_uid == "uid-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "run celery itself", id="absent"),
        pytest.param("{", "not valid JSON", id="broken"),
        pytest.param("[]", "not a JSON object", id="not-an-object"),
        pytest.param(json.dumps({**settings("solo"), "v": 3}), "v=3", id="another-version"),
        pytest.param(
            json.dumps({**settings("solo"), "poolType": "fork"}), "poolType='fork'", id="unknown-pool"
        ),
        pytest.param(json.dumps({**settings("solo"), "capacity": "many"}), "wrong type", id="not-a-number"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({"TASKFLEET_SETTINGS": text})


def test_a_missing_key_is_named() -> None:
    raw: dict[str, Any] = settings("solo")
    del raw["poolUid"]
    with pytest.raises(SettingsError, match="'poolUid' is missing"):
        read_settings({"TASKFLEET_SETTINGS": json.dumps(raw)})
