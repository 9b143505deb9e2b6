"""What kombu's changed Redis channels share with the rest of the package."""

from __future__ import annotations

from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.broker.redis_commands import Unacked
from taskfleet_worker.broker.redis_fetch import MOST
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.messages.intake import Intake
from taskfleet_worker.messages.rivals import Rivals
from taskfleet_worker.refusals import Refusals


class RedisLink:
    """One for all channels of a process."""

    def __init__(
        self, deliveries: Deliveries, gate: Gate, intake: Intake, *, held_key: str, wake_up_key: str
    ) -> None:
        self.deliveries = deliveries
        self.gate = gate
        self.held_key = held_key
        self.wake_up_key = wake_up_key
        self.intake = intake
        self.fetched_at = native.monotonic()
        self.leaving = False
        self.refusals = Refusals(native.monotonic)
        self.may_fetch: Callable[[], bool] = lambda: True
        self.is_consumers: Callable[[Any], bool] = lambda _channel: False
        self.tags_that_run_on: Callable[[], set[str]] = set
        self.settle_pending: Callable[[], None] = lambda: None
        self.rivals = Rivals()
        # How many messages a fetch may bring beside what the prefetch count says.
        self.most: Callable[[], int] = lambda: MOST
        # Why Redis does not wake the worker; None: it does, or that is not known yet.
        self.not_woken: str | None = None

    def names_of(self, channel: Any) -> Unacked:
        """Full names of the keys that a channel's messages are kept under."""
        return Unacked(prefix_of(channel), channel.unacked_key, channel.unacked_index_key, self.held_key)


def prefix_of(channel: Any) -> str:
    """The global key prefix of the app."""
    return getattr(channel, "global_keyprefix", "") or ""
