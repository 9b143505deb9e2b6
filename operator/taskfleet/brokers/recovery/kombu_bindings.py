"""What kombu has recorded about queues: a set for each exchange, with the queues that are bound to it.

Listing all keys would block a user's Redis. The sets are found by SCAN, some thousand keys at a time, so that the
sample becomes complete with time.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

_NAME = "_kombu.binding."  # kombu 5 `kombu/transport/redis.py` keyprefix_queue
MAILBOXES = "celery.pidbox"  # the exchange of remote control: one queue for each worker
_NO_TASKS = (MAILBOXES, f"reply.{MAILBOXES}", "celeryev")
_KEYS_A_CALL = 1000
_CALLS_A_LOOK = 10
_MOST_EXCHANGES = 1000
_MOST_BINDINGS = 200  # of one exchange
_LONGEST_KEY = 255  # of a routing key, as in AMQP
_LONGEST_MEMBER = 1000  # bytes: two keys and a queue's name


class Binding(NamedTuple):
    """A queue that gets the messages of an exchange with this routing key; with wildcards if `topic`."""

    routing_key: str
    topic: bool
    queue: str


def parse(member: bytes, separator: str) -> Binding | None:
    """A member of the set; None for what is none."""
    if len(member) > _LONGEST_MEMBER:
        return None
    parts = member.decode(errors="replace").split(separator)
    return Binding(parts[0], bool(parts[1]), parts[2]) if len(parts) == 3 and parts[2] else None


def queues_for(exchange: str, routing_key: str, bindings: Iterable[Binding]) -> list[str]:
    """The queues of a message; empty if they are unknown. As kombu's exchanges look them up."""
    if not exchange:
        return [routing_key] if routing_key else []
    return sorted({one.queue for one in bindings if _matches(one, routing_key)})


def _matches(binding: Binding, routing_key: str) -> bool:
    if not binding.topic:
        return binding.routing_key == routing_key
    if max(len(binding.routing_key), len(routing_key)) > _LONGEST_KEY:
        return False
    return _fits(binding.routing_key.split("."), routing_key.split("."))


def _fits(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """Whether words match a topic as kombu reads it: # is any words, at least one, and * too, but the last of them is
    not empty (kombu 5 `kombu/transport/virtual/exchange.py`, TopicExchange).

    kombu makes a regular expression of it, which can backtrack without end. Here each word is compared
    once: bit n of `done` says that the first n parts have matched all words so far, and bit n of `within` that part n
    is a wildcard that has taken some of them and may take more.
    """
    literals: dict[str, int] = {}
    for at, part in enumerate(pattern):
        literals[part] = literals.get(part, 0) | 1 << at
    hashes = literals.pop("#", 0)
    wildcards = hashes | literals.pop("*", 0)
    done, within = 1, 0
    for word in words:
        within |= done & wildcards
        ended = within if word else within & hashes
        done = (done & literals.get(word, 0) | ended) << 1
    return bool(done >> len(pattern) & 1)


async def bindings_of(
    client: Redis, prefix: str, separator: str, exchanges: Sequence[str]
) -> dict[str, list[Binding]]:
    """Some of the bindings of each exchange, all unless they are very many."""
    async with client.pipeline(transaction=False) as pipe:
        for exchange in exchanges:
            pipe.srandmember(f"{prefix}{_NAME}{exchange}", _MOST_BINDINGS)
        replies = await pipe.execute()
    return {
        exchange: [one for member in members or () if (one := parse(member, separator)) is not None]
        for exchange, members in zip(exchanges, replies, strict=True)
    }


@dataclass
class Exchanges:
    """The exchanges of one database, found bit by bit; one that is gone is forgotten with the next round."""

    prefix: str
    _cursor: int = 0
    _found: set[str] = field(default_factory=set)
    _before: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        known = sorted(self._found | self._before)
        return [name for name in known if name not in _NO_TASKS][:_MOST_EXCHANGES]

    async def refresh(self, client: Redis) -> None:
        """Go on with the round through the keys."""
        pattern = f"{_literal(self.prefix)}{_NAME}*"
        for _ in range(_CALLS_A_LOOK):
            answer = await client.scan(self._cursor, match=pattern, count=_KEYS_A_CALL)
            self._cursor, keys = cast(tuple[int, Sequence[Any]], answer)
            start = len(f"{self.prefix}{_NAME}")
            self._found.update(key.decode(errors="replace")[start:] for key in keys)
            if not self._cursor:
                self._before, self._found = self._found, set()
                return


def _literal(text: str) -> str:
    """`text` in a pattern of Redis that means itself."""
    return re.sub(r"([\\*?\[\]^])", r"\\\1", text)
