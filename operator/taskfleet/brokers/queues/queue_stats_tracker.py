"""The figures of every queue that a TaskQueue is about, kept as readings come. An idle queue costs nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taskfleet.api import Key
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.queues.consumers import Consumers
from taskfleet.brokers.queues.message_rates import Flows
from taskfleet.brokers.queues.queue_stats import QueueStats, queue_figures
from taskfleet.brokers.queues.subscriptions import Subscriptions

_EVERY_SECONDS = 1.0
_NUMBERS_EVERY_SECONDS = 10.0  # as often as a status may be written for them


@dataclass(frozen=True)
class _Told:
    at: float
    verdict: tuple[bool, ...]
    figures: QueueStats


@dataclass
class _Broker:
    looked_at: float = 0.0
    changes: int = -1  # of the readers, at the last poll
    flows: Flows = field(default_factory=Flows)
    news_of: set[str] = field(default_factory=set)  # uids of pools
    consumers: Mapping[str, int] = field(default_factory=dict)  # by queue, at the last poll
    figures: dict[Key, QueueStats] = field(default_factory=dict)
    told: dict[Key, _Told] = field(default_factory=dict)
    waiting_to_be_told: set[Key] = field(default_factory=set)


class QueueStatsTracker:
    """`on_change` gets the key of a TaskQueue: at once if a condition may change, every 10 s for numbers."""

    def __init__(self, audience: Subscriptions, on_change: Callable[[Key], None]) -> None:
        self._audience = audience
        self._on_change = on_change
        self._brokers: dict[Key, _Broker] = {}

    def figures(self, broker: Key, queue: Key) -> QueueStats | None:
        """The figures of a TaskQueue; None while its broker does not answer, or has not been read for it yet."""
        known = self._brokers.get(broker)
        return known.figures.get(queue) if known is not None else None

    def purged(self, broker: Key, queue: str, messages: int) -> None:
        if broker in self._brokers:
            self._brokers[broker].flows.purged(queue, messages)

    def forget(self, broker: Key) -> None:
        self._brokers.pop(broker, None)

    def take(self, broker: Key, seen: BrokerSnapshot | None) -> None:
        """A reading of a broker; None: it does not answer, so that nothing is known."""
        board = self._brokers.setdefault(broker, _Broker())
        if seen is None:
            board.figures.clear()
            board.told.clear()
            board.changes = -1
            return
        board.news_of.update(seen.changed)
        if seen.at - board.looked_at >= _EVERY_SECONDS:
            board.looked_at = seen.at
            self._look(board, self._audience.of(broker), seen)

    def _look(self, board: _Broker, readers: Consumers, seen: BrokerSnapshot) -> None:
        if not readers.onlookers:
            board.figures.clear()
            board.told.clear()
            return
        known = readers.looked_at & seen.waiting.keys()  # one that is new is read from the next reading on
        moved = board.flows.add(seen, known)
        if board.changes != readers.changes:
            board.changes, moved = readers.changes, known
            board.figures = {key: one for key, one in board.figures.items() if key in readers.onlookers}
            board.told = {key: one for key, one in board.told.items() if key in readers.onlookers}
        elif board.news_of:
            moved |= readers.queues_of(board.news_of) & known
        if board.consumers != seen.consumers:
            changed = dict(board.consumers.items() ^ seen.consumers.items())
            moved |= changed.keys() & known
        board.news_of, board.consumers = set(), seen.consumers
        for queue in moved:
            figures = queue_figures(queue, seen, board.flows, readers.consumers(queue))
            for key in readers.onlookers_of((queue,)):
                board.figures[key] = figures
                board.waiting_to_be_told.add(key)
        self._tell(board, readers, seen.at)

    def _tell(self, board: _Broker, readers: Consumers, now: float) -> None:
        for key in list(board.waiting_to_be_told):
            figures, told = board.figures.get(key), board.told.get(key)
            if figures is None or key not in readers.onlookers:
                board.waiting_to_be_told.discard(key)
                continue
            verdict = figures.verdict(readers.onlookers[key])
            if told is not None and told.verdict == verdict:
                if told.figures == figures:
                    board.waiting_to_be_told.discard(key)
                    continue
                if now - told.at < _NUMBERS_EVERY_SECONDS:
                    continue
            board.waiting_to_be_told.discard(key)
            board.told[key] = _Told(now, verdict, figures)
            self._on_change(key)
