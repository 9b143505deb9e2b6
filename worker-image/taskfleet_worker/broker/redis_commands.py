"""What this package says to Redis, in full key names over a plain client: kombu's own prefixes some commands only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from taskfleet_worker.deliveries import Delivery, redelivered
from taskfleet_worker.messages.intake import envelope

# KEYS: messages, index, our record, then a list for each message. ARGV: RPUSH for the head of the line or LPUSH for its
# end, then tag, message and whether Redis has a record of it, for each.
# Only who still finds the message unacknowledged moves it, so nothing is doubled by whoever else tries. One without a
# record moves once, however often this is tried. The list comes first, so that a refusal loses nothing, and a refused
# list takes the mark of a message without a record along. Where nothing may be removed, nothing moves.
REQUEUE = """
redis.call('HDEL', KEYS[1], '')
redis.call('ZREM', KEYS[2], '')
redis.call('HDEL', KEYS[3], '')
for i = 2, #ARGV, 3 do
  local tag, message, recorded = ARGV[i], ARGV[i + 1], ARGV[i + 2] == '1'
  local ours = recorded and redis.call('HEXISTS', KEYS[1], tag) == 1
  local mark = KEYS[3] .. ':returned:' .. tag
  if not recorded then
    ours = redis.call('SET', mark, '1', 'NX', 'EX', '600')
  end
  local done = ours and redis.pcall(ARGV[1], KEYS[3 + (i + 1) / 3], message)
  if type(done) == 'table' and done.err then
    if not recorded then redis.call('DEL', mark) end
    return done
  end
  redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
  redis.call('HDEL', KEYS[3], tag)
end
"""
# A message that is off its queue while its record failed: made or not, after this it is back once, also where the answer
# is lost and this is tried again.
GIVE_BACK_UNRECORDED = """
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
local mark = KEYS[3] .. ':returned:' .. ARGV[1]
if not redis.call('SET', mark, '1', 'NX', 'EX', '600') then return end
local done = redis.pcall('RPUSH', KEYS[4], ARGV[2])
if type(done) == 'table' and done.err then
  redis.call('DEL', mark)
  return done
end
"""


class Returned(NamedTuple):
    """A message that goes back to the list `place`, as it is stored there."""

    tag: str
    place: str
    message: str
    recorded: bool = True


def returned_from(tag: str, delivery: Delivery, dumps: Callable[[Any], str]) -> Returned:
    """A delivery that is returnable, as it goes back."""
    assert delivery.place is not None
    return Returned(tag, delivery.place, dumps(redelivered(delivery.payload)), delivery.recorded)


def strays(client: Any, names: Unacked, tags: list[str], dumps: Callable[[Any], str]) -> list[Returned]:
    """Messages on record as held, the last fetched first, as they go back to their lists."""
    pipe = client.pipeline(transaction=False)
    pipe.hmget(names.messages, tags)
    pipe.hmget(names.held, tags)
    found = [(json.loads(record), tag, value) for tag, value, record in zip(tags, *pipe.execute()) if record]
    found.sort(key=lambda item: -item[0][0])
    return [_stray(tag, value, place, dead, dumps) for (_, place, dead, *_), tag, value in found]


def _stray(tag: str, value: Any, place: str, dead: str, dumps: Callable[[Any], str]) -> Returned:
    if value is None:  # acknowledged or given to others by now: it only loses its record
        return Returned(tag, place, "")
    try:
        return Returned(tag, place, dumps(redelivered(json.loads(value)[0])))
    except (ValueError, RecursionError):  # too large for the fetch to look into
        return Returned(tag, dead, dumps(envelope(value)))


class Unacked:
    """Names of kombu's keys for unacknowledged messages, and of ours beside them, all in full."""

    def __init__(self, prefix: str, messages: str, index: str, held: str) -> None:
        self.messages = prefix + messages
        self.index = prefix + index
        self.held = prefix + held


def requeue(client: Any, names: Unacked, returned: Iterable[Returned], *, at_the_head: bool = True) -> None:
    """Put messages back, to the head of their lists the last named first in line, else to the end."""
    items = list(returned)
    command = "RPUSH" if at_the_head else "LPUSH"
    for start in range(0, len(items), 100):
        part = items[start : start + 100]
        keys = [names.messages, names.index, names.held, *(one.place for one in part)]
        arguments = [value for one in part for value in (one.tag, one.message, int(one.recorded))]
        client.eval(REQUEUE, len(keys), *keys, command, *arguments)


def give_back_unrecorded(client: Any, names: Unacked, back: Returned) -> None:
    """Put back a message of which it is not known whether it was recorded."""
    keys = (names.messages, names.index, names.held, back.place)
    client.eval(GIVE_BACK_UNRECORDED, len(keys), *keys, back.tag, back.message)


def settle(client: Any, names: Unacked, tags: list[str]) -> None:
    """Acknowledge."""
    pipe = client.pipeline()
    pipe.zrem(names.index, *tags)
    pipe.hdel(names.messages, *tags)
    pipe.hdel(names.held, *tags)
    pipe.execute()


def marked_as_taken(client: Any, marks: str, tags: list[str]) -> list[str]:
    """Those of the messages that the operator has given to others. `marks`: what the names of its marks begin with."""
    found = []
    for start in range(0, len(tags), 1000):
        part = tags[start : start + 1000]
        pipe = client.pipeline(transaction=False)
        for tag in part:
            pipe.exists(marks + tag)
        found += [tag for tag, there in zip(part, pipe.execute()) if there]
    return found


def renew(client: Any, names: Unacked, held: dict[str, Delivery], now: float, keep: int) -> None:
    """Move the visibility of held messages on; one that was acknowledged meanwhile is not revived."""
    tags = list(held)
    pipe = client.pipeline(transaction=False)
    for start in range(0, len(tags), 1000):
        pipe.zadd(names.index, dict.fromkeys(tags[start : start + 1000], now), xx=True)
    pipe.expire(names.held, keep)
    pipe.execute()
