"""Keeps the tasks of one broker running: a failure is reported, and the task is retried."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from taskfleet.brokers.connection.replies import UnsafeReplyError
from taskfleet.faults import FaultLog
from taskfleet.steps import STEPS

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


def cause_of(error: Exception) -> str:
    """What went wrong, in words of ours: a text of the broker's would reach a status."""
    return str(error) if isinstance(error, UnsafeReplyError) else type(error).__name__


class Supervisor:
    """Of one broker. `failed` gets the name of what has failed and the cause, `spent` the seconds of CPU of each step."""

    def __init__(
        self, name: str, *, failed: Callable[[str, str], None], spent: Callable[[float], None]
    ) -> None:
        self._name = name
        self._failed = failed
        self._spent = spent
        self._faults = FaultLog("cannot read a broker")

    async def keep(self, part: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` forever; after a failure, retry with exponential backoff. Ends only by cancellation."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            try:
                await STEPS.measured(f"{part} of Broker {self._name}", work(), self._spent)
            except Exception as error:
                self._log(part, error)
                self._failed(part, cause_of(error))
            if time.monotonic() - began > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _log(self, part: str, error: Exception) -> None:
        if isinstance(error, UnsafeReplyError):
            log.warning("cannot read a broker", broker=self._name, part=part, cause=str(error))
        else:
            self._faults.exception(f"{part} of Broker {self._name}", error)
