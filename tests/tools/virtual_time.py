"""An event loop whose time jumps to the next timer when nothing else is to do: minutes pass in no time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Only for code that waits on timers and on itself: a wait for a socket would not hold the time back."""

    _ready: Any  # of asyncio's BaseEventLoop: callbacks to run now
    _scheduled: list[asyncio.TimerHandle]  # and a heap of those that wait for their time

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]
        if not self._ready and timers:
            self.now = max(self.now, min(timers))
        super()._run_once()  # type: ignore[misc] # private, and stable since Python 3.4


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` from time 0 on; its loop is a VirtualTimeLoop."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def virtual_loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
