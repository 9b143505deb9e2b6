"""What goes wrong on the way to the API server ends no operator, and nothing is missed for good."""

import pytest

from taskfleet.kube.resource_types import CHILD_TYPES, OWN_TYPES
from tests.envtest.conftest import StartOperator
from tests.envtest.faults import Fate, Fault
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import image, wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

# kopf's pauses grow to 30 s, and the garbage collector learns of new kinds every 30 s.
_CONVERGES_SECONDS = 90
WATCHED = len({**OWN_TYPES, **CHILD_TYPES})


def wait_for_watches(proxy: Proxy) -> None:
    """Return when each kind is watched, so that what happens now is told by a watch and not by a first list."""

    def watched() -> set[str]:
        return {call.resource for call in proxy.calls if call.verb == "watch"}

    wait_for(lambda: len(watched()) >= WATCHED, 30, what="a watch of each kind")


@pytest.fixture
def operator(kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy) -> OperatorProcess:
    """One that leads, through the proxy, with two pools made."""
    running = start_operator(through=proxy, RESYNC_INTERVAL="300").wait_until_leading()
    wait_for_watches(proxy)
    for name in ("stays", "goes"):
        pool = kube.apply(worker_pool(namespace, name, replicas=1))
        wait_for_deployment(kube, pool, replicas=1)
        wait_until_settled(kube, pool)
    return running


def change_the_cluster(kube: Kube, namespace: str) -> None:
    """One pool changed, one gone, one new: all behind the operator's back."""
    kube.patch("WorkerPool", "stays", namespace, {"spec": {"image": "registry.example/app:2", "replicas": 3}})
    kube.delete("WorkerPool", "goes", namespace)
    kube.apply(worker_pool(namespace, "comes", replicas=1))


def assert_converges(kube: Kube, namespace: str, operator: OperatorProcess, pid: int) -> None:
    """All of `change_the_cluster` has come about, and what happens from now on is seen again."""
    changed = {"replicas": 3, "image": "registry.example/app:2"}
    stayed = wait_for_deployment(kube, worker_pool(namespace, "stays"), timeout=_CONVERGES_SECONDS, **changed)
    assert image(stayed) == "registry.example/app:2"
    wait_for_deployment(kube, worker_pool(namespace, "comes"), timeout=_CONVERGES_SECONDS, replicas=1)
    wait_for(
        lambda: not kube.get("Deployment", "goes-worker", namespace),
        _CONVERGES_SECONDS,
        what="collected children",
    )
    kube.scale("WorkerPool", "comes", namespace, 2)
    wait_for_deployment(kube, worker_pool(namespace, "comes"), timeout=_CONVERGES_SECONDS, replicas=2)
    assert operator.pid == pid
    assert operator.running
    wait_for(lambda: operator.get("/healthz")[0] == 200, 60, what="health")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(verbs=["watch"], watch_error=410), id="410-event"),
        pytest.param(Fault(verbs=["watch"], watch_error=500), id="ERROR-event"),
        pytest.param(Fault(verbs=["watch"], status=410), id="410-answer"),
        pytest.param(Fault(verbs=["watch", "list"], status=503), id="503-on-watches-and-lists"),
        pytest.param(Fault(verbs=["watch", "list"], status=429), id="429-on-watches-and-lists"),
    ],
)
def test_failing_watches_are_begun_anew(
    kube: Kube, namespace: str, proxy: Proxy, operator: OperatorProcess, fault: Fault
) -> None:
    pid = operator.pid
    with proxy.inject(fault) as injection:
        wait_for(lambda: injection.hits >= WATCHED, 60, what="failed watches")
        change_the_cluster(kube, namespace)
    assert_converges(kube, namespace, operator, pid)


def test_watch_that_is_refused_while_others_wait_for_their_answer_leaves_none_behind(
    kube: Kube, namespace: str, proxy: Proxy, operator: OperatorProcess
) -> None:
    others = [resource.plural for kind, resource in {**OWN_TYPES, **CHILD_TYPES}.items() if kind != "Pod"]
    pid = operator.pid
    with (
        proxy.inject(Fault(resources=others, verbs=["watch"], delay=_CONVERGES_SECONDS)),
        proxy.inject(Fault(resources=["pods"], verbs=["watch"], status=410)) as refused,
    ):
        wait_for(lambda: refused.hits >= 4, 60, what="watches restarted")
        change_the_cluster(kube, namespace)
    assert_converges(kube, namespace, operator, pid)


