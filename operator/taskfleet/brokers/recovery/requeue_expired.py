"""Messages that were fetched too long ago return to the head of their queues.

kombu's own workers do this too, but gevent and eventlet ones only when they start, and nobody does where no worker
is left. Theirs also deletes what belongs to an exchange that its process has not declared; what has no known queue
stays where it is here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.kombu_bindings import bindings_of, queues_for
from taskfleet.brokers.recovery.redelivery import MARKED

_BATCH = 100
_BATCH_BYTES = 4 * 1024 * 1024  # Redis answers no other client while it scans a batch
_MOST_BATCHES = 10  # in one scan; the rest waits for the next
_RECORDS_AT_ONCE = 100
_LOCK_SECONDS = 60  # longer than from one scan to the next

# KEYS: index, messages, lock. ARGV: seconds of visibility, our name, seconds to lock, how many to pass over, how many
# and how many bytes to look at.
# The clock is the server's, as everybody has it. A tag without a message is acknowledged: kombu removes it as well.
# What is asked of a message stands at its end: {..., "properties": {...}}, exchange, routing key.
_FIND = """
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[2] then return false end
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
local latest, bytes, found = redis.call('TIME')[1] - ARGV[1], 0, {}
local tags = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', latest, 'LIMIT', ARGV[4], ARGV[5])
for at, tag in ipairs(tags) do
  bytes = bytes + redis.call('HSTRLEN', KEYS[2], tag)
  if at > 1 and bytes > tonumber(ARGV[6]) then break end
  local value = redis.call('HGET', KEYS[2], tag)
  if value then
    local exchange, key = string.match(string.sub(value, -1000), '"([^"]*)",%s*"([^"]*)"%]%s*$')
    local priority = string.match(value, '^.*"priority":%s*(%d+)') or '0'
    found[at] = exchange and {tag, exchange, key, priority} or {tag}
  else
    redis.call('ZREM', KEYS[1], tag)
    found[at] = {}
  end
end
return found
"""

# KEYS: index, messages, lists. ARGV: seconds of visibility, [[tag, [list, ...]], ...], what the names of marks begin with.
# A list gets its message before it is removed from the others, so that a Redis which is full loses nothing. What cannot
# go to all of its lists goes to none, and where nothing may be removed from the records, nothing moves.
_MOVE = (
    MARKED
    + """
local latest, moved = redis.call('TIME')[1] - ARGV[1], 0
local function put(message, lists)
  for at, list in ipairs(lists) do
    local done = redis.pcall('RPUSH', KEYS[2 + list], message)
    if type(done) == 'table' then
      for before = 1, at - 1 do redis.call('RPOP', KEYS[2 + lists[before]]) end
      return done
    end
  end
end
redis.call('ZREM', KEYS[1], '')
redis.call('HDEL', KEYS[2], '')
for _, entry in ipairs(cjson.decode(ARGV[2])) do
  local tag, score = entry[1], redis.call('ZSCORE', KEYS[1], entry[1])
  local value = score and tonumber(score) <= latest and redis.call('HGET', KEYS[2], tag)
  local message = value and message_in(value)
  if message then
    message = marked(message)
    local refusal = put(message, entry[2])
    if refusal then return refusal end
    redis.call('HDEL', KEYS[2], tag)
    redis.call('ZREM', KEYS[1], tag)
    redis.call('SET', ARGV[3] .. tag, '1', 'EX', '86400')
    moved = moved + 1
  end
end
return moved
"""
)


@dataclass(frozen=True)
class Swept:
    """The result of one scan. `kept`: expired, and no queue is known for them. `tags`: those that were requeued."""

    requeued: int = 0
    kept: int = 0
    tags: frozenset[str] = frozenset()


@dataclass
class ExpiredRequeuer:
    """Requeues on one database. `name`: ours, among all restorers; only one of them works at a time."""

    layout: Layout
    name: str
    _queues: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    async def sweep(self, client: Redis, records: Sequence[str] = ()) -> Swept:
        """Requeue what has expired. A later call continues after a failure, because a move also removes.

        `records`: keys of what live pods hold. They renew it, if by a longer timeout than that of now.
        """
        self._queues.clear()
        total, passed = Swept(), 0
        for _ in range(_MOST_BATCHES):
            if not (found := await self._find(client, pass_over=passed)):
                break
            held = await _held(client, [entry[0] for entry in found if entry], records)
            lists = {
                tag: await self._lists(client, rest) for tag, *rest in filter(None, found) if tag not in held
            }
            known = {tag: names for tag, names in lists.items() if names}
            moved = await self._move(client, known) if known else 0
            kept = len(lists) - moved
            passed += kept + len(held)
            total = Swept(total.requeued + moved, total.kept + kept, total.tags | known.keys())
        return total

    async def _find(self, client: Redis, *, pass_over: int) -> list[list[str]]:
        keys = (*self._keys, self.layout.prefix + "taskfleet:restorer")
        arguments = (self._seconds, self.name, _LOCK_SECONDS, pass_over, _BATCH, _BATCH_BYTES)
        found = await client.register_script(_FIND)(keys, arguments)
        return [[part.decode(errors="replace") for part in entry] for entry in found or []]

    async def _lists(self, client: Redis, parts: Sequence[str]) -> list[str]:
        """The lists that a message belongs to, by exchange, routing key and priority."""
        if not parts:
            return []
        # As JSON has them, which may write a letter as its number.
        try:
            exchange, routing_key = (str(json.loads(f'"{part}"', strict=False)) for part in parts[:2])
        except ValueError:
            return []
        priority = parts[2]
        layout = self.layout
        if (exchange, routing_key) not in self._queues:
            bound = await bindings_of(client, layout.prefix, layout.separator, [exchange] if exchange else [])
            self._queues[exchange, routing_key] = queues_for(exchange, routing_key, bound.get(exchange, ()))
        queues = self._queues[exchange, routing_key]
        return [layout.list_for(queue, float(priority)) for queue in queues]

    async def _move(self, client: Redis, lists: Mapping[str, Sequence[str]]) -> int:
        """The one fetched last goes first, so that the others come to stand before it."""
        names = sorted({name for each in lists.values() for name in each})
        number = {name: at for at, name in enumerate(names, 1)}
        entries = [[tag, [number[name] for name in each]] for tag, each in reversed(list(lists.items()))]
        keys = (*self._keys, *names)
        marks = self.layout.key("taken", "")  # as of what is requeued from a lost node: its worker may live
        arguments = (self._seconds, json.dumps(entries), marks)
        return int(await client.register_script(_MOVE)(keys, arguments))

    @property
    def _keys(self) -> tuple[str, str]:
        return f"{self.layout.prefix}unacked_index", f"{self.layout.prefix}unacked"

    @property
    def _seconds(self) -> float:
        return self.layout.visibility_timeout


async def _held(client: Redis, tags: Sequence[str], records: Sequence[str]) -> set[str]:
    """Those of `tags` that stand in one of the records."""
    held: set[str] = set()
    for at in range(0, len(records) if tags else 0, _RECORDS_AT_ONCE):
        async with client.pipeline(transaction=False) as pipe:
            for record in records[at : at + _RECORDS_AT_ONCE]:
                pipe.hmget(record, list(tags))
            replies = await pipe.execute()
        held.update(
            tag for reply in replies for tag, value in zip(tags, reply, strict=True) if value is not None
        )
    return held
