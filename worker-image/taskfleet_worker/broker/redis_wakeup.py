"""Redis wakes the worker: the connection on which it says that a list which an empty fetch has read was changed.

`CLIENT TRACKING ON REDIRECT` on the fetching connection has Redis tell a second one, once for each list and each fetch. A
redirect to a connection that is gone is silent, and a proxy may accept the command and never deliver. So both
connections are made together, and a wake-up for a key of our own has to arrive before it is relied upon.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Callable

from taskfleet_worker import native

# Seconds. Both connections lead to the same server, which answers in milliseconds.
PROOF = 2.0
# Nothing else is ever said on a connection that the network has forgotten.
PING_EVERY, PATIENCE = 10.0, 15.0
_PING = b"*1\r\n$4\r\nPING\r\n"
_PIECE = 65536


class NotWokenError(Exception):
    """Redis, a proxy before it or the user's permissions do not allow it; the text is for the pod's report."""


class WakeupLostError(NotWokenError):
    """The connection ended before it had proved anything: by chance, or because a proxy ends what it does not know."""


class Wakeup:
    """The second connection. `connection` is redis-py's; its name is what kombu's poller expects of a client."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        try:
            self.connection = pool.get_connection()
        except TypeError:  # redis-py before 5.3
            self.connection = pool.get_connection("_")
        self._heard = self._asked = float("-inf")

    def prove(self, fetching: Any, key: str, change: Callable[[str], Any]) -> None:
        """Have the fetching connection redirect to this one, and wait until it tells of a change of our own key.

        `change` is made by a third connection: of its own changes a client is told nothing. Raises NotWokenError, and
        redis-py's errors for what the fetching connection is answered.
        """
        number = _ask(self.connection, "CLIENT", "ID")
        # So that nothing has to be subscribed to, which a user may be forbidden.
        self.connection.send_command("HELLO", "3")
        self._expect("proto")
        _ask(fetching, "CLIENT", "TRACKING", "ON", "REDIRECT", number, "NOLOOP")
        _ask(fetching, "GET", key)
        change(key)
        self._expect(key)
        self.connection._sock.setblocking(False)

    def _expect(self, text: str) -> None:
        """Read until Redis has said this. By hand: what redis-py makes of a push differs by version and protocol."""
        sock, heard = self.connection._sock, b""
        sock.settimeout(PROOF)
        while text.encode() not in heard:
            try:
                piece = sock.recv(_PIECE)
            except socket.timeout:
                raise NotWokenError("no wake-up arrives") from None
            heard += piece
            if heard.startswith(b"-"):
                raise NotWokenError(heard.decode(errors="replace").strip("-\r\n"))
            if not piece:
                raise WakeupLostError("the connection was closed")

    def check(self, now: float) -> None:
        """Ask now and then whether the server is there. Raises OSError when it has not answered."""
        sock = self.connection._sock
        overdue = self._asked > self._heard and now - self._asked >= PATIENCE
        if overdue and not native.readable([sock.fileno()]):
            raise ConnectionError("Redis does not answer")
        if now - max(self._heard, self._asked) >= PING_EVERY:
            self._asked = now
            sock.send(_PING)

    def read(self, now: float) -> bool:
        """What has arrived: whether it is a wake-up. Raises OSError when the connection has ended."""
        sock = self.connection._sock
        if sock is None:
            raise ConnectionError("closed")
        try:
            piece = sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError"):
                return False  # a part of a record
            raise
        if not piece:
            raise ConnectionError("closed by Redis")
        self._heard = now
        return b"invalidate" in piece

    def close(self) -> None:
        """Give the connection up."""
        with contextlib.suppress(Exception):
            self.connection.disconnect()
            self._pool.release(self.connection)


def _ask(connection: Any, *command: Any) -> Any:
    connection.send_command(*command)
    return connection.read_response()
