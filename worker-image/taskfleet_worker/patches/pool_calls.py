"""One patch of Celery's pools: every call of a pool becomes a job, whose end is noticed however it comes.

All calls go through `BasePool.apply_async` (celery/concurrency/base.py). What a task raises past Celery's tracer (any
`BaseException`, `MemoryError`, `Reject` from a handler) prefork gives to the error callback of the call; the threads,
gevent, eventlet and solo pools drop it, and with it the message. Here they do as prefork does.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Iterator
from typing import Any, Callable
from weakref import WeakValueDictionary

from taskfleet_worker.pool.jobs import Job, Jobs

logger = logging.getLogger(__name__)

Callback = Callable[..., Any]

# In place of a return value, where there is none, or the error was reported instead.
_REPORTED = object()
# A job that stands for other tasks names them within so many levels of lists.
_DEPTH = 4


class PoolCalls:
    """`pool_type` is asked from the first call on. `on_begin` is called as a job begins that is no task handed over by
    Celery itself; `stops` is asked before any begins, and says of its requests whether they must not. `succeeded` gets the
    request of a task that has, and its runtime in seconds where Celery has measured one."""

    def __init__(
        self,
        jobs: Jobs,
        pool_type: Callable[[], str],
        on_begin: Callable[[Job], None],
        stops: Callable[[tuple[Any, ...]], bool] = lambda _: False,
        succeeded: Callable[[Any, float | None], None] = lambda _request, _runtime: None,
    ) -> None:
        self._jobs = jobs
        self._stops = stops
        self._succeeded = succeeded
        self._pool_type = pool_type
        self._on_begin = on_begin
        # Celery's requests by task id, as long as anything holds them.
        self._received: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._terminated: set[Any] = set()
        self._spawned: Any = None

    @property
    def _type(self) -> str:
        return self._pool_type()

    def install(self) -> None:
        """To be called before the app is imported."""
        from celery.concurrency.base import BasePool
        from celery.signals import task_received

        hand_over = BasePool.apply_async

        def apply_async(
            pool: Any, target: Callback, args: Any = None, kwargs: Any = None, **options: Any
        ) -> Any:
            self._watch(pool)
            call = functools.partial(hand_over, pool, args=args, kwargs=kwargs)
            return self._call(call, pool, target, args, options)

        BasePool.apply_async = apply_async
        task_received.connect(self._receive, weak=False)

    def _receive(self, request: Any, **_: Any) -> None:
        self._received[str(request.id)] = request

    def _call(
        self, hand_over: Callback, pool: Any, target: Callback, args: Any, options: dict[str, Any]
    ) -> Any:
        request = _request_behind(options.get("callback"))
        is_task = request is not None
        requests = (request,) if is_task else self._named_in(args)
        if self._stopped(requests):
            if is_task:
                raise _task_revoked()  # so that Celery gives its slot to another
            return None
        job = self._jobs.handed(requests, is_task=is_task)
        if is_task:
            options["callback"] = functools.partial(self._returned, request, options["callback"])
        report = functools.partial(_report, job, options.get("error_callback"))
        options["accept_callback"] = functools.partial(self._begin, job, options.get("accept_callback"))
        if self._type == "prefork":
            options["callback"] = self._and_end(job, options.get("callback"))
            options["error_callback"] = self._and_end(job, report)
        else:
            options["callback"] = functools.partial(_return, job, report, options.get("callback"))
            target = functools.partial(self._run, job, pool, target, report, options.get("timeout"))
        try:
            result = hand_over(target, **options)
        except BaseException as error:
            self._jobs.refused(job, error)
            raise
        self._follow(pool, job, result)
        return result

    def _returned(self, request: Any, callback: Callback, value: Any, **options: Any) -> None:
        """A task's result, as its tracer returns it: whether it failed, the result and the runtime."""
        if isinstance(value, tuple) and len(value) == 3 and not value[0]:
            self._succeeded(request, value[2])
        callback(value, **options)

    def _stopped(self, requests: tuple[Any, ...]) -> bool:
        from celery.worker import state

        if not self._stops(requests):
            return False
        for request in requests:
            state.task_ready(request)
        return True

    def _named_in(self, args: Any) -> tuple[Any, ...]:
        """The requests that a job stands for, as celery-batches makes them: it names them by their ids."""
        found = (self._received.get(task_id) for task_id in _ids(args, _DEPTH))
        return tuple(request for request in found if request is not None)

    def _begin(self, job: Job, accept: Callback | None, pid: Any, time_accepted: float) -> None:
        if self._type == "threads":
            job.is_lost = functools.partial(_has_ended, threading.current_thread())
        if self._type != "prefork" and self._stopped(
            job.requests
        ):  # it has waited in the pool; prefork's runs by now
            job.stopped = True
            return
        self._jobs.begun(job)
        if not job.is_task:
            self._on_begin(job)
        if accept is None:
            return
        try:
            accept(pid, time_accepted)
        except Exception as error:
            job.error = error
            if job.is_task and job.requests[0].id in _revoked():
                raise  # terminated while it waited, on a pool that cannot: it does not begin
            logger.exception("taskfleet: Celery's handler of a started task failed; the task runs")

    def _run(
        self,
        job: Job,
        pool: Any,
        target: Callback,
        report: Callback,
        timeout: float | None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        from celery.exceptions import TaskError, WorkerShutdown, WorkerTerminate

        if job.stopped:
            return _REPORTED
        try:
            return target(*args, **kwargs)
        except BaseException as error:
            if self._is_celerys(error, pool, timeout):
                raise
            report(_error_info(error, TaskError))
            if isinstance(error, (WorkerShutdown, WorkerTerminate)) and self._type != "threads":
                raise  # by this a task ends its worker
            return _REPORTED

    def _is_celerys(self, error: BaseException, pool: Any, timeout: float | None) -> bool:
        """Whether Celery itself ends the task: by the time limit of gevent, or `terminate` of a green one."""
        kind = type(error).__name__
        if kind == "Timeout" and self._type == "gevent":
            limit = timeout or pool.timeout
            return bool(limit) and getattr(error, "seconds", None) == limit
        if kind == "GreenletExit" and self._terminated:
            return hasattr(pool, "getpid") and pool.getpid() in self._terminated  # not before Celery 5.6
        return False

    def _and_end(self, job: Job, callback: Callback | None) -> Callback:
        def call_and_end(*args: Any, **kwargs: Any) -> None:
            try:
                _careful(job, callback, *args, **kwargs)
            finally:
                self._jobs.ended(job)

        return call_and_end

    def _follow(self, pool: Any, job: Job, result: Any) -> None:
        """Have the job's end from the pool's own record of it."""
        if self._type == "threads":
            result.f.add_done_callback(functools.partial(self._future_done, job))
        elif self._type == "gevent":
            result.rawlink(lambda _greenlet: self._jobs.ended(job))
        elif self._type == "eventlet":
            self._spawned.link(lambda _greenlet: self._jobs.ended(job))
        elif self._type == "solo":
            self._jobs.ended(job)
        elif result is None:  # the pool is closed
            self._jobs.refused(job)
        else:
            job.is_lost = lambda: result._job not in pool._pool._cache

    def _future_done(self, job: Job, future: Any) -> None:
        """From Celery 5.7 on the pool cancels at its end what has not begun: that goes back to its queue."""
        if future.cancelled():
            self._jobs.refused(job)
        else:
            self._jobs.ended(job)

    def _watch(self, pool: Any) -> None:
        """Once for each green pool: which greenlets Celery ends, and on eventlet, which it starts."""
        if self._type not in ("gevent", "eventlet") or getattr(pool, "_taskfleet_watches", False):
            return
        pool._taskfleet_watches = True
        terminate, spawn = pool.terminate_job, pool._quick_put

        def terminate_job(pid: Any, signal: Any = None) -> Any:
            self._terminated.add(pid)
            try:
                return terminate(pid, signal)
            finally:
                # On gevent the greenlet ends later.
                pool.spawn_n(self._terminated.discard, pid)

        def spawn_and_note(*args: Any, **kwargs: Any) -> Any:
            self._spawned = spawn(*args, **kwargs)
            return self._spawned

        pool.terminate_job, pool._quick_put = terminate_job, spawn_and_note


def _request_behind(callback: Callback | None) -> Any:
    """Celery's request whose method is called with the result; None: work of another kind."""
    request = getattr(callback, "__self__", None)
    return request if hasattr(request, "acknowledged") and hasattr(request, "message") else None


def _ids(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)) and depth:
        for item in value:
            yield from _ids(item, depth - 1)
    else:
        with contextlib.suppress(Exception):
            if isinstance(value.id, str):
                yield value.id


