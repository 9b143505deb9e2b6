"""What is due when: the next moment of each of many names, earliest first."""

from __future__ import annotations

import heapq


class Agenda:
    """A name has one moment at most; setting it again replaces it."""

    def __init__(self) -> None:
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # with what was replaced or removed still in it

    def __len__(self) -> int:
        return len(self._moments)

    def set(self, name: str, moment: float | None) -> None:
        """None: never."""
        if moment is None:
            self._moments.pop(name, None)
        elif self._moments.get(name) != moment:
            self._moments[name] = moment
            heapq.heappush(self._heap, (moment, name))

    def first(self) -> float | None:
        """The earliest moment."""
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, until: float, most: int) -> list[tuple[float, str]]:
        """The earliest moments with their names, removed: those that are not after `until`."""
        taken: list[tuple[float, str]] = []
        while len(taken) < most and (first := self.first()) is not None and first <= until:
            taken.append(heapq.heappop(self._heap))
            del self._moments[taken[-1][1]]
        return taken