def test_api_server_that_is_away_for_longer_than_the_lease_ends_no_operator(
    kube: Kube, namespace: str, proxy: Proxy, operator: OperatorProcess
) -> None:
    pid = operator.pid
    with proxy.inject(Fault(status=503)):
        wait_for(lambda: not operator.leads, 30, what="loss of the lease")
        change_the_cluster(kube, namespace)
    wait_for(lambda: operator.leads, 30, what="leading again")
    assert_converges(kube, namespace, operator, pid)


def test_slow_replies_only_delay(kube: Kube, namespace: str, proxy: Proxy, operator: OperatorProcess) -> None:
    pid = operator.pid
    with proxy.inject(Fault(delay=0.8)):
        change_the_cluster(kube, namespace)
        assert_converges(kube, namespace, operator, pid)
        stays(lambda: operator.leads, 8, what="leading while replies are slow")


def test_api_server_that_hangs_for_a_while_ends_no_operator(
    kube: Kube, namespace: str, proxy: Proxy, operator: OperatorProcess
) -> None:
    pid = operator.pid
    with proxy.inject(Fault(silence=True)):
        wait_for(lambda: not operator.leads, 30, what="loss of the lease")
        change_the_cluster(kube, namespace)
    wait_for(lambda: operator.leads, 30, what="leading again")
    assert_converges(kube, namespace, operator, pid)


def test_resync_finds_what_silent_watches_do_not_tell(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    operator = start_operator(through=proxy, RESYNC_INTERVAL="2").wait_until_leading()
    wait_for_watches(proxy)
    with proxy.inject(Fault(verbs=["watch"], silence=True)) as silence:
        wait_for(lambda: silence.hits >= WATCHED, 20, what="silent watches")
        pool = kube.apply(worker_pool(namespace, replicas=1))
        wait_for_deployment(kube, pool, timeout=45, replicas=1)
        assert operator.metric("taskfleet_watch_events_missed_total", {"kind": "WorkerPool"}) >= 1


def test_resync_finds_a_deletion_that_no_watch_told(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    start_operator(through=proxy, RESYNC_INTERVAL="2").wait_until_leading()
    wait_for_watches(proxy)
    pool = kube.apply(worker_pool(namespace, replicas=1))
    before = wait_for_deployment(kube, pool, replicas=1)["metadata"]["uid"]
    wait_until_settled(kube, pool)
    dropping = Fault(
        resources=["deployments"], fate=lambda event: Fate(copies=0) if event["type"] == "DELETED" else None
    )
    with proxy.inject(dropping) as dropped:
        kube.delete("Deployment", "shop-worker", namespace)
        wait_for(lambda: dropped.hits, 20, what="a lost event")
        again = wait_for_deployment(kube, pool, timeout=45)
    assert again["metadata"]["uid"] != before


def test_healthz_fails_while_the_watches_are_dead_and_recovers(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    operator = start_operator(through=proxy, RESYNC_INTERVAL="2").wait_until_leading()
    wait_for_watches(proxy)
    assert operator.get("/healthz")[0] == 200
    with proxy.inject(Fault(verbs=["watch"], silence=True)):
        kube.apply(worker_pool(namespace, replicas=1))
        # Watches of other kinds may fall silent before it: the text names the one that has been silent for longest.
        wait_for(lambda: _fails_for("WorkerPool", *operator.get("/healthz")), 90, what="a failing /healthz")
    kube.patch("WorkerPool", "shop", namespace, {"metadata": {"labels": {"seen": "again"}}})
    wait_for(lambda: operator.get("/healthz")[0] == 200, 90, what="a healthy /healthz")


def _fails_for(kind: str, status: int, text: str) -> bool:
    return status == 503 and kind in text


def test_healthz_does_not_answer_while_the_loop_hangs(start_operator: StartOperator) -> None:
    operator = start_operator().wait_until_ready()
    assert operator.get("/healthz") == (200, "ok\n")
    with operator.paused():
        assert operator.get("/healthz", timeout=1.0)[0] == 0
    wait_for(lambda: operator.get("/healthz")[0] == 200, 10, what="health after the pause")
