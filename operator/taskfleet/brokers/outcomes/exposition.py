"""The outcomes of tasks in Prometheus' text form, under celery-exporter's names where it has one. Pure.

A thousand pools with fifty tasks each are half a million lines: made when a pool's totals change, not at each scrape.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from taskfleet.brokers.outcomes.totals import BOUNDS, Counted, Totals

Lines = Iterator[str]
_MICRO = 1_000_000


@dataclass(frozen=True)
class Seen:
    """A pool's totals, with its labels and those of every task on its queue."""

    totals: Totals
    labels: str
    tasks: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Family:
    """One metric: `lines` gives its samples for what was seen of a pool."""

    name: str
    kind: str
    meaning: str
    lines: Callable[[str, Seen], Lines]

    @property
    def header(self) -> str:
        name = f"{self.name}_total" if self.kind == "counter" else self.name
        return f"# HELP {name} {self.meaning}\n# TYPE {name} {self.kind}\n"


def rendered(namespace: str, pool: str, totals: Totals) -> tuple[str, ...]:
    """The samples of one pool, for each of FAMILIES."""
    labels = f'namespace="{namespace}",pool="{pool}"'
    places = sorted({(each.task, each.queue) for counts in totals.values() for each in counts if each.task})
    tasks = {
        (task, queue): f'name="{_escaped(task)}",{labels},queue_name="{_escaped(queue)}"'
        for task, queue in places
    }
    seen = Seen(totals, labels, tasks)
    return tuple("".join(family.lines(family.name, seen)) for family in FAMILIES)


def _always(kind: str) -> Callable[[str, Seen], Lines]:
    """A counter that is 0 where nothing was counted: Prometheus sees no increase in a series that begins with 1."""

    def lines(name: str, seen: Seen) -> Lines:
        counts = seen.totals.get(kind, {})
        for (task, queue), labels in seen.tasks.items():
            yield f"{name}_total{{{labels}}} {counts.get(Counted(task, queue, ''), 0)}\n"

    return lines


def _where_seen(kind: str) -> Callable[[str, Seen], Lines]:
    """A counter that few tasks have."""

    def lines(name: str, seen: Seen) -> Lines:
        for each, value in seen.totals.get(kind, {}).items():
            yield f"{name}_total{{{seen.tasks[each.task, each.queue]}}} {value}\n"

    return lines


def _failed(name: str, seen: Seen) -> Lines:
    for labels in seen.tasks.values():  # as celery-exporter has it
        yield f'{name}_total{{exception="",{labels}}} 0\n'
    for each, value in seen.totals.get("failed", {}).items():
        labels = seen.tasks[each.task, each.queue]
        yield f'{name}_total{{exception="{_escaped(each.detail)}",{labels}}} {value}\n'


def _runtime(name: str, seen: Seen) -> Lines:
    """Buckets by queue, sum and count by task."""
    totals = seen.totals
    yield from _buckets(name, totals.get("runtimeBucket", {}), seen.labels)
    sums = totals.get("runtimeMicroseconds", {})
    for each, value in totals.get("runtimeCount", {}).items():
        labels = seen.tasks[each.task, each.queue]
        yield f"{name}_sum{{{labels}}} {sums.get(each, 0) / _MICRO}\n"
        yield f"{name}_count{{{labels}}} {value}\n"


def _wait(name: str, seen: Seen) -> Lines:
    buckets, sums = seen.totals.get("waitBucket", {}), seen.totals.get("waitMicroseconds", {})
    yield from _buckets(name, buckets, seen.labels)
    for queue in sorted({each.queue for each in buckets}):
        of_queue = f'{seen.labels},queue_name="{_escaped(queue)}"'
        yield f"{name}_sum{{{of_queue}}} {sums.get(Counted('', queue, ''), 0) / _MICRO}\n"
        total = sum(value for each, value in buckets.items() if each.queue == queue)
        yield f"{name}_count{{{of_queue}}} {total}\n"


def _buckets(name: str, counts: Mapping[Counted, int], labels: str) -> Lines:
    for queue in sorted({each.queue for each in counts}):
        below = 0
        for bound in BOUNDS:
            below += counts.get(Counted("", queue, bound), 0)
            yield f'{name}_bucket{{le="{bound}",{labels},queue_name="{_escaped(queue)}"}} {below}\n'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def _counter(name: str, meaning: str, lines: Callable[[str, Seen], Lines]) -> Family:
    return Family(name, "counter", meaning, lines)


FAMILIES = (
    _counter("celery_task_received", "Total number of tasks that workers received.", _always("received")),
    _counter("celery_task_started", "Total number of executions that started.", _always("started")),
    _counter("celery_task_succeeded", "Total number of executions that succeeded.", _always("succeeded")),
    _counter("celery_task_failed", "Total number of executions that failed, by class of exception.", _failed),
    _counter("celery_task_retried", "Total number of executions that ended in a retry.", _always("retried")),
    _counter("celery_task_rejected", "Total number of tasks that raised Reject.", _always("rejected")),
    _counter("celery_task_revoked", "Total number of tasks revoked or expired.", _always("revoked")),
    _counter("taskfleet_task_ignored", "Total number of tasks that raised Ignore.", _where_seen("ignored")),
    _counter("taskfleet_task_expired", "Total number of tasks that expired.", _where_seen("expired")),
    _counter(
        "taskfleet_task_timed_out",
        "Total number of failed executions that exceeded a hard or soft time limit.",
        _where_seen("timedOut"),
    ),
    _counter(
        "taskfleet_task_interrupted",
        "Total number of executions that ended with their process and had no outcome.",
        _always("interrupted"),
    ),
    Family(
        "celery_task_runtime",
        "histogram",
        "Runtime of successful executions in seconds: buckets by queue, sum and count by task.",
        _runtime,
    ),
    Family(
        "taskfleet_task_wait_seconds",
        "histogram",
        "Time from the ETA or from sending, where the message has it, until the start, by queue.",
        _wait,
    ),
)
