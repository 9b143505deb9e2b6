"""Messages that live pods of ours are running and that another client has redelivered.

A worker with a shorter visibility timeout does that to everybody on its database: the task runs a second time. The
message is then in the hands of a pod by its own record, and no longer among the unacknowledged ones.
"""

from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.polling.worker_report import Incarnation

_STARTS_A_LOOK = 50
_MOST_TAGS = 1000  # of one start
_REMEMBERED = 10_000
_REMEMBERED_SECONDS = 3600.0

# KEYS: messages, records of starts. ARGV: how many tags of one start.
_MISSING = """
local missing = {}
for at = 2, #KEYS do
  local gone = {}
  if redis.call('HLEN', KEYS[at]) <= tonumber(ARGV[1]) then
    for _, tag in ipairs(redis.call('HKEYS', KEYS[at])) do
      if redis.call('HEXISTS', KEYS[1], tag) == 0 then gone[#gone + 1] = tag end
    end
  end
  missing[at - 1] = gone
end
return missing
"""


@dataclass
class DuplicateDeliveries:
    """Of one broker. A message counts when two scans in a row miss it: what is settled is gone by the second."""

    layout: Layout
    _suspects: set[tuple[Incarnation, str]] = field(default_factory=set)
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict)  # tag -> when
    _next: int = 0

    async def scan(self, client: Redis, seen: BrokerSnapshot, ours: Set[str]) -> None:
        """Check some of the starts that hold messages, in turn. `ours`: tags that we requeued ourselves."""
        starts = self._some(seen)
        if not starts:
            self._suspects.clear()
            return
        keys = [
            f"{self.layout.prefix}unacked",
            *(self.layout.key("held", "/".join(start)) for start in starts),
        ]
        replies = cast(list[Any], await client.register_script(_MISSING)(keys, [_MOST_TAGS]))
        missing = {(start, _text(tag)) for start, tags in zip(starts, replies, strict=True) for tag in tags}
        for _, tag in sorted(missing & self._suspects):
            if tag not in ours:
                self._seen.setdefault(tag, seen.at)
        self._suspects = {one for one in missing if one[1] not in self._seen}
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def lately(self, now: float) -> int:
        """How many messages were taken during the last hour."""
        while self._seen and now - next(iter(self._seen.values())) > _REMEMBERED_SECONDS:
            self._seen.popitem(last=False)
        return len(self._seen)

    def _some(self, seen: BrokerSnapshot) -> list[Incarnation]:
        """Those under suspicion, and then the next ones."""
        holding = sorted(
            start for start, known in seen.reports.items() if known.report.held and not known.stale(seen.at)
        )
        suspects = {start for start, _ in self._suspects}
        suspected = [start for start in holding if start in suspects]
        others = [start for start in holding if start not in suspects]
        self._next = self._next if self._next < len(others) else 0
        chosen = others[self._next : self._next + _STARTS_A_LOOK]
        self._next += _STARTS_A_LOOK
        return [*suspected[:_STARTS_A_LOOK], *chosen]


def _text(tag: bytes) -> str:
    """A tag can be any bytes, because any client with the broker's password can write it."""
    return tag.decode(errors="backslashreplace")
