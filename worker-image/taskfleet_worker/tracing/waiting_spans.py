"""Spans that have ended and were not sent yet: the last ones, and how many older ones were dropped."""

from __future__ import annotations

from collections import deque
from itertools import count

from taskfleet_worker.tracing.span import Span

MAX_WAITING = 4096


class WaitingSpans:
    """Any thread adds, one takes. Every step is one operation on a counter or deque, which the interpreter does at once."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._numbers = count(1)
        self._spans: deque[Span] = deque(maxlen=most)
        self._last = self._taken = 0

    def add(self, span: Span) -> None:
        """The oldest one makes room."""
        number = next(self._numbers)
        self._spans.append(span)
        self._last = number

    def take(self, most: int) -> list[Span]:
        """The oldest ones."""
        taken: list[Span] = []
        while self._spans and len(taken) < most:
            taken.append(self._spans.popleft())
        self._taken += len(taken)
        return taken

    @property
    def dropped(self) -> int:
        """Since the start of the process."""
        return max(0, self._last - self._taken - len(self._spans))
