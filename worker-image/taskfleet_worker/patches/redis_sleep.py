"""The worker's channel sleeps until Redis wakes it, over a second connection that kombu's poller listens to as well."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from taskfleet_worker import native
from taskfleet_worker.broker.redis_link import RedisLink, prefix_of
from taskfleet_worker.broker.redis_wakeup import NotWokenError, Wakeup, WakeupLostError
from taskfleet_worker.messages.next_fetch import NextFetch

# The kinds of the two connections in kombu's poller.
FETCH, WAKE = "BRPOP", "WAKE"
# Seconds until it is tried again whether Redis wakes us: a proof may fail on a machine that is busy. A proxy that
# swallows the proof costs PROOF seconds each time.
_FIRST_RETRY, _LONGEST_RETRY = 60.0, 3600.0
# A script answers at once: after so many seconds without a reply the connection is dead.
OVERDUE = 10.0


class SleepingChannel:
    """Over kombu's channel for Redis. `_in_poll` is kombu's: the connection on which a fetch is under way."""

    link: RedisLink
    any_end_stops: bool
    exceptions: Any
    client: Any
    connection: Any
    _in_poll: Any
    renewing = False
    looks = False  # a script is under way
    _wakeup: Wakeup | None = None
    _tracked: Any = None  # the socket of the fetching connection, once Redis wakes us for what it reads
    _untracked: Any = None  # the same where Redis does not
    _retry_at, _retry_after = 0.0, _FIRST_RETRY
    _next: NextFetch
    _sent_at = 0.0
    _alarm: Any = None

    def is_woken(self) -> bool:
        """Whether Redis wakes us: settled for each connection, and now and then while it does not."""
        sock = self.client.connection._sock
        overdue = native.monotonic() >= self._retry_at
        if self._tracked is not sock and (self._untracked is not sock or overdue):
            self._settle_waking(sock)
        return self._tracked is sock

    def _settle_waking(self, sock: Any) -> None:
        self._drop_wakeup()
        fetching = self.client.connection
        try:
            try:
                wakeup = self._proved(fetching)
            except WakeupLostError:
                wakeup = self._proved(fetching)
        except (NotWokenError, self.exceptions.ResponseError) as error:
            with contextlib.suppress(self.exceptions.ResponseError):
                fetching.send_command("CLIENT", "TRACKING", "OFF")
                fetching.read_response()
            self.link.not_woken = str(error)
            self._untracked = sock
            self._retry_at = native.monotonic() + self._retry_after
            self._retry_after = min(2 * self._retry_after, _LONGEST_RETRY)
            return
        self.link.not_woken = None
        self._retry_after = _FIRST_RETRY
        self._wakeup, self._tracked, self._next = wakeup, sock, NextFetch(self.link.rivals)
        self.connection.cycle._register(self, wakeup, WAKE)

    def _proved(self, fetching: Any) -> Wakeup:
        wakeup = Wakeup(self.async_pool)  # type: ignore[attr-defined]
        try:
            wakeup.prove(fetching, f"{prefix_of(self)}{self.link.wake_up_key}", self._change)
        except BaseException:
            wakeup.close()
            raise
        return wakeup

    def _change(self, key: str) -> None:
        client = self.qos.redis.redis.Redis(connection_pool=self.pool)  # type: ignore[attr-defined]
        client.set(key, "1", ex=1)
        client.delete(key)

    @property
    def is_asleep(self) -> bool:
        """Redis wakes us, and no fetch is under way."""
        return self._tracked is not None and not self._in_poll

    def may_look(self) -> bool:
        """Whether it is time for the next fetch."""
        now = native.monotonic()
        try:
            if self._wakeup is None:
                raise ConnectionError("it has ended")
            self._wakeup.check(now)
        except OSError:
            self.renew_or_raise()
            return False
        return not self._next.due_in(now)

    def look_begins(self, connection: Any) -> None:
        """A fetch is about to be sent."""
        self._in_poll, self.looks = connection, True
        self._sent_at = native.monotonic()
        self._brpop_sent_at = None  # kombu's from 5.7 on, of a BRPOP
        self._next.begins()

    def look_ended(self, *, empty: bool) -> None:
        """It was answered."""
        self._in_poll, self.looks = None, False
        self._next.ended(native.monotonic(), empty=empty)
        self._set_alarm()

    def give_up(self) -> None:
        """It will not be answered. What it has fetched all the same comes back by `Deliveries.strays`."""
        self._in_poll, self.looks = None, False
        self.link.deliveries.end_of_fetch()
        if self._tracked is not None:
            self._next.given_up()

    def give_up_if_overdue(self) -> None:
        """Of a connection that the network has forgotten nothing else is ever heard."""
        if not self.looks or native.monotonic() - self._sent_at < OVERDUE:
            return
        sock = self.client.connection._sock
        if sock is None or not native.readable([sock.fileno()]):
            self.renew()

    def listen(self) -> bool:
        """Something has arrived on the second connection."""
        if self._wakeup is None:
            return True
        now = native.monotonic()
        try:
            if self._wakeup.read(now):
                self._next.pushed(now)
                self._set_alarm()
        except OSError:
            self._drop_wakeup()
        return True

    @property
    def sleeps_for(self) -> float | None:
        """Seconds until the next fetch; None: that depends on something else."""
        return self._next.due_in(native.monotonic()) or None if self.is_asleep else None

    def _set_alarm(self) -> None:
        """kombu's event loop comes round in time; green pools' loop asks how long it may wait (redis_poller.py)."""
        from kombu.asynchronous import get_event_loop

        hub, due_in = get_event_loop(), self._next.due_in(native.monotonic())
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = hub.call_later(due_in, _nothing) if hub is not None and due_in else None

    def renew_or_raise(self) -> None:
        """A connection has ended while no fetch was under way. Where it is the fetching one, Celery is told, as by BRPOP.

        Raises redis-py's ConnectionError.
        """
        sock = self.client.connection._sock
        if sock is None or not native.readable([sock.fileno()]):
            self.renew()
            return
        # Nothing was asked, so nothing but its end can be read: or, in RESP3, that the redirect is gone.
        with contextlib.suppress(ValueError):  # TLS
            if sock.recv(1, socket.MSG_PEEK):
                self.renew()
                return
        self.client.connection.disconnect()
        raise self.exceptions.ConnectionError("Connection closed by server.")

    def renew(self) -> None:
        """The next commands connect again, on both connections: the address may lead to another server by now."""
        client = self.client
        self.give_up()
        self._forget(client, FETCH)
        self._tracked = self._untracked = None
        self.renewing = True
        try:
            self._drop_wakeup()
            client.connection.disconnect()
            self.pool.disconnect(inuse_connections=False)  # type: ignore[attr-defined]
        finally:
            self.renewing = False

    def _drop_wakeup(self) -> None:
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            self._forget(wakeup, WAKE)
            wakeup.close()

    def _forget(self, client: Any, kind: str) -> None:
        """kombu would go on to poll what is closed."""
        from kombu.asynchronous import get_event_loop

        cycle, hub = self.connection.cycle, get_event_loop()
        sock = cycle._chan_to_sock.pop((self, client, kind), None)
        if sock is None or sock.fileno() < 0:
            return
        with contextlib.suppress(KeyError, ValueError, OSError):
            (cycle.poller.unregister if hub is None else hub.remove)(sock)
        cycle._fd_to_chan.pop(sock.fileno(), None)

    def close(self) -> None:
        """The channel's end."""
        with contextlib.suppress(Exception):
            self._drop_wakeup()
        super().close()  # type: ignore[misc]

    def _poll_error(self, kind: str, **options: Any) -> Any:
        return self.listen() if kind == WAKE else super()._poll_error(kind, **options)  # type: ignore[misc]

    def _on_connection_disconnect(self, connection: Any) -> None:
        if self.renewing:
            return
        # Up to kombu 5.6 the end of any connection, even of one that is collected as garbage, ends the fetching.
        if not self.any_end_stops or connection in (self._in_poll, self._in_listen):  # type: ignore[attr-defined]
            super()._on_connection_disconnect(connection)  # type: ignore[misc]


def _nothing() -> None:
    """For a loop that only has to come round."""
