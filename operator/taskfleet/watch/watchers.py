"""kopf's watchers, one task for each kind and namespace: kopf logs the failure of one and may go on without it."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

_NAME = "watcher for "  # how kopf begins the name of such a task
_LOOK_SECONDS = 0.25
_START_SECONDS = 30.0
_END_SECONDS = 1.0


class WatchersEndedError(Exception):
    """One or more watchers do not run, so changes of their kinds would never be noticed."""


async def while_all_run(kopf_run: Coroutine[Any, Any, None], *, expected: int, stop: threading.Event) -> None:
    """Run kopf on this loop until `stop` is set.

    kopf itself gets no stop flag: it waits for one in a thread of the loop's executor, and a loop does not
    close before that wait is over. Raises WatchersEndedError when a watcher has ended, or when there are not
    `expected` ones after 30 s.
    """
    # Made first: kopf cancels at its end whatever it did not find at its start.
    alarm = asyncio.create_task(_alarm(expected, stop))
    running = asyncio.create_task(kopf_run)
    await asyncio.wait({alarm, running}, return_when=asyncio.FIRST_COMPLETED)
    alarm.cancel()
    await asyncio.wait({alarm})
    await _end(running)
    if not alarm.cancelled():
        if problem := alarm.result():
            raise WatchersEndedError(problem)
        return
    await running
    raise WatchersEndedError("kopf has stopped")


async def _end(running: asyncio.Task[None]) -> None:
    """Cancel kopf, and what it waits for again and again.

    A watch that is cancelled before its first answer can take that for a pause and restart (kopf 1.45,
    clients/api.py, stream), this time without credentials, and kopf would wait for it forever.
    """
    running.cancel()
    while True:
        await asyncio.wait({running}, timeout=_END_SECONDS)
        if running.done():
            return
        for task in asyncio.all_tasks() - {asyncio.current_task(), running}:
            task.cancel()


async def _alarm(expected: int, stop: threading.Event) -> str | None:
    """Words about missing watchers as soon as there are any; None when `stop` is set."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_SECONDS
    known: set[str] = set()
    while not stop.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
        names = {task.get_name() for task in asyncio.all_tasks()}
        alive = {name.removeprefix(_NAME) for name in names if name.startswith(_NAME)}
        known |= alive
        if ended := known - alive:
            return f"stopped: {', '.join(sorted(ended))}"
        if len(alive) < expected and loop.time() > deadline:
            return f"only {len(alive)} of {expected} have started: {', '.join(sorted(alive))}"
    return None
