"""A worker that was shut down by remote control ends after its tasks: until its container is back, another pod works."""

import pytest

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import moves
from tests.unit.scaling.fleet import LIMITS

STOPS = PodLoad("stops", PodState.DRAINING, active=1, stopping=True)
DRAINS = PodLoad("drains", PodState.DRAINING, active=1)
WORKS = PodLoad("works", PodState.CONSUMING, active=1)


@pytest.mark.parametrize(
    ("pods", "wanted", "replicas", "resume"),
    [
        pytest.param([STOPS], 1, 2, (), id="a-pod-is-added-beside-it"),
        pytest.param([STOPS, DRAINS], 1, 2, ("drains",), id="one-that-drains-is-resumed-in-its-place"),
        pytest.param([STOPS, WORKS], 1, 2, (), id="it-is-left-to-end"),
        pytest.param([STOPS, STOPS], 0, 2, (), id="it-is-not-taken-while-it-works"),
    ],
)
def test_a_pod_that_stops_is_not_resumed(
    pods: list[PodLoad], wanted: int, replicas: int, resume: tuple[str, ...]
) -> None:
    step = moves(PoolLoad(LIMITS, replicas=len(pods), pods=tuple(pods)), wanted, empty_readings=9)
    assert (step.replicas, step.resume) == (replicas, resume)
