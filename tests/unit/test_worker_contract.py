"""What operator and worker both know by heart, in two places: names of keys, what a message carries, words and bounds."""

import json
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, cast, get_args

import pytest

from taskfleet.api import Object, WorkerPoolSpec
from taskfleet.brokers import transport
from taskfleet.brokers.amqp_transport import AmqpDrains
from taskfleet.brokers.connection import amqp_connection
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes import interrupted, totals
from taskfleet.brokers.polling import worker_report
from taskfleet.brokers.recovery import dead_workers, redelivery
from taskfleet.brokers.recovery.requeue_unacked import Held, held
from taskfleet.brokers.redis_transport import RedisDrains
from taskfleet.controllers import pool_variables
from taskfleet.controllers.pod_trouble import clean
from taskfleet.resources import broker_connection, probes, result_backend, worker_container
from taskfleet.resources.schedules_deployment import schedules_deployment
from taskfleet_worker import address_parts, deliveries, report, settings
from taskfleet_worker import probes as worker_probes
from taskfleet_worker.beat import settings as beat_settings
from taskfleet_worker.broker import amqp_thread, broker_thread, outcome_folds
from taskfleet_worker.keys import keys
from taskfleet_worker.messages import fence
from taskfleet_worker.pool import outcomes
from taskfleet_worker.pool.tasks import QueueCount
from taskfleet_worker.settings import read_object, read_settings
from taskfleet_worker.shutdown import termination_log
from taskfleet_worker.start import app_pool, celery_main, connection
from taskfleet_worker.tracing import collector
from tests.unit.resources.objects import (
    INSTALLATION,
    by_name,
    external_broker,
    managed_broker,
    pod_spec,
    worker,
    worker_pool,
)
from tests.unit.worker.factories import environment
from tests.unit.worker.test_outcomes import request


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - the name of billiard's
    """Celery is not here."""


POD, PREFIX = "pod-1", "app:"
NAMES = keys(read_settings(environment(globalKeyPrefix=PREFIX)), POD, "s1")
# As controllers/broker.py names it.
LAYOUT = Layout(prefix=PREFIX, reports="taskfleet:cluster-1:test:reports")
# With every setting that there is.
BROKER = external_broker(
    external={
        "urlSecretRef": {"name": "redis", "key": "url"},
        "sentinel": {"masterName": "main", "passwordSecretRef": {"name": "sentinel", "key": "password"}},
        "caSecretRef": {"name": "ca", "key": "ca.crt"},
        "clientCertificateSecretRef": {"name": "client"},
    }
)
BY_PARTS = external_broker(
    external={
        "scheme": "redis",
        "hostFrom": {"configMapKeyRef": {"name": "addresses", "key": "host"}},
        "passwordSecretRef": {"name": "login", "key": "password"},
    }
)
RESULTS = {
    "scheme": "sentinel",
    "hosts": ["a", "b"],
    "usernameFrom": {"configMapKeyRef": {"name": "addresses", "key": "user"}},
    "databaseFrom": {"secretKeyRef": {"name": "login", "key": "database"}},
    "passwordSecretRef": {"name": "login", "key": "password"},
    "sentinel": {"masterName": "main", "passwordSecretRef": {"name": "sentinel", "key": "password"}},
}
TRACES = {
    "otlp": {
        "endpoint": "http://collector:4318",
        "sampling": 0.5,
        "headersSecretRef": {"name": "c", "key": "k"},
    }
}
EVERY_FAILURE = {"limit": 5, "retention": "24h", "arguments": True, "messages": True}
POOL = worker_pool(
    resultBackend={"broker": {"database": 1}},
    setup=["shop.setup:prepare"],
    failures=EVERY_FAILURE,
    telemetry=TRACES,
)


class Recorded(dict[str, Any]):
    """An object of a JSON text; `read` are the keys that were asked of any such object."""

    read: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        Recorded.read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        Recorded.read.add(key)
        return super().__getitem__(key)


