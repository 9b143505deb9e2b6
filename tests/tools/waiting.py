"""Waiting for a condition instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout: float, *, what: str = "", poll: float = 0.05) -> T:
    """Ask `condition` every `poll` seconds until it is truthy, and return what it gave.

    Raises AssertionError after `timeout` seconds, with `what` was waited for and the last answer.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{name}: not within {timeout:g} s; last seen: {answer!r}")
        time.sleep(poll)
    return answer


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float) -> None:
    """As `wait_for`, on an event loop; `condition` may be asynchronous."""
    deadline = time.monotonic() + seconds
    while not (answer := await _answer(condition())):
        assert time.monotonic() < deadline, f"not within {seconds:g} s; last seen: {answer!r}"
        await asyncio.sleep(0.01)


async def _answer(given: object) -> object:
    return await given if inspect.isawaitable(given) else given


def stays(condition: Callable[[], T], seconds: float, *, what: str = "", poll: float = 0.1) -> None:
    """Assert that `condition` holds at every look for `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        name = what or getattr(condition, "__name__", "the condition")
        assert answer, f"{name}: no longer after {seconds - (deadline - time.monotonic()):.1f} s: {answer!r}"
        time.sleep(poll)
