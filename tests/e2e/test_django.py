"""Every row of docs/tutorials/django.md on a cluster, which the page's own commands bring up once.

Rows marked `long` wait for half a minute and more: `make test-django` runs them, `make test` does not.
"""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import Object
from tests.django.cluster import ShopOnCluster
from tests.django.page import Page, watch_work
from tests.e2e.fleet import Fleet
from tests.e2e.watching import Watching
from tests.tools.browser import chromium
from tests.tools.cluster import Cluster, Image
from tests.tools.cluster.images import DJANGO
from tests.tools.waiting import wait_for

NEXT_IMAGE = Image(
    "taskfleet-django-next", "tests/e2e/next_image/Dockerfile", "tests/e2e/next_image", base=DJANGO.name
)


@pytest.fixture(scope="module")
def shop(one_cluster: Cluster, shared_fleet: Fleet) -> Iterator[ShopOnCluster]:
    one = ShopOnCluster(one_cluster, shared_fleet.namespace)
    try:
        one.bring_up()
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def page(shop: ShopOnCluster) -> Iterator[Page]:
    with shop.page() as page:
        yield page


@pytest.fixture(scope="module")
def pools(shop: ShopOnCluster) -> Mapping[str, Any]:
    answers: Mapping[str, Any] = shop.produce("pools")
    return answers


@pytest.fixture(scope="module")
def canvas(shop: ShopOnCluster) -> Mapping[str, Any]:
    answers: Mapping[str, Any] = shop.produce("canvas")
    return answers


def test_row_producer_with_delay_apply_async_and_get(shop: ShopOnCluster, page: Page) -> None:
    answers = shop.produce("results")
    assert answers.pop("seconds") > 2
    assert answers == {"delay": 6, "by_id": 4, "options": 25, "countdown": 3}
    assert page.get("/quote/?price=5&price=7") == (200, '{"total": 12}')


def test_row_five_pool_types_each_execute_and_the_green_ones_are_patched(pools: Mapping[str, Any]) -> None:
    patched = {queue: one["patched_by"] for queue, one in pools["who"].items()}
    assert patched == {"orders": None, "files": None, "ledger": None, "mail": "gevent", "sms": "eventlet"}
    for task, seconds in pools["seconds"].items():
        assert seconds < 50, f"100 waits of 1 s with {task} took {seconds:.0f} s: they did not wait together"


def test_row_queues_and_node_names_that_tell_pool_and_pod(
    shop: ShopOnCluster, pools: Mapping[str, Any]
) -> None:
    names = {queue: one["worker"] for queue, one in pools["who"].items()}
    assert names == {queue: f"{queue}@{pod}" for queue in names for pod in shop.pods(queue)}


def test_row_group_chain_chord_and_apply(canvas: Mapping[str, Any]) -> None:
    assert canvas["app_task"].startswith("orders@orders-worker-")
    assert canvas["shared_task"] == 3
    assert canvas["group"] == [118, 236, 354]
    assert canvas["chain"] == 164
    assert canvas["chord"] == {"items": 3, "total": 708}
    assert canvas["apply"] == 11


def test_row_retries_with_backoff_execute_three_times(canvas: Mapping[str, Any]) -> None:
    assert canvas["attempts"] == 3
    assert canvas["chain_with_retries"] == {"order": canvas["order"], "state": "confirmed"}


async def test_row_page_in_a_browser_submits_work_and_watches_it(page: Page, tmp_path: Path) -> None:
    async with chromium(tmp_path) as tab:
        await watch_work(tab, page.url)


def test_row_long_tasks_are_seen_started_on_the_page(page: Page) -> None:
    status, answer = page.submit("report")
    assert status == 202
    (task,) = answer["accepted"]
    wait_for(lambda: page.states()[task] == "STARTED", 30, what="STARTED on the page", poll=0.5)


def test_row_periodic_tasks_of_the_database_static_in_settings_and_admin_and_one_made_at_run_time(
    shop: ShopOnCluster, page: Page
) -> None:
    interval = shop.produce("periodic", ACTION="create")["every_second"]
    user = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "for-this-test-only"}
    shop.manage("createsuperuser", "--noinput", "--email=admin@shop.example", **user)
    page.log_in(*user.values())
    fields = {"name": "from-the-admin", "regtask": "notifications.tasks.remind", "interval": interval}
    form = {**fields, "enabled": "on", "args": "[]", "kwargs": "{}", "headers": "{}"}
    _, answer = page.post("/admin/django_celery_beat/periodictask/add/", **form)
    assert "was added successfully" in answer
    wanted = {"made-at-run-time": 3, "from-the-admin": 3, "remind-of-unpaid-orders": 1}

    def all_run() -> bool:
        runs = shop.produce("periodic", ACTION="show")["runs"]
        return all(runs.get(name, 0) >= count for name, count in wanted.items())

    wait_for(all_run, 120, what=f"runs: {wanted}", poll=0.5)
    runs = shop.produce("periodic", ACTION="delete")["runs"]
    assert "made-at-run-time" not in runs


