"""Failures that may come again at every reading are logged once a minute each, so that one object floods no log."""

import time
from collections.abc import Callable

import structlog

_EVERY_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


class FaultLog:
    """`clock` is monotonic. The same name with the same kind of exception is the same failure."""

    def __init__(self, event: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._log = structlog.get_logger(__name__)
        self._logged: dict[tuple[str, type[BaseException]], float] = {}

    def exception(self, name: str, error: Exception) -> None:
        """Log `error` with its traceback, unless that was done within the last minute."""
        now, failure = self._clock(), (name, type(error))
        if now - self._logged.get(failure, float("-inf")) < _EVERY_SECONDS:
            return
        if len(self._logged) >= _MOST_REMEMBERED:
            self._logged.clear()
        self._logged[failure] = now
        self._log.error(self._event, about=name, exc_info=error)
