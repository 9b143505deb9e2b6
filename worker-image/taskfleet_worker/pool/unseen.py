"""Work that neither the pool nor Celery counts: the app's own code in signal handlers, bootsteps, threads and children.

A worker that should have ended is not ended while such code runs, as nobody knows what it does.
"""

from __future__ import annotations

import os
import posix
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_LIBRARIES = {
    "amqp", "billiard", "celery", "click", "eventlet", "gevent", "greenlet", "hiredis", "kombu", "redis",
    "taskfleet_worker", "vine",
}  # fmt: skip
_STANDARD = os.path.dirname(os.__file__)


class Unseen:
    """Made in the main thread, in the green one that runs the consumer, before children are forked."""

    def __init__(self) -> None:
        self._main = threading.main_thread().ident
        self._green: Any = None
        self._said, self._says = os.pipe()
        for end in (self._said, self._says):
            os.set_blocking(end, False)
        self._leaving: set[int] = set()

    def listen(self) -> None:
        """To be called before the app connects its own handlers, which come after ours then."""
        from celery import signals

        signals.worker_process_shutdown.connect(self._say, weak=False)

    def consumer_ready(self) -> None:
        """Called in the green thread that runs the consumer, on pools that have one."""
        if "greenlet" in sys.modules:
            self._green = sys.modules["greenlet"].getcurrent()

    def works(self) -> bool:
        """Whether code of the app's runs: in the main thread, a thread that Python waits for, or a child that ends."""
        return any(map(_is_the_apps, self._frames())) or any(map(_is_alive, self._children()))

    def _frames(self) -> Iterator[FrameType]:
        frames = sys._current_frames()
        # Not by `enumerate`, whose lock is a green one on some pools: it would wait for the main thread.
        threads = list(threading._active.values())  # type: ignore[attr-defined]
        waited_for = {thread.ident for thread in threads if not thread.daemon}
        for thread, frame in frames.items():
            if thread == self._main or thread in waited_for:
                yield frame
        if self._green is not None and self._green.gr_frame is not None:
            yield self._green.gr_frame

    def _children(self) -> set[int]:
        try:
            said = posix.read(self._said, 4096)  # eventlet's `os.read` would wait
        except BlockingIOError:
            said = b""
        self._leaving |= {int(pid) for pid in said.split()}
        return self._leaving

    def _say(self, **_: Any) -> None:
        """In a child: its last handlers begin."""
        os.write(self._says, b"%d\n" % os.getpid())


def _is_the_apps(frame: FrameType | None) -> bool:
    while frame is not None:
        name, path = frame.f_globals.get("__name__", ""), frame.f_code.co_filename
        standard = path.startswith(("<frozen", _STANDARD)) and "-packages" not in path
        if not standard and name.partition(".")[0] not in _LIBRARIES and name != "__main__":
            return True
        frame = frame.f_back
    return False


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
