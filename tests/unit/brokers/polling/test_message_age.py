"""How long the oldest message of a queue has waited, as far as digests and counts tell."""

import json
from dataclasses import dataclass, field, replace

import pytest

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import Query, observe
from taskfleet.brokers.polling.message_age import MessageAges
from taskfleet.brokers.polling.queue_heads import lines

LAYOUT = Layout(prefix="", reports="taskfleet:c:ns:reports")
QUERY = Query(LAYOUT, ("q",))
LISTS = LAYOUT.lists("q")


@dataclass
class Queue:
    """A queue with the times at which its messages came, the oldest first, by priority list."""

    ages: MessageAges = field(default_factory=MessageAges)
    came: list[list[float]] = field(default_factory=lambda: [[], [], [], []])
    fetched: int = 0
    now: float = 0.0

    def push(self, count: int, *, priority: int = 0) -> None:
        self.came[priority] += [self.now + at / 1000 for at in range(count)]

    def fetch(self, count: int, *, by_others: bool = False) -> None:
        for _ in range(count):
            next(line for line in self.came if line).pop(0)
        self.fetched += 0 if by_others else count

    def look(self) -> float | None:
        """The estimate."""
        self.now += 5.0
        work = {"seq": 1, "v": 1, "state": "ready", "queues": {"q": {"held": 1, "done": self.fetched}}}
        fields = [b"uid/pod-1/s1", json.dumps(work).encode()]
        seen = observe(QUERY, [*map(len, self.came), 0, fields], None, now=self.now)
        digests = {name: str(line[0]).encode() for name, line in zip(LISTS, self.came, strict=True) if line}
        since = self.ages.update(lines(QUERY, seen), digests, seen)
        return self.now - since["q"] if since else None

    @property
    def truth(self) -> float:
        return self.now - min(line[0] for line in self.came if line)


def test_a_message_that_stays_at_the_head_grows_older() -> None:
    queue = Queue()
    queue.push(1)
    assert [queue.look() for _ in range(4)] == [0, 5, 10, 15]


@pytest.mark.parametrize(
    ("arrive", "fetched"),
    [
        pytest.param(50, 50, id="as-many-come-as-go"),
        pytest.param(80, 50, id="a-growing-line"),
        pytest.param(0, 50, id="a-line-that-is-worked-off"),
    ],
)
def test_in_a_line_that_moves_the_age_is_the_time_since_the_next_one_came(arrive: int, fetched: int) -> None:
    queue = Queue()
    queue.push(1000)
    estimates = []
    for _ in range(15):
        estimates.append((queue.look(), queue.truth))
        queue.push(arrive)
        queue.fetch(fetched)
    assert all(estimate is not None and 0 <= truth - estimate <= 5.1 for estimate, truth in estimates)


def test_a_queue_that_was_empty_begins_anew() -> None:
    queue = Queue()
    queue.push(3)
    assert (queue.look(), queue.look()) == (0, 5)
    queue.fetch(3)
    assert queue.look() is None
    queue.push(1)
    assert queue.look() == 0


def test_the_oldest_of_all_priorities_counts() -> None:
    queue = Queue()
    queue.push(1, priority=3)
    for _ in range(6):
        queue.push(5)
        queue.look()
        queue.fetch(5)
    queue.push(1)
    assert queue.look() == pytest.approx(30.0)


def test_requeued_messages_are_no_younger_than_those_behind_them() -> None:
    queue = Queue()
    queue.push(10)
    queue.fetch(2)
    assert (queue.look(), queue.look()) == (0, 5)
    queue.came[0][:0] = [-2.0, -1.0]
    assert queue.look() == 10


def test_where_others_fetch_only_the_head_itself_is_counted_on() -> None:
    queue = Queue()
    queue.push(100)
    assert (queue.look(), queue.look()) == (0, 5)
    queue.fetch(10, by_others=True)
    queue.push(10)
    assert (queue.look(), queue.look()) == (0, 5)


def test_the_memory_of_a_line_that_grows_for_days_is_bounded_and_keeps_the_beginning() -> None:
    queue = Queue()
    for _ in range(3000):
        queue.push(1)
        queue.look()
    (head,) = queue.ages._heads.values()
    assert len(head.marks) < 500
    queue.fetch(1500)
    assert queue.look() == pytest.approx(queue.truth, rel=0.02)


def test_an_operator_that_begins_knows_of_no_time_before() -> None:
    queue = Queue()
    queue.push(500)
    queue.now = 3600.0
    queue.fetch(100)
    assert queue.look() == 0


def test_a_queue_is_as_old_as_its_oldest_message_and_unknown_until_that_was_looked_for() -> None:
    query = Query(LAYOUT, ("high", "low"))
    seen = replace(observe(query, [*[1] * 10, []], None, now=60.0), oldest_since={"high": 25.0})
    assert [seen.oldest_age(queue) for queue in ("high", "low", "none")] == [35.0, None, 0.0]
