"""The reliability table: whatever happens to a worker, no task is lost and none runs twice without need."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from tests.runtime.redis_server import RedisServer
from tests.runtime.reliability.outcome import POOLS, TABLE, Outcome, outcome, table
from tests.runtime.reliability.scenarios import ROWS, SLOTS, Row, Scene

# Cells mostly wait, so many share two cores.
AT_ONCE = 8

CELLS = [(row, pool) for row, pool in product(ROWS, POOLS) if pool in row.pools]


def play(row: Row, pool: str, python: Path) -> Outcome:
    """One cell, from an empty Redis to the last acknowledgement."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        scene = Scene(pool, server, python, Path(folder))
        error = ""
        try:
            row.play(scene)
            scene.finish()
        except AssertionError as failed:
            error = f"{failed}\n{scene.workers[0].log[-3000:]}"
        finally:
            for worker in scene.workers:
                worker.kill()
        return outcome(scene.sent, server.started(), server.finished(), error)


@pytest.fixture(scope="session")
def outcomes(python: Path, request: pytest.FixtureRequest) -> dict[tuple[str, str], Outcome]:
    """Every cell that was asked for, played side by side."""
    wanted = {item.callspec.id for item in request.session.items if hasattr(item, "callspec")}
    cells = [(row, pool) for row, pool in CELLS if name(row, pool) in wanted]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        futures = {(row.name, pool): threads.submit(play, row, pool, python) for row, pool in cells}
        seen = {cell: future.result() for cell, future in futures.items()}
    request.config.stash[TABLE] = table([row.name for row in ROWS], seen)
    return seen


def name(row: Row, pool: str) -> str:
    return f"{row.name} - {pool}"


@pytest.mark.parametrize(
    ("row", "pool"), [pytest.param(row, pool, id=name(row, pool)) for row, pool in CELLS]
)
def test_cell(outcomes: dict[tuple[str, str], Outcome], row: Row, pool: str) -> None:
    seen = outcomes[row.name, pool]
    assert not seen.error, seen.error
    assert (seen.sent, seen.lost) == (seen.executed, 0)
    assert seen.twice <= (SLOTS if row.twice else 0)
