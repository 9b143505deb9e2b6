"""kopf's watchers, one task for each kind and namespace: kopf logs the failure of one and goes on without it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_NAME = "watcher for "  # how kopf begins the name of such a task
_LOOK_SECONDS = 0.5
_START_SECONDS = 30.0


class WatchersEndedError(Exception):
    """One or more watchers do not run, so what happens to their kinds would never be heard of."""


async def while_all_run(kopf_run: Coroutine[Any, Any, None], *, expected: int) -> None:
    """Run kopf on this loop for as long as `expected` watchers run.

    Raises WatchersEndedError when one has ended, or when they are not complete after 30 s.
    """
    # Made first: kopf cancels at its end whatever it did not find at its start.
    alarm = asyncio.create_task(_first_end(expected))
    running = asyncio.create_task(kopf_run)
    try:
        await asyncio.wait({alarm, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
    if alarm.done() and not alarm.cancelled():
        raise WatchersEndedError(alarm.result())
    await running


async def _first_end(expected: int) -> str:
    """Return when watchers are missing, with words that name them."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_SECONDS
    known: set[str] = set()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        names = {task.get_name() for task in asyncio.all_tasks()}
        alive = {name.removeprefix(_NAME) for name in names if name.startswith(_NAME)}
        known |= alive
        if ended := known - alive:
            return f"ended: {', '.join(sorted(ended))}"
        if len(alive) < expected and loop.time() > deadline:
            return f"only {len(alive)} of {expected} have started: {', '.join(sorted(alive))}"
