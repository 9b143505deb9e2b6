import json
import os

import pytest

from tests.tools.load.figure import Figure, percentile
from tests.tools.load.idle import cpu_seconds, resident_megabytes


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([3.0], 0.5, 3.0, id="one-value"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 0.5, 2.0, id="median-of-an-even-number"),
        pytest.param([float(n) for n in range(1, 101)], 0.99, 99.0, id="p99-of-100"),
        pytest.param([float(n) for n in range(1, 501)], 0.99, 495.0, id="p99-of-500"),
        pytest.param([1.0, 9.0], 0.99, 9.0, id="p99-of-few-is-the-largest"),
    ],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_figure_is_one_line_of_json() -> None:
    line = Figure("start", 1.5, "s", 3).line()
    assert json.loads(line) == {"name": "start", "value": 1.5, "unit": "s", "n": 3}
    assert "\n" not in line


def test_own_process_has_memory_and_used_the_processor() -> None:
    assert 1 < resident_megabytes(os.getpid()) < 100_000
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - before < 0.02:
        pass
