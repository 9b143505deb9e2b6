from types import SimpleNamespace
from typing import Any

import pytest

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.room import LIMIT, RATE_LIMITED, Room


def prefetch(
    *, timed: int = 0, limited: int = 0, most: int = LIMIT, ahead: int = 2
) -> tuple[int, str | None]:
    """The prefetch count and the note, with so many tasks that wait."""
    deliveries = Deliveries()
    deliveries.waiting_for_eta = timed
    deliveries.limited = {str(number) for number in range(limited)}
    conf: dict[str, Any] = {"worker_eta_task_limit": most}
    consumer = SimpleNamespace(
        qos=SimpleNamespace(value=0),
        initial_prefetch_count=ahead,
        app=SimpleNamespace(conf=conf),
    )
    room = Room(deliveries)
    room.make(consumer)
    return consumer.qos.value, room.note


@pytest.mark.parametrize(
    ("waiting", "count", "noted"),
    [
        pytest.param({}, 2, False, id="nothing-waits"),
        pytest.param({"timed": 10_000}, 10_002, False, id="many-wait-for-their-time"),
        pytest.param({"limited": 5}, 7, False, id="some-wait-for-a-rate-limit"),
        pytest.param({"timed": LIMIT + 1}, LIMIT + 2, True, id="too-many-wait-for-their-time"),
        pytest.param({"limited": RATE_LIMITED + 2}, RATE_LIMITED + 2, True, id="too-many-wait-for-a-limit"),
        pytest.param({"timed": 3, "limited": 3, "most": 5}, 7, True, id="the-apps-own-limit"),
        pytest.param(
            {"limited": 2_000, "most": 3_000}, 2_002, False, id="the-apps-own-limit-holds-for-rates"
        ),
        pytest.param({"timed": 9, "ahead": 0}, 0, False, id="a-prefetch-without-an-end"),
    ],
)
def test_each_task_that_waits_makes_room_for_one_more(
    waiting: dict[str, int], count: int, noted: bool
) -> None:
    value, note = prefetch(**waiting)
    assert (value, note is not None) == (count, noted)


def test_the_note_names_the_setting() -> None:
    _, note = prefetch(timed=5, most=5)
    assert note == (
        "The worker does not fetch: it holds the maximum number of waiting tasks (5 for their "
        "ETA, 0 for a rate limit); see worker_eta_task_limit."
    )