def _report(job: Job, error_callback: Callback | None, error_info: Any) -> None:
    from celery.exceptions import TaskError, WorkerLostError

    job.error = error = getattr(error_info.exception, "exc", error_info.exception)
    if isinstance(
        error, (SystemExit, KeyboardInterrupt)
    ):  # its child has ended; Celery sees that from 5.7 on
        if not hasattr(getattr(error_callback, "__self__", None), "_worker_lost_info"):
            error_info = _error_info(error, WorkerLostError)
    elif not isinstance(error, Exception):
        error_info = _error_info(error, TaskError)
    _careful(job, error_callback, error_info)


def _return(job: Job, report: Callback, callback: Callback | None, value: Any) -> None:
    from celery.exceptions import TaskError

    if value is _REPORTED:
        return
    if hasattr(
        value, "exc_info"
    ):  # what came between the task and its callback; Celery calls its worker lost
        report(_error_info(TaskError(str(getattr(value.exception, "exc", value.exception))), TaskError))
    else:
        _careful(job, callback, value)


def _careful(job: Job, callback: Callback | None, *args: Any, **kwargs: Any) -> None:
    """What Celery does as a task ends may fail too (a result backend, Celery's MemoryError): then it is the job's error."""
    if callback is None:
        return
    try:
        callback(*args, **kwargs)
    except BaseException as error:
        job.error = error
        logger.exception("taskfleet: Celery's handler of a finished task failed")


def _error_info(error: BaseException, wrapper: type[Exception]) -> Any:
    """`wrapper` is for what is no Exception: Celery may be unable to store it, and a client must not raise it."""
    from billiard.einfo import ExceptionInfo

    try:
        if isinstance(error, Exception):
            raise error
        raise wrapper(f"the task ended with {error!r}") from error
    except Exception:
        return ExceptionInfo()


def _task_revoked() -> Any:
    from celery.exceptions import TaskRevokedError

    return TaskRevokedError()


def _revoked() -> Any:
    from celery.worker import state

    return state.revoked


def _has_ended(thread: threading.Thread) -> bool:
    return not thread.is_alive()
