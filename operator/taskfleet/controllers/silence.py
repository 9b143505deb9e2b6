"""Messages in the hands of workers that say nothing any more, in a sentence for pools and queues. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from taskfleet.api import Object
from taskfleet.api.base import rfc3339
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.recovery.dead_workers import SILENT_SECONDS
from taskfleet.brokers.recovery.lost_nodes import is_cut_off, node_name

_SILENT = timedelta(seconds=SILENT_SECONDS)


@dataclass(frozen=True)
class Holder:
    """A start that holds messages and is silent since a moment. `node`: None while it is not known; `cut_off`: nothing
    comes from there any more."""

    pod: str
    node: str | None
    queues: Mapping[str, int]
    since: datetime
    cut_off: bool

    @property
    def messages(self) -> int:
        return sum(self.queues.values())


def holders(
    snapshot: BrokerSnapshot,
    pools: Iterable[str],
    pods: Mapping[str, Object],
    lost_nodes: Set[str],
    *,
    epoch: datetime,
    now: datetime,
) -> tuple[Holder, ...]:
    """The silent starts of pools, by uid, that hold messages, the longest silent first.

    `pods` by name; `epoch`: when the clock of the readings stood at 0.
    """
    found = []
    for start in (start for uid in pools for start in snapshot.starts.get(uid, ())):
        known = snapshot.reports[start]
        if known.held_in_silence(snapshot.at):
            pod = pods.get(start.pod)
            node, cut_off = (
                (None, True) if pod is None else (node_name(pod), is_cut_off(pod, lost_nodes, now=now))
            )
            queues = {queue: work.held for queue, work in known.report.queues.items() if work.held}
            since = epoch + timedelta(seconds=known.moved_at)
            found.append(Holder(start.pod, node, queues, since, cut_off))
    return tuple(sorted(found, key=lambda holder: (holder.since, holder.pod)))


def in_queue(held: Iterable[Holder], queue: str) -> tuple[Holder, ...]:
    """Of one queue only."""
    return tuple(
        Holder(one.pod, one.node, {queue: one.queues[queue]}, one.since, one.cut_off)
        for one in held
        if queue in one.queues
    )


def sentence(held: Sequence[Holder]) -> str | None:
    """Which pods hold how many messages since when, and what follows; None if there are none."""
    if not held:
        return None
    first, others = held[0], held[1:]
    where = f" on node {first.node}" if first.node else ""
    told = (
        f"Pod {first.pod}{where} has not reported since {_time(first.since)} and holds "
        f"{_count(first.messages)}."
    )
    if first.cut_off:
        told += f" Its node is lost. The operator requeues its messages at {_time(first.since + _SILENT)}."
    else:
        told += (
            " It may be busy. The operator requeues its messages if the pod or its node is lost, "
            f"at {_time(first.since + _SILENT)} at the earliest."
        )
    if others:
        pods = "1 other pod has" if len(others) == 1 else f"{len(others)} other pods have"
        told += f" {pods} not reported either, with {_count(sum(one.messages for one in others))}."
    return told


def _count(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages} messages"


def _time(moment: datetime) -> str:
    return rfc3339(moment)
