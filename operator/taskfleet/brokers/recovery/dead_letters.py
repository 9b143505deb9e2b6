"""Dead letters in `<queue>.dead`: listed, and requeued on request.

Both run as scripts, because a message may be of any size: only what is shown of it leaves Redis.
"""

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.dead_letter import DeadLetter, Request
from taskfleet.brokers.recovery.redelivery import LOSSES, MARKED, REASON

MOST_LISTED = 100
_LARGEST = 256 * 1024  # bytes; of what is larger nothing is shown: reading 100 of these takes Redis 0.1 s
_LONGEST = 200  # bytes of one text
_BATCH = 100
_BATCH_BYTES = 1024 * 1024  # Redis answers no other client while it moves a batch
_REMEMBERED_SECONDS = 7 * 24 * 3600

# KEYS: the dead letters. ARGV: how many, bytes of a message, bytes of a text, names of the count and of the reason.
_LIST = """
local function text(value)
  return type(value) == 'string' and string.sub(value, 1, tonumber(ARGV[3])) or ''
end
local found = {}
for at = 0, ARGV[1] - 1 do
  local message = redis.call('LINDEX', KEYS[1], at)
  if not message then break end
  local readable, read = pcall(cjson.decode, #message <= tonumber(ARGV[2]) and message or '')
  local headers = readable and type(read) == 'table' and read.headers
  headers = type(headers) == 'table' and headers or {}
  read = type(read) == 'table' and read or {}
  found[at + 1] = {
    text(headers.id), text(headers.task), text(headers.argsrepr), text(headers.kwargsrepr), text(read[ARGV[5]]),
    tonumber(read[ARGV[4]]) or 0
  }
end
return found
"""

# KEYS: the request, the dead letters, the queue's lists. ARGV: token, ids (none: all), the first priority of each
# list, how many and how many bytes at once, seconds to remember, whether they are removed instead.
# Every message is taken from the head and goes to its queue or to the tail, so what stays keeps its order. How many
# are left to scan is stored: a request that is repeated continues, and moves nothing that arrived after it.
# A script does not roll back. So it ends at its first writes, which change nothing, where it has no right to store or to
# take. Then each message is at its new place before it is taken from the old one.
_MOVE = (
    MARKED
    + """
local wanted, steps = {}, cjson.decode(ARGV[3])
for _, id in ipairs(cjson.decode(ARGV[2])) do wanted[id] = true end

local function destination(message)
  local readable, read = pcall(cjson.decode, message)
  local headers = readable and type(read) == 'table' and read.headers
  if ARGV[7] == '1' and not next(wanted) then return KEYS[3] end
  if type(headers) ~= 'table' or next(wanted) and not wanted[headers.id] then return nil end
  local properties = type(read.properties) == 'table' and read.properties or {}
  local priority, list = tonumber(properties.priority) or 0, 1
  for at, step in ipairs(steps) do
    if step <= priority then list = at end
  end
  return KEYS[2 + list]
end

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'moved', 0)
end
redis.call('HSET', KEYS[1], 'token', ARGV[1])
redis.call('LPOP', KEYS[2], 0)
local left = tonumber(redis.call('HGET', KEYS[1], KEYS[2]) or redis.call('LLEN', KEYS[2]))
local looked_at, moved, bytes, refusal = 0, 0, 0, nil
while looked_at < left and looked_at < tonumber(ARGV[4]) and bytes < tonumber(ARGV[5]) do
  local message = redis.call('LINDEX', KEYS[2], 0)
  if not message then
    left = looked_at
    break
  end
  local list = destination(message)
  local done = 0
  if not list then
    done = redis.pcall('RPUSH', KEYS[2], message)
  elseif ARGV[7] == '0' then
    done = redis.pcall('LPUSH', list, marked(unexplained(uncounted(message))))
  end
  if type(done) == 'table' then
    refusal = done
    break
  end
  redis.call('LPOP', KEYS[2])
  moved = list and moved + 1 or moved
  looked_at, bytes = looked_at + 1, bytes + #message
end
redis.call('HSET', KEYS[1], KEYS[2], left - looked_at)
moved = redis.call('HINCRBY', KEYS[1], 'moved', moved)
redis.call('EXPIRE', KEYS[1], ARGV[6])
return refusal or {left - looked_at, moved}
"""
)


async def dead_letters(client: Redis, layout: Layout, queues: Sequence[str]) -> list[DeadLetter]:
    """At most MOST_LISTED messages, queue after queue, oldest dead letters first."""
    found: list[DeadLetter] = []
    for queue in queues:
        arguments = (MOST_LISTED - len(found), _LARGEST, _LONGEST, LOSSES, REASON)
        replies = await _run(client, _LIST, [layout.dead_letters(queue)], arguments)
        found += [_dead_letter(queue, reply) for reply in replies]
    return found


async def requeue(
    client: Redis, layout: Layout, queues: Sequence[str], request: Request, *, pool_uid: str
) -> int:
    """Move messages to the end of their queues, their count cleared, or remove them; how many the request has in all.

    Repeated with the same token, even after a failure half-way, it moves each message once.
    """
    known = layout.key("forget" if request.forget else "requeue", pool_uid)
    steps = json.dumps(layout.priority_steps)
    arguments = (
        request.token,
        json.dumps(request.ids),
        steps,
        _BATCH,
        _BATCH_BYTES,
        _REMEMBERED_SECONDS,
        int(request.forget),
    )
    moved = 0
    for queue in queues:
        left = 1
        while left:
            keys = [known, layout.dead_letters(queue), *layout.lists(queue)]
            left, moved = await _run(client, _MOVE, keys, arguments)
    return moved


async def _run(client: Redis, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
    return await client.register_script(script)(keys, arguments)


def _dead_letter(queue: str, reply: Sequence[Any]) -> DeadLetter:
    # A text that was cut may end within a character.
    task_id, task, args, kwargs, reason = (text.decode(errors="replace") for text in reply[:5])
    return DeadLetter(queue, task_id, task, f"{args} {kwargs}".strip(), int(reply[5]), reason)
