"""kombu's poller for Redis: it also listens on the connection by which Redis wakes the worker.

kombu passes what it reads to a channel that has room for messages, and spins while there is none.
"""

from __future__ import annotations

from typing import Any, Callable

from taskfleet_worker.patches.redis_sleep import WAKE, SleepingChannel


def waking_poller(base: Any) -> Any:
    """kombu's class, changed."""
    return type("MultiChannelPoller", (_Waking, base), {"__module__": __name__})


class _Waking:
    """Over kombu's poller."""

    _fd_to_chan: dict[int, tuple[Any, str]]
    _channels: set[Any]

    def on_readable(self, fileno: int) -> Any:
        channel, kind = self._fd_to_chan.get(fileno, (None, ""))
        if channel is not None and kind == WAKE:
            return channel.listen()
        return super().on_readable(fileno)  # type: ignore[misc]

    def _register_BRPOP(self, channel: Any) -> None:  # noqa: N802 - kombu's name
        if isinstance(channel, SleepingChannel):
            channel.give_up_if_overdue()
        super()._register_BRPOP(channel)  # type: ignore[misc]

    def get(self, callback: Callable[..., Any], timeout: float | None = None) -> Any:
        """For loops without a timer: they come round when a channel wants to fetch."""
        waits = [channel.sleeps_for for channel in self._channels if isinstance(channel, SleepingChannel)]
        limits = [limit for limit in (*waits, timeout) if limit is not None]
        return super().get(callback, timeout=min(limits) if limits else None)  # type: ignore[misc]
