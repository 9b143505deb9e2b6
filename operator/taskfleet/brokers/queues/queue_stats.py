"""What is known of one queue at one moment, as a TaskQueue shows it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from taskfleet.api import Key
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.queues.consumers import PoolConsumer, QueueObserver
from taskfleet.brokers.queues.message_rates import Flows, MessageRates


@dataclass(frozen=True)
class QueueStats:
    """`waiting` by priority step; `consuming`: pods that fetch, by the pool's name; `undrained`: pods that are not
    drained, silent ones included; `silent`: messages in the hands of silent ones; `others`: consumers that are none of
    these, where the broker counts them; `age`: estimated seconds that the oldest message waits, None where nothing
    does."""

    waiting: tuple[int, ...]
    unacked: int = 0
    consuming: Mapping[str, int] = field(default_factory=dict)
    undrained: int = 0
    silent: int = 0
    others: int = 0
    age: int | None = None
    rates: MessageRates = field(default_factory=MessageRates)
    watched_for: float = field(default=0.0, compare=False)  # seconds

    @property
    def total(self) -> int:
        return sum(self.waiting)

    def verdict(self, onlooker: QueueObserver) -> tuple[bool, ...]:
        """What decides conditions: a change of it is reported at once, one of numbers alone can wait."""
        return (
            self.total > 0,
            onlooker.waiting is not None and self.total > onlooker.waiting,
            onlooker.age is not None and self.age is not None and self.age > onlooker.age,
            bool(self.consuming),
            self.rates.other > 0 or self.others > 0,
            self.silent > 0,
        )


def queue_figures(
    queue: str, seen: BrokerSnapshot, flows: Flows, consumers: Mapping[Key, PoolConsumer]
) -> QueueStats:
    consuming: dict[str, int] = {}
    undrained = silent = 0
    for pool, reader in consumers.items():
        reports = seen.reports_of(reader.uid).values()
        fetching = sum(known.report.state == "ready" and not known.stale(seen.at) for known in reports)
        if fetching:
            consuming[pool.name] = fetching
        undrained += sum(known.report.state != "drained" for known in reports)
        silent += sum(
            _held_in_silence(queue, seen.reports[start], seen) for start in seen.starts.get(reader.uid, ())
        )
    rates = flows.rates(queue, seen.at)
    return QueueStats(
        waiting=seen.waiting.get(queue, ()),
        unacked=flows.held(queue),
        consuming=consuming,
        undrained=undrained,
        silent=silent,
        others=max(0, seen.consumers.get(queue, 0) - undrained),
        age=_age(seen, queue),
        rates=MessageRates(round(rates.arrival, 1), round(rates.done, 1), round(rates.other, 1)),
        watched_for=flows.watched_for(queue, seen.at),
    )


def _held_in_silence(queue: str, known: LastReport, seen: BrokerSnapshot) -> int:
    work = known.report.queues.get(queue)
    return work.held if work is not None and known.stale(seen.at) else 0


def _age(seen: BrokerSnapshot, queue: str) -> int | None:
    """Coarser the older, because it is an estimate and each new figure is a write."""
    since = seen.oldest_since.get(queue)
    if since is None or not seen.total(queue):
        return None
    seconds = max(0, int(seen.at - since))
    step = 1 if seconds < 60 else 10 if seconds < 600 else 60
    return seconds - seconds % step
