"""How often the outcomes of tasks are read."""

import pytest

from taskfleet.brokers.outcomes.pace import FASTEST_SECONDS, OutcomePace


def test_what_is_cheap_is_read_every_ten_seconds() -> None:
    pace = OutcomePace()
    for broker in range(100):
        pace.spent(broker, 0.0025)
    assert pace.pause(0) == FASTEST_SECONDS


def test_a_thousand_busy_brokers_take_three_percent_of_a_core() -> None:
    pace = OutcomePace()
    for broker in range(1000):
        pace.spent(broker, 0.0025)
    assert pace.pause(0) == pytest.approx(2.5 / 0.03)
    for broker in range(1000):
        pace.forget(broker)
    assert pace.pause(0) == FASTEST_SECONDS


def test_a_greedy_tenant_slows_down_itself() -> None:
    pace = OutcomePace()
    pace.spent("greedy", 6.0)
    assert (pace.pause("greedy"), pace.pause("other")) == (200.0, FASTEST_SECONDS)
