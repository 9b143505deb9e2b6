"""Messages that a dead worker held go back to the head of their queues, in their old order.

worker-image/taskfleet_worker records what each process start holds: tag -> [order, list, dead-letter list], and an ETA
that stands in no header.
kombu's own restore is of no use here: it finds a queue only for exchanges that its process has declared, and
deletes the messages of others. Messages may be of any size, so none leaves Redis: scripts report what must be known of
them, and move them.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.redelivery import LOSSES, MARKED, MAX_REDELIVERIES
from taskfleet.brokers.untrusted import count, load_json

_BATCH = 100
_BATCH_BYTES = 4 * 1024 * 1024  # Redis answers no other client while it scans a batch
_LONGEST_RECORD = 4096  # bytes: two names of lists
_MOST_DIGITS = 6

# KEYS: messages. ARGV: name of the count, how many bytes to look at, tags. Of each the count and the ETA; false where
# it is acknowledged, nothing where it is no message. It ends where the bytes are used up.
_LOOK = (
    MARKED
    + r"""
local found, bytes = {}, 0
for at = 3, #ARGV do
  bytes = bytes + redis.call('HSTRLEN', KEYS[1], ARGV[at])
  if at > 3 and bytes > tonumber(ARGV[2]) then break end
  local value = redis.call('HGET', KEYS[1], ARGV[at])
  local message = value and message_in(value)
  local read, losses, eta = pcall(function()
    local from, to = member(message, 1, ARGV[1])
    local headers = member(message, 1, 'headers')
    local eta_from, eta_to = member(message, headers, 'eta')
    return from and string.sub(message, from, to) or '0',
      eta_from and string.sub(message, eta_from, math.min(eta_to, eta_from + 63)) or ''
  end)
  found[at - 2] = value and (message and read and {losses, eta} or {})
end
return found
"""
)

# KEYS: messages, index, record, reports, lists. ARGV: the start and its report, what the names of marks begin with
# or nothing, then tag and count of each list's message; no count: it is no message, and moves as it came.
# A start that has spoken again is not dead: it looks for what it has lost after it has spoken
# (taskfleet_worker/messages/fence.py), and from then on nothing is taken from it. Only who still finds a message
# unacknowledged moves it, so nothing is doubled by whoever else tries. The list comes first, so that a refusal loses
# nothing. Before it, nothing is removed from each record: that ends the script where it has no right to, and nothing is
# in its list and on record.
_MOVE = (
    MARKED
    + """
local function as_it_came(value)
  return string.match(value, '^%[(.*), "", ".*"%]$') or value
end

local function moved_form(value, losses)
  if losses == '' then return as_it_came(value) end
  local message = message_in(value)
  return message and counted(marked(message), losses)
end

if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return -1 end
redis.call('HDEL', KEYS[1], '')
redis.call('ZREM', KEYS[2], '')
redis.call('HDEL', KEYS[3], '')
local moved = 0
for at = 4, #ARGV, 2 do
  local value = redis.call('HGET', KEYS[1], ARGV[at])
  local message = value and moved_form(value, ARGV[at + 1])
  if message then
    redis.call('RPUSH', KEYS[4 + (at - 2) / 2], message)
    redis.call('HDEL', KEYS[1], ARGV[at])
    if ARGV[3] ~= '' then redis.call('SET', ARGV[3] .. ARGV[at], '1', 'EX', '86400') end
    moved = moved + 1
  end
  redis.call('ZREM', KEYS[2], ARGV[at])
  redis.call('HDEL', KEYS[3], ARGV[at])
end
return moved
"""
)

# KEYS: record, reports. ARGV: the start and its report.
_FORGET = """
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
"""


@dataclass(frozen=True)
class Held:
    """A message in a process's hands; `order` counts fetches, so a smaller one was first in line."""

    tag: bytes
    order: int
    place: str
    dead: str
    eta: bytes = b""  # as JSON, where it stands in no header


@dataclass(frozen=True)
class Requeued:
    """What became of a dead start's messages."""

    requeued: int = 0
    dead_lettered: int = 0  # redelivered too often, or no message: now in <queue>.dead


