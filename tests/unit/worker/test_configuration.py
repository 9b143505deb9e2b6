from typing import Any

import pytest

from taskfleet_worker.report import MAX_NOTE
from taskfleet_worker.settings import Settings, read_settings
from taskfleet_worker.start.configuration import configure_worker, default_settings, transport_options
from tests.unit.worker.factories import environment

SAFE = {
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "socket_connect_timeout": 5,
}
OURS = {**SAFE, "visibility_timeout": 3600, "queue_order_strategy": "priority"}


CANCEL = "worker_cancel_long_running_tasks_on_connection_loss"


def given(**changes: Any) -> Settings:
    return read_settings(environment(**changes))


def anything(_name: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("app", "changes", "expected"),
    [
        pytest.param({}, {}, OURS, id="nothing-set"),
        pytest.param({"client_name": "x"}, {}, {**OURS, "client_name": "x"}, id="the-apps-others-stay"),
        pytest.param({"socket_timeout": 3}, {}, {**OURS, "socket_timeout": 3}, id="the-apps-sockets-stay"),
        pytest.param({}, {"queueOrder": "RoundRobin"}, {**OURS, "queue_order_strategy": "round_robin"}, id="taking-turns"),
        pytest.param(
            {}, {"globalKeyPrefix": "p:", "prioritySteps": [0, 5], "separator": ":"},
            {**OURS, "global_keyprefix": "p:", "priority_steps": [0, 5], "sep": ":"}, id="the-brokers-names-of-keys",
        ),
    ],
)  # fmt: skip
def test_transport_options(app: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert transport_options(app, given(**changes), anything) == (expected, [])


def test_the_brokers_visibility_timeout_holds_and_the_app_is_told() -> None:
    options, notes = transport_options({"visibility_timeout": 7200}, given(), anything)
    assert options["visibility_timeout"] == 3600
    assert notes == ["The app sets visibility_timeout 7200. The Broker's 3600 overrides it."]


@pytest.mark.parametrize(
    ("app", "changes"),
    [
        pytest.param({"sep": ":"}, {"separator": "\x06\x16"}, id="the-broker-says-another"),
        pytest.param({"global_keyprefix": "app:"}, {}, id="the-broker-says-nothing"),
    ],
)
def test_names_of_keys_stay_the_apps_because_producers_use_them(
    app: dict[str, Any], changes: dict[str, Any]
) -> None:
    options, notes = transport_options(app, given(**changes), anything)
    assert options == {**OURS, **app}
    assert len(notes) == 1
    assert "until the Broker has the same" in notes[0]
    assert len(notes[0]) <= MAX_NOTE


@pytest.mark.parametrize(
    ("app", "changes"),
    [
        pytest.param({"global_keyprefix": "p:"}, {"globalKeyPrefix": "p:"}, id="the-same"),
        pytest.param({"priority_steps": [0, 3, 6, 9], "sep": "\x06\x16"}, {}, id="as-kombu-itself"),
    ],
)
def test_names_of_keys_that_agree_are_no_news(app: dict[str, Any], changes: dict[str, Any]) -> None:
    assert transport_options(app, given(**changes), anything) == ({**OURS, **app}, [])


def test_a_transport_gets_no_option_of_ours_that_it_does_not_know() -> None:
    assert transport_options({"confirm_publish": True}, given(), lambda _name: False)[0] == {
        "confirm_publish": True
    }


def test_the_apps_options_are_replaced_not_changed_in_place() -> None:
    theirs = {"client_name": "x"}
    conf: dict[str, Any] = {"broker_transport_options": theirs, CANCEL: False}
    configure_worker(conf, given(), anything)
    assert conf["broker_transport_options"]["visibility_timeout"] == 3600
    assert theirs == {"client_name": "x"}


def test_a_lost_connection_cancels_no_task_because_none_is_doubled() -> None:
    conf: dict[str, Any] = {"broker_transport_options": {}, CANCEL: True}
    notes = configure_worker(conf, given(), anything)
    assert conf[CANCEL] is False
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("acknowledge", "expected"),
    [
        pytest.param("Late", {"task_acks_late": True, "task_reject_on_worker_lost": True}, id="late"),
        pytest.param("Early", {"task_acks_late": False, "task_reject_on_worker_lost": False}, id="early"),
        pytest.param("App", {}, id="left-to-the-app"),
    ],
)
def test_acknowledge_changes_defaults(acknowledge: str, expected: dict[str, bool]) -> None:
    changed = default_settings(given(acknowledge=acknowledge))
    assert {name: value for name, value in changed.items() if name.startswith("task_")} == expected


def test_a_lost_connection_to_rabbitmq_does_not_change_the_prefetch_again_and_again() -> None:
    name = "worker_enable_prefetch_count_reduction"
    assert default_settings(given(), amqp=True)[name] is False
    assert name not in default_settings(given())
