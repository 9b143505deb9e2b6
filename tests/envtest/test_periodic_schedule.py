"""PeriodicSchedules on a real API server and a real Redis; what beat would write, the tests write."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external, external_broker
from tests.envtest.conditions import condition, wait_for_condition, warnings_of
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import stays, wait_for

pytestmark = pytest.mark.usefixtures("shared_operator")
ACTS_WITHIN = 20.0  # ten times the product's 2 s


class Beat:
    """What the operator writes in Redis, and what beat answers there."""

    def __init__(self, server: RedisServer, namespace: str) -> None:
        self._client = server.client
        self._namespace = namespace

    def key(self, part: str = "") -> str:
        return f"taskfleet:{self._cluster}:{self._namespace}:schedules{part}"

    @property
    def _cluster(self) -> str:
        (key,) = self._client.keys(f"taskfleet:*:{self._namespace}:schedules:version")
        return str(key.decode() if isinstance(key, bytes) else key).split(":")[1]

    @property
    def entries(self) -> dict[str, Any]:
        """By name."""
        if not self._client.keys(f"taskfleet:*:{self._namespace}:schedules:version"):
            return {}
        found = [json.loads(value) for value in self._client.hvals(self.key())]
        return {entry["name"]: entry for entry in found}

    def says(self, obj: Object, **state: Any) -> None:
        """That it lives, and what became of this schedule's runs."""
        self._client.set(self.key(":beat"), json.dumps({"v": 1, "ready": True}))
        told = {"last": None, "next": time.time() + 30, "runs": 0, "missed": 0, **state}
        self._client.hset(self.key(":state"), obj["metadata"]["uid"], json.dumps(told))


@pytest.fixture
def beat(kube: Kube, namespace: str, redis_server: RedisServer) -> Beat:
    apply_external(kube, namespace, redis_server.url)
    return Beat(redis_server, namespace)


def applied(kube: Kube, namespace: str, name: str = "report", **spec: Any) -> Object:
    kind = {} if {"schedule", "clocked", "solar"} & spec.keys() else {"interval": "30s"}
    obj = {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "PeriodicSchedule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"task": "shop.report", **kind, **spec},  # an apply takes away what it no longer names
    }
    return {**kube.apply(obj), "kind": "PeriodicSchedule"}


def live(kube: Kube, obj: Object) -> Object:
    found = kube.get("PeriodicSchedule", obj["metadata"]["name"], obj["metadata"]["namespace"])
    assert found is not None
    return found


def test_a_schedule_reaches_redis_and_what_beat_says_reaches_its_user(
    kube: Kube, kubeconfig: Path, namespace: str, beat: Beat
) -> None:
    obj = applied(kube, namespace, timeZone="UTC")
    wait_for(lambda: "report" in beat.entries, ACTS_WITHIN, what="the entry")
    wait_for_condition(kube, obj, "Ready", "False", "BeatNotReady")
    deployment = kube.get("Deployment", "default-schedules", namespace)
    assert deployment is not None
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}

    beat.says(obj, runs=7, missed=1, lastRun=time.time() - 20, lastTaskId="an-id")
    told = wait_for_condition(kube, obj, "Ready", "True", "Scheduled")["status"]
    assert (told["totalRunCount"], told["missedRunCount"], told["lastTaskId"]) == (7, 1, "an-id")
    table = Kubectl(kubeconfig, namespace=namespace)("get", "psched", "report")
    header, row = table.splitlines()
    names = ["NAME", "SCHEDULE", "TZ", "SUSPEND", "LAST", "NEXT", "RUNS", "STATUS", "AGE"]
    assert header.split() == names
    shown = dict(zip(names, row.split(), strict=True))
    assert (shown["SCHEDULE"], shown["RUNS"], shown["NEXT"]) == ("30s", "7", told["nextScheduleTime"])

    beat.says(obj, next=time.time() - 300)
    wait_for_condition(kube, obj, "Ready", "False", "Late", saying="late. Check the log")
    wait_for(lambda: warnings_of(kube, obj), 30, what="an event")


def test_one_that_means_nothing_stalls_alone(kube: Kube, namespace: str, beat: Beat) -> None:
    good = applied(kube, namespace, "good")
    bad = applied(kube, namespace, "bad", schedule="61 6 * * *")
    wait_for_condition(kube, bad, "Stalled", "True", "InvalidSchedule", saying="bad minute")
    wait_for(lambda: beat.entries.keys() == {"good"}, ACTS_WITHIN, what="the entry of the other")
    applied(kube, namespace, "good", schedule="0 6 * * *")
    wait_for(lambda: "cron" in beat.entries["good"]["schedule"], ACTS_WITHIN, what="the change")
    assert condition(live(kube, good), "Stalled")["status"] == "False"


def test_after_the_last_schedule_nothing_of_beat_is_left(
    kube: Kube, namespace: str, beat: Beat, redis_server: RedisServer
) -> None:
    obj = applied(kube, namespace)
    wait_for(lambda: "report" in beat.entries, ACTS_WITHIN, what="the entry")
    beat.says(obj, runs=1)
    kube.delete("PeriodicSchedule", "report", namespace)
    wait_for(lambda: beat.entries == {}, ACTS_WITHIN, what="no entry")
    wait_for(
        lambda: kube.get("Deployment", "default-schedules", namespace) is None, ACTS_WITHIN, what="no beat"
    )
    assert redis_server.client.hlen(beat.key(":state")) == 0