def held(record: Mapping[bytes, bytes]) -> list[Held]:
    """The messages of one start, the last fetched first, without invalid records."""
    found = []
    for tag, value in record.items():
        try:
            order, place, dead, *time = load_json(value, max_bytes=_LONGEST_RECORD)
            if isinstance(place, str) and isinstance(dead, str):
                eta = json.dumps(time[0]).encode() if time else b""
                found.append(Held(tag, count(order), place, dead, eta))
        except (ValueError, TypeError):
            continue
    return sorted(found, key=lambda message: -message.order)


def losses_of(told: Sequence[bytes], *, now: datetime) -> int:
    """How often a message was lost, with this time; a task whose time has not come did no harm.

    `told` are its count and its ETA, as JSON. Raises ValueError for anything else.
    """
    losses = count(load_json(told[0], max_bytes=_MOST_DIGITS))
    return losses if _waits(told[1], now) else losses + 1


def _waits(eta: bytes, now: datetime) -> bool:
    """Whether a task's ETA, an ISO 8601 time as Celery writes it, is still to come."""
    text = load_json(eta, max_bytes=64) if eta else None
    if not isinstance(text, str):
        return False
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) > now


async def requeue_unacked(
    client: Redis, layout: Layout, start: Incarnation, *, report: bytes, now: datetime, lost: bool = False
) -> Requeued:
    """Return everything that `start` held and forget the start. Run again after a failure, it goes on.

    `report`: the last one of the start, as it came; as soon as there is another one it keeps what it still has. `lost`:
    its process may come back, so each message is marked for it for a day.
    """
    dead = _Dead(layout, "/".join(start), report, layout.key("taken", "") if lost else "")
    record = await cast(Awaitable[Mapping[bytes, bytes]], client.hgetall(dead.record))
    messages = held(record)
    total = Requeued()
    while messages:
        looked_at, done = await _give_back_some(client, dead, messages[:_BATCH], now)
        if done is None:
            return total
        messages = messages[looked_at:]
        total = Requeued(total.requeued + done.requeued, total.dead_lettered + done.dead_lettered)
    await client.register_script(_FORGET)([dead.record, dead.reports], [dead.name, dead.report])
    return total


@dataclass(frozen=True)
class _Dead:
    layout: Layout
    name: str
    report: bytes
    marks: str  # what their names begin with; empty: none are made

    @property
    def record(self) -> str:
        return self.layout.key("held", self.name)

    @property
    def reports(self) -> str:
        return self.layout.key("reports")


async def _give_back_some(
    client: Redis, dead: _Dead, messages: Sequence[Held], now: datetime
) -> tuple[int, Requeued | None]:
    """How many messages were scanned, at least one, and the result; None if the start reports again."""
    unacked = f"{dead.layout.prefix}unacked"
    tags = [message.tag for message in messages]
    look = client.register_script(_LOOK)
    found = cast(list[Any], await look([unacked], [LOSSES, _BATCH_BYTES, *tags]))
    keys: list[str] = [unacked, f"{dead.layout.prefix}unacked_index", dead.record, dead.reports]
    arguments: list[str | bytes] = [dead.name, dead.report, dead.marks]
    aside = 0
    for message, told in zip(messages, found, strict=False):
        if told is None:
            continue  # acknowledged, or requeued by another client
        try:
            losses = losses_of([told[0], told[1] or message.eta], now=now) if told else None
        except ValueError:
            continue  # stays unacknowledged: what we cannot read we do not move
        # A worker would have dead-lettered what is no message.
        dead_letter = losses is None or losses > MAX_REDELIVERIES
        aside += dead_letter
        keys.append(message.dead if dead_letter else message.place)
        arguments += [message.tag, "" if losses is None else str(losses)]
    moved = int(await client.register_script(_MOVE)(keys, arguments))
    if moved < 0:
        return len(found), None
    return max(1, len(found)), Requeued(max(0, moved - aside), min(aside, moved))
