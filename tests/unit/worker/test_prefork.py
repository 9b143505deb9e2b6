import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from taskfleet_worker.pool.prefork import results_unread


@pytest.fixture
def pipes() -> Iterator[list[tuple[int, int]]]:
    made = [os.pipe() for _ in range(2)]
    yield made
    for pair in made:
        for end in pair:
            os.close(end)


def pool(children: dict[int, int], accepted: dict[int, bool]) -> Any:
    """Children by pid with the pipes of their results, and whether each has announced a task."""
    processes = [SimpleNamespace(pid=pid, outqR_fd=pipe) for pid, pipe in children.items()]
    jobs = {pid: SimpleNamespace(_worker_pid=pid, _accepted=told) for pid, told in accepted.items()}
    return SimpleNamespace(_pool=SimpleNamespace(_pool=processes, _cache=jobs))


def test_a_task_has_ended_when_its_child_has_written_after_it_announced_it(
    pipes: list[tuple[int, int]],
) -> None:
    (ended, to_parent), (running, _) = pipes
    os.write(to_parent, b"result")
    assert results_unread(pool({1: ended, 2: running}, {1: True, 2: True})) == [ended]
    assert results_unread(pool({1: ended}, {1: False})) == [], "it may be the announcement"


def test_a_pool_that_celery_has_stopped_has_nothing_unread() -> None:
    assert results_unread(SimpleNamespace(_pool=None)) == []
