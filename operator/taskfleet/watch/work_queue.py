"""Keys waiting to be reconciled. A key is queued once however often it changes, because only the newest state matters.

Namespaces take turns, and none has all of those who work: what one tenant changes without end, or keeps waiting for its
slow broker, holds up no other.
"""

import asyncio
import heapq
import random
from collections import Counter, OrderedDict, deque

from taskfleet.api import Key

_FIRST_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 60.0


class WorkQueue:
    """Deduplicating queue with a back-off for each key; the same key is never handed out twice at once.

    `most_of_one_namespace`: so many keys of a namespace are handed out at once.
    """

    def __init__(self, *, most_of_one_namespace: int = 12) -> None:
        self._most_of_one_namespace = most_of_one_namespace
        self._waiting: OrderedDict[str, deque[Key]] = OrderedDict()  # by namespace, whose turn it is first
        self._running_of: Counter[str] = Counter()
        self._queued: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, float] = {}
        self._later: list[tuple[float, Key]] = []
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued) + len(self._running)

    def add(self, key: Key) -> None:
        """Work on `key` as soon as possible, and after the present run if one is under way."""
        self._due.pop(key, None)
        if key in self._running:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.setdefault(key.namespace, deque()).append(key)
            self._changed.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Work on `key` in `seconds`, or at an earlier time that was asked for before."""
        due = asyncio.get_running_loop().time() + seconds
        if due < self._due.get(key, float("inf")) and key not in self._queued:
            self._due[key] = due
            heapq.heappush(self._later, (due, key))
            self._changed.set()

    async def get(self) -> Key:
        """The next key; it belongs to the caller until `done` or `retry`."""
        while True:
            appointment = self._release_due()
            if (key := self._next()) is not None:
                return key
            self._changed.clear()
            try:
                # A time, not a duration: a sum of floats can fall short of it, and would be waited for again and again.
                async with asyncio.timeout_at(appointment):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _next(self) -> Key | None:
        """Hand out the next key of the next namespace that has not its most already."""
        most = self._most_of_one_namespace
        namespace = next((each for each in self._waiting if self._running_of[each] < most), None)
        if namespace is None:
            return None
        keys = self._waiting[namespace]
        key = keys.popleft()
        if keys:
            self._waiting.move_to_end(namespace)
        else:
            del self._waiting[namespace]
        self._queued.discard(key)
        self._running.add(key)
        self._running_of[namespace] += 1
        return key

    def done(self, key: Key) -> None:
        self._failures.pop(key, None)
        self._finish(key)

    def retry(self, key: Key) -> float:
        """The run failed: come back after a growing time, which is returned in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
        again = key in self._again
        self._finish(key)
        if not again:
            self.add_after(key, delay)
        return delay

    def failures(self, key: Key) -> int:
        """How many runs in a row have failed."""
        return self._failures.get(key, 0)

    def _finish(self, key: Key) -> None:
        if key in self._running:
            self._running.discard(key)
            self._running_of[key.namespace] -= 1
            if not self._running_of[key.namespace]:
                del self._running_of[key.namespace]
            self._changed.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _release_due(self) -> float | None:
        """Queue what is due; the time of the next appointment, None if there is none."""
        now = asyncio.get_running_loop().time()
        while self._later:
            due, key = self._later[0]
            if self._due.get(key) != due:  # overtaken by an earlier request, or forgotten
                heapq.heappop(self._later)
            elif due > now:
                return due
            else:
                heapq.heappop(self._later)
                self.add(key)
        return None
