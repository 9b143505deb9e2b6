"""Which of a broker's pools to decide on after a poll: of thousands, only those that may have news."""

from collections.abc import Collection

from taskfleet.api import Key

NEXT_READING = float("-inf")
NEVER = float("inf")

# Checking each pool at each poll whether it is due would cost more than the decisions.
_DUE_EVERY_SECONDS = 1.0


class DuePools:
    """Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._uids: dict[str, Key] = {}
        self._due_at: dict[Key, float] = {}  # of the few pools that have a time of their own
        self._again_at: dict[Key, float] = {}
        self._next_due = 0.0

    def add(self, pool: Key, uid: str) -> None:
        """A pool without a decision yet."""
        self._uids[uid] = pool
        self._due_at[pool] = NEXT_READING

    def remove(self, pool: Key, uid: str) -> None:
        self._uids.pop(uid, None)
        self._due_at.pop(pool, None)
        self._again_at.pop(pool, None)

    def looked_at(self, pool: Key, *, due_at: float, again_at: float) -> None:
        """`due_at`: when a reading is wanted for it even if nothing changes; `again_at`: when any reading will do."""
        self._due_at[pool] = due_at
        if due_at == NEVER:
            del self._due_at[pool]
        self._again_at[pool] = again_at

    @property
    def due_at(self) -> float:
        """When a reading is wanted for some pool even if nothing changes."""
        return min(self._due_at.values(), default=NEVER)

    def look_soon(self, pools: Collection[Key]) -> None:
        """At the next reading, whatever that says."""
        self._due_at.update(dict.fromkeys(pools, NEXT_READING))

    def wanted(self, changed: Collection[str], now: float) -> set[Key]:
        """The pools that are due, or among those with the uids `changed`."""
        pools = {pool for pool, at in self._due_at.items() if now >= at}
        pools.update(self._uids[uid] for uid in changed if uid in self._uids)
        if now >= self._next_due:
            self._next_due = now + _DUE_EVERY_SECONDS
            pools.update(pool for pool, at in self._again_at.items() if now >= at)
        return pools
