"""Takes keys from the queue and reconciles them, several at once, while this process leads."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from taskfleet import metrics
from taskfleet.api import Key
from taskfleet.kube.errors import ApiError, ConflictError, LeaseLostError
from taskfleet.watch.work_queue import WorkQueue

log = structlog.get_logger(__name__)

Reconcile = Callable[[Key], Awaitable[float | None]]
Failed = Callable[[Key, Exception], Awaitable[None]]
# The first failures of a run are often passing ones, such as a webhook that starts.
_LASTING_FAILURES = 3
_WORKERS = 16  # calls to the API server under way at once; a reconciliation rarely makes more than one


async def _tell_nobody(_: Key, __: Exception) -> None:
    """For callers that have no one to tell."""


class Processor:
    """`reconcilers` says for each kind what to do; the seconds it returns are when to reconcile again. `failed` tells the user
    of a failure that lasts.
    """

    def __init__(
        self, queue: WorkQueue, reconcilers: Mapping[str, Reconcile], failed: Failed = _tell_nobody
    ) -> None:
        self._queue = queue
        self._failed = failed
        self._reconcilers = reconcilers
        self._first_look: set[Key] = set()
        self._began = 0.0
        self._turn = asyncio.Lock()

    async def lead(self, keys: list[Key]) -> None:
        """Reconcile all `keys`, then whatever is queued, until cancelled."""
        self._first_look, self._began = set(keys), time.monotonic()
        metrics.INITIAL_SYNC_SECONDS.set(0)
        for key in keys:
            self._queue.add(key)
        self._looked_at(None)
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._let_others_run()
            key = await self._queue.get()
            metrics.WORKQUEUE_DEPTH.set(len(self._queue))
            try:
                await self._process(key)
            except asyncio.CancelledError:
                self._queue.done(key)
                self._queue.add(key)
                raise
            self._looked_at(key)

    async def _let_others_run(self) -> None:
        """Allow one reconciliation a round of the loop.

        One that writes nothing never waits, and thousands of them in a row, as at the initial sync, would keep
        the lease from being renewed.
        """
        async with self._turn:
            await asyncio.sleep(0)

    async def _process(self, key: Key) -> None:
        outcome = "done"
        try:
            with metrics.RECONCILE_TIME_SECONDS.labels(key.kind).time():
                again = await self._reconcilers[key.kind](key)
        except ConflictError:
            outcome = "conflict"  # another client wrote meanwhile: the usual way to learn of it
            self._queue.retry(key)
        except LeaseLostError:
            # A lapse can end before another process leads, and then no process would reconcile all keys again.
            outcome = "not leading"
            self._queue.retry(key)
        except ApiError as error:
            outcome = "refused"
            delay = self._queue.retry(key)
            log.warning("reconciliation failed", **key._asdict(), error=str(error), retry_in=round(delay, 1))
            await self._tell(key, error)
        except Exception as error:
            outcome = "bug"
            delay = self._queue.retry(key)
            log.exception("reconciliation failed", **key._asdict(), retry_in=round(delay, 1))
            await self._tell(key, error)
        else:
            self._queue.done(key)
            if again is not None:
                self._queue.add_after(key, again)
        metrics.RECONCILE.labels(key.kind, outcome).inc()

    async def _tell(self, key: Key, error: Exception) -> None:
        """Say what fails, once it has lasted. Where that fails as well, the log has said it."""
        if self._queue.failures(key) < _LASTING_FAILURES:
            return
        try:
            await self._failed(key, error)
        except Exception as another:
            log.warning("cannot write a failure to the status", **key._asdict(), error=str(another)[:300])

    def _looked_at(self, key: Key | None) -> None:
        if key is not None:
            self._first_look.discard(key)
        if not self._first_look and metrics.INITIAL_SYNC_SECONDS._value.get() == 0:
            seconds = time.monotonic() - self._began
            metrics.INITIAL_SYNC_SECONDS.set(seconds)
            log.info("every object was reconciled once", seconds=round(seconds, 2))
