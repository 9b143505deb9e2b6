"""What became of tasks, on its way to Redis: a process's totals are folded into those of its pool, which outlive it.

A process sends totals and not differences, and Redis keeps what it has counted of each start. So a fold whose answer was
lost is made again, and counts once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from taskfleet_worker import native, refusals
from taskfleet_worker.keys import Keys
from taskfleet_worker.pool.outcomes import MAX_NAMES, OTHER, Field, Outcomes

FOLD_EVERY = 2.0
# After a reply that is an error.
PAUSE = 30.0
# A start's own totals are renewed by a process that lives, however idle it is.
RENEW_EVERY = 6 * 3600.0
START_KEPT = 24 * 3600
# Of one that has ended: as long as its last fold may be repeated.
ENDED_KEPT = 600
# Nobody removes those of a pool that was deleted.
POOL_KEPT = 30 * 24 * 3600
MAX_CLASSES = 200
MAX_FIELDS = 10_000
_AT_ONCE = 200

# KEYS: the pool's totals, the start's, the names of tasks, those of exceptions. ARGV: seconds to keep the pool's and the
# start's, the most names, exceptions and fields, the word for all others; then kind, name, queue, detail, the total that
# was folded before, and the total, for each.
# What the start has no field for was folded before, or is new. So a Redis that has lost its data counts from there on, and
# one that has lost its last writes is told them again. The pool's comes first: a refusal leaves both as they were.
FOLD = """
local function known(names, one, most)
  if redis.call('HEXISTS', names, one) == 1 then return true end
  if redis.call('HLEN', names) >= tonumber(most) then return false end
  redis.call('HSET', names, one, '1')
  return true
end
local function field_of(kind, name, queue, detail)
  return table.concat({kind, name, queue, detail}, '\\n')
end
local other = ARGV[6]
local function place(kind, name, queue, detail)
  if name ~= '' and not known(KEYS[3], name, ARGV[3]) then
    name = other
    if kind == 'failed' then detail = other end
  elseif kind == 'failed' and not known(KEYS[4], detail, ARGV[4]) then
    detail = other
  end
  local field = field_of(kind, name, queue, detail)
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) and redis.call('HEXISTS', KEYS[1], field) == 0 then
    if kind == 'failed' then detail = other end
    field = field_of(kind, name ~= '' and other or '', other, detail)
  end
  return field
end
for at = 7, #ARGV, 6 do
  local kind, name, queue, detail = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local mine = field_of(kind, name, queue, detail)
  local before = redis.call('HGET', KEYS[2], mine) or ARGV[at + 4]
  local more = tonumber(ARGV[at + 5]) - tonumber(before)
  if kind == 'running' then
    redis.call('HSET', KEYS[2], mine, ARGV[at + 5])
  elseif more > 0 then
    redis.call('HINCRBY', KEYS[1], place(kind, name, queue, detail), string.format('%.0f', more))
    redis.call('HSET', KEYS[2], mine, ARGV[at + 5])
  end
end
for at, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, at == 2 and ARGV[2] or ARGV[1])
end
"""


class _Change(NamedTuple):
    field: Field
    before: int
    total: int


class OutcomeFolds:
    """Of one process, in the native thread; as the process leaves, perhaps in two at once."""

    def __init__(self, outcomes: Outcomes, keys: Keys, prefix: str) -> None:
        self._outcomes = outcomes
        start = prefix + keys.outcomes_of_start
        pool = prefix + keys.outcomes
        self._keys = (pool, start, f"{pool}:names", f"{pool}:exceptions")
        self._lock = native.allocate_lock()
        self._folded: dict[Field, int] = {}
        self._due = self._renewed = float("-inf")
        # Whether there is news, whether all is to be said again, and whether there ever was anything.
        self._news = self._all = self._begun = False
        outcomes.followed = True

    def again(self) -> None:
        """The connection was lost, and perhaps the server's last writes: the next fold says everything."""
        self._all, self._news = True, self._news or self._begun

    def turn(self, client: Any, now: float) -> None:
        """Ten times a second."""
        with self._lock:
            self._news = self._outcomes.add_up() or self._news
        if self._begun and now - self._renewed >= RENEW_EVERY:
            self.again()
        if self._news and now >= self._due:
            self._begun = True
            self._due = now + (FOLD_EVERY if self._try(client, START_KEPT) else PAUSE)
            self._renewed = now

    def interrupt(self) -> None:
        """The process leaves with what still runs."""
        with self._lock:
            self._outcomes.interrupt()

    def finish(self, client: Any) -> None:
        """The last fold."""
        with self._lock:
            self._news = self._outcomes.add_up() or self._news
        self._begun = self._begun or self._news
        if self._begun:
            self.again()
            self._try(client, ENDED_KEPT)

    def _try(self, client: Any, keep: int) -> bool:
        from redis import ResponseError

        try:
            self._fold(client, keep)
        except ResponseError as error:  # reports and drains go on
            why = refusals.code(error) or type(error).__name__
            self._outcomes.note = (
                f"Redis rejects what is counted of tasks ({why}): their metrics lack this pod's."
            )
            return False
        self._outcomes.note = None
        return True

    def _fold(self, client: Any, keep: int) -> None:
        with self._lock:
            changes = self._changes()
        limits = (POOL_KEPT, keep, MAX_NAMES, MAX_CLASSES, MAX_FIELDS, OTHER)
        for at in range(0, len(changes), _AT_ONCE):
            some = changes[at : at + _AT_ONCE]
            values = [value for each in some for value in (*each.field, each.before, each.total)]
            client.eval(FOLD, len(self._keys), *self._keys, *limits, *values)
            self._folded.update((each.field, each.total) for each in some)
        self._news = self._all = False

    def _changes(self) -> list[_Change]:
        """What differs from the last fold, or everything."""
        now = {**self._outcomes.totals(), **self._outcomes.running()}
        before = self._folded
        return [
            _Change(field, before.get(field, 0), total)
            for field, total in now.items()
            if self._all or before.get(field, 0) != total
        ]
