"""Revoked tasks, as the fleet knows them: a pod that starts later learns of them, as by Celery's mingle.

Each worker hears a revoke by remote control, keeps it in memory, and forgets it when it ends. Here it is kept in Redis as
well, for as long and as many as Celery keeps (`REVOKES_MAX`, `REVOKE_EXPIRES` of celery/worker/state.py). Read and
written by the native thread, applied in the consumer's loop, which alone changes what Celery keeps.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from time import time
from typing import Any

from taskfleet_worker import refusals

# In front of what is kept: a task's id, or a stamped header and its value.
ID, STAMP = "id:", "stamp:"
_LONGEST = 1000

# KEYS: the revokes. ARGV: seconds to keep them, how many, revokes. The clock is the server's, as everybody has it.
SHARE = """
local key, most, clock = KEYS[1], tonumber(ARGV[2]), redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
for at = 3, #ARGV do redis.call('ZADD', key, now, ARGV[at]) end
local function remove(members)
  if #members > 0 then redis.call('ZREM', key, unpack(members)) end
end
remove(redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. now - ARGV[1], 'LIMIT', 0, 1000))
local over = redis.call('ZCARD', key) - most
if over > 0 then remove(redis.call('ZRANGE', key, 0, math.min(over, 1000) - 1)) end
redis.call('EXPIRE', key, math.ceil(ARGV[1]))
"""
# A revoke may be written a moment after a later one was read.
OVERLAP = 10.0
_AT_ONCE = 500


class Revokes:
    """What this worker has heard and not yet shared (`outgoing`), and what it has read and not yet applied."""

    def __init__(self) -> None:
        self.known = False  # whether what was revoked before has been read, or may not be
        self.denied = False
        self.outgoing: deque[str] = deque()
        self._incoming: deque[tuple[str, float]] = deque()
        self._since = 0.0
        self._stamps: set[str] = set()
        self._state: Any = None

    def follow(self, state: Any) -> None:
        """Follow `celery.worker.state` (patches/worker_state.py)."""
        self._state = state
        self.outgoing = deque(maxlen=state.REVOKES_MAX)

    def heard(self, revoked: Any) -> None:
        """By remote control, in whatever form Celery takes it."""
        self._hear(ID + one for one in revoked or () if isinstance(one, str))

    def _hear(self, revokes: Iterable[str]) -> None:
        self.outgoing.extend(one for one in revokes if len(one) <= _LONGEST)

    @property
    def note(self) -> str | None:
        """For the report."""
        if not self.denied:
            return None
        return "The Redis user lacks permissions to share revokes: pods that start later run revoked tasks."

    def share(self, client: Any, key: str) -> None:
        """Write what was heard. In the native thread; what fails is written later."""
        self._hear_stamps()
        while self.outgoing and not self.denied:
            some = [self.outgoing[at] for at in range(min(len(self.outgoing), _AT_ONCE))]
            keep = self._state.REVOKE_EXPIRES, self._state.REVOKES_MAX
            with self._noting_rights():
                client.eval(SHARE, 1, key, *keep, *some)
            for _ in some:
                self.outgoing.popleft()

    def _hear_stamps(self) -> None:
        if not self._state.revoked_stamps:
            return
        now = set(_stamps(dict(self._state.revoked_stamps)))
        self._hear(sorted(now - self._stamps))
        self._stamps |= now

    def read(self, client: Any, key: str) -> None:
        """Read what is new. In the native thread."""
        since = max(self._since, time() - self._state.REVOKE_EXPIRES)
        found: list[tuple[bytes | str, float]] = []
        with self._noting_rights():
            found = client.zrangebyscore(
                key, since, "+inf", start=0, num=self._state.REVOKES_MAX, withscores=True
            )
        for revoke, revoked_at in found:
            self._since = max(self._since, revoked_at - OVERLAP)
            self._incoming.append((_text(revoke), max(0.0, time() - revoked_at)))
        self.known = True

    @contextlib.contextmanager
    def _noting_rights(self) -> Iterator[None]:
        """A user without the rights loses this and no more: reports and drains go on."""
        try:
            yield
        except Exception as error:
            if refusals.code(error) != "NOPERM":
                raise
            self.denied = True

    def apply(self, now: float) -> None:
        """Let Celery know what was read. In the consumer's loop; `now`: monotonic, as Celery keeps it."""
        while self._incoming:
            revoke, age = self._incoming.popleft()
            if revoke.startswith(ID):
                task = revoke[len(ID) :]
                if task not in self._state.revoked:
                    self._state.revoked.add(task, now=now - age)
            elif revoke.startswith(STAMP) and revoke not in self._stamps:
                self._stamps.add(revoke)
                header, value = json.loads(revoke[len(STAMP) :])
                known = self._state.revoked_stamps.get(header) or []
                self._state.revoked_stamps[header] = [*_listed(known), value]


def _stamps(revoked: dict[str, Any]) -> Iterable[str]:
    for header, values in revoked.items():
        for value in _listed(values):
            if isinstance(value, (str, int, float, bool)):
                yield STAMP + json.dumps([header, value])


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple, set, frozenset)) else [values]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
