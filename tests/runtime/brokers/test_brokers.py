"""The table of external brokers. These rows take a while; `make test` has the others."""

from typing import Any

import pytest

from tests.runtime.brokers.counting import play
from tests.runtime.brokers.rows import ROWS, Row
from tests.runtime.brokers.scene import Scene


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if not row.smoke])
def test_nothing_is_lost_and_nothing_runs_twice(scene: Scene, row: Row, record_property: Any) -> None:
    play(row, scene, record_property)
