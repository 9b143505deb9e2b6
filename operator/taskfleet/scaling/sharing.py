"""Who gets the tasks that wait: a queue that several pools read is shared out once, never counted twice."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

P = TypeVar("P", bound=Hashable)


@dataclass(frozen=True)
class Reader:
    """A pool as a reader of queues."""

    queues: Sequence[str]  # in its order
    free: int  # slots of its running pods without a task
    room: int  # slots of the pods that it may still add
    grows: bool = True  # False: suspended, held, or its pods cannot start; it takes what its running pods can


def share(waiting: Mapping[str, int], readers: Mapping[P, Reader]) -> dict[P, int]:
    """Tasks for each reader: first to free slots, then to pods that can be added, both in queue order.

    What is more than all of them can take goes to the first reader that may grow, so that its decision
    tells of the limit.
    """
    left = dict(waiting)
    shares = dict.fromkeys(readers, 0)
    free = {pool: reader.free for pool, reader in readers.items()}
    room = {pool: reader.room if reader.grows else 0 for pool, reader in readers.items()}
    _hand_out(readers, left, shares, lambda pool, wanted: _take(free, pool, wanted))
    _hand_out(readers, left, shares, lambda pool, wanted: _take(room, pool, wanted))
    _hand_out(readers, left, shares, lambda pool, wanted: wanted if readers[pool].grows else 0)
    return shares


def _hand_out(
    readers: Mapping[P, Reader], left: dict[str, int], shares: dict[P, int], take: Callable[[P, int], int]
) -> None:
    """Go through everybody's first queue, then everybody's second, and so on."""
    for rank in zip_longest(*(reader.queues for reader in readers.values())):
        for pool, queue in zip(readers, rank, strict=True):
            if queue is not None and left.get(queue, 0) > 0:
                taken = take(pool, left[queue])
                left[queue] -= taken
                shares[pool] += taken


def _take(slots: dict[P, int], pool: P, wanted: int) -> int:
    taken = min(slots[pool], wanted)
    slots[pool] -= taken
    return taken
