"""Failed tasks of a pool as they are in Redis, a page at a time.

A script, because a tenant can write a record of any size: only what is small enough leaves Redis.
"""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import MAX_ID, MAX_RECORD, FailedTask, parse
from taskfleet.brokers.key_layout import Layout

PAGE = 1000
_PAGE_BYTES = 2 * 1024 * 1024
_MAX_TRACEBACK = 16 * 1024

# KEYS: the failures by time, their records and messages. ARGV: the first and the last time, seconds that failures are
# kept, how many, bytes of an id, of a record and of all.
# Each is [time, record, whether there is a message]; the record is empty if it is too large or gone. Where the times go
# down the newest come first.
_READ = """
local clock = redis.call('TIME')
local kept = string.format('%.0f', clock[1] * 1000000 + clock[2] - ARGV[3] * 1000000)
local upwards = ARGV[2] ~= '-inf'
local ids
if upwards then
  local first = ARGV[1] == '-inf' and kept or ARGV[1]
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], first, ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[4])
else
  ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], kept, 'WITHSCORES', 'LIMIT', 0, ARGV[4])
end
local found, bytes = {}, 0
for at = 1, #ids, 2 do
  local id, record, message = ids[at], '', 0
  if #id <= tonumber(ARGV[5]) and redis.call('HSTRLEN', KEYS[2], id) <= tonumber(ARGV[6]) then
    record = redis.call('HGET', KEYS[2], id) or ''
    message = redis.call('HEXISTS', KEYS[3], id)
  end
  bytes = bytes + #record
  found[#found + 1] = {ids[at + 1], record, message}
  if bytes > tonumber(ARGV[7]) then break end
end
return found
"""
# KEYS: the failures by time, their records, tracebacks and messages. ARGV: id, bytes of a record and of a traceback.
_READ_ONE = """
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or redis.call('HSTRLEN', KEYS[2], ARGV[1]) > tonumber(ARGV[2]) then return {} end
local traceback = redis.call('HGET', KEYS[3], ARGV[1]) or ''
local message = redis.call('HEXISTS', KEYS[4], ARGV[1])
return {at, redis.call('HGET', KEYS[2], ARGV[1]) or '', message, string.sub(traceback, -ARGV[3])}
"""


@dataclass(frozen=True)
class Page:
    """`next`: the time of the last one that was looked at, where there may be more after it."""

    tasks: list[FailedTask]
    next: int | None


@dataclass(frozen=True)
class Names:
    """The keys of a pool's failures."""

    pool: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """By time, records, tracebacks, messages."""
        return self.pool, f"{self.pool}:records", f"{self.pool}:tracebacks", f"{self.pool}:messages"


def names(layout: Layout, pool_uid: str) -> Names:
    return Names(layout.key("failures", pool_uid))


async def newest(client: Redis, keys: Names, *, before: int | None, retention: float) -> Page:
    """The newest failures, or the newest before one. Raises RedisError."""
    first = "+inf" if before is None else f"({before}"
    return await _page(client, keys, first, "-inf", retention)


async def oldest(client: Redis, keys: Names, *, after: int | None, until: int, retention: float) -> Page:
    """The oldest failures, or the oldest after one. Raises RedisError."""
    first = "-inf" if after is None else f"({after}"
    return await _page(client, keys, first, str(until), retention)


async def one(client: Redis, keys: Names, task_id: str) -> tuple[FailedTask, str] | None:
    """A failure with its traceback; None where there is no record of it. Raises RedisError."""
    reply = await client.register_script(_READ_ONE)(keys.parts, [task_id, MAX_RECORD, _MAX_TRACEBACK])
    if not reply:
        return None
    task = parse(reply[1], at=int(float(reply[0])), kept=bool(reply[2]))
    # It may be cut within a character.
    return None if task is None else (task, reply[3].decode(errors="replace"))


async def _page(client: Redis, keys: Names, first: str, last: str, retention: float) -> Page:
    by_time, records, _, messages = keys.parts
    arguments = (first, last, int(retention), PAGE, MAX_ID, MAX_RECORD, _PAGE_BYTES)
    reply: list[Any] = await client.register_script(_READ)([by_time, records, messages], arguments)
    tasks = (parse(record, at=int(float(at)), kept=bool(kept)) for at, record, kept in reply)
    # A page that is not full may have been cut by its bytes, so only an empty one is the last.
    end = int(float(reply[-1][0])) if reply else None
    return Page([task for task in tasks if task is not None], end)
