"""How often brokers are read."""

import pytest

from taskfleet.brokers.pace import Pace


@pytest.mark.parametrize(
    ("costs", "queues", "reports"),
    [
        pytest.param([0.0001], 0.1, 0.1, id="a-small-broker-ten-times-a-second"),
        pytest.param([0.0036], 0.3, 0.3, id="a-share-of-a-core"),
        pytest.param([0.0018, 0.0018], 0.3, 0.3, id="one-share-for-all-brokers-together"),
        pytest.param([0.012], 0.5, 1.0, id="reports-of-many-pods-are-read-less-often-than-queues"),
        pytest.param([1.0], 0.5, 2.0, id="and-never-less-often-than-that"),
    ],
)
def test_pauses_follow_what_reading_all_brokers_costs(
    costs: list[float], queues: float, reports: float
) -> None:
    pace = Pace()
    for broker, cost in enumerate(costs):
        pace.spent(broker, cost)
    assert (pace.pause, pace.reports_pause) == pytest.approx((queues, reports))


def test_one_costly_reading_does_not_slow_the_next_ones_for_long() -> None:
    pace = Pace()
    pace.spent("a", 0.001)
    pace.spent("a", 0.01)
    assert pace.pause < 0.4
    for _ in range(6):
        pace.spent("a", 0.001)
    assert pace.pause == pytest.approx(0.1, rel=0.3)


def test_a_broker_that_is_gone_costs_nothing() -> None:
    pace = Pace()
    pace.spent("gone", 0.01)
    pace.forget("gone")
    assert pace.pause == 0.1
