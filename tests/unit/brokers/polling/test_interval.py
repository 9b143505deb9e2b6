"""How often brokers are read."""

import pytest

from taskfleet.brokers.polling.interval import PollInterval


@pytest.mark.parametrize(
    ("costs", "queues", "reports"),
    [
        pytest.param([0.0001], 0.1, 0.1, id="a-small-broker-ten-times-a-second"),
        pytest.param([0.0036], 0.3, 0.3, id="a-share-of-a-core"),
        pytest.param([0.0018, 0.0018], 0.3, 0.3, id="one-share-for-all-brokers-together"),
        pytest.param([0.012], 0.5, 1.0, id="reports-of-many-pods-are-read-less-often-than-queues"),
        pytest.param([0.09], 0.5, 2.0, id="and-never-less-often-than-that"),
        pytest.param([1.0], 20.0, 20.0, id="but-where-that-would-take-five-percent-of-a-core"),
    ],
)
def test_pauses_follow_what_reading_all_brokers_of_a_tenant_costs(
    costs: list[float], queues: float, reports: float
) -> None:
    pace = PollInterval()
    for broker, cost in enumerate(costs):
        pace.spent("shop", broker, cost)
    assert (pace.pause("shop"), pace.reports_pause("shop")) == pytest.approx((queues, reports))


def test_tenants_of_equal_cost_have_equal_shares() -> None:
    pace = PollInterval()
    tenants = ("a", "b", "c", "d", "e", "f")
    for tenant in tenants:
        pace.spent(tenant, "default", 0.0012)
    assert [pace.reports_pause(tenant) for tenant in tenants] == pytest.approx([0.24] * len(tenants))


def test_a_greedy_tenant_takes_nothing_from_one_that_uses_its_own_share() -> None:
    pace = PollInterval()
    pace.spent("shop", "default", 0.0036)
    alone = pace.reports_pause("shop")
    pace.spent("hostile", "default", 5.0)
    pace.spent("shop", "default", 0.0036)
    assert pace.reports_pause("shop") == alone


@pytest.mark.parametrize("dear", [1, 50], ids=["one-broker", "fifty-brokers"])
def test_a_dear_tenant_takes_nothing_from_a_cheap_one(dear: int) -> None:
    pace = PollInterval()
    pace.spent("shop", "default", 0.0005)
    for broker in range(dear):
        pace.spent("hostile", broker, 5.0)
    assert pace.pause("shop") == 0.1
    assert pace.pause("hostile") == pytest.approx(dear * 100.0)


def test_one_costly_reading_does_not_slow_the_next_ones_for_long() -> None:
    pace = PollInterval()
    pace.spent("shop", "a", 0.001)
    pace.spent("shop", "a", 0.01)
    assert pace.pause("shop") < 0.4
    for _ in range(6):
        pace.spent("shop", "a", 0.001)
    assert pace.pause("shop") == pytest.approx(0.1, rel=0.3)


def test_a_broker_that_is_gone_costs_nothing() -> None:
    pace = PollInterval()
    pace.spent("shop", "gone", 0.01)
    pace.forget("shop", "gone")
    assert pace.pause("shop") == 0.1
