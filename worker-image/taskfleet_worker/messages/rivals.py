"""How many workers wait for the same messages: as many as it takes wake-ups to get one.

Each message wakes every worker that waits. Where they are many, most come too late, and each try costs Redis a call. So
a worker pauses before it fetches, for a random time that grows with the number of its rivals; the first of many
random pauses is short.
"""

from __future__ import annotations

import random
from typing import Callable

# A wake-up counts for a tenth, so ten of them tell.
_WEIGHT = 0.1
_MOST = 1000.0
# Seconds; with 300 idle workers and 100 messages a second, 13 calls a message.
_LONGEST = 0.5
_STEP = 0.003


class Rivals:
    """Counts itself: 1 where nobody else waits. `chance` gives a random number from 0 to 1."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._in_time = 1.0
        self._chance = chance

    def woken(self, *, in_time: bool) -> None:
        """After a wake-up there was a message to fetch, or somebody else had it already."""
        self._in_time += _WEIGHT * (in_time - self._in_time)

    @property
    def number(self) -> float:
        """At least 1."""
        return 1 / max(self._in_time, 1 / _MOST)

    @property
    def share(self) -> int:
        """Among how many workers to divide what is there: none takes all, unless it is one."""
        return max(2, round(self.number))

    def pause(self) -> float:
        """Seconds before the next fetch."""
        return self._chance() * min(_LONGEST, _STEP * (self.number - 1) ** 2)
