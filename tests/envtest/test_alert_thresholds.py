"""The chart's alerts with their default thresholds and durations, in Prometheus' own virtual time.

Each fault raises its alert and no other, not before its duration is over, and the alert ends with the fault. What is
just within a threshold raises none.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from taskfleet.api import Object
from tests.envtest.test_alerts import rules
from tests.tools.cluster import debian

MINUTES = 60  # of every series, which has a sample a minute
SHOP, MAIL = 'namespace="shop"', 'namespace="shop",pool="mail"'
TASK = f'{MAIL},name="send",queue_name="mails"'
LEADS = "taskfleet_leader"
HEALTHY = {f'{LEADS}{{instance="a"}}': "1x60"}


def condition(kind: str, kind_of_condition: str, reason: str) -> str:
    labels = f'kind="{kind}",{SHOP},name="mail",type="{kind_of_condition}",reason="{reason}"'
    return f"taskfleet_abnormal_condition{{{labels}}}"


@dataclass(frozen=True)
class Fault:
    """Series as promtool writes them: `0x10 1x30 0x20` is 0 for 11 minutes, then 1 for 31, then 0.

    The alert is off at the minute `before`, on at `at` and off again at `after`.
    """

    alert: str
    series: Mapping[str, str]
    before: int
    at: int
    after: int
    summary: str
    labels: Mapping[str, str]


POOL = {"namespace": "shop", "pool": "mail"}


def _condition_fault(alert: str, abnormal: tuple[str, str, str], minutes: int, summary: str) -> Fault:
    """A condition is abnormal from the first minute to the thirtieth; the series of a healthy object ends."""
    kind, kind_of_condition, reason = abnormal
    series = {condition(*abnormal): "1x30 stale"}
    labels = {"kind": kind, "namespace": "shop", "name": "mail", "type": kind_of_condition, "reason": reason}
    return Fault(alert, series, minutes - 1, minutes + 1, 32, summary, labels)


FAULTS = [
    _condition_fault(
        "TaskfleetQueueNotConsumed", ("TaskQueue", "Healthy", "NotConsumed"), 10,
        "Messages wait in a queue that nobody consumes.",
    ),
    Fault(
        "TaskfleetQueueNotConsumed", {"taskfleet_unconsumed_messages": "1x30 0x30"}, 9, 11, 32,
        "Messages wait in a queue that nobody consumes.", {},
    ),
    Fault(
        "TaskfleetOldestMessageTooOld",
        {f"taskfleet_pool_oldest_message_age_seconds{{{MAIL}}}": "901x30 900x30"}, 4, 6, 32,
        "The oldest message of shop/mail has been waiting for 15m 1s.", POOL,
    ),
    Fault(
        "TaskfleetBacklogGrowsAtMaxReplicas",
        {
            f"taskfleet_pool_waiting_messages{{{MAIL}}}": "0+10x30 299-1x30",
            condition("WorkerPool", "ScalingLimited", "TooManyReplicas"): "1x60",
        },
        14, 18, 45, "shop/mail has maxReplicas, and its backlog grows.", POOL,
    ),
    Fault(
        "TaskfleetTaskFailureRatio",
        {
            f'celery_task_failed_total{{{TASK},exception="OSError"}}': "0+12x30 360x30",
            f"celery_task_succeeded_total{{{TASK}}}": "0+88x60",
        },
        9, 14, 45, "12% of the executions of send in shop/mail fail.", {**POOL, "name": "send"},
    ),
    Fault(
        "TaskfleetTaskFailureRatio",
        {f'celery_task_failed_total{{{TASK},exception="OSError"}}': "0+12x30 360x30"}, 9, 14, 45,
        "100% of the executions of send in shop/mail fail.", {**POOL, "name": "send"},
    ),
    Fault(
        "TaskfleetTasksInterrupted", {f"taskfleet_task_interrupted_total{{{TASK}}}": "0x20 1x40"}, 20, 22, 40,
        "Tasks of shop/mail ended with their process.", POOL,
    ),
    Fault(
        "TaskfleetDeadLetters", {f"taskfleet_dead_letters{{{MAIL}}}": "3x30 0x30"}, 4, 6, 32,
        "shop/mail has 3 dead letters.", POOL,
    ),
    *(
        _condition_fault(
            "TaskfleetScheduleLate", ("PeriodicSchedule", "Ready", reason), 5,
            f"The schedule shop/mail does not send its runs: {reason}.",
        )
        for reason in ("Late", "SendingFailed")
    ),
    _condition_fault(
        "TaskfleetBeatNotSingle", ("WorkerPool", "BeatReady", "DuplicateBeat"), 5,
        "The beat of shop/mail does not run alone: DuplicateBeat.",
    ),
    Fault(
        "TaskfleetBrokerAway", {f'taskfleet_broker_up{{{SHOP},broker="main"}}': "0x30 1x30"}, 1, 3, 32,
        "The Broker shop/main does not answer.", {"namespace": "shop", "broker": "main"},
    ),
    Fault(
        "TaskfleetBrokerMemory",
        {
            f'taskfleet_broker_memory_used_bytes{{{SHOP},broker="main"}}': "81x30 80x30",
            f'taskfleet_broker_memory_max_bytes{{{SHOP},broker="main"}}': "100x60",
        },
        4, 6, 32, "The Redis of shop/main uses 81% of its memory, and then refuses messages.",
        {"namespace": "shop", "broker": "main"},
    ),
    *(
        _condition_fault(
            "TaskfleetPoolCannotStart", ("WorkerPool", kind, reason), 10,
            f"The pool shop/mail cannot start: {reason}.",
        )
        for kind, reason in (("Ready", "ImagePullFailed"), ("Stalled", "InvalidSpec"))
    ),
    _condition_fault(
        "TaskfleetScalingHeldBack", ("WorkerPool", "ScalingLimited", "ScaleFailed"), 10,
        "The size of shop/mail cannot be changed: ScaleFailed.",
    ),
    _condition_fault(
        "TaskfleetCredentialsRefused", ("Broker", "Ready", "AuthenticationFailed"), 2,
        "The Broker shop/mail cannot be used with its credentials: AuthenticationFailed.",
    ),
    Fault(
        "TaskfleetNoLeader", {f'{LEADS}{{instance="a"}}': "0x30 1x30", f'{LEADS}{{instance="b"}}': "0x60"},
        1, 3, 32, "No operator leads: running pods go on, and nothing scales.", {},
    ),
    Fault(
        "TaskfleetWatchIncomplete", {'taskfleet_watch_events_missed_total{kind="Pod"}': "0x20 6x40"}, 20, 22, 90,
        "The operator's watch of Pod missed changes, which a resync found.", {"kind": "Pod"},
    ),
]  # fmt: skip

WITHIN = {
    "the-oldest-message": {f"taskfleet_pool_oldest_message_age_seconds{{{MAIL}}}": "900x60"},
    "a-backlog-that-grows-below-the-limit": {f"taskfleet_pool_waiting_messages{{{MAIL}}}": "0+10x60"},
    "failures": {
        f'celery_task_failed_total{{{TASK},exception="OSError"}}': "0+9x60",
        f"celery_task_succeeded_total{{{TASK}}}": "0+91x60",
    },
    "interruptions-of-long-ago": {f"taskfleet_task_interrupted_total{{{TASK}}}": "7x60"},
    "memory": {
        f'taskfleet_broker_memory_used_bytes{{{SHOP},broker="main"}}': "80x60",
        f'taskfleet_broker_memory_max_bytes{{{SHOP},broker="main"}}': "100x60",
    },
    "memory-without-a-limit": {
        f'taskfleet_broker_memory_used_bytes{{{SHOP},broker="main"}}': "80x60",
        f'taskfleet_broker_memory_max_bytes{{{SHOP},broker="main"}}': "0x60",
    },
    "a-change-of-the-leader": {f'{LEADS}{{instance="b"}}': "0x20 0x1 1x38"},
    "a-pool-that-starts": {condition("WorkerPool", "Ready", "PodsNotReady"): "1x60"},
    "missed-changes": {'taskfleet_watch_events_missed_total{kind="Pod"}': "0x20 4x40"},
}


@cache
def _rules() -> list[Object]:
    return rules()


def _silent(minute: int, alert: str) -> dict[str, object]:
    return {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}


def _run(tmp_path: Path, series: Mapping[str, str], expected: list[dict[str, object]]) -> None:
    debian.require({"prometheus": "promtool"})
    found = _rules()
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "taskfleet", "rules": found}]}))
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": expected,
    }
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(document))
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "test.yaml"]):
        result = subprocess.run(
            ["promtool", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def _id(fault: Fault) -> str:
    return "-".join([fault.alert.removeprefix("Taskfleet"), *filter(None, [fault.labels.get("reason")])])


@pytest.mark.parametrize("fault", FAULTS, ids=_id)
def test_a_fault_raises_its_alert_and_no_other_for_as_long_as_it_lasts(fault: Fault, tmp_path: Path) -> None:
    found = {rule["alert"]: rule for rule in _rules()}
    rule = found[fault.alert]
    raised: dict[str, object] = {
        "eval_time": f"{fault.at}m",
        "alertname": fault.alert,
        "exp_alerts": [
            {"exp_labels": {**rule["labels"], **fault.labels}, "exp_annotations": {"summary": fault.summary}}
        ],
    }
    others = [_silent(fault.at, alert) for alert in found if alert != fault.alert]
    ends = [_silent(fault.before, fault.alert), _silent(fault.after, fault.alert)]
    _run(tmp_path, {**HEALTHY, **fault.series}, [raised, *others, *ends])


def test_every_alert_is_raised_by_some_fault() -> None:
    assert {fault.alert for fault in FAULTS} == {rule["alert"] for rule in _rules()}


def test_an_operator_that_exports_nothing_is_none_that_leads(tmp_path: Path) -> None:
    (rule,) = [one for one in _rules() if one["alert"] == "TaskfleetNoLeader"]
    expected = {
        "eval_time": "3m",
        "alertname": rule["alert"],
        "exp_alerts": [{"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}],
    }
    _run(tmp_path, {"up": "1x10"}, [expected])


@pytest.mark.parametrize("series", WITHIN.values(), ids=WITHIN)
def test_what_is_within_its_threshold_raises_nothing(series: Mapping[str, str], tmp_path: Path) -> None:
    alerts = [rule["alert"] for rule in _rules()]
    expected = [_silent(minute, alert) for alert in alerts for minute in range(1, MINUTES, 7)]
    _run(tmp_path, {**HEALTHY, **series}, expected)
