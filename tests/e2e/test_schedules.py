"""PeriodicSchedules on a cluster: no run is lost in silence or executed twice, whatever happens to beat and Redis."""

import os
import signal
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from taskfleet.api import Object
from tests.e2e.containers import container_id, first_process
from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.tools.waiting import wait_for

EVERY = 2
PLANNED = 30  # runs of a minute
ACTS_WITHIN = 20.0  # ten times the product's 2 s


def schedule(fleet: Fleet, name: str, *, key: str = "", **spec: Any) -> Object:
    """Apply a schedule of the tests' task, which leaves its marks under `key`."""
    base = {"task": "e2e_app.work", "args": [key or name, 0], "interval": f"{EVERY}s"}
    obj = {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "PeriodicSchedule",
        "metadata": {"name": name, "namespace": fleet.namespace},
        "spec": {field: value for field, value in {**base, **spec}.items() if value is not None},
    }
    return fleet.kube.apply(obj)


def live(fleet: Fleet, name: str) -> Object:
    found = fleet.kube.get("PeriodicSchedule", name, fleet.namespace)
    assert found is not None
    return found


def status(fleet: Fleet, name: str) -> Object:
    told: Object = live(fleet, name).get("status") or {}
    return told


def ready(fleet: Fleet, name: str) -> str:
    """The reason of the condition Ready."""
    conditions = status(fleet, name).get("conditions") or []
    return next((str(each["reason"]) for each in conditions if each["type"] == "Ready"), "")


def settled(fleet: Fleet, name: str) -> int:
    """Planned runs that were sent or skipped."""
    told = status(fleet, name)
    return int(told.get("totalRunCount", 0)) + int(told.get("missedRunCount", 0))


def wait_for_runs(fleet: Fleet, name: str, more: int = 1) -> None:
    goal = settled(fleet, name) + more
    wait_for(lambda: settled(fleet, name) >= goal, 120, what=f"{goal} runs of {name}", poll=0.5)


def beats(fleet: Fleet) -> list[Object]:
    """The running pods of the broker's beat."""
    selector = "taskfleet.dev/component=schedules"
    found = fleet.kube.list("Pod", fleet.namespace, selector=selector)
    running = (pod for pod in found if "deletionTimestamp" not in pod["metadata"])
    return [pod for pod in running if pod["status"].get("phase") == "Running"]


def there(fleet: Fleet, deployment: str) -> bool:
    return fleet.kube.get("Deployment", deployment, fleet.namespace) is not None


def unix(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()


def planned_ids(obj: Object, until: float) -> list[str]:
    """The task ids of every run planned up to `until`: docs/explanation/design/schedules.md, Sending."""
    uid, created = uuid.UUID(obj["metadata"]["uid"]), unix(obj["metadata"]["creationTimestamp"])
    count = round((until - created) / EVERY)
    return [str(uuid.uuid5(uid, f"{created + EVERY * n:.3f}")) for n in range(1, count + 1)]


def second_beat(fleet: Fleet) -> None:
    """A pod of the same template that nobody counts."""
    deployment = fleet.kube.get("Deployment", "default-schedules", fleet.namespace)
    assert deployment is not None
    template = deployment["spec"]["template"]["spec"]
    fleet.kubectl.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "second-beat"}, "spec": template}
    )
    fleet.kubectl("wait", "--for=condition=Ready", "pod/second-beat", "--timeout=90s")


def test_every_planned_run_is_executed_once_or_counted_as_missed(fleet: Fleet) -> None:
    fleet.pool("worker", pool="threads")
    fleet.wait_until_ready("worker")
    obj = schedule(fleet, "often")
    wait_for(lambda: ready(fleet, "often") == "Scheduled", 120, what="a beat that sends", poll=0.5)

    second_beat(fleet)
    wait_for_runs(fleet, "often", 4)
    fleet.kubectl("delete", "pod", "second-beat", "--grace-period=0", "--force")

    (beat,) = beats(fleet)
    process = first_process(container_id(beat))
    if process is not None:
        os.kill(process, signal.SIGKILL)
    wait_for_runs(fleet, "often")
    fleet.kubectl("delete", "pod", beat["metadata"]["name"], "--grace-period=0", "--force")
    wait_for_runs(fleet, "often")
    fleet.kubectl("rollout", "restart", "deployment/default-schedules")
    wait_for_runs(fleet, "often")
    fleet.kubectl("delete", "pod", "default-broker-0")
    wait_for_runs(fleet, "often")
    wait_for(lambda: settled(fleet, "often") >= PLANNED, 120, what="a minute of runs", poll=0.5)

    schedule(fleet, "often", suspend=True)
    wait_for(lambda: ready(fleet, "often") == "Suspended", 60, what="no further run")
    wait_for(lambda: "nextScheduleTime" not in status(fleet, "often"), 60, what="the last figures", poll=0.5)

    def settled_runs() -> tuple[int, ...]:
        """Runs executed and missed by the status, which follows the beat by some seconds; empty until all have ended."""
        told = status(fleet, "often")
        runs, missed = told["totalRunCount"], told.get("missedRunCount", 0)
        return (runs, missed) if len(fleet.marks("often").done) == runs else ()

    runs, missed = wait_for(settled_runs, 60, what="the last runs to end", poll=0.5)
    planned, marks = planned_ids(obj, unix(status(fleet, "often")["lastScheduleTime"])), fleet.marks("often")
    print(f"{len(planned)} planned, {runs} executed, {missed} missed")
    assert set(marks.started.values()) == {1}, "no run is executed twice"
    assert marks.done.keys() <= set(planned)
    assert len(marks.done) + missed == len(planned)


