"""Records of failed tasks on their way to Redis, where they outlive the process: bounded by number and by age.

Failures are numbered, and Redis keeps the number that it has of each start. So records whose answer was lost are sent
again, and one that was retried meanwhile does not come back.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker import refusals
from taskfleet_worker.broker.outcome_folds import ENDED_KEPT, FOLD_EVERY, PAUSE, START_KEPT
from taskfleet_worker.keys import Keys
from taskfleet_worker.pool.failures import Failures

# Also where nothing fails any more: what is too old goes.
TRIM_EVERY = 3600.0
# So many at once do not wait for the next fold.
_MANY = 200
_AT_ONCE = 100
_BYTES_AT_ONCE = 1024 * 1024
# Of the above in one turn: the thread's other work does not wait for a task that fails in a loop.
_BATCHES_A_TURN = 5

# KEYS: the pool's failures by the time at which Redis got them, their records, tracebacks and messages, and the number of
# the last one of this start. ARGV: the most to keep, seconds to keep them, seconds to keep the number, the number of the
# first; then id, record, traceback and message (empty: none) for each.
# One that fails again replaces its record. The times are microseconds, each later than the one before, so that a reader
# can go on where it stopped. At most a thousand go at once, as Redis answers nobody else meanwhile.
STORE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
local at = math.max(now, (tonumber(last[2]) or 0) + 1)
local done, number = tonumber(redis.call('GET', KEYS[5]) or '0'), tonumber(ARGV[4])
for each = 5, #ARGV, 4 do
  if number > done then
    local id = ARGV[each]
    redis.call('ZADD', KEYS[1], string.format('%.0f', at), id)
    redis.call('HSET', KEYS[2], id, ARGV[each + 1])
    redis.call('HSET', KEYS[3], id, ARGV[each + 2])
    if ARGV[each + 3] ~= '' then redis.call('HSET', KEYS[4], id, ARGV[each + 3])
    else redis.call('HDEL', KEYS[4], id) end
    at, done = at + 1, number
  end
  number = number + 1
end
if #ARGV > 4 then redis.call('SET', KEYS[5], string.format('%.0f', done), 'EX', ARGV[3]) end
local oldest = string.format('(%.0f', now - ARGV[2] * 1000000)
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', oldest, 'LIMIT', 0, 1000)
if #old == 0 then
  local over = math.min(1000, redis.call('ZCARD', KEYS[1]) - ARGV[1])
  if over > 0 then old = redis.call('ZRANGE', KEYS[1], 0, over - 1) end
end
if #old > 0 then
  redis.call('ZREM', KEYS[1], unpack(old))
  for key = 2, 4 do redis.call('HDEL', KEYS[key], unpack(old)) end
end
if #ARGV > 4 then
  for key = 1, 4 do redis.call('EXPIRE', KEYS[key], ARGV[2]) end
end
"""


class FailureFolds:
    """Of one process, in the native thread; as the process leaves, perhaps in two at once."""

    def __init__(self, failures: Failures, keys: Keys, prefix: str) -> None:
        self._failures = failures
        pool = prefix + keys.failures
        parts = (pool, f"{pool}:records", f"{pool}:tracebacks", f"{pool}:messages")
        self._keys = (*parts, prefix + keys.failures_of_start)
        self._due = self._trimmed = float("-inf")

    def turn(self, client: Any, now: float) -> None:
        """Ten times a second."""
        failures = self._failures
        if not failures.settings.enabled:
            return
        # A refusal is reported until the server takes something again.
        trims = now - self._trimmed >= TRIM_EVERY or failures.refusal is not None
        # A server that refused is left alone, however many wait.
        hurries = failures.waiting >= _MANY and failures.refusal is None
        if not hurries and (now < self._due or not (failures.waiting or trims)):
            return
        self._trimmed = now
        self._due = now + (FOLD_EVERY if self._try(client, START_KEPT, _BATCHES_A_TURN) else PAUSE)

    def finish(self, client: Any) -> None:
        """The last ones."""
        if self._failures.waiting:
            self._try(client, ENDED_KEPT, self._failures.waiting)

    def _try(self, client: Any, keep: int, batches: int) -> bool:
        from redis import ResponseError

        try:
            self._store(client, keep, batches)
        except ResponseError as error:  # reports and drains go on
            why = refusals.code(error) or type(error).__name__
            self._failures.refusal = f"Redis rejects the records of failed tasks ({why})."
            return False
        self._failures.refusal = None
        return True

    def _store(self, client: Any, keep: int, batches: int) -> None:
        """The first batch also where nothing waits, because the script removes what is too old."""
        settings = self._failures.settings
        for _ in range(batches):
            first, some = self._failures.first(_AT_ONCE, _BYTES_AT_ONCE)
            values = [value for each in some for value in each]
            limits = (settings.limit, int(settings.retention), keep, first)
            client.eval(STORE, len(self._keys), *self._keys, *limits, *values)
            self._failures.stored(first + len(some) - 1)
            if not self._failures.waiting:
                return
