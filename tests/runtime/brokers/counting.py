"""Plays a row and counts: how many tasks were sent, executed, executed twice and lost."""

from collections import Counter
from collections.abc import Callable

from tests.runtime.brokers.rows import Row
from tests.runtime.brokers.scene import SLOTS, Scene


def play(row: Row, scene: Scene, record: Callable[[str, object], None]) -> None:
    """Records the line of the table, also where the row fails."""
    executed = twice = lost = 0
    try:
        row.play(scene)
    finally:
        runs, done = Counter(scene.notes.started()), set(scene.notes.finished())
        executed = sum(task in done for task in scene.sent)
        twice = sum(runs[task] > 1 for task in scene.sent)
        lost = 0 if row.waits else len(scene.sent) - executed
        record("brokers", (row.name, len(scene.sent), executed, twice, lost))
    assert executed == (0 if row.waits else len(scene.sent))
    assert lost == 0
    assert twice <= (SLOTS if row.twice else 0)
