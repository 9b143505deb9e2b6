"""What wakes a poller: its second connection, set up anew whenever one of the two was lost, and trusted once proved."""

import asyncio
import contextlib
import uuid

import structlog

from taskfleet.brokers.connection.invalidations import Invalidations, NoTrackingError
from taskfleet.brokers.connection.raw_connection import Endpoint, RawConnection, RawConnectionError
from taskfleet.brokers.connection.replies import UnsafeReplyError
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.share import Share

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 5.0
_PROOF_SECONDS = 2.0
_ANSWERS_WITHIN_SECONDS = 1.0
_PROBE_EVERY_SECONDS = 5.0  # a connection that was lost without a word wakes nobody
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_UNPROVED = "no announcement of a test key's change has arrived, perhaps because of a proxy"
_MISSED = "it did not announce a change"
_SILENT = "the connection for announcements does not answer"


class WakeUps:
    """Of one poller, for one connection of it after the other. `refusal`: why it must poll; None while that is not known.

    `trusted`: whatever changes after a reading wakes the poller.
    """

    def __init__(self, share: Share, *, name: str) -> None:
        self.refusal: str | None = None
        self.trusted = False
        self._share = share
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._link: Invalidations | None = None  # None: not connected yet
        self._stirred = asyncio.Event()  # whoever waits decides again whether it is time to read
        self._follows = False
        self._prove_until = self._probe_at = self._again_at = self._trusted_at = float("-inf")
        self._pause = _FIRST_PAUSE_SECONDS
        self._failures = 0
        self._woken = False  # the reading in progress was
        self._complete = False  # there was one since which all changes are announced

    @property
    def pending(self) -> bool:
        """Whether something has changed since the last reading began."""
        return self._link is not None and self._follows and self._link.changed

    async def wait(self, seconds: float) -> None:
        """Return when something changes or `look_again` is called, and after `seconds` at the latest."""
        self._stirred.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()

    def look_again(self) -> None:
        """What `wait` waits for is needed at another time."""
        self._stirred.set()

    async def begin(self, tracked: RawConnection, endpoint: Endpoint, layout: Layout, now: float) -> bool:
        """Before each reading: set up what is missing; whether this reading was woken.

        Raises RawConnectionError and UnsafeReplyError, as a reading does.
        """
        await self._set_up(tracked, endpoint, layout, now)
        self._woken = self.pending
        if self._link is not None:
            self._link.changed = False
        return self._woken

    async def done(self, now: float, *, comparable: bool, news: bool) -> None:
        """After each reading. `comparable`: it asked for what the last one has asked for; `news`: queues have changed."""
        unannounced = self._complete and comparable and news and not self._woken
        self._complete = self.trusted
        if self._link is None or not self.trusted:
            return  # what has ended is found before the next reading
        if (unannounced and not self.pending) or now >= self._probe_at:
            self._probe_at = now + _PROBE_EVERY_SECONDS
            if not await self._link.catch_up(_ANSWERS_WITHIN_SECONDS):
                await self._fail(_SILENT, now)
            elif unannounced and not self.pending:
                self._share.missed_wake_up()
                await self._fail(_MISSED, now)

    async def aclose(self) -> None:
        """The connection that it was for is closed, or about to be."""
        task, link = self._task, self._link
        self._task = self._link = None
        self.trusted = self._follows = self._complete = False
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            _ = task.cancelled() or task.exception()  # how it ended is of no interest any more
        if link is not None:
            await link.aclose()

    async def _set_up(self, tracked: RawConnection, endpoint: Endpoint, layout: Layout, now: float) -> None:
        if self._task is None:
            if now >= self._again_at:
                self._share.connects()
                self._task = asyncio.create_task(self._listen(endpoint, layout))
        elif self._task.done():
            await self._fail(_cause(self._task), now)
        elif self._link is not None and not self._follows:
            try:
                await self._link.follow(tracked)
            except NoTrackingError as error:
                await self._fail(error, now)
            else:
                self._follows, self._prove_until = True, now + _PROOF_SECONDS
        elif self._link is not None and not self.trusted:
            if self._link.proved:
                self.trusted, self._trusted_at, self._probe_at = True, now, now + _PROBE_EVERY_SECONDS
                self.refusal = None
            elif now >= self._prove_until:
                await self._fail(_UNPROVED, now)

    async def _listen(self, endpoint: Endpoint, layout: Layout) -> None:
        link = await Invalidations.open(
            endpoint,
            patience=_PATIENCE_SECONDS,
            ignored=layout.prefix + layout.reports,
            proof=layout.key("wake-up", uuid.uuid4().hex),
            on_change=self._stirred.set,
            received=self._share.received,
        )
        self._link = link
        try:
            await link.listen()
        finally:
            link.changed = True  # whoever waits would wait in vain
            self._stirred.set()

    async def _fail(self, cause: NoTrackingError | str, now: float) -> None:
        """Poll for a while. A single failure is not worth a word, unless the server has refused."""
        if self.trusted and now - self._trusted_at >= _LONGEST_PAUSE_SECONDS:
            self._pause, self._failures = _FIRST_PAUSE_SECONDS, 0
        self._failures += 1
        if self._failures > 1 or isinstance(cause, NoTrackingError):
            self.refusal = str(cause)
        log.debug("a broker announces no changes", host=self._name, cause=str(cause))
        await self.aclose()
        self._again_at, self._pause = now + self._pause, min(2 * self._pause, _LONGEST_PAUSE_SECONDS)


def _cause(task: asyncio.Task[None]) -> NoTrackingError | str:
    """Why it has ended. Raises what is no fault of the server's."""
    error = task.exception()
    if isinstance(error, NoTrackingError):
        return error
    if isinstance(error, RawConnectionError | UnsafeReplyError):
        return f"the connection for announcements failed: {error}"
    assert error is not None
    raise error
