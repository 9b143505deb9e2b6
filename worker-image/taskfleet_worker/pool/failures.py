"""The failed tasks of this process, until Redis has their records: what failed, when, and why.

Made in the thread in which a task failed, because the text of an exception is the app's code. Nothing of it can fail the
task or make it wait.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from itertools import islice
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from taskfleet_worker import native
from taskfleet_worker.deliveries import LOSSES, REASON, Delivery
from taskfleet_worker.pool.outcomes import MAX_EXCEPTION, MAX_NAME, Run, exception_name
from taskfleet_worker.settings import FailureSettings

# Bytes of UTF-8.
MAX_ID = 255
MAX_TEXT = 500
MAX_ARGUMENTS = 1000
# The end, which names the line that failed.
MAX_TRACEBACK = 4000
MAX_MESSAGE = 64 * 1024
# Of all records that Redis does not have yet.
MAX_WAITING = 16 * 1024 * 1024
# A handler of a signal may have interrupted the thread that has the lock.
_PATIENCE = 1.0


class Failure(NamedTuple):
    """One failed task. `record` is JSON (worker-image/README.md); `message` is what sends it again, empty if not kept."""

    id: str
    record: str
    traceback: str
    message: str

    @property
    def size(self) -> int:
        """An estimate in bytes."""
        return 200 + sum(map(len, self))


class Failures:
    """Numbered from 1. `note` is for the report."""

    def __init__(self, settings: FailureSettings) -> None:
        self.settings = settings
        self._waiting: deque[Failure] = deque()
        self._bytes = 0
        self._stored = 0
        self._dropped = 0
        self._lock = native.allocate_lock()
        self.refusal: str | None = None

    @property
    def note(self) -> str | None:
        if self.refusal is not None:
            return self.refusal
        return f"{self._dropped} failed tasks were not recorded." if self._dropped else None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, request: Any, run: Run, error: BaseException, traceback: str) -> None:
        """A task of this process has failed, and will not run again."""
        if not self.settings.enabled:
            return
        try:
            failure = described(request, run, error, traceback, settings=self.settings, now=time())
        except Exception:  # whatever a sender's headers and body hold
            self._dropped += 1
            return
        if not self._lock.acquire(True, _PATIENCE):
            self._dropped += 1
            return
        try:
            if self._bytes + failure.size > MAX_WAITING:
                self._dropped += 1
            else:
                self._waiting.append(failure)
                self._bytes += failure.size
        finally:
            self._lock.release()

    def first(self, most: int, most_bytes: int) -> tuple[int, list[Failure]]:
        """The number of the first that Redis does not have, and it with those after it."""
        with self._lock:
            found: list[Failure] = []
            size = 0
            for one in islice(self._waiting, most):
                size += one.size
                if found and size > most_bytes:
                    break
                found.append(one)
            return self._stored + 1, found

    def stored(self, last: int) -> None:
        """Redis has all up to this number."""
        with self._lock:
            while self._stored < last and self._waiting:
                self._bytes -= self._waiting.popleft().size
                self._stored += 1


def described(
    request: Any, run: Run, error: BaseException, traceback: str, *, settings: FailureSettings, now: float
) -> Failure:
    """What is recorded. `request`: Celery's; `now`: Unix time."""
    headers = request.message.headers or {}
    message = _message(run.delivery) if settings.messages else ""
    task_id = cut(request.id, MAX_ID)
    runtime = None if run.began is None else round(max(0.0, native.monotonic() - run.began), 3)
    record = {
        "id": task_id,
        "name": cut(request.name, MAX_NAME),
        "queue": cut(run.queue, MAX_NAME),
        "priority": _priority(run.delivery),
        "time": round(now, 3),
        "runtime": runtime,
        "exception": cut(exception_name(error), MAX_EXCEPTION),
        "message": text_of(error),
        "root": cut(headers.get("root_id") or "", MAX_ID),
        "group": cut(headers.get("group") or "", MAX_ID),
        "retries": _count(headers.get("retries")),
        "chord": _is_in_a_chord(request),
    }
    if settings.arguments:
        record["args"] = cut(headers.get("argsrepr") or "", MAX_ARGUMENTS)
        record["kwargs"] = cut(headers.get("kwargsrepr") or "", MAX_ARGUMENTS)
    end = cut(traceback[-MAX_TRACEBACK:], 4 * MAX_TRACEBACK)
    return Failure(task_id, json.dumps(record, ensure_ascii=False), end, message)


def sent_again(payload: dict[str, Any]) -> dict[str, Any]:
    """The message as if it were sent now: at once, with all of its retries, under a new delivery tag."""
    again = {name: value for name, value in payload.items() if name not in (LOSSES, REASON)}
    headers, properties = payload.get("headers"), payload.get("properties")
    if isinstance(headers, dict) and "task" in headers:
        again["headers"] = {**headers, "retries": 0, "eta": None, "expires": None}
    properties = properties if isinstance(properties, dict) else {}
    info = properties.get("delivery_info")
    info = {**(info if isinstance(info, dict) else {}), "redelivered": False}
    again["properties"] = {**properties, "delivery_info": info, "delivery_tag": str(uuid4())}
    return again


def cut(value: Any, most: int) -> str:
    """Its text, as far as it has `most` bytes."""
    return str(value)[:most].encode(errors="replace")[:most].decode(errors="ignore")


def text_of(error: BaseException) -> str:
    """At most MAX_TEXT bytes of it; it is the app's code."""
    with contextlib.suppress(Exception):
        return cut(error, MAX_TEXT)
    return ""


def _message(delivery: Delivery | None) -> str:
    if delivery is None or delivery.place is None:
        return ""
    text = json.dumps(sent_again(delivery.payload))
    return text if len(text) <= MAX_MESSAGE else ""


def _priority(delivery: Delivery | None) -> int:
    properties = delivery.payload.get("properties") if delivery is not None else None
    return _count(properties.get("priority")) if isinstance(properties, dict) else 0


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000 else 0


def _is_in_a_chord(request: Any) -> bool:
    """Its body may be one that cannot be decoded."""
    with contextlib.suppress(Exception):
        return bool(request.chord)
    return False
