"""The reliability table: whatever happens to a worker, no task is lost and none runs twice without need."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from tests.runtime.redis_server import RedisServer
from tests.runtime.reliability.outcome import POOLS, TABLE, Outcome, outcome
from tests.runtime.reliability.scenarios import ROWS, Row, Scene

# Cells mostly wait, so many share two cores.
AT_ONCE = 8

CELLS = [(row, pool) for row, pool in product(ROWS, POOLS) if pool in row.pools]


def play(row: Row, pool: str, python: Path) -> Outcome:
    """One cell, from an empty Redis to the last acknowledgement."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other,
        RedisServer(Path(folder)) as server,
        RedisServer(Path(other)) as notes,
    ):
        scene = Scene(pool, server, notes, python, Path(folder))
        error = ""
        try:
            row.play(scene)
            scene.finish(row.lost)
        except AssertionError as failed:
            error = f"{failed}\n{scene.workers[0].log[-3000:]}"
        finally:
            for worker in scene.workers:
                worker.kill()
        return outcome(scene.sent, notes.started(), notes.finished(), error)


@pytest.fixture(scope="session")
def outcomes(python: Path, request: pytest.FixtureRequest) -> dict[tuple[str, str], Outcome]:
    """Every cell that was asked for, played side by side."""
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cells = [
        (row, pool) for row, pool in CELLS if any((p.get("row"), p.get("pool")) == (row, pool) for p in asked)
    ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        futures = {(row.name, pool): threads.submit(play, row, pool, python) for row, pool in cells}
        return {cell: future.result() for cell, future in futures.items()}


@pytest.mark.parametrize(
    ("row", "pool"), [pytest.param(row, pool, id=f"{row.name} - {pool}") for row, pool in CELLS]
)
def test_cell(
    outcomes: dict[tuple[str, str], Outcome],
    python: Path,
    record_property: Callable[[str, object], None],
    row: Row,
    pool: str,
) -> None:
    seen = outcomes[row.name, pool]
    record_property(TABLE, (python.parents[1].name, row.name, pool, str(seen)))
    assert not seen.error, seen.error
    assert (seen.executed, seen.lost) == (seen.sent - row.lost, row.lost)
    assert seen.twice <= row.twice
