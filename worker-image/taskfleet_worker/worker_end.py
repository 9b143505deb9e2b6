"""How a worker ends: by Celery's own end where that comes in time, else by leaving at once with nothing lost."""

from __future__ import annotations

import os
import signal

from taskfleet_worker import native
from taskfleet_worker.broker.broker_thread import BrokerThread
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.pool.prefork import read_results, results_unread
from taskfleet_worker.shutdown.deadlines import LAST_WORDS, fetch_is_over, must_leave, overdue, patience
from taskfleet_worker.shutdown.stopping import exit_code, is_cold, is_stopping
from taskfleet_worker.transports.transport import Transport


class WorkerEnd:
    """`thread` is the one that speaks to the broker, once there is one."""

    def __init__(self, context: WorkerContext, transport: Transport) -> None:
        self.thread: BrokerThread | None = None
        self._context = context
        self._transport = transport
        self._cold_code: int | None = None  # of a cold shutdown that waits for its last fetch

    def begin(self) -> None:
        """The worker stops; called by any thread and in signal handlers, perhaps more than once."""
        if self._context.begin_to_stop():
            native.start_new_thread(self._end_when_overdue, ())

    def notice(self) -> None:
        """Begin where Celery's own state says that it stops, whatever has told it."""
        context = self._context
        if context.stopping_since is None and is_stopping(context.state, context.controller):
            self.begin()

    def turn(self) -> bool:
        """Once in each turn of the consumer's loop. Whether Celery may look whether it is to stop."""
        since = self._context.stopping_since
        if since is None:
            return True
        if self._cold_code is not None and self._may_leave(since):
            self._leave(self._cold_code)
            return False
        return is_cold(self._context.state) or self._transport.may_end_the_loop(since)

    def take_over_cold(self) -> bool:
        """Leave with what runs going back to its queue, once no fetch can swallow it. The codes are Celery's own."""
        context = self._context
        pool_type = context.pool_type
        if context.stopping_since is None or pool_type not in ("gevent", "eventlet", "solo"):
            return False
        if not context.tasks.active:
            return False
        self._cold_code = 1 if pool_type == "gevent" else 0
        if pool_type == "solo" or not self._transport.fetching():
            self._leave(self._cold_code)
        return True

    def finish(self) -> None:
        """Celery has stopped everything; called more than once."""
        if self.thread is not None:
            self.thread.finish(timeout=self._patience())

    def ended(self) -> None:
        """Celery has returned, from whatever end; what is held now no task will settle."""
        self.notice()
        if not self._context.deliveries.unsettled:
            self.finish()
            self._send_last_spans()
            return
        # A thread of the pool might go on with its task, which another worker is given.
        self._leave(exit_code(self._context.state, self._context.controller))

    def _may_leave(self, since: float) -> bool:
        now = self._context.clock()
        return fetch_is_over(fetching=self._transport.fetching(), stopping_since=since, now=now)

    def _patience(self) -> float:
        """Seconds for the last words to the broker."""
        return patience(
            stopping_since=self._context.stopping_since,
            grace_period=self._context.settings.grace_period,
            refused=self._transport.refuses() and bool(self._context.deliveries.unsettled),
            now=self._context.clock(),
        )

    def _end_when_overdue(self) -> None:
        clock = self._context.clock
        last_active = clock()
        while not self._should_leave(last_active):
            if self._busy() or self._patience() > LAST_WORDS:
                last_active = clock()
            native.sleep(0.25)
        native.complain("taskfleet: every task has ended but the worker has not; exiting now")
        self._leave(exit_code(self._context.state, self._context.controller))

    def _should_leave(self, last_active: float) -> bool:
        context = self._context
        now, since = context.clock(), context.stopping_since
        if not overdue(stopping_since=since, last_active=last_active, now=now):
            return False
        last = must_leave(stopping_since=since, grace_period=context.settings.grace_period, now=now)
        return last or not context.unseen.works()

    def _busy(self) -> bool:
        context = self._context
        unread = len(results_unread(context.consumer.pool)) if context.has_children else 0
        return max(context.tasks.active, context.jobs.running) > unread

    def _leave(self, code: int) -> None:
        self._transport.leave()
        if self.thread is not None:
            self.thread.leave(timeout=2.0, before=self._collect_what_has_ended)
        self._send_last_spans()
        if self._context.has_children:
            for child in getattr(self._context.consumer.pool._pool, "_pool", ()):
                os.kill(child.pid, signal.SIGKILL)
        os._exit(code)

    def _send_last_spans(self) -> None:
        if self._context.tracing is not None:
            self._context.tracing.finish()

    def _collect_what_has_ended(self) -> None:
        if self._context.has_children:
            read_results(self._context.consumer.pool, self._context.consumer.hub)
        self._context.deliveries.let_go()
