"""What this package says to Redis, in full key names over a plain client: kombu's own prefixes some commands only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taskfleet_worker.deliveries import Delivery

# Only who still finds the message unacknowledged moves it, so nothing is doubled by whoever else tries.
GIVE_BACK = """
for i = 1, #ARGV, 2 do
  local place = KEYS[3 + (i + 1) / 2]
  if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
    redis.call('RPUSH', place, ARGV[i + 1])
  end
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
"""
# A message that is off its queue while its record failed: made or not, after this it is back once.
GIVE_BACK_UNRECORDED = """
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('RPUSH', KEYS[4], ARGV[2])
"""


class Unacked:
    """Names of kombu's keys for unacknowledged messages, and of ours beside them, all in full."""

    def __init__(self, prefix: str, messages: str, index: str, held: str) -> None:
        self.messages = prefix + messages
        self.index = prefix + index
        self.held = prefix + held


def give_back(client: Any, names: Unacked, returned: Iterable[tuple[str, str, str]]) -> None:
    """Put (tag, list, message) back to the head of their lists, the last named first in line."""
    items = list(returned)
    for start in range(0, len(items), 100):
        part = items[start : start + 100]
        names_of_keys = [names.messages, names.index, names.held, *(place for _, place, _ in part)]
        arguments = [value for tag, _, message in part for value in (tag, message)]
        client.eval(GIVE_BACK, len(names_of_keys), *names_of_keys, *arguments)


def give_back_unrecorded(client: Any, names: Unacked, tag: str, place: str, message: str) -> None:
    """Put back a message of which it is not known whether it was recorded."""
    client.eval(GIVE_BACK_UNRECORDED, 4, names.messages, names.index, names.held, place, tag, message)


def settle(client: Any, names: Unacked, tags: list[str]) -> None:
    """Acknowledge."""
    pipe = client.pipeline()
    pipe.zrem(names.index, *tags)
    pipe.hdel(names.messages, *tags)
    pipe.hdel(names.held, *tags)
    pipe.execute()


def renew(client: Any, names: Unacked, held: dict[str, Delivery], now: float, keep: int) -> None:
    """Move the visibility of held messages on; one that was acknowledged meanwhile is not revived."""
    tags = list(held)
    pipe = client.pipeline(transaction=False)
    for start in range(0, len(tags), 1000):
        pipe.zadd(names.index, dict.fromkeys(tags[start : start + 1000], now), xx=True)
    pipe.expire(names.held, keep)
    pipe.execute()
