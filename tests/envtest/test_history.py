"""The last hour of a pool, from the port of an operator that leads, for who may read the pool and for nobody else."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from taskfleet.api import Object
from taskfleet.api.questions import TOKEN_HEADER
from tests.envtest.brokers import apply_external
from tests.envtest.conftest import StartOperator
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.cluster import programs
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for


@pytest.fixture
def token_of(kubeconfig: Path, namespace: str) -> Callable[[str], str]:
    """Makes a ServiceAccount, and a token of it. The one of ann may get the pools of the namespace."""
    kubectl = Kubectl(kubeconfig, namespace=namespace)
    kubectl("create", "role", "reader", "--verb=get", "--resource=workerpools.taskfleet.dev")
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:ann")

    def token(name: str) -> str:
        kubectl("create", "serviceaccount", name)
        command = [str(programs.program("kubectl")), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        made = subprocess.run([*command, "create", "token", name], check=True, capture_output=True, text=True)
        return made.stdout.strip()

    return token


def test_it_is_told_to_who_may_get_the_pool(
    kube: Kube,
    namespace: str,
    redis_server: RedisServer,
    start_operator: StartOperator,
    token_of: Callable[[str], str],
) -> None:
    apply_external(kube, namespace, redis_server.url)
    redis_server.client.lpush(namespace, *["task"] * 2)
    pool = kube.apply(worker_pool(namespace, queues=[namespace], autoscale={"maxReplicas": 3}))
    operator = start_operator().wait_until_leading()
    wait_for_deployment(kube, {**pool, "kind": "WorkerPool"}, replicas=2)
    url = f"http://127.0.0.1:{operator.port}/history?namespace={namespace}&pool=shop"

    def asked(token: str) -> tuple[int, Object]:
        answer = urllib3.request("GET", url, headers={TOKEN_HEADER: token})
        return answer.status, json.loads(answer.data)

    ann = token_of("ann")

    def sampled() -> bool:
        status, told = asked(ann)
        assert status == 200, told
        return [told["series"].get(name, [None])[-1] for name in ("waiting", "desired", "ready")] == [2, 2, 0]

    wait_for(sampled, 40, what="a sample of the burst")
    status, told = asked(token_of("eve"))
    assert (status, "series" in told) == (403, False)
    assert asked("guessed")[0] == 401
