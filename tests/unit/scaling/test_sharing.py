"""Tasks that several pools could take."""

from hypothesis import given
from hypothesis import strategies as st

from taskfleet.scaling.sharing import Reader, share


def test_free_slots_of_running_pods_come_first() -> None:
    readers = {"a": Reader(["q"], free=0, room=100), "b": Reader(["q"], free=4, room=0)}
    assert share({"q": 10}, readers) == {"a": 6, "b": 4}


def test_two_pools_on_high_and_low_share_without_counting_twice() -> None:
    readers = {
        "backup": Reader(["low"], free=0, room=10),
        "priority": Reader(["high", "low"], free=0, room=10),
    }
    assert share({"high": 5, "low": 5}, readers) == {"backup": 5, "priority": 5}


def test_a_pool_that_cannot_grow_leaves_the_tasks_to_the_other() -> None:
    readers = {"held": Reader(["q"], free=1, room=50, grows=False), "other": Reader(["q"], free=0, room=50)}
    assert share({"q": 20}, readers) == {"held": 1, "other": 19}


def test_what_nobody_has_room_for_is_told_to_the_first_that_grows() -> None:
    readers = {"a": Reader(["q"], free=0, room=0), "b": Reader(["q"], free=0, room=2)}
    assert share({"q": 10}, readers) == {"a": 8, "b": 2}


queue = st.sampled_from(["a", "b", "c", "d"])
reader = st.builds(
    Reader,
    queues=st.lists(queue, unique=True, min_size=1),
    free=st.integers(0, 20),
    room=st.integers(0, 50),
    grows=st.booleans(),
)


@given(st.dictionaries(queue, st.integers(0, 100)), st.dictionaries(st.text(max_size=3), reader, max_size=6))
def test_no_task_is_handed_out_twice(waiting: dict[str, int], readers: dict[str, Reader]) -> None:
    shares = share(waiting, readers)
    assert sum(shares.values()) <= sum(waiting.values())
    read = {name for each in readers.values() if each.grows for name in each.queues}
    assert sum(shares.values()) >= sum(count for name, count in waiting.items() if name in read)


@given(st.dictionaries(queue, st.integers(0, 100)), st.dictionaries(st.text(max_size=3), reader, max_size=6))
def test_a_pool_gets_tasks_of_its_own_queues_and_what_it_has_slots_for_where_it_cannot_grow(
    waiting: dict[str, int], readers: dict[str, Reader]
) -> None:
    for pool, tasks in share(waiting, readers).items():
        assert tasks <= sum(waiting.get(name, 0) for name in readers[pool].queues)
        assert readers[pool].grows or tasks <= readers[pool].free
