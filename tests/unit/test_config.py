from typing import Any

import pytest
from pydantic import ValidationError

from taskfleet.config import Settings, UpgradePools


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TASKFLEET_{name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        pytest.param("TASKFLEET_NAMESPACES", "", "namespaces", [], id="whole-cluster"),
        pytest.param("TASKFLEET_NAMESPACES", "a, b,,a", "namespaces", ["a", "b"], id="namespaces-each-once"),
        pytest.param("TASKFLEET_AUTO_CREATE_BROKER", "false", "auto_create_broker", False, id="switch"),
        pytest.param("TASKFLEET_HTTP_PORT", "9000", "http_port", 9000, id="port"),
        pytest.param("TASKFLEET_RESYNC_INTERVAL", "0.5", "resync_interval", 0.5, id="seconds"),
        pytest.param(
            "TASKFLEET_UPGRADE_POOLS", "OneAtATime", "upgrade_pools", UpgradePools.ONE_AT_A_TIME, id="choice"
        ),
        pytest.param("POD_NAMESPACE", "ops", "pod_namespace", "ops", id="downward-api"),
    ],
)
def test_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings(), field) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["a", "b"], ["a", "b"], id="repeated-flag"),
        pytest.param(["a,b", "a"], ["a", "b"], id="list-in-a-flag"),
    ],
)
def test_namespaces_of_flags(given: list[str], expected: list[str]) -> None:
    assert Settings(namespaces=given).namespaces == expected


def test_flag_wins_over_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKFLEET_HTTP_PORT", "9000")
    assert Settings(http_port=9001).http_port == 9001


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"http_port": 70000}, id="port"),
        pytest.param({"resync_interval": 0}, id="no-interval"),
        pytest.param({"log_format": "xml"}, id="no-such-format"),
        pytest.param({"upgrade_pools": "All"}, id="no-such-choice"),
        pytest.param({"otlp_endpoint": "collector:4318"}, id="no-url"),
        pytest.param({"otlp_endpoint": "http://user:password@collector"}, id="credentials-in-a-url"),
        pytest.param({"otlp_sampling": 1.5}, id="more-than-all"),
    ],
)
def test_nonsense_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("resync", "expected"), [pytest.param(300, 60, id="a-minute"), pytest.param(2, 2, id="or-less")]
)
def test_what_no_watch_tells_of_is_read_again_within_a_minute(resync: float, expected: float) -> None:
    assert Settings(resync_interval=resync).recheck_interval == expected
