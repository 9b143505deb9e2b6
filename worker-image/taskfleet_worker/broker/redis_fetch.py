"""A fetch in one script: each message is read, recorded as held, and taken off its list last.

Whatever Redis refuses, and whenever the process or its connection ends, a message is in its list or on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from taskfleet_worker.broker.redis_commands import Unacked

# KEYS: the lists in their order, and nothing else: Redis up to 7.0 tracks every key that is named here. ARGV: how many
# messages at most, how many workers share what is there, how many lists take turns, the time, `unacked`, its index, our
# record, what tags begin with, the order of the first message; then for each list its queue, its dead letters, and
# whether its messages are recorded.
# A script does not roll back. So the list comes last, and what was written before a refusal is removed. Redis tracks a
# list for this client because it was read, also one that does not exist yet. It decodes nothing: Redis would serve no
# other client meanwhile, and decoding took a seventh of the script's time. What is no message is fetched like any other.
FETCH = """
local want, share, turn, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local unacked, index, held, tags, order = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local found, bytes, refusal = {}, 0, nil
local MOST_BYTES = 1048576

local function refused(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then refusal = reply.err end
  return refusal
end

local function record(at, raw)
  local tag, queue, dead = tags .. order, ARGV[7 + 3 * at], ARGV[8 + 3 * at]
  if refused('HSET', unacked, tag, '[' .. raw .. ', "", ' .. cjson.encode(queue) .. ']')
      or refused('ZADD', index, now, tag)
      or refused('HSET', held, tag, cjson.encode({order, KEYS[at], dead}))
      or refused('RPOP', KEYS[at]) then
    redis.pcall('HDEL', unacked, tag)
    redis.pcall('ZREM', index, tag)
    redis.pcall('HDEL', held, tag)
  end
end

local function take(at)
  local raw = redis.pcall('LINDEX', KEYS[at], -1)
  if not raw then return false end
  if type(raw) == 'table' then refusal = raw.err return false end
  if ARGV[9 + 3 * at] == '1' then record(at, raw) else refused('RPOP', KEYS[at]) end
  if refusal then return false end
  found[#found + 1] = {at, order, raw}
  want, order, bytes = want - 1, order + 1, bytes + #raw
  return true
end

if want > 1 then
  local there = 0
  for at = 1, #KEYS do
    local length = redis.pcall('LLEN', KEYS[at])
    if type(length) == 'number' then there = there + length end
  end
  want = math.min(want, math.max(1, math.ceil(there / share)))
end
for first = 1, #KEYS, turn do
  local more = true
  while more do
    more = false
    for at = first, first + turn - 1 do
      if want > 0 and bytes < MOST_BYTES and not refusal and take(at) then more = true end
    end
  end
end
return {refusal or '', unpack(found)}
"""
# At once; Redis serves no other client meanwhile.
MOST = 100


@dataclass(frozen=True)
class Line:
    """One list of a queue: its full name, and that without the prefix. `recorded`: its messages are acknowledged."""

    key: str
    name: str
    queue: str
    dead: str
    recorded: bool


@dataclass(frozen=True)
class Taken:
    """An item that is off its list. `order` counts fetched items; `raw` is what the producer sent, perhaps no message."""

    line: Line
    order: int
    raw: bytes


@dataclass(frozen=True)
class Fetched:
    """`refusal`: the reply that ended the fetch."""

    taken: list[Taken] = field(default_factory=list)
    refusal: str = ""


def fetch_arguments(
    names: Unacked,
    lines: Sequence[Line],
    *,
    tags: str,
    order: int,
    want: int,
    share: int,
    turn: int,
    now: float,
) -> list[str]:
    """What follows the script: the number of keys, the keys, the arguments. `turn` lists at a time take turns."""
    keys = [line.key for line in lines]
    how = [want, share, turn, now, names.messages, names.index, names.held, tags, order]
    each = [value for line in lines for value in (line.queue, line.dead, int(line.recorded))]
    return [str(value) for value in (len(keys), *keys, *how, *each)]


def read_fetched(reply: Sequence[Any], lines: Sequence[Line]) -> Fetched:
    """The script's reply."""
    refusal, *items = reply
    return Fetched(
        taken=[Taken(lines[at - 1], order, _bytes(raw)) for at, order, raw in items],
        refusal=_without_generic_code(_bytes(refusal).decode(errors="replace")),
    )


def _without_generic_code(reply: str) -> str:
    """As redis-py has it."""
    return reply[4:] if reply.startswith("ERR ") else reply


def _bytes(text: bytes | str) -> bytes:
    """An app may ask redis-py for text."""
    return text.encode(errors="surrogateescape") if isinstance(text, str) else text
