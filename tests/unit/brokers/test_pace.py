"""How often brokers are read."""

import pytest

from taskfleet.brokers.pace import Pace


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        pytest.param([0.0001], 0.1, id="a-small-broker-ten-times-a-second"),
        pytest.param([0.004], 0.2, id="two-percent-of-a-core"),
        pytest.param([0.002, 0.002], 0.2, id="two-percent-for-all-brokers-together"),
        pytest.param([1.0], 0.5, id="never-less-often-than-twice-a-second"),
    ],
)
def test_pause_follows_what_reading_all_brokers_costs(costs: list[float], expected: float) -> None:
    pace = Pace()
    pauses = [pace.pause(broker, cost) for broker, cost in enumerate(costs)]
    assert pauses[-1] == pytest.approx(expected)


def test_one_costly_reading_does_not_slow_the_next_ones_for_long() -> None:
    pace = Pace()
    pace.pause("a", 0.001)
    assert pace.pause("a", 0.02) < 0.5
    assert [pace.pause("a", 0.001) for _ in range(6)][-1] == pytest.approx(0.1)


def test_a_broker_that_is_gone_costs_nothing() -> None:
    pace = Pace()
    pace.pause("gone", 0.01)
    pace.forget("gone")
    assert pace.pause("a", 0.002) == pytest.approx(0.1)
