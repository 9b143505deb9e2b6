"""Redis says when a key has changed that a connection has read: client tracking.

https://redis.io/docs/latest/develop/reference/client-side-caching/. The messages go to a second connection, which
speaks RESP3: so the user needs no channel, and replies on the first one can still be compared as bytes. A key is
announced once and then no more until it is read again.

The server is untrusted. Messages are compared and never parsed, so that none of them costs more than its bytes, and
at most `_MOST_READS` times 16 KiB are taken in a tenth of a second.
"""

import asyncio
import time
from collections.abc import Callable

import hiredis

from taskfleet.brokers.connection.raw_connection import CommandBatch, Endpoint, RawConnection

_CHUNK = 16 * 1024
_MOST_READS = 10
_COUNTED_OVER_SECONDS = 0.1
_PING = b"*1\r\n$4\r\nPING\r\n"
_PONG = b"+PONG\r\n"
_PROOF_MILLISECONDS = 5000


class NoTrackingError(Exception):
    """The server refuses to announce changes. The text is ours: why, as what follows "because"."""


class Announcements:
    """Tells what is news in the bytes of a second connection. `ignored`: a key whose changes are none. Pure."""

    def __init__(self, ignored: str, proof: str) -> None:
        self._ignored = _message(ignored)
        self._proof = _message(proof)
        self._rest = b""
        self.pongs = 0
        self.proved = False

    def take(self, data: bytes) -> bool:
        """Whether there is news in these bytes. What cannot be told apart is news."""
        text = (self._rest + data).replace(self._ignored, b"")
        self.pongs += text.count(_PONG)
        text = text.replace(_PONG, b"")
        if self._proof in text:
            self.proved, text = True, text.replace(self._proof, b"")
        # The beginning of what is no news waits for its end.
        begun = any(known.startswith(text) for known in (self._ignored, self._proof, _PONG))
        self._rest = text if begun else b""
        return not begun


class Invalidations:
    """`changed` is set and `on_change` called at each news; whoever reads clears it before. `proved`: a test key's change
    has arrived.
    """

    def __init__(
        self,
        connection: RawConnection,
        client_id: int,
        *,
        ignored: str,
        proof: str,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.changed = False
        self._on_change = on_change
        self._connection = connection
        self._client_id = client_id
        self._proof = proof
        self._announcements = Announcements(ignored, proof)
        self._ponged = asyncio.Event()

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        *,
        patience: float,
        ignored: str,
        proof: str,
        on_change: Callable[[], None] = lambda: None,
        received: Callable[[int], None] = lambda _: None,
    ) -> "Invalidations":
        """The second connection. `ignored`: a key whose changes are no news; `proof`: a key that nobody else uses.

        Raises NoTrackingError, RawConnectionError and UnsafeReplyError.
        """
        connection = await RawConnection.connect(endpoint, patience=patience, received=received)
        try:
            hello, client_id = await connection.ask_uncompared(
                CommandBatch.of([("HELLO", "3"), ("CLIENT", "ID")])
            )
            _require(hello, "HELLO 3", "+hello")
            _require(client_id, "CLIENT ID", "+client|id")
            if not isinstance(client_id, int):
                raise NoTrackingError("it does not support CLIENT ID")
        except BaseException:
            await connection.aclose()
            raise
        return cls(connection, client_id, ignored=ignored, proof=proof, on_change=on_change)

    @property
    def proved(self) -> bool:
        return self._announcements.proved

    async def follow(self, tracked: RawConnection) -> None:
        """Announce what `tracked` reads from now on, and change the test key. What it has read before, it must read again.

        Raises NoTrackingError, RawConnectionError and UnsafeReplyError; only the first leaves `tracked` of use.
        """
        commands: list[tuple[str | int, ...]] = [
            ("CLIENT", "TRACKING", "OFF"),  # it may still announce to a connection that has ended
            ("CLIENT", "TRACKING", "ON", "REDIRECT", self._client_id),
            ("GET", self._proof),
            ("SET", self._proof, 1, "PX", _PROOF_MILLISECONDS),
        ]
        _, on, read, written = await tracked.ask_uncompared(CommandBatch.of(commands))
        _require(on, "CLIENT TRACKING", "+client|tracking")
        _require(read, "GET", "+get")
        if isinstance(written, hiredis.ReplyError):
            raise NoTrackingError("it does not accept a test key")

    async def listen(self) -> None:
        """Until the connection ends, which raises RawConnectionError."""
        since, reads = float("-inf"), 0
        while True:
            if self._announcements.take(await self._connection.receive(_CHUNK)):
                self.changed = True
                self._on_change()
            if self._announcements.pongs:
                self._announcements.pongs = 0
                self._ponged.set()
            now = time.monotonic()
            if now - since > _COUNTED_OVER_SECONDS:
                since, reads = now, 0
            reads += 1
            # A read whose bytes are already there does not yield.
            await asyncio.sleep(since + _COUNTED_OVER_SECONDS - now if reads >= _MOST_READS else 0)

    async def catch_up(self, patience: float) -> bool:
        """Wait for everything that was announced until now; False: nothing has come within `patience` seconds."""
        self._ponged.clear()
        self._connection.send(_PING)
        try:
            async with asyncio.timeout(patience):
                await self._ponged.wait()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        await self._connection.aclose()


def _message(key: str) -> bytes:
    """How RESP3 announces that one key has changed."""
    name = key.encode()
    return b">2\r\n$10\r\ninvalidate\r\n*1\r\n$%d\r\n%s\r\n" % (len(name), name)


def _require(reply: object, command: str, right: str) -> None:
    if not isinstance(reply, hiredis.ReplyError):
        return
    if str(reply).startswith("NOPERM"):
        raise NoTrackingError(f"its user is not allowed to run {command} ({right})")
    raise NoTrackingError(f"it does not support {command}")
