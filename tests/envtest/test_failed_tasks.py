"""Failed tasks on a real API server: who is told of them, and how a request about them goes through the operator."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import urllib3

from taskfleet.api import Object
from taskfleet.api.questions import AUDIENCE, TOKEN_HEADER
from tests.envtest.brokers import apply_external
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for
from tests.unit.brokers.failures.records import Pool

_HTTP = urllib3.PoolManager(retries=False)


class Shop:
    """A pool without pods, in whose Redis failures are recorded as its workers do it."""

    def __init__(self, kube: Kube, namespace: str, server: RedisServer) -> None:
        self.kube, self.namespace = kube, namespace
        apply_external(kube, namespace, server.url)
        pool = kube.apply(worker_pool(namespace, "shop", replicas=0, failures={"messages": True}))
        # An operator of one namespace names its keys by that, as it may not read kube-system.
        own = kube.get("Namespace", namespace) or {}
        identity = {
            "clusterId": own["metadata"]["uid"],
            "namespace": namespace,
            "poolUid": pool["metadata"]["uid"],
        }
        self.worker = Pool(server, identity=identity, prefix="")

    @property
    def status(self) -> Object:
        status: Object = (self.kube.get("WorkerPool", "shop", self.namespace) or {}).get("status", {})
        return status

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.kube.list("Event", self.namespace)]


@pytest.fixture
def operator(start_operator: StartOperator) -> OperatorProcess:
    return start_operator().wait_until_leading()


@pytest.fixture
def shop(kube: Kube, namespace: str, redis_server: RedisServer, operator: OperatorProcess) -> Shop:
    redis_server.client.flushall()
    one = Shop(kube, namespace, redis_server)
    operator.wait_for(lambda: one.status.get("conditions"), 30, "the first look at the pool")
    return one


def taskfleet(kubeconfig: Path, namespace: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "taskfleet", *words, f"--namespace={namespace}"],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_failed_tasks_are_sent_again_once_and_the_status_says_who_asked(
    kubeconfig: Path, shop: Shop, redis_server: RedisServer
) -> None:
    shop.worker.fail("a", "b").fail("c", chord=True).fail("d", name="shop.mail")
    some = taskfleet(kubeconfig, shop.namespace, "failed", "wp/shop", "--retry", "--task", "shop.pay")
    assert (some.returncode, some.stdout) == (0, "Tasks sent again: 2\n"), some.stderr
    assert "Members of a chord were left: 1" in some.stderr
    assert redis_server.waiting("high") == ["a", "b"]
    told = shop.status["lastFailedTasks"]
    assert (told["action"], told["tasks"], told["chordMembers"]) == ("Retry", 2, 1)
    assert told["requestedBy"] == who_am_i(shop.kube)
    wait_for(lambda: "FailedTasksRetried" in shop.reasons(), 30, what="the event")

    rest = taskfleet(kubeconfig, shop.namespace, "failed", "wp/shop", "--retry", "--all", "--force")
    assert rest.stdout == "Tasks sent again: 2\n", rest.stderr
    assert redis_server.waiting("high") == ["a", "b", "c", "d"]
    none = taskfleet(kubeconfig, shop.namespace, "failed", "wp/shop", "--forget", "--all", "-o", "json")
    assert json.loads(none.stdout)["tasks"] == 0, none.stderr


def test_only_who_may_patch_the_pool_is_told_of_its_failures(shop: Shop, operator: OperatorProcess) -> None:
    shop.worker.fail("a")
    token = account_token(shop.kube, shop.namespace)
    status, answer = ask(operator, shop.namespace, token)
    assert (status, "cannot patch WorkerPool" in answer["message"]) == (403, True)
    let_patch(shop.kube, shop.namespace)
    wait_for(lambda: ask(operator, shop.namespace, token)[0] == 200, 30, what="the permission")
    (task,) = ask(operator, shop.namespace, token)[1]["tasks"]
    assert (task["id"], task["exception"], task["kept"]) == ("a", "ValueError", True)
    (task,) = ask(operator, shop.namespace, token, id="a")[1]["tasks"]
    assert task["traceback"] == "Traceback\nlast line"
    assert ask(operator, shop.namespace, "")[0] == 401


def ask(operator: OperatorProcess, namespace: str, token: str, **query: str) -> tuple[int, Any]:
    fields = {"namespace": namespace, "pool": "shop", **query}
    url = f"http://127.0.0.1:{operator.port}/failed"
    answer = _HTTP.request("GET", url, fields=fields, headers={TOKEN_HEADER: token})
    return answer.status, answer.json()


def who_am_i(kube: Kube) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = kube.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer["status"]["userInfo"]["username"])


def account_token(kube: Kube, namespace: str) -> str:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    kube.request("POST", accounts, {"metadata": {"name": "viewer"}})
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [AUDIENCE]},
    }
    return str(kube.request("POST", f"{accounts}/viewer/token", body)["status"]["token"])


def let_patch(kube: Kube, namespace: str) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": ["taskfleet.dev"], "resources": ["workerpools"], "verbs": ["patch"]}]
    kube.request("POST", f"{rbac}/roles", {"metadata": {"name": "writer"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "viewer", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"}
    binding = {"metadata": {"name": "writer"}, "subjects": [subject], "roleRef": reference}
    kube.request("POST", f"{rbac}/rolebindings", binding)
