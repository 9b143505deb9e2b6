"""What becomes of events; that kopf delivers them is tested before a real API server."""

from itertools import islice

from taskfleet.api import Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.watch.informer import EndlessBackoffs, Informer
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")


PODS, POOLS = "/api/v1/namespaces/shop/pods", "/apis/taskfleet.dev/v1alpha1/namespaces/shop/workerpools"


def nobody(_: str) -> None:
    """Hears and does nothing."""


def version(number: int) -> Object:
    return pool(meta={"version": number})


def test_events_fill_the_cache_and_every_one_is_heard() -> None:
    cache, heard = Cache(), list[str]()
    informer = Informer(cache, heard=heard.append, relisted=nobody)
    informer._handle(None, version(1))
    informer._handle("MODIFIED", version(2))
    assert cache.version(MAIL) == "2"
    informer._handle("MODIFIED", version(2))
    informer._handle("DELETED", version(3))
    assert cache.get(*MAIL) is None
    assert heard == ["WorkerPool"] * 4


def test_every_list_but_the_first_of_a_kind_and_namespace_is_told() -> None:
    relisted = list[str]()
    informer = Informer(Cache(), heard=nobody, relisted=relisted.append)
    for path in (PODS, POOLS, PODS.replace("shop", "mail"), "/apis/taskfleet.dev/v1alpha1"):
        informer._handle_list(path)
    assert relisted == []
    for path in (PODS, POOLS, POOLS, "/apis/taskfleet.dev/v1alpha1"):
        informer._handle_list(path)
    assert relisted == ["Pod", "WorkerPool", "WorkerPool"]


def test_back_off_grows_to_half_a_minute_never_ends_and_begins_anew_each_time() -> None:
    backoffs = EndlessBackoffs()
    first = list(islice(backoffs, 50))
    assert first[0] < 1
    assert all(24 <= delay <= 36 for delay in first[10:])
    assert next(iter(backoffs)) < 1
