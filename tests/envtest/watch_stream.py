"""The events of one watch on their way through the proxy, with the faults that strike it."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any, Literal, Protocol

from tests.envtest.api_calls import ApiCall
from tests.envtest.faults import Fate, Fault, Injection, Injections, status_object


class Source(Protocol):
    def readline(self) -> Awaitable[bytes]: ...


class Sink(Protocol):
    def write(self, data: bytes) -> Awaitable[None]: ...


async def pass_events(call: ApiCall, injections: Injections, source: Source, sink: Sink) -> None:
    """Pass events on until the API server or a fault ends the watch.

    Raises ConnectionResetError where the fault is a cut connection. What arrives during silence is passed on
    when it ends, as TCP would.
    """
    event = asyncio.ensure_future(source.readline())
    seen: Injection | None = None
    try:
        while True:
            changed = injections.changed
            injection = injections.first(call, _strikes_watches)
            if injection is not None and injection is not seen:
                injection.hits += 1
            seen = injection
            if injection is not None and not injection.fault.silence:
                await _end(injection.fault, sink)
                return
            if injection is not None:
                await changed.wait()
                continue
            await _first_of(event, asyncio.ensure_future(changed.wait()))
            if not event.done():
                continue
            if not event.result():
                return
            fate = _fate(event.result(), call, injections)
            await asyncio.sleep(fate.after)
            for _ in range(fate.copies):
                await sink.write(event.result())
            event = asyncio.ensure_future(source.readline())
    finally:
        event.cancel()


def _strikes_watches(fault: Fault) -> bool:
    return fault.silence or fault.status is not None or fault.watch_error is not None


async def _end(fault: Fault, sink: Sink) -> None:
    if fault.watch_error is None:
        raise ConnectionResetError
    error = {"type": "ERROR", "object": status_object(fault.watch_error)}
    await sink.write(json.dumps(error).encode() + b"\n")


async def _first_of(event: asyncio.Future[bytes], change: asyncio.Future[Literal[True]]) -> None:
    either: set[asyncio.Future[Any]] = {event, change}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        change.cancel()


def _fate(line: bytes, call: ApiCall, injections: Injections) -> Fate:
    injection = injections.first(call, lambda fault: fault.fate)
    if injection is None or injection.fault.fate is None:
        return Fate()
    fate = injection.fault.fate(json.loads(line))
    injection.hits += fate is not None
    return fate or Fate()
