"""Whether this worker stops, read from Celery's own state: signals, remote control, errors and an app's own SystemExit
come by different ways and leave the same traces.
"""

from __future__ import annotations

import signal
from typing import Any, Callable

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def is_stopping(state: Any, controller: Any) -> bool:
    """`state` is `celery.worker.state`; `controller` the WorkController, None before there is one."""
    if _is_set(state.should_stop) or is_cold(state):
        return True
    from celery.bootsteps import CLOSE, TERMINATE

    blueprint = getattr(controller, "blueprint", None)
    return blueprint is not None and blueprint.state in (CLOSE, TERMINATE)


def is_cold(state: Any) -> bool:
    """Whether Celery has stopped the pool already (`celery/apps/worker.py`, on_cold_shutdown)."""
    return _is_set(state.should_terminate)


def exit_code(state: Any, controller: Any) -> int:
    """What Celery's own end would return; it returns 0 from a cold shutdown."""
    code = getattr(controller, "exitcode", None)
    if code is None and _is_set(state.should_stop):
        code = state.should_stop
    return int(code or 0)


def _is_set(flag: Any) -> bool:
    # 0 is the exit code of a stop that was asked for; Celery resets the flag to None or False.
    return flag is not None and flag is not False


def ignore_signals() -> None:
    """Of a process that is about to end: nothing is left to ask for.

    Python gives signals their default action back while it ends (`Modules/signalmodule.c`, _PySignal_Fini), and a second
    one would then kill the process with another exit code. What is ignored stays so.
    """
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)


def default_signals() -> None:
    """Before another program takes this process over: it would inherit what is ignored."""
    for number in _ENDS:
        signal.signal(number, signal.SIG_DFL)


def watch_soft_shutdown(begun: Callable[[], None]) -> None:
    """Celery 5.5 and newer sleep in the signal's handler for worker_soft_shutdown_timeout before any flag is set."""
    from celery.worker import WorkController

    wait = getattr(WorkController, "wait_for_soft_shutdown", None)
    if wait is None:
        return

    def begin_and_wait(controller: Any) -> Any:
        begun()
        return wait(controller)

    WorkController.wait_for_soft_shutdown = begin_and_wait


def stop_in_the_loop(state: Any) -> None:
    """`control shutdown` ends the worker in the consumer's loop as TERM does, not in the middle of a message.

    Celery raises WorkerShutdown through the loop: a fetch that is under way then keeps its message until the last
    task has ended, and on AMQP nobody sends heartbeats meanwhile, so that other workers get the running tasks.
    """
    from celery.exceptions import WorkerShutdown
    from celery.worker.pidbox import Pidbox

    handle = Pidbox.on_message

    def on_message(pidbox: Any, body: Any, message: Any) -> None:
        try:
            handle(pidbox, body, message)
        except WorkerShutdown as asked:
            state.should_stop = asked.code or 0

    Pidbox.on_message = on_message


def watch_cold_shutdown(takes_over: Callable[[], bool]) -> None:
    """Ask `takes_over` where Celery 5.5 and newer would end the running tasks of a cold shutdown.

    Only prefork can: on solo and threads it raises NotImplementedError into whatever runs, and the killed greenlets of
    gevent and eventlet count as tasks that have succeeded, so that their messages are gone.
    """
    from celery.worker.consumer import Consumer

    for name in ("cancel_active_requests", "cancel_all_unacked_requests"):
        cancel = getattr(Consumer, name, None)
        if cancel is not None:
            setattr(Consumer, name, _unless_taken_over(cancel, takes_over))


def end_the_loop_of_a_stopped_pool(state: Any) -> None:
    """A cold shutdown stops the pool in the handler of its signal, in the middle of whatever the loop was at.

    What the loop then finds missing is no failure of the worker: it ends as if it had come round (Celery 5.5 and newer).
    """
    from celery.exceptions import WorkerTerminate
    from celery.worker.consumer.consumer import Evloop

    start = Evloop.start

    def run_loop(step: Any, consumer: Any) -> None:
        try:
            start(step, consumer)
        except Exception:
            if is_cold(state) and getattr(consumer.pool, "_pool", None) is None:
                raise WorkerTerminate(0) from None
            raise

    Evloop.start = run_loop


def _unless_taken_over(cancel: Callable[[Any], Any], takes_over: Callable[[], bool]) -> Callable[[Any], Any]:
    def cancel_requests(consumer: Any) -> None:
        if takes_over():
            consumer.pool.stop = _nothing  # it would wait for the tasks, in the handler of a signal
        else:
            cancel(consumer)

    return cancel_requests


def _nothing() -> None:
    """In place of what would come too early."""
