"""The outcomes of tasks as Prometheus reads them, from the totals that workers keep."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from taskfleet.api import Key
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.outcomes.exposition import FAMILIES, Family, rendered
from taskfleet.brokers.outcomes.totals import BOUNDS, Counted, parse

BROKER = Key("Broker", "shop", "default")
POOL = Key("WorkerPool", "shop", "mail")
TOTALS = {
    b"received\npay\nhigh\n": b"5",
    b"started\npay\nhigh\n": b"5",
    b"succeeded\npay\nhigh\n": b"3",
    b"failed\npay\nhigh\nValueError": b"2",
    b"timedOut\npay\nhigh\n": b"1",
    b"runtimeCount\npay\nhigh\n": b"3",
    b"runtimeMicroseconds\npay\nhigh\n": b"1250000",
    b"runtimeBucket\n\nhigh\n0.25": b"2",
    b"runtimeBucket\n\nhigh\n2.5": b"1",
    b"waitBucket\n\nhigh\n+Inf": b"1",
    b"waitMicroseconds\n\nhigh\n": b"7200000000",
}


def samples(*pools: Key) -> dict[str, float]:
    """The value of each sample, under its name with the labels that are not the pool's."""
    board = OutcomeBoard()
    for pool in pools:
        board.put(BROKER, pool, rendered(pool.namespace, pool.name, parse(TOTALS)))
    text = b"".join(board.text()).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            own = {name: value for name, value in sample.labels.items() if name not in ("namespace", "pool")}
            assert (sample.labels["namespace"], sample.labels["pool"]) in {
                (pool.namespace, pool.name) for pool in pools
            }
            found[f"{sample.name}{sorted(own.items())}" if len(own) > 2 else _short(sample.name, own)] = (
                sample.value
            )
    return found


def _short(name: str, labels: dict[str, str]) -> str:
    assert labels.pop("queue_name") == "high"
    return " ".join([name, *labels.values()])


def test_counters_have_the_exporters_names_and_are_there_from_the_first_task() -> None:
    found = samples(POOL)
    assert {name: value for name, value in found.items() if name.endswith("_total pay")} == {
        "celery_task_received_total pay": 5,
        "celery_task_started_total pay": 5,
        "celery_task_succeeded_total pay": 3,
        "celery_task_retried_total pay": 0,
        "celery_task_rejected_total pay": 0,
        "celery_task_revoked_total pay": 0,
        "taskfleet_task_timed_out_total pay": 1,
        "taskfleet_task_interrupted_total pay": 0,
    }
    failed = {name: value for name, value in found.items() if "failed" in name}
    assert {"ValueError" in name: value for name, value in failed.items()} == {False: 0, True: 2}


def test_histograms_are_by_queue_and_their_sums_by_task() -> None:
    found = samples(POOL)
    buckets = {name.split()[1]: value for name, value in found.items() if "runtime_bucket" in name}
    assert [*buckets] == [*BOUNDS]
    assert (buckets["0.1"], buckets["0.25"], buckets["1"], buckets["2.5"], buckets["+Inf"]) == (0, 2, 2, 3, 3)
    assert (found["celery_task_runtime_sum pay"], found["celery_task_runtime_count pay"]) == (1.25, 3)
    assert found["taskfleet_task_wait_seconds_sum"] == 7200
    assert (found["taskfleet_task_wait_seconds_count"], found["taskfleet_task_wait_seconds_bucket +Inf"]) == (
        1,
        1,
    )


def test_each_metric_is_one_block_whatever_the_number_of_pools() -> None:
    other = Key("WorkerPool", "shop", "sms")
    board = OutcomeBoard()
    for pool in (POOL, other):
        board.put(BROKER, pool, rendered(pool.namespace, pool.name, parse(TOTALS)))
    lines = b"".join(board.text()).decode().splitlines()
    headers = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(headers) == len(set(headers))
    assert sum('pool="sms"' in line for line in lines) == sum('pool="mail"' in line for line in lines) > 0


def test_nothing_is_exported_of_a_pool_that_is_forgotten() -> None:
    board = OutcomeBoard()
    board.put(BROKER, POOL, rendered("shop", "mail", parse(TOTALS)))
    board.put(Key("Broker", "shop", "other"), POOL, rendered("shop", "mail", parse(TOTALS)))
    board.forget(BROKER, POOL)
    assert b"".join(board.text())
    board.forget_broker(Key("Broker", "shop", "other"))
    assert b"".join(board.text()) == b""


def test_labels_are_escaped() -> None:
    totals = parse({b'received\na"b\\c\nhigh\n': b"1"})
    text = rendered("shop", "mail", totals)[0]
    assert 'name="a\\"b\\\\c"' in text
    (family,) = text_string_to_metric_families(FAMILIES[0].header + text)
    assert family.samples[0].labels["name"] == 'a"b\\c'


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(b"received\npay\nhigh\n", b"-1", id="negative"),
        pytest.param(b"received\npay\nhigh\n", b"1.5", id="no-count"),
        pytest.param(b"received\npay\nhigh\n", b"9" * 19, id="too-large"),
        pytest.param(b"received\npay\nhigh\n", "\u0663".encode(), id="other-digits"),
        pytest.param(b"received\npay\nhigh", b"1", id="a-part-is-missing"),
        pytest.param(b"received\n\nhigh\n", b"1", id="no-task"),
        pytest.param(b"received\npay\nhigh\nx", b"1", id="a-detail"),
        pytest.param(b"failed\npay\nhigh\n", b"1", id="no-exception"),
        pytest.param(b"unknown\npay\nhigh\n", b"1", id="unknown-kind"),
        pytest.param(b"runtimeBucket\n\nhigh\n0.3", b"1", id="another-bound"),
        pytest.param(b"received\n" + b"x" * 201 + b"\nhigh\n", b"1", id="long"),
        pytest.param(b"received\n\x1b[31m\nhigh\n", b"1", id="control-characters"),
        pytest.param(b"received\npay\nhigh\n\n" + b"x" * 10_000, b"1", id="very-long"),
    ],
)
def test_what_no_worker_writes_is_left_out(field: bytes, value: bytes) -> None:
    assert parse({field: value}) == {}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_metric_is_documented(family: Family) -> None:
    page = (Path(__file__).parents[4] / "docs/reference/metrics.md").read_text()
    name = f"{family.name}_total" if family.kind == "counter" else family.name
    assert f"`{name}`" in page or f"`{name}{{" in page
    assert family.name.startswith(("celery_task_", "taskfleet_task_"))


def test_totals_are_kept_apart() -> None:
    assert parse(TOTALS)["failed"] == {Counted("pay", "high", "ValueError"): 2}
