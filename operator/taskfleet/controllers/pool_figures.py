"""What a pool's pods and queues are doing, as its status shows it. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from taskfleet.api import Object
from taskfleet.api.stored import is_terminating
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.polling.worker_report import Report

_MOST_NOTES = 10
_NO_MEMORY = "The container's memory cannot be read, so recycle.maxMemory has no effect"


def pool_figures(
    snapshot: BrokerSnapshot | None,
    *,
    uid: str,
    queues: Sequence[str],
    pods: Iterable[Object],
    needs_memory: bool = False,
) -> Object:
    """Status fields by name. None if the broker does not answer: an old figure would look like a new one.

    `needs_memory`: pods are recycled by the memory that they report.
    """
    if snapshot is None:
        return dict.fromkeys(
            ("waiting", "inFlight", "busyReplicas", "drainingReplicas", "deadLetters", "notes")
        )
    alive = {pod["metadata"]["name"] for pod in pods if not is_terminating(pod)}
    reported = snapshot.reports_of(uid)
    reports = {pod: known.report for pod, known in reported.items() if pod in alive}
    return {
        "waiting": sum(snapshot.total(queue) for queue in queues),
        "inFlight": sum(report.active + report.prefetched for report in reports.values()),
        "busyReplicas": sum(report.active > 0 for report in reports.values()),
        "drainingReplicas": sum(report.state in ("draining", "drained") for report in reports.values()),
        "deadLetters": sum(snapshot.dead_letters.get(queue, 0) for queue in queues) or None,
        "notes": _notes({pod: _said(report, needs_memory) for pod, report in reports.items()}),
    }


def _said(report: Report, needs_memory: bool) -> tuple[str, ...]:
    return (*report.notes, _NO_MEMORY) if needs_memory and report.memory is None else report.notes


def _notes(by_pod: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Each note once, with how many pods say it; pods of one template say the same."""
    counts: dict[str, int] = {}
    for notes in by_pod.values():
        for note in notes:
            counts[note] = counts.get(note, 0) + 1
    told = [f"{note} ({count} of {len(by_pod)} pods)" for note, count in sorted(counts.items())]
    return told[:_MOST_NOTES] or None
