"""Reports of worker pods, honest and not."""

import json
from typing import Any

import pytest

from taskfleet.brokers.polling.worker_report import (
    Incarnation,
    QueueWork,
    WorkerFacts,
    incarnation_of,
    parse,
    same_but_for_number,
)

GOOD: dict[str, Any] = {
    "v": 1,
    "seq": 7,
    "state": "running",
    "drain": None,
    "active": 2,
    "prefetched": 1,
    "eta": 3,
    "limited": 4,
    "capacity": 8,
    "startedAt": 1767225600.5,
    "readyAfter": 1.25,
    "memory": 268435456,
    "notes": ["mail.send acknowledges early"],
    "worker": {
        "celery": "5.7.0",
        "kombu": "5.7.1",
        "python": "3.12.1",
        "pool": "threads",
        "capacity": 8,
        "queues": ["high"],
        "acksLate": True,
        "prefetchCount": 8,
    },
    "queues": {"high": {"active": 2, "held": 3, "done": 40, "busySeconds": 12.5}},
}


def test_a_report_is_read_whole() -> None:
    number, report = parse(json.dumps(GOOD).encode()) or (0, None)
    assert report is not None
    assert number == 7
    assert (report.active, report.prefetched, report.eta, report.limited) == (2, 1, 3, 4)
    assert report.queues == {"high": QueueWork(active=2, held=3, done=40, busy_seconds=12.5)}
    assert report.held == 3
    assert report.worker == WorkerFacts("5.7.0", "5.7.1", "3.12.1", "threads", 8, ["high"], True, 8)
    assert (report.started_at, report.ready_after) == (1767225600.5, 1.25)
    assert report.memory == 268435456


def test_a_runtime_that_knows_no_memory_reports_none() -> None:
    _, report = parse(json.dumps({name: GOOD[name] for name in GOOD if name != "memory"}).encode()) or (
        0,
        None,
    )
    assert report is not None
    assert report.memory is None


def test_a_report_of_a_newer_runtime_is_read_as_far_as_it_is_known() -> None:
    assert parse(json.dumps({**GOOD, "new": {"a": 1}}).encode()) is not None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b"[" * 100_000, id="nested-beyond-reason"),
        pytest.param(json.dumps({**GOOD, "v": 2}).encode(), id="another-version"),
        pytest.param(json.dumps({**GOOD, "active": -1}).encode(), id="negative"),
        pytest.param(json.dumps({**GOOD, "active": "many"}).encode(), id="text-for-a-number"),
        pytest.param(json.dumps({**GOOD, "readyAfter": float("inf")}).encode(), id="endless"),
        pytest.param(json.dumps({**GOOD, "worker": {"pool": "threads"}}).encode(), id="facts-left-out"),
        pytest.param(
            json.dumps({**GOOD, "worker": {**GOOD["worker"], "pool": "x"}}).encode(), id="unknown-pool"
        ),
        pytest.param(json.dumps({**GOOD, "memory": -1}).encode(), id="negative-memory"),
        pytest.param(json.dumps({**GOOD, "queues": 3}).encode(), id="queues-are-no-map"),
        pytest.param(json.dumps({**GOOD, "notes": ["x" * 70_000]}).encode(), id="too-large"),
    ],
)
def test_what_is_no_report_is_dropped(value: bytes) -> None:
    assert parse(value) is None


def test_notes_and_queues_are_bounded() -> None:
    queues: dict[str, Any] = {f"q{n}": {} for n in range(500)}
    _, report = parse(json.dumps({**GOOD, "notes": ["y" * 900] * 50, "queues": queues}).encode()) or (0, None)
    assert report is not None
    assert len(report.queues) == 100
    assert [len(note) for note in report.notes] == [200] * 10


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(b"uid/pod-1/abc", Incarnation("uid", "pod-1", "abc"), id="whole"),
        pytest.param(b"uid/pod-1", None, id="short"),
        pytest.param(b"uid//abc", None, id="nameless"),
        pytest.param(b"\xff/\xfe/x/y", None, id="garbage"),
        pytest.param(b"uid/../abc", None, id="pod-that-is-a-path"),
        pytest.param(b"uid/%2e%2e/abc", None, id="pod-that-is-an-encoded-path"),
        pytest.param(b"uid/pod-1/\x1b[2J", None, id="start-with-control-characters"),
        pytest.param(b"uid/" + b"p" * 2_000_000 + b"/abc", None, id="long"),
    ],
)
def test_names_of_starts(name: bytes, expected: Incarnation | None) -> None:
    assert incarnation_of(name) == expected


SAID = json.dumps({"seq": 7, "state": "ready"}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b'{"seq":8,"state":"ready"}', 8, id="only-the-number-is-new"),
        pytest.param(b'{"seq":8,"state":"draining"}', None, id="something-else-is-new"),
        pytest.param(b'{"seq":-8,"state":"ready"}', None, id="no-such-number"),
        pytest.param(b'{"seq":' + b"9" * 5000 + b',"state":"ready"}', None, id="a-number-without-end"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_an_idle_pods_report_is_known_by_its_number(value: bytes, expected: int | None) -> None:
    assert same_but_for_number(value, SAID) == expected
