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
_WORKERS = 16  # calls to the API server under way at once; a reconciliation rarely makes more than one


class Processor:
    """`reconcilers` says for each kind what to do; the seconds it returns are when to look again."""

    def __init__(self, queue: WorkQueue, reconcilers: Mapping[str, Reconcile]) -> None:
        self._queue = queue
        self._reconcilers = reconcilers
        self._first_look: set[Key] = set()
        self._began = 0.0
        self._turn = asyncio.Lock()

    async def lead(self, keys: list[Key]) -> None:
        """Reconcile all `keys`, then whatever is queued, until cancelled."""
        self._first_look, self._began = set(keys), time.monotonic()
        metrics.FIRST_LOOK_SECONDS.set(0)
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
            metrics.QUEUE_LENGTH.set(len(self._queue))
            try:
                await self._process(key)
            except asyncio.CancelledError:
                self._queue.done(key)
                self._queue.add(key)
                raise
            self._looked_at(key)

    async def _let_others_run(self) -> None:
        """Allow one reconciliation a round of the loop.

        One that writes nothing never waits, and thousands of them in a row, as at the first look, would keep
        the lease from being renewed.
        """
        async with self._turn:
            await asyncio.sleep(0)

    async def _process(self, key: Key) -> None:
        outcome = "done"
        try:
            with metrics.RECONCILE_SECONDS.labels(key.kind).time():
                again = await self._reconcilers[key.kind](key)
        except ConflictError:
            outcome = "conflict"  # somebody wrote meanwhile: the usual way to learn of it
            self._queue.retry(key)
        except LeaseLostError:
            outcome = "not leading"  # a lapse can end before anybody else leads, and then nobody looks at all keys again
            self._queue.retry(key)
        except ApiError as error:
            outcome = "refused"
            delay = self._queue.retry(key)
            log.warning("reconciliation failed", **key._asdict(), error=str(error), retry_in=round(delay, 1))
        except Exception:
            outcome = "bug"
            delay = self._queue.retry(key)
            log.exception("reconciliation failed", **key._asdict(), retry_in=round(delay, 1))
        else:
            self._queue.done(key)
            if again is not None:
                self._queue.add_after(key, again)
        metrics.RECONCILES.labels(key.kind, outcome).inc()

    def _looked_at(self, key: Key | None) -> None:
        if key is not None:
            self._first_look.discard(key)
        if not self._first_look and metrics.FIRST_LOOK_SECONDS._value.get() == 0:
            seconds = time.monotonic() - self._began
            metrics.FIRST_LOOK_SECONDS.set(seconds)
            log.info("every object has been looked at", seconds=round(seconds, 2))
