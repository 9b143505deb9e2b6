"""How much memory the answers of brokers may take: so much for each namespace, whatever number of Brokers it has. Pure."""

from collections import defaultdict
from collections.abc import Hashable

from taskfleet.brokers.untrusted import MAX_BYTES

SMALLEST_BYTES = 1024 * 1024
"""What a broker may always answer: the reports of 3,000 idle pods."""


class ReplyBudget:
    """The bytes of one answer are limited to what the namespace's other brokers leave, at most MAX_BYTES."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[Hashable, int]] = defaultdict(dict)

    def limit(self, namespace: str, broker: Hashable) -> int:
        """The bytes that a broker's next answer may have."""
        others = sum(kept for each, kept in self._kept[namespace].items() if each != broker)
        return max(SMALLEST_BYTES, MAX_BYTES - others)

    def keep(self, namespace: str, broker: Hashable, size: int) -> None:
        """A broker's last answer is kept in memory, to compare the next one with."""
        self._kept[namespace][broker] = size

    def forget(self, namespace: str, broker: Hashable) -> None:
        kept = self._kept.get(namespace, {})
        kept.pop(broker, None)
        if not kept:
            self._kept.pop(namespace, None)
