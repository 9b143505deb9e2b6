"""Which of a broker's pools to decide on after a poll: of thousands, only those that may have news."""

from collections.abc import Collection

from taskfleet.api import Key

# Checking each pool at each poll whether it is due would cost more than the decisions.
_DUE_EVERY_SECONDS = 1.0


class DuePools:
    """Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._uids: dict[str, Key] = {}
        self._unsettled: set[Key] = set()
        self._again_at: dict[Key, float] = {}
        self._next_due = 0.0

    def add(self, pool: Key, uid: str) -> None:
        """A pool without a decision yet."""
        self._uids[uid] = pool
        self._unsettled.add(pool)

    def remove(self, pool: Key, uid: str) -> None:
        self._uids.pop(uid, None)
        self._unsettled.discard(pool)
        self._again_at.pop(pool, None)

    def looked_at(self, pool: Key, *, unsettled: bool, again_at: float) -> None:
        """`unsettled`: it has something to do at the next reading even if nothing changes."""
        (self._unsettled.add if unsettled else self._unsettled.discard)(pool)
        self._again_at[pool] = again_at

    def look_soon(self, pools: Collection[Key]) -> None:
        """At the next reading, whatever that says."""
        self._again_at.update(dict.fromkeys(pools, 0.0))
        self._next_due = 0.0

    def wanted(self, changed: Collection[str], now: float) -> set[Key]:
        """The pools that are due, unsettled, or among those with the uids `changed`."""
        pools = {*self._unsettled, *(self._uids[uid] for uid in changed if uid in self._uids)}
        if now >= self._next_due:
            self._next_due = now + _DUE_EVERY_SECONDS
            pools.update(pool for pool, at in self._again_at.items() if now >= at)
        return pools