def keys_of(value: Any) -> set[str]:
    """The keys of an object and of those in it."""
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_of(inner) for inner in value.values()))


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the runtime reads of its settings."""
    Recorded.read = set()
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: loads(text, object_hook=Recorded))
    return Recorded.read


def variables(container: Object) -> dict[str, str]:
    return {name: entry.get("value", "a value") for name, entry in by_name(container["env"]).items()}


def test_a_worker_reads_every_setting_and_no_other(recorded: set[str]) -> None:
    given = variables(worker(POOL, BROKER))
    results = {"urlSecretRef": {"name": "redis", "key": "url"}, "sentinel": {"masterName": "main"}}
    off = variables(worker(worker_pool(failures={"enabled": False}, resultBackend=results), BROKER))
    read = [read_settings(each).failures for each in (given, off)]
    assert read[0] == settings.FailureSettings(True, 5, 86400.0, arguments=True, messages=True)
    assert read[1] == settings.FailureSettings(enabled=False)
    assert read_settings(given).traces == settings.TraceSettings("http://collector:4318", POOL.name, 0.5)
    assert collector.HEADERS_VARIABLE in given
    told = [json.loads(each[settings.VARIABLE]) for each in (given, off)]
    assert recorded == keys_of(dict(told[0])) | keys_of(dict(told[1]))


def test_a_pod_reads_all_that_is_said_of_a_broker_by_parts(recorded: set[str], tmp_path: Path) -> None:
    container = worker(POOL, BY_PARTS)
    given = variables(container)
    assert not {*address_parts.BROKER_VARIABLES} & given.keys(), "the URL is made in the pod"
    said = dict(json.loads(given[settings.VARIABLE]))["broker"]
    recorded.clear()
    parts = address_parts.read_parts(read_object(given), "broker")
    assert parts is not None
    assert recorded >= said.keys()
    # The files that the operator projects are those that the runtime reads.
    (tmp_path / "host").write_text("cache")
    (tmp_path / "password").write_text("x")
    made = address_parts.url_of(replace(parts, folder=str(tmp_path)))
    assert made == "redis://:x@cache/"
    volume = by_name(pod_spec(POOL, BY_PARTS)["volumes"])["taskfleet-broker"]["projected"]
    paths = [item["path"] for one in volume["sources"] for kind in one.values() for item in kind["items"]]
    assert paths == ["host", "password"]
    mount = by_name(container["volumeMounts"])["taskfleet-broker"]
    assert mount == {"name": "taskfleet-broker", "mountPath": said["folder"], "readOnly": True}


def test_a_pod_reads_all_that_is_said_of_results_by_parts(recorded: set[str], tmp_path: Path) -> None:
    pool = worker_pool(resultBackend=RESULTS)
    container = worker(pool, BY_PARTS)
    given = variables(container)
    assert not {*address_parts.BROKER_VARIABLES, address_parts.RESULT_VARIABLE} & given.keys()
    said = dict(json.loads(given[settings.VARIABLE]))
    recorded.clear()
    parts = address_parts.read_parts(read_object(given), "results")
    read_settings(given)
    assert parts is not None
    assert recorded >= said.keys() - {"broker"} | keys_of(dict(said["results"])) | keys_of(
        dict(said["resultSentinel"])
    )
    assert connection.RESULT_SENTINEL_PASSWORD in given
    (tmp_path / "username").write_text("u")
    (tmp_path / "password").write_text("x")
    (tmp_path / "path").write_text("3")
    made = address_parts.url_of(replace(parts, folder=str(tmp_path)))
    assert made == "sentinel://u:x@a/3;sentinel://u:x@b/3"
    volume = by_name(pod_spec(pool, BY_PARTS)["volumes"])["taskfleet-results"]["projected"]
    holders = [holder for one in volume["sources"] for holder in one.values()]
    assert [item["path"] for one in holders for item in one["items"]] == said["results"]["files"]
    assert all(one["optional"] for one in holders), "the pod itself says what is missing"
    mount = by_name(container["volumeMounts"])["taskfleet-results"]
    assert mount == {"name": "taskfleet-results", "mountPath": said["results"]["folder"], "readOnly": True}


def test_a_beat_reads_every_setting(recorded: set[str]) -> None:
    pod = schedules_deployment(BROKER, INSTALLATION)["spec"]["template"]["spec"]
    given = variables(pod["containers"][0])
    beat_settings.read_beat_settings(given)
    assert recorded >= keys_of(dict(json.loads(given[settings.VARIABLE])))


def test_variables_have_one_name() -> None:
    assert settings.VARIABLE == worker_container.SETTINGS
    assert connection.SENTINEL_PASSWORD == broker_connection.SENTINEL_PASSWORD
    assert connection.RESULT_SENTINEL_PASSWORD == result_backend.RESULT_SENTINEL_PASSWORD
    given = variables(worker(POOL, BROKER))
    assert {*address_parts.BROKER_VARIABLES, connection.SENTINEL_PASSWORD, "POD_NAME"} <= given.keys()
    on_managed = variables(worker(POOL, managed_broker()))
    assert address_parts.RESULT_VARIABLE in on_managed


@pytest.mark.parametrize(
    ("field", "key"), [("pool", "poolType"), ("queue_order", "queueOrder"), ("acknowledge", "acknowledge")]
)
def test_a_worker_knows_every_value_of_a_field(field: str, key: str) -> None:
    annotation = WorkerPoolSpec.model_fields[field].annotation
    choices = [*get_args(annotation)]
    if NoneType in choices:  # left to the app
        choices = [*get_args(choices[0]), None]
    for value in choices:
        read_settings(environment(**{key: value}))
    assert choices, "the field has a list of values"


def test_the_operator_finds_the_note_about_variables() -> None:
    assert pool_variables.LEAD == celery_main.IGNORED


def test_a_worker_names_as_ignored_what_the_api_server_refuses() -> None:
    """By the API server where the WorkerPool sets the pool, by the worker where the app does."""
    expressions = {rule.expression for rule in WorkerPoolSpec.rules}
    for field, pools in app_pool._LIMITED.values():
        assert f"!has(self.{field}) || !has(self.pool) || self.pool in {list(pools)}" in expressions
    limited = sum("self.pool in [" in one for one in expressions)
    assert len(app_pool._LIMITED) == limited, "add the flag to _LIMITED of taskfleet_worker/start/app_pool.py"


def test_keys_have_one_name() -> None:
    assert NAMES.reports == LAYOUT.reports
    assert PREFIX + NAMES.held == LAYOUT.key("held", NAMES.start)
    assert PREFIX + NAMES.taken == LAYOUT.key("taken", "")
    assert PREFIX + NAMES.outcomes == LAYOUT.key("outcomes", "uid-1")
    assert PREFIX + NAMES.outcomes_of_start == LAYOUT.key("outcomes", NAMES.start)
    drains = RedisDrains(cast(Any, None), LAYOUT, "uid-1")
    assert PREFIX + NAMES.drain == drains._key(POD)
    # What only workers use: none of the operator's own.
    operators = {LAYOUT.key(name).removeprefix(PREFIX) for name in ("requeue", "held", "drain", "reports")}
    assert NAMES.revoked not in operators


def test_routing_keys_are_the_names_without_a_prefix() -> None:
    layout = Layout(prefix="", reports=NAMES.reports)
    assert AmqpDrains(cast(Any, None), layout, "uid-1")._key(POD) == NAMES.drain
    assert amqp_thread.EXCHANGE == amqp_connection.EXCHANGE


def test_a_pod_that_is_to_stop_understands_it() -> None:
    assert set(broker_thread.STOP) == {transport.STOP, transport.STOP.encode()}


def test_a_lease_lasts_equally_long_for_both() -> None:
    assert transport.LEASE_SECONDS == broker_thread.LEASE


def test_a_silent_worker_begins_nothing_before_its_messages_are_requeued() -> None:
    # By more than the report and its clock can be late.
    assert fence.PATIENCE + 5 * broker_thread.REPORT_EVERY < dead_workers.SILENT_SECONDS
    assert broker_thread.REPORT_EVERY < dead_workers.QUIET_SECONDS


@pytest.mark.parametrize("probe", [probes.readiness_probe(), probes.liveness_probe()], ids=["ready", "live"])
def test_a_worker_answers_the_kubelet(probe: Object) -> None:
    class Healthy:
        def readiness(self) -> tuple[bool, str]:
            return True, "ready"

        def liveness(self) -> tuple[bool, str]:
            return True, "alive"

    request = f"GET {probe['httpGet']['path']} HTTP/1.1\r\n\r\n".encode()
    assert worker_probes.respond(request, Healthy()).startswith(b"HTTP/1.1 200 ")
    assert probes.probe_port()["containerPort"] == worker_probes.PORT


def test_the_container_of_a_worker_is_found_by_its_name() -> None:
    # The room of brokers knows no builders.
    assert dead_workers.WORKER == worker_container.CONTAINER


def test_the_operator_shows_a_last_word_as_it_was_written() -> None:
    longest = "x" * termination_log.MAX_LENGTH
    assert clean(longest) == longest


def test_the_operator_reads_a_whole_report() -> None:
    queues = {f"queue-{number}": QueueCount(1, 2, 3.5) for number in range(report.MAX_QUEUES)}
    written = report.content(
        report.Worker(
            state="draining", drain=7, active=1, prefetched=2, eta=3, limited=4, capacity=5, started_at=6.5,
            ready_after=7.5, notes=("n" * report.MAX_NOTE,) * report.MAX_NOTES, queues=queues,
            held=dict.fromkeys(queues, 8), memory=9,
        )
    )  # fmt: skip
    parsed = worker_report.parse(report.encoded(written, 9).encode())
    assert parsed == (
        9,
        worker_report.Report(
            state="draining", drain=7, active=1, prefetched=2, eta=3, limited=4, capacity=5, started_at=6.5,
            ready_after=7.5, notes=("n" * report.MAX_NOTE,) * report.MAX_NOTES,
            queues=dict.fromkeys(queues, worker_report.QueueWork(active=1, held=8, done=2, busy_seconds=3.5)),
            memory=9,
        ),
    )  # fmt: skip
    again = worker_report.same_but_for_number(*(report.encoded(written, seq).encode() for seq in (10, 9)))
    assert again == 10
    assert worker_report.incarnation_of(NAMES.start.encode()) == ("uid-1", POD, "s1")


def test_the_operator_reads_what_a_worker_records() -> None:
    made = deliveries.Deliveries()
    delivery = made.fetched("tag", queue="high", prefix=PREFIX, line="high\x06\x163", payload={})
    assert held({b"tag": delivery.record.encode()}) == [
        Held(b"tag", 1, LAYOUT.lists("high")[1], LAYOUT.dead_letters("high"))
    ]


def test_the_operator_reads_every_total_that_a_worker_counts() -> None:
    counted = outcomes.Outcomes(deliveries.Deliveries())
    counted.followed = True
    for outcome in ("retried", "rejected", "ignored", "revoked", "expired"):
        counted.ended(request(f"shop.{outcome}"), outcome)
    for error in (ValueError(), SoftTimeLimitExceeded()):
        counted.failed(request(), error)
    over, interrupted_task = (request(headers={"timestamp": 1.7e9}) for _ in range(2))
    for task in (over, interrupted_task):
        counted.started(task)
    counted.succeeded(over, 1e9)
    counted.interrupted(interrupted_task)
    counted.add_up()
    written = {"\n".join(field).encode(): str(total).encode() for field, total in counted.totals().items()}
    read = totals.parse(written)
    assert {kind: dict(counts) for kind, counts in read.items()} == {
        kind: {
            totals.Counted(*field[1:]): total for field, total in counted.totals().items() if field[0] == kind
        }
        for kind in {field[0] for field in counted.totals()}
    }
    assert read.keys() | {"received"} == totals._KINDS
    assert [float(bound) for bound in totals.BOUNDS[:-1]] == [*outcomes.BOUNDS]
    assert outcomes._TEXTS == totals.BOUNDS
    assert outcome_folds.MAX_FIELDS < totals.MAX_FIELDS
    assert outcomes.OTHER == interrupted._OTHER
    assert outcomes.MAX_NAME <= totals._LONGEST_PART


def test_a_message_carries_the_same_count_to_the_same_bound() -> None:
    assert deliveries.LOSSES == redelivery.LOSSES
    assert deliveries.REASON == redelivery.REASON
    assert deliveries.MAX_REDELIVERIES == redelivery.MAX_REDELIVERIES
    delivery = deliveries.Deliveries().fetched("t", queue="q", prefix="", line="q", payload={"body": ""})
    for losses in range(1, deliveries.MAX_REDELIVERIES + 2):
        delivery.place, delivery.payload = deliveries.after_loss(delivery)
        # The scripts expect it in front.
        assert json.dumps(delivery.payload).startswith(f'{{"{redelivery.LOSSES}": {losses}, ')
        assert (delivery.place == "q.dead") is (losses > redelivery.MAX_REDELIVERIES)