def test_entries_come_back_after_a_loss_and_go_after_a_deletion_that_nobody_saw(
    kube: Kube, namespace: str, beat: Beat, redis_server: RedisServer, shared_operator: OperatorProcess
) -> None:
    kept, gone = applied(kube, namespace, "kept"), applied(kube, namespace, "gone")
    wait_for(lambda: beat.entries.keys() == {"kept", "gone"}, ACTS_WITHIN, what="the entries")
    beat.says(kept, runs=3, last=time.time() - 30, lastRun=time.time() - 30)
    wait_for(lambda: live(kube, kept)["status"].get("totalRunCount") == 3, 30, what="the figures")
    shared_operator.terminate()
    kube.delete("PeriodicSchedule", "gone", namespace)
    redis_server.client.delete(beat.key(":state"), beat.key(":beat"))
    shared_operator.start().wait_until_leading()
    wait_for(lambda: beat.entries.keys() == {"kept"}, 30, what="the entry of what there is")
    redis_server.client.flushall()
    wait_for(lambda: beat.entries.keys() == {"kept"}, 30, what="the entry again")
    (state,) = redis_server.client.hvals(beat.key(":state"))
    assert json.loads(state)["runs"] == 3
    assert gone["metadata"]["uid"] not in redis_server.client.hkeys(beat.key())


def test_trigger_waits_for_the_id_of_the_run(
    kube: Kube, kubeconfig: Path, namespace: str, beat: Beat
) -> None:
    obj = applied(kube, namespace, suspend=True)
    wait_for(lambda: "report" in beat.entries, ACTS_WITHIN, what="the entry")
    command = [sys.executable, "-m", "taskfleet", "trigger", "psched/report", f"--namespace={namespace}"]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as asking:
        token = wait_for(lambda: beat.entries["report"]["trigger"], 60, what="the token in the entry")
        beat.says(obj, next=None, trigger=token, triggerTaskId="an-id")
        said, _ = asking.communicate(timeout=60)
    assert (asking.returncode, said) == (0, "an-id\n")


def test_a_schedule_alone_makes_its_broker(kube: Kube, namespace: str) -> None:
    applied(kube, namespace)
    wait_for(lambda: kube.get("Broker", "default", namespace), 30, what="the Broker default")
    wait_for(lambda: kube.get("Deployment", "default-schedules", namespace), 30, what="its beat")


def test_an_operator_with_nothing_to_do_writes_nothing_about_schedules(
    kube: Kube, namespace: str, beat: Beat, redis_server: RedisServer
) -> None:
    obj = applied(kube, namespace)
    wait_for(lambda: "report" in beat.entries, ACTS_WITHIN, what="the entry")
    beat.says(obj)
    seen = wait_for_condition(kube, obj, "Ready", "True")
    version = redis_server.client.get(beat.key(":version"))

    def quiet() -> bool:
        same = live(kube, obj)["metadata"]["resourceVersion"] == seen["metadata"]["resourceVersion"]
        return same and redis_server.client.get(beat.key(":version")) == version

    stays(quiet, 5, what="an untouched schedule")


def test_the_apps_own_beat_has_its_volume_and_goes_without_it(kube: Kube, namespace: str) -> None:
    pool = {**kube.apply(worker_pool(namespace, beat={}, replicas=0)), "kind": "WorkerPool"}
    deployment = wait_for(lambda: kube.get("Deployment", "shop-appbeat", namespace), 30, what="beat")
    assert deployment is not None
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    claim = kube.get("PersistentVolumeClaim", "shop-appbeat", namespace)
    assert claim is not None
    assert "ownerReferences" not in claim["metadata"]
    wait_for_condition(kube, pool, "BeatReady", "False", "BeatNotReady")
    kube.apply(worker_pool(namespace, "second", beat={}, replicas=0))
    wait_for_condition(
        kube,
        {**pool, "metadata": {**pool["metadata"], "name": "second"}},
        "BeatReady",
        "False",
        "DuplicateBeat",
    )
    kube.apply(worker_pool(namespace, replicas=0))
    wait_for(lambda: kube.get("Deployment", "shop-appbeat", namespace) is None, 30, what="no beat")
    assert kube.get("PersistentVolumeClaim", "shop-appbeat", namespace) is not None


def test_beat_is_shaped_by_its_broker(kube: Kube, namespace: str, redis_server: RedisServer) -> None:
    resources = {"limits": {"cpu": "1", "memory": "512Mi"}}
    template = {"spec": {"imagePullSecrets": [{"name": "registry"}], "priorityClassName": "high"}}
    apply_external(kube, namespace, redis_server.url)
    kube.apply(external_broker(namespace, schedules={"resources": resources, "template": template}))
    applied(kube, namespace)

    def shaped() -> bool:
        deployment = kube.get("Deployment", "default-schedules", namespace)
        if deployment is None:
            return False
        spec = deployment["spec"]["template"]["spec"]
        same = all(spec.get(field) == value for field, value in template["spec"].items())
        return same and spec["containers"][0]["resources"] == resources

    wait_for(shaped, ACTS_WITHIN, what="a beat as the Broker shapes it")