def test_row_periodic_tasks_as_objects_of_the_cluster(shop: ShopOnCluster) -> None:
    def runs() -> int:
        found = json.loads(shop.kubectl("get", "periodicschedule", "remind", "--output=json"))
        return int(found["status"].get("totalRunCount", 0))

    wait_for(lambda: runs() >= 1, 90, what="a run of the PeriodicSchedule `remind`", poll=1)
    code = (
        "import json; from django_celery_results.models import TaskResult\n"
        "print(json.dumps(TaskResult.objects.filter(periodic_task_name='remind', status='SUCCESS').count()))"
    )
    wait_for(lambda: shop.run(code) >= 1, 60, what="its result", poll=0.5)


def test_row_results_in_redis_instead_of_the_database(shop: ShopOnCluster) -> None:
    pool = shop.pool("ledger")
    spec = {**pool["spec"], "queues": ["in-redis"], "resultBackend": {"broker": {"database": 1}}}
    shop.kubectl.apply(
        {
            "apiVersion": pool["apiVersion"],
            "kind": "WorkerPool",
            "metadata": {"name": "in-redis"},
            "spec": spec,
        }
    )
    secret = json.loads(shop.kubectl("get", "secret", "default-broker-connection", "--output=json"))
    password = base64.b64decode(secret["data"]["password"]).decode()
    code = (
        "import json; from orders.tasks import total\n"
        "result = total.apply_async(args=[[2, 3]], queue='in-redis')\n"
        "print(json.dumps([result.get(timeout=90), type(result.backend).__name__]))"
    )
    url = f"redis://:{password}@default-broker:6379/1"
    said = shop.manage("shell", "--verbosity=0", f"--command={code}", CELERY_RESULT_BACKEND=url)
    assert json.loads(said.splitlines()[-1]) == [5, "RedisBackend"]


def test_row_autoscale_10_3_within_one_pod(shop: ShopOnCluster) -> None:
    ids = shop.send("orders.tasks.report", count=10, seconds=40)  # the page's report may still run
    wait_for(lambda: shop.states(ids) == ["STARTED"] * 10, 60, what="10 tasks at once in 1 pod", poll=0.5)
    assert {one.worker for one in shop.progress(ids)} == {f"reports@{pod}" for pod in shop.pods("reports")}
    assert shop.replicas("reports") == 1


@pytest.mark.long
def test_row_left_queue_first_with_200_tasks(shop: ShopOnCluster) -> None:
    try:
        shop.patch("priority", suspend=True, concurrency=1)
        shop.patch("backup", suspend=True)
        wait_for(
            lambda: not shop.replicas("priority") + shop.replicas("backup"), 90, what="no pods", poll=0.5
        )
        low = shop.send("orders.tasks.restock", count=100)
        high = shop.send("orders.tasks.pack", count=100)
        shop.patch("priority", suspend=False)
        done = shop.wait_until_done([*low, *high])
        assert [one.id in high for one in done] == [True] * 100 + [False] * 100
    finally:
        shop.patch("priority", suspend=False, concurrency=4)
        shop.patch("backup", suspend=False)


@pytest.mark.long
def test_row_priority_and_backup_workers_let_high_priority_overtake(shop: ShopOnCluster) -> None:
    shop.wait_until_ready("priority", "backup")
    low = shop.send("orders.tasks.restock", count=40, seconds=1)
    high = shop.send("orders.tasks.pack", count=8)
    done = shop.wait_until_done([*low, *high])
    packed = [one for one in done if one.id in high]
    restocked = [one for one in done if one.id in low]
    assert {one.pool for one in packed} == {"priority"}
    assert {one.pool for one in restocked} == {"priority", "backup"}
    overtaken = [one for one in restocked if one.began > max(one.began for one in packed)]
    assert len(overtaken) > 10, "low_priority was empty before high_priority could overtake"


