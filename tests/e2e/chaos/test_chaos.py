"""Half an hour of faults by chance, `make test-chaos`: nothing lost, nothing doubled without a reason, all well after."""

import time
from contextlib import suppress

import pytest
from urllib3.exceptions import HTTPError

from taskfleet.api import Object
from tests.e2e.chaos import load
from tests.e2e.chaos.faults import Ground, cut_off_node, plan
from tests.e2e.chaos.ledger import Ledger
from tests.e2e.fleet import Fleet, redis_pod
from tests.e2e.nodes import names
from tests.e2e.operator import Operator
from tests.tools.cluster import Cluster
from tests.tools.cluster.bare import BareCluster
from tests.tools.kube import RefusedError
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.long

NODES = 2
SETTLED_WITHIN = 60.0  # seconds after the last fault
SETTLED_WITHOUT_A_NODE_WITHIN = 240.0
DRAINED_WITHIN = 600.0  # the backlog of half an hour, by two pools
AGAINST_IT = {"Stalled": "True", "Reconciling": "True", "Ready": "False", "Healthy": "False"}


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--chaos-seconds"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))


@pytest.fixture
def ground(one_cluster: Cluster, fleet: Fleet) -> Ground:
    if not isinstance(one_cluster, BareCluster) or len(names(fleet.kube)) < NODES:
        pytest.skip("needs a bare cluster of two nodes: --cluster two-nodes --nodes 2")
    return Ground(one_cluster, NODES)


def test_chaos_loses_nothing_and_all_is_well_after_it(
    ground: Ground, fleet: Fleet, operator: Operator, seed: int, seconds: float
) -> None:
    operator.restore(replicas=2)
    load.start(fleet, seed, seconds)
    happened = _bring_about(ground, seed, seconds)
    took = _wait_until_settled(fleet, SETTLED_WITHIN * 10)
    print(f"seed {seed}: {happened} faults in {seconds:.0f} s; all settled {took:.0f} s after the last")

    away = _wait_until_settled_without_a_node(ground, fleet)
    back = _wait_until_settled(fleet, SETTLED_WITHIN * 10)
    print(f"settled {away:.0f} s after a node went for good, {back:.0f} s after it was back")

    seen = _wait_until_done(fleet)
    unexplained = seen.unexplained(ground.absences, ground.kills)
    print(
        f"{len(seen.sent)} tasks sent: {len(seen.undone())} lost, {len(seen.twice())} executed twice, of which"
        f" {len(unexplained)} without a reason; {len(seen.ticks)} runs of the schedule"
    )
    assert seen.undone() == set(), "tasks lost"
    assert unexplained == {}, "executed twice though it did not run when it was killed"
    assert max(took, back) <= SETTLED_WITHIN
    assert away <= SETTLED_WITHOUT_A_NODE_WITHIN


def _bring_about(ground: Ground, seed: int, seconds: float) -> int:
    """One fault after the other for so many seconds; how many there were."""
    until = time.monotonic() + seconds
    for count, (fault, lasts, peace) in enumerate(plan(seed, ground.nodes)):
        if time.monotonic() + lasts > until:
            return count
        print(
            f"{time.strftime('%H:%M:%S')} {fault.name}, {lasts:.0f} s, then {peace:.0f} s of peace",
            flush=True,
        )
        with fault.happen(ground):
            time.sleep(lasts)  # the fault itself, nothing is waited for
        time.sleep(peace)
    raise AssertionError("faults never end")


def _wait_until_settled_without_a_node(ground: Ground, fleet: Fleet) -> float:
    """Cut off the node that does not hold Redis, whose data cannot move; seconds until all is well without it."""
    redis = fleet.kube.get("Pod", "default-broker-0", fleet.namespace) or {}
    number = next(n for n in range(1, NODES + 1) if f"node{n}" != redis["spec"]["nodeName"])
    with cut_off_node(number)(ground):
        began = time.monotonic()
        lost = f"node{number}"
        wait_for(lambda: _tainted(fleet, lost), 120, what=f"{lost} to count as lost", poll=1)
        _wait_until_settled(fleet, SETTLED_WITHOUT_A_NODE_WITHIN * 4)
        return time.monotonic() - began


def _tainted(fleet: Fleet, node: str) -> bool:
    taints = (fleet.kube.get("Node", node) or {})["spec"].get("taints") or []
    return any(taint["key"] == "node.kubernetes.io/unreachable" for taint in taints)


def _wait_until_settled(fleet: Fleet, seconds: float) -> float:
    """Until no object has anything to say against it, for five looks on end; how long it took until the first of them."""
    began = time.monotonic()
    since: list[float] = []

    def settled() -> bool:
        against = _against(fleet)
        if against:
            since.clear()
            return False
        since.append(time.monotonic())
        return len(since) >= 5

    wait_for(settled, seconds, what="every object to be well", poll=1)
    assert redis_pod(fleet)
    return since[0] - began


def _against(fleet: Fleet) -> list[str]:
    """Conditions that say that an object is not, or not yet, as it should be."""
    found = ["the API server does not answer"]
    with suppress(RefusedError, HTTPError):
        objects = [(kind, fleet.kube.get(kind, name, fleet.namespace)) for kind, name in load.OBJECTS]
        found = [f"{kind}: {why}" for kind, obj in objects for why in _complaints(obj)]
    return found


def _complaints(obj: Object | None) -> list[str]:
    if obj is None:
        return ["missing"]
    conditions = (obj.get("status") or {}).get("conditions") or []
    against = [one for one in conditions if AGAINST_IT.get(one["type"]) == one["status"]]
    return [f"{one['type']} {one['reason']}: {one['message']}" for one in against] or (
        [] if conditions else ["no condition"]
    )


def _wait_until_done(fleet: Fleet) -> Ledger:
    seen = load.ledger(fleet)

    def done() -> bool:
        nonlocal seen
        seen = load.ledger(fleet)
        return seen.finished and not seen.undone()

    with suppress(AssertionError):  # what is lost is told by the ledger
        wait_for(done, DRAINED_WITHIN, what="the last task", poll=2)
    return seen
