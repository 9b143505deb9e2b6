"""Failed tasks are sent again, or forgotten, each once for a request however often that is repeated."""

from collections.abc import Sequence

from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import FailedTask, Handled, Request, chosen
from taskfleet.brokers.failures.reader import Names, oldest
from taskfleet.brokers.key_layout import Layout

_BATCH = 100
_REMEMBERED_SECONDS = 7 * 24 * 3600

# KEYS: the request, the failures by time. ARGV: token, seconds to remember it.
# What fails while the request is carried out is not a part of it: a task that fails again would be sent again for ever.
_BEGIN = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  local last = redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'token', ARGV[1], 'until', last[2] or '0', 'tasks', 0)
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'until', 'tasks')
"""

# KEYS: the request, the failures by time, their records, tracebacks and messages, then a list for each task whose
# message is sent. ARGV: token; then id, time, and whether its message is sent, for each; it is for all or for none.
# A task that is not there any more, or has failed again since, was dealt with by an earlier attempt. Each task is done
# and counted before the next, so that a server that refuses half-way has no task twice. Where nothing may be removed or
# counted, nothing is sent.
_ACT = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return false end
redis.call('HINCRBY', KEYS[1], 'tasks', 0)
redis.call('ZREM', KEYS[2], '')
for key = 3, 5 do redis.call('HDEL', KEYS[key], '') end
for at = 2, #ARGV, 3 do
  local id, list = ARGV[at], KEYS[5 + (at + 1) / 3]
  local score = redis.call('ZSCORE', KEYS[2], id)
  if score and tonumber(score) == tonumber(ARGV[at + 1]) then
    local message = ARGV[at + 2] == '1' and redis.call('HGET', KEYS[5], id)
    if message then redis.call('LPUSH', list, message) end
    if message or ARGV[at + 2] == '0' then
      redis.call('ZREM', KEYS[2], id)
      for key = 3, 5 do redis.call('HDEL', KEYS[key], id) end
      redis.call('HINCRBY', KEYS[1], 'tasks', 1)
    end
  end
end
return redis.call('HGET', KEYS[1], 'tasks')
"""


async def carry_out(
    client: Redis, layout: Layout, keys: Names, request: Request, *, retention: float
) -> Handled | None:
    """What the request has done in all; None where a newer one has replaced it. Raises RedisError."""
    known = f"{keys.pool}:request"
    begun = await client.register_script(_BEGIN)([known, keys.pool], [request.token, _REMEMBERED_SECONDS])
    until, done = (int(float(value)) for value in begun)
    after, chord_members, without_message = None, 0, 0
    while True:
        page = await oldest(client, keys, after=after, until=until, retention=retention)
        going, left = chosen(request, page.tasks, list_for=layout.list_for)
        chord_members += left.chord_members
        without_message += left.without_message
        for at in range(0, len(going), _BATCH):
            count = await _act(client, [known, *keys.parts], request, going[at : at + _BATCH])
            if count is None:
                return None
            done = count
        if page.next is None:
            return Handled(done, chord_members, without_message)
        after = page.next


async def _act(
    client: Redis, keys: Sequence[str], request: Request, going: Sequence[tuple[FailedTask, str]]
) -> int | None:
    """How many tasks the request has dealt with so far."""
    lists = [place for _, place in going if place]
    values = [value for task, place in going for value in (task.id, task.at, int(bool(place)))]
    reply = await client.register_script(_ACT)([*keys, *lists], [request.token, *values])
    return None if reply is None else int(reply)
