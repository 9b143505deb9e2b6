"""Messages that a dead worker held go back to the head of their queues, in their old order.

worker-image/taskfleet_worker records what each process start holds: tag -> [order, list, dead-letter list].
kombu's own restore is of no use here: it finds a queue only for exchanges that its process has declared, and
deletes the messages of others.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis.asyncio import Redis

from taskfleet.brokers.observation import Layout
from taskfleet.brokers.report import Start

MAX_REDELIVERIES = 5  # as in taskfleet_worker/deliveries.py: then the message is set aside
COUNT_HEADER = "taskfleet-redelivered"
_BATCH = 100

# Only who still finds a message unacknowledged moves it, so nothing is doubled by whoever else tries.
_MOVE = """
local moved = 0
for i = 1, #ARGV, 2 do
  if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
    redis.call('RPUSH', KEYS[3 + (i + 1) / 2], ARGV[i + 1])
    moved = moved + 1
  end
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
return moved
"""


@dataclass(frozen=True)
class Held:
    """A message in a process's hands; `order` counts fetches, so a smaller one was first in line."""

    tag: str
    order: int
    place: str
    dead: str


@dataclass(frozen=True)
class Returned:
    """What became of a dead start's messages."""

    given_back: int = 0
    set_aside: int = 0  # redelivered too often: now in <queue>.dead


def held(record: Mapping[bytes, bytes]) -> list[Held]:
    """The messages of one start, the last fetched first; what is no such record is left out."""
    found = []
    for tag, value in record.items():
        try:
            order, place, dead = json.loads(value)
            found.append(Held(tag.decode(), int(order), str(place), str(dead)))
        except (ValueError, TypeError):
            continue
    return sorted(found, key=lambda message: -message.order)


def counted(stored: bytes, message: Held, *, now: datetime) -> tuple[str, str]:
    """The list to push to, and the message with one redelivery more; a task whose time has not come did no harm.

    Raises ValueError for what is no message.
    """
    payload = json.loads(stored)[0]
    headers = dict(payload.get("headers") or {})
    if not _waits(headers.get("eta"), now):
        headers[COUNT_HEADER] = int(headers.get(COUNT_HEADER) or 0) + 1
    place = message.dead if headers.get(COUNT_HEADER, 0) > MAX_REDELIVERIES else message.place
    return place, json.dumps({**payload, "headers": headers})


def _waits(eta: object, now: datetime) -> bool:
    """Whether a task's ETA, an ISO 8601 time as Celery writes it, is still to come."""
    if not isinstance(eta, str):
        return False
    time = datetime.fromisoformat(eta)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) > now


async def give_back(client: Redis, layout: Layout, start: Start, *, now: datetime) -> Returned:
    """Return everything that `start` held and forget the start. Run again after a failure, it goes on."""
    name = "/".join(start)
    record_key = layout.key("held", name)
    record = await cast(Awaitable[Mapping[bytes, bytes]], client.hgetall(record_key))
    messages = held(record)
    total = Returned()
    for at in range(0, len(messages), _BATCH):
        done = await _give_back_some(client, layout, record_key, messages[at : at + _BATCH], now)
        total = Returned(total.given_back + done.given_back, total.set_aside + done.set_aside)
    await client.delete(record_key)
    await client.hdel(layout.key("reports"), name)
    return total


async def _give_back_some(
    client: Redis, layout: Layout, record_key: str, messages: Sequence[Held], now: datetime
) -> Returned:
    unacked = f"{layout.prefix}unacked"
    stored = await cast(Awaitable[list[Any]], client.hmget(unacked, [message.tag for message in messages]))
    keys, arguments, aside = [unacked, f"{layout.prefix}unacked_index", record_key], [], 0
    for message, value in zip(messages, stored, strict=True):
        if value is None:
            continue  # acknowledged, or given back by somebody else
        try:
            place, payload = counted(value, message, now=now)
        except (ValueError, TypeError, LookupError, AttributeError):
            continue  # stays unacknowledged: what we cannot read we do not move
        aside += place == message.dead
        keys.append(place)
        arguments += [message.tag, payload]
    if not arguments:
        return Returned()
    moved = await client.eval(_MOVE, len(keys), *keys, *arguments)
    return Returned(max(0, moved - aside), min(aside, moved))
