"""The consumer's loop woken when a thread of the pool has something for it.

kombu's loop does that by itself from 5.7 on. Before, an acknowledgement lies for up to a second until the loop comes
round, and the next fetch with it: with short tasks a slot then runs one a second.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any


class Waker:
    """A pipe that the loop listens to and that is written to with each call for the loop."""

    def __init__(self, hub: Any) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._hub, self._call_soon = hub, hub.call_soon
        hub.call_soon = self._call_and_wake

    def listen(self) -> None:
        """Once in each turn of the loop, which forgets its readers with each lost connection."""
        if self._read not in self._hub.readers:
            self._hub.add_reader(self._read, self._woken)

    def _call_and_wake(self, *call: Any) -> Any:
        handle = self._call_soon(*call)
        with contextlib.suppress(BlockingIOError):  # full of bytes that wake it
            os.write(self._write, b".")
        return handle

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)


def sleeps_on(hub: Any) -> bool:
    """Whether this loop does not notice what threads ask of it."""
    return hub is not None and not hasattr(hub, "_waker")