def test_a_change_acts_at_once_and_a_run_can_be_asked_for(fleet: Fleet, installed: Operator) -> None:
    fleet.pool("worker", pool="threads")
    fleet.wait_until_ready("worker")
    schedule(fleet, "report", key="before")
    schedule(fleet, "yearly", interval=None, schedule="@yearly")
    schedule(fleet, "wrong", interval=None, schedule="61 6 * * *")
    fleet.wait_until_started("before", 1, seconds=120)
    assert ready(fleet, "wrong") == "InvalidSchedule"

    task = installed.taskfleet("trigger", "psched/yearly", f"--namespace={fleet.namespace}").strip()
    assert fleet.wait_until_done("yearly", 1).started == {task: 1}
    assert status(fleet, "yearly").get("totalRunCount", 0) == 0

    changed = time.monotonic()
    schedule(fleet, "report", key="after")
    fleet.wait_until_started("after", 1, seconds=ACTS_WITHIN)
    print(f"edited: {time.monotonic() - changed:.1f} s until the first run of the new kind was seen")
    before = len(fleet.marks("before").started)

    suspended = time.time()
    schedule(fleet, "report", key="after", suspend=True)
    wait_for(lambda: ready(fleet, "report") == "Suspended", ACTS_WITHIN, what="suspension")
    wait_for(lambda: "nextScheduleTime" not in status(fleet, "report"), 60, what="the last figures", poll=0.5)
    last = unix(status(fleet, "report")["lastScheduleTime"])
    print(f"suspended: the last run was planned {last - suspended:+.1f} s from it")
    assert last - suspended < ACTS_WITHIN
    assert len(fleet.marks("before").started) == before

    deleted = time.monotonic()
    for name in ("report", "yearly", "wrong"):
        fleet.kube.delete("PeriodicSchedule", name, fleet.namespace)
    wait_for(
        lambda: not there(fleet, "default-schedules"),
        ACTS_WITHIN,
        what="the end of beat with the last schedule",
    )
    print(f"deleted: beat was gone after {time.monotonic() - deleted:.1f} s")


def test_schedules_deleted_while_no_operator_runs_are_forgotten_when_it_is_back(
    fleet: Fleet, operator: Operator
) -> None:
    fleet.pool("worker", pool="threads")
    schedule(fleet, "kept")
    schedule(fleet, "gone")
    fleet.wait_until_started("gone", 1, seconds=150)
    operator.stop()
    fleet.kube.delete("PeriodicSchedule", "gone", fleet.namespace)
    operator.restore()
    wait_for(lambda: ready(fleet, "kept") == "Scheduled", 60, what="the operator's first look", poll=0.5)
    wait_for(
        lambda: fleet.schedules() == {"kept"}, ACTS_WITHIN, what="the entries of what there is", poll=0.5
    )


def test_a_pool_at_zero_is_warm_when_a_run_is_due(fleet: Fleet) -> None:
    fleet.pool(
        "cold",
        autoscale={
            "minReplicas": 0,
            "maxReplicas": 2,
            "behavior": {"scaleDown": {"stabilizationWindow": "5s"}},
        },
        queues=["cold"],
    )
    schedule(fleet, "first", queue="cold", interval="50s")
    wait_for(
        lambda: "a scheduled run is due" in fleet.status("cold").get("lastDecision", {}).get("message", ""),
        120,
        what="a pod before its run",
        poll=0.5,
    )
    fleet.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=1", "workerpool/cold", "--timeout=90s")
    assert fleet.marks("first").started == {}, "the pod is ready before there is a task"
    fleet.wait_until_done("first", 1, seconds=90)


def test_the_apps_own_beat_sends_and_keeps_what_it_sent_over_its_end(fleet: Fleet) -> None:
    fleet.pool("shop", app="own_beat", beat={}, pool="threads")
    fleet.wait_until_ready("shop", seconds=180)
    fleet.wait_until_started("own-beat", 2, seconds=60)
    seen = len(fleet.marks("own-beat").started)
    (pod,) = [pod for pod in fleet.pods("shop") if "-appbeat-" in pod["metadata"]["name"]]
    fleet.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    fleet.wait_until_started("own-beat", seen + 3, seconds=90)
    assert set(fleet.marks("own-beat").started.values()) == {1}
    fleet.kubectl("patch", "workerpool/shop", "--type=merge", "--patch", '{"spec":{"beat":null}}')
    wait_for(lambda: not there(fleet, "shop-appbeat"), 30, what="the end of the app's beat")
