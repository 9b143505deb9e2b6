import pytest

from taskfleet.api import Key, Object
from taskfleet.kube.cache import Cache
from tests.unit.objects import NAMESPACE, pod, pool

POD = Key("Pod", NAMESPACE, "mail-1")
MAIL, NEWS = Key("WorkerPool", NAMESPACE, "mail"), Key("WorkerPool", NAMESPACE, "news")


def version(number: int, uid: str = "first") -> Object:
    return pod(version=number, uid=uid)


def belonging_to(owner: str, *, version: int) -> Object:
    return pod(version=version, labels={"taskfleet.dev/pool": owner})


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        pytest.param([version(5), version(6)], "6", id="newer-replaces"),
        pytest.param([version(9), version(10)], "10", id="versions-are-numbers"),
        pytest.param([version(6), version(5)], "6", id="older-does-not"),
        pytest.param([version(5), version(8, "second")], "8", id="successor-replaces"),
        pytest.param([version(8, "second"), version(6)], "8", id="late-word-of-a-predecessor-does-not"),
    ],
)
def test_newest_state_is_known_in_whatever_order_it_is_told(seen: list[Object], known: str) -> None:
    cache = Cache()
    for obj in seen:
        cache.put(obj)
    assert cache.version(POD) == known


@pytest.mark.parametrize(
    ("gone", "known"),
    [
        pytest.param(version(5), None, id="at-the-version-that-is-known"),
        pytest.param(version(7), None, id="at-a-later-version"),
        pytest.param(version(4, "predecessor"), "5", id="not-by-the-end-of-its-predecessor"),
    ],
)
def test_end_of_an_object_is_told_apart_from_its_predecessors(gone: Object, known: str | None) -> None:
    cache = Cache()
    cache.put(version(5))
    cache.remove(gone)
    assert cache.version(POD) == known


def test_reply_that_comes_after_the_end_brings_nothing_back() -> None:
    cache = Cache()
    cache.put(version(5))
    cache.remove(version(7))
    assert not cache.put(version(6))
    assert cache.get(*POD) is None
    assert cache.put(version(8, "second"))


def test_object_that_ended_for_its_watch_by_the_loss_of_a_label_is_known_again_when_it_is_read() -> None:
    cache = Cache()
    cache.put(version(5))
    unlabelled = pod(version=7, labels={})
    cache.remove(unlabelled)
    assert cache.put(unlabelled)
    assert cache.version(POD) == "7"


def test_late_reply_with_the_last_version_brings_no_deleted_object_back() -> None:
    cache = Cache()
    cache.put(version(5))
    cache.remove(version(5), deleted=True)
    assert not cache.put(version(5))


def test_object_whose_end_was_told_before_its_first_reply_is_never_known() -> None:
    cache = Cache()
    cache.remove(version(7))
    assert not cache.put(version(6))
    assert cache.get(*POD) is None


def test_every_change_is_told_once() -> None:
    told: list[str] = []
    cache = Cache(lambda obj: told.append(obj["metadata"]["resourceVersion"]))
    for obj in (version(5), version(5), version(4), version(6)):
        cache.put(obj)
    cache.remove(version(7))
    cache.remove(version(4))
    assert told == ["5", "6", "7"]


def test_loss_of_a_label_is_told_with_what_was_there_before() -> None:
    told: list[dict[str, str]] = []
    cache = Cache(lambda obj: told.append(obj["metadata"]["labels"]))
    for obj in (belonging_to("mail", version=1), pod(version=2, labels={})):
        cache.put(obj)
    assert told == [{"taskfleet.dev/pool": "mail"}, {"taskfleet.dev/pool": "mail"}, {}]


def test_children_are_found_by_label_and_in_order() -> None:
    cache = Cache()
    for name in ("b", "a"):
        cache.put(pod(name))
    cache.put(pod("other", labels={"taskfleet.dev/pool": "news"}))
    cache.put(pod("elsewhere", namespace="other"))
    assert [child["metadata"]["name"] for child in cache.children("Pod", MAIL)] == ["a", "b"]
    assert cache.children("Deployment", MAIL) == []


def test_pod_that_is_given_to_another_pool_is_no_child_of_the_first() -> None:
    cache = Cache()
    cache.put(belonging_to("mail", version=1))
    cache.put(belonging_to("news", version=2))
    assert cache.children("Pod", MAIL) == []
    assert len(cache.children("Pod", NEWS)) == 1


def test_pod_that_lost_its_label_and_then_its_life_leaves_no_trace() -> None:
    cache = Cache()
    cache.put(pod(version=1))
    cache.put(pod(version=2, labels={}))
    cache.remove(pod(version=3, labels={}))
    assert cache.children("Pod", MAIL) == []


def test_what_nobody_reads_is_not_kept() -> None:
    cache = Cache()
    last_applied = "kubectl.kubernetes.io/last-applied-configuration"
    told = pool(meta={"managedFields": [{}], "annotations": {last_applied: "{}", "team": "a"}})
    cache.put(told)
    known = cache.get(*MAIL)
    assert known is not None
    assert "managedFields" not in known["metadata"]
    assert known["metadata"]["annotations"] == {"team": "a"}
    assert last_applied in told["metadata"]["annotations"], "what was told is not changed"


def test_of_a_pods_spec_only_what_its_troubles_are_explained_with_is_kept() -> None:
    secret = {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "connection", "key": "url"}}}
    container = {
        "name": "worker",
        "image": "app:1",
        "terminationMessagePolicy": "File",
        "env": [{"name": "SETTINGS", "value": "x" * 1000}, secret],
    }
    cache = Cache()
    cache.put({**pod(version=1), "spec": {"nodeName": "node1", "containers": [container]}})
    (known,) = cache.children("Pod", MAIL)
    kept = {"name": "worker", "terminationMessagePolicy": "File", "env": [secret]}
    assert known["spec"] == {"nodeName": "node1", "containers": [kept]}
