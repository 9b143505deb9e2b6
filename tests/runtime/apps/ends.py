"""Tasks that end in every way that a task can end; `end` is called with the name of one."""

import asyncio
import importlib
import os
import sys
import time
from typing import Any, NoReturn

import redis
from celery import Celery, Task, current_task
from celery.backends.base import BaseKeyValueStoreBackend
from celery.exceptions import Reject, WorkerShutdown
from celery.signals import task_postrun, task_prerun, task_received

app = Celery("ends")
app.conf.result_backend = os.environ["CELERY_BROKER_URL"]
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


def cancelled() -> NoReturn:
    raise asyncio.CancelledError


def exits() -> NoReturn:
    sys.exit(1)


def is_interrupted() -> NoReturn:
    raise KeyboardInterrupt


def closes_a_generator() -> NoReturn:
    raise GeneratorExit


def runs_out_of_memory() -> NoReturn:
    raise MemoryError


def raises_a_class_of_its_own() -> NoReturn:
    class Ended(BaseException):
        """Neither pickle nor a client finds it."""

    raise Ended


def has_an_unencodable_result() -> object:
    return object()


def rejects() -> NoReturn:
    raise Reject("no", requeue=False)


def stops_its_worker() -> NoReturn:
    raise WorkerShutdown


def green() -> Any:
    """The library of the pool."""
    return importlib.import_module("eventlet" if "eventlet" in sys.modules else "gevent")


def green_timeout() -> NoReturn:
    raise green().Timeout(5)


def greenlet_exit() -> NoReturn:
    raise importlib.import_module("greenlet").GreenletExit


def is_killed() -> None:
    """By another greenlet of the app's, while it waits."""
    library = green()
    later = library.spawn_after if "eventlet" in sys.modules else library.spawn_later
    later(0.1, library.getcurrent().kill)
    library.sleep(30)


WAYS = {
    way.__name__: way
    for way in (
        cancelled, exits, is_interrupted, closes_a_generator, runs_out_of_memory, raises_a_class_of_its_own,
        has_an_unencodable_result, rejects, stops_its_worker, green_timeout, greenlet_exit, is_killed,
    )
}  # fmt: skip


@app.task
def end(way: str) -> object:
    return WAYS[way]()


@app.task(acks_late=False)
def end_acknowledged(way: str) -> object:
    return WAYS[way]()


class Unwritable(BaseKeyValueStoreBackend):
    """Takes nothing, as one that is full."""

    def get(self, _key: Any) -> None:
        return None

    def _set_with_state(self, _key: Any, _value: Any, _state: Any) -> NoReturn:
        raise RuntimeError("no space left")


@app.task(backend=Unwritable(app))
def end_unstored(way: str) -> object:
    return WAYS[way]() if way in WAYS else way


class Handlers(Task):
    """Its handlers end as the argument says: `on_success:exits`."""

    def _end(self, handler: str, args: Any) -> None:
        where, _, way = args[0].partition(":")
        if where == handler:
            WAYS[way]()

    def on_success(self, _retval: Any, _task_id: str, args: Any, _kwargs: Any) -> None:
        self._end("on_success", args)

    def on_failure(self, _exc: Any, _task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        self._end("on_failure", args)

    def on_retry(self, _exc: Any, _task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        self._end("on_retry", args)

    def after_return(self, _state: str, _retval: Any, _task_id: str, args: Any, *_: Any) -> None:
        self._end("after_return", args)


@app.task(base=Handlers, bind=True)
def end_in(task: Any, where: str) -> None:
    if where.startswith("on_failure"):
        raise ValueError(where)
    if where.startswith("on_retry"):
        raise task.retry(countdown=3600)


@task_prerun.connect
def before(args: Any, **_: Any) -> None:
    if args and str(args[0]).startswith("task_prerun:"):
        WAYS[args[0].partition(":")[2]]()


@task_postrun.connect
def after(args: Any, **_: Any) -> None:
    if args and str(args[0]).startswith("task_postrun:"):
        WAYS[args[0].partition(":")[2]]()


@app.task
def fine() -> None:
    notes.rpush("test:end", f"{current_task.request.id} {current_task.request.id}")


@app.task
def waits() -> None:
    """Until the test says so."""
    while not notes.exists("test:go"):
        time.sleep(0.05)


@task_received.connect
def forget(request: Any, **_: Any) -> None:
    """As an error between Celery's record of a task and its pool does."""
    if request.name == "ends.forgotten":
        request.execute_using_pool = lambda _pool: None


@app.task
def forgotten() -> None:
    """Never comes to the pool."""
