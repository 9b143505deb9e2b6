"""What a Deployment's strategy and a PodDisruptionBudget become."""

import pytest

from taskfleet.api import Object
from taskfleet.convert.draft import MeansNone, Unreadable
from taskfleet.convert.rollout import read_budget, read_strategy


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"type": "Recreate"}, {"type": "Recreate"}, id="recreate"),
        pytest.param(
            {"rollingUpdate": {"maxSurge": 1}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
            id="what-kubernetes-fills-in-is-written-out",
        ),
        pytest.param(
            {"type": "RollingUpdate", "rollingUpdate": None},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            id="no-limits",
        ),
    ],
)
def test_a_strategy_means_what_it_meant(given: Object, expected: Object) -> None:
    assert read_strategy(given) == expected


@pytest.mark.parametrize("given", ["Recreate", {"type": "OnDelete"}])
def test_what_is_no_strategy_is_for_the_user(given: object) -> None:
    with pytest.raises(Unreadable):
        read_strategy(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"maxUnavailable": 1}, 1, id="a-number"),
        pytest.param({"minAvailable": "80%"}, "20%", id="a-share-that-stays"),
        pytest.param({"minAvailable": "100%"}, "0%", id="all-that-stay"),
    ],
)
def test_a_budget_means_what_it_meant(given: Object, expected: object) -> None:
    assert read_budget(given) == {"maxUnavailable": expected}


def test_a_number_of_pods_that_stay_is_for_the_user() -> None:
    with pytest.raises(Unreadable, match="minAvailable 2 has no counterpart"):
        read_budget({"minAvailable": 2})


def test_a_budget_without_a_limit_means_none() -> None:
    with pytest.raises(MeansNone):
        read_budget({})
