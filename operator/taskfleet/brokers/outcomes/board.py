"""The outcomes of all pools' tasks, ready to be scraped. Read by the thread that answers a scrape."""

import zlib
from collections.abc import Iterator, Sequence

from taskfleet.api import Key
from taskfleet.brokers.outcomes.exposition import FAMILIES

# Fifty tasks are 45 KB of text that repeats itself. The fastest level makes 3 KB of it.
_LEVEL = 1


class OutcomeBoard:
    """The samples of each pool as its broker told them last. A broker that does not answer changes none."""

    def __init__(self) -> None:
        self._samples: dict[tuple[Key, Key], tuple[bytes, ...]] = {}
        self._failed: dict[tuple[Key, Key], int] = {}

    def put(self, broker: Key, pool: Key, samples: Sequence[str], *, failed: int = 0) -> None:
        """What is to be said of a pool, for each of FAMILIES; `failed`: its executions that failed so far."""
        self._failed[broker, pool] = failed
        packed = (zlib.compress(text.encode(), _LEVEL) if text else b"" for text in samples)
        self._samples[broker, pool] = tuple(packed)

    def forget(self, broker: Key, pool: Key) -> None:
        self._samples.pop((broker, pool), None)
        self._failed.pop((broker, pool), None)

    def forget_broker(self, broker: Key) -> None:
        for each in [known for known in self._samples if known[0] == broker]:
            del self._samples[each]
            self._failed.pop(each, None)

    def failed(self, broker: Key, pool: Key) -> int | None:
        """Executions of a pool that failed since it was created; None: not known."""
        return self._failed.get((broker, pool))

    def text(self) -> Iterator[bytes]:
        """Prometheus' text form, one metric after the other; nothing where no pool has run a task."""
        pools = list(self._samples.values())
        for at, family in enumerate(FAMILIES):
            samples = b"".join(zlib.decompress(each[at]) for each in pools if each[at])
            if samples:
                yield family.header.encode() + samples
