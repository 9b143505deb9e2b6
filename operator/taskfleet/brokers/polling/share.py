"""What one broker may take of what all brokers have in common: time to be read, and memory for its answers."""

from dataclasses import dataclass, field

from taskfleet import metrics
from taskfleet.brokers.polling.interval import PollInterval
from taskfleet.brokers.polling.reading_schedule import Pace
from taskfleet.brokers.polling.reply_budget import ReplyBudget


@dataclass(frozen=True, eq=False)
class Share:
    """Of one broker of a namespace, which is the tenant. `pace` and `budget` are those of all brokers."""

    namespace: str
    broker: str
    pace: PollInterval = field(default_factory=PollInterval)
    budget: ReplyBudget = field(default_factory=ReplyBudget)

    @property
    def pace_now(self) -> Pace:
        """How often it may be read at the moment."""
        return Pace(self.pace.pause(self.namespace), self.pace.reports_pause(self.namespace))

    def spent(self, seconds: float) -> None:
        """A reading with all reports has taken so much CPU."""
        self.pace.spent(self.namespace, self, seconds)

    def max_reply_bytes(self) -> int:
        """The most that the next answer may have."""
        return self.budget.limit(self.namespace, self)

    def keeps(self, size: int) -> None:
        """The last answer, which is kept, has so many bytes."""
        self.budget.keep(self.namespace, self, size)

    def connects(self) -> None:
        """Count a connection."""
        metrics.BROKER_CONNECTIONS_OPENED.labels(self.namespace, self.broker).inc()

    def missed_wake_up(self) -> None:
        """Count a change that was found without having been announced."""
        metrics.BROKER_WAKE_UPS_MISSED.labels(self.namespace, self.broker).inc()

    def received(self, size: int) -> None:
        """Count the bytes of an answer."""
        metrics.BROKER_RECEIVED_BYTES.labels(self.namespace, self.broker).inc(size)

    def requeue_unacked(self) -> None:
        """The broker is read no more."""
        self.pace.forget(self.namespace, self)
        self.budget.forget(self.namespace, self)