@pytest.mark.long
def test_row_rollout_of_the_image_during_load_loses_nothing(
    shop: ShopOnCluster, one_cluster: Cluster
) -> None:
    image = one_cluster.load([NEXT_IMAGE])[NEXT_IMAGE.name]
    shop.wait_until_ready("backup")
    before = shop.pods("backup")
    ids = shop.send("orders.tasks.restock", count=30, seconds=1)
    shop.patch("backup", image=image)

    def replaced_under_load() -> bool:
        ids.extend(shop.send("orders.tasks.restock", count=6, seconds=1))  # a second of both pools' work
        return not before & shop.pods("backup")

    wait_for(replaced_under_load, 120, what="new pods", poll=0.5)
    done = shop.wait_until_done(ids)
    assert {one.state for one in done} == {"SUCCESS"}
    assert {one.worker for one in done} > {f"backup@{pod}" for pod in before | shop.pods("backup")}


@pytest.mark.long
def test_row_autoscale_10_3_with_pods_and_a_busy_pod_outlives_the_way_down(shop: ShopOnCluster) -> None:
    assert shop.replicas("exports") == 3
    (long,) = shop.send("orders.tasks.export", count=1, seconds=100)
    short = shop.send("orders.tasks.export", count=9, seconds=20)
    wait_for(lambda: shop.replicas("exports") == 10, 60, what="10 pods", poll=0.5)
    shop.wait_until_done(short)
    wait_for(lambda: shop.replicas("exports") == 3, 120, what="3 pods again", poll=0.5)
    assert shop.states([long]) == ["STARTED"], "the long task has to be there while the pool shrinks"
    (done,) = shop.wait_until_done([long])
    assert done.state == "SUCCESS"


@pytest.mark.long
def test_row_priority_and_backup_workers_autoscaled_share_the_demand(
    shop: ShopOnCluster, kubeconfig: Path, shared_fleet: Fleet
) -> None:
    scale = {"minReplicas": 1, "maxReplicas": 4, "behavior": {"scaleDown": {"stabilizationWindow": "30s"}}}
    shop.wait_until_ready("priority", "backup")
    with (
        Watching(kubeconfig, shared_fleet.namespace, "priority") as priority,
        Watching(kubeconfig, shared_fleet.namespace, "backup") as backup,
    ):
        for pool in ("priority", "backup"):
            shop.patch(pool, autoscale=scale)
        ids = shop.send("orders.tasks.restock", count=16, seconds=40)
        wait_for(lambda: shop.states(ids) == ["STARTED"] * 16, 90, what="16 tasks at once", poll=0.5)
        shop.wait_until_done(ids)
    slots = 4 * max(priority.steps) + 2 * max(backup.steps)
    assert 16 <= slots < 16 + 4, f"{slots} slots for 16 tasks: {priority.steps}, {backup.steps}"
    for pool in ("priority", "backup"):
        shop.patch(pool, autoscale=None)


@pytest.mark.long
def test_row_broker_down_for_a_minute_loses_nothing_that_was_accepted(
    shop: ShopOnCluster, page: Page
) -> None:
    accepted: list[str] = [*page.submit("total", 20)[1]["accepted"]]
    _place_redis(shop, {"spec": {"nodeSelector": {"nowhere": "to-be-found"}}})
    refused, until = 0, time.monotonic() + 60
    while time.monotonic() < until:
        status, answer = page.submit("total")
        assert status in (202, 503)
        accepted += answer["accepted"]
        refused += status == 503
        assert page.get("/readyz")[0] == 200
    assert refused > 5
    _place_redis(shop, None)

    def accepts_again() -> bool:
        status, answer = page.submit("total")
        accepted.extend(answer["accepted"])
        return status == 202

    wait_for(accepts_again, 120, what="a task accepted again", poll=1)
    assert {one.state for one in shop.wait_until_done(accepted)} == {"SUCCESS"}
    assert shop.worker_restarts() == 0, "workers wait for their broker"
    shop.kubectl("wait", "--for=condition=BeatReady", "workerpool/orders", "--timeout=120s")


def _place_redis(shop: ShopOnCluster, template: Object | None) -> None:
    """Give Redis's pod another template and end the one that runs; a Pending one is not replaced by itself."""
    patch = json.dumps({"spec": {"redis": {"template": template}}})
    shop.kubectl("patch", "broker", "default", "--type=merge", f"--patch={patch}")

    def taken_over() -> bool:
        found = json.loads(shop.kubectl("get", "statefulset", "default-broker", "--output=json"))
        return ("nodeSelector" in found["spec"]["template"]["spec"]) == (template is not None)

    wait_for(taken_over, 60, what="a StatefulSet with the new template")
    shop.kubectl("delete", "pod", "default-broker-0")
