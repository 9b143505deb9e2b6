"""`kubectl taskfleet top`, before an API server in memory."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.commands.top import Order, top
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pool


def metrics(name: str, of: str | None, cpu: str, memory: str) -> Object:
    labels = {} if of is None else {"taskfleet.dev/pool": of}
    usage = {"cpu": cpu, "memory": memory}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "containers": [{"name": "worker", "usage": usage}],
    }


class Cluster(ApiServer):
    """Two pools, and a metrics API unless `pods` is None."""

    def __init__(self, pods: list[Object] | None) -> None:
        super().__init__()
        self.pods = pods
        self.put(pool("mail", status={"waiting": 5, "inFlight": 2, "busyReplicas": 1, "readyReplicas": 2}))
        self.put(pool("bulk", status={"waiting": 90}, autoscale={"minReplicas": 0, "maxReplicas": 8}))

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Any | None
    ) -> tuple[int, Object]:
        if "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?" in url:
            assert url.endswith("labelSelector=taskfleet.dev%2Fcomponent%3Dworker")
            if self.pods is None:
                return 503, {"message": "the server is currently unable to handle the request"}
            return 200, {"items": self.pods}
        return super().answer(method, url, headers, body)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(
        [
            metrics("mail-1", "mail", "250m", "100Mi"),
            metrics("mail-2", "mail", "1500000000n", "204800Ki"),
            metrics("other", None, "9", "9Gi"),
        ]
    )


async def test_the_pool_with_the_most_waiting_messages_comes_first(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await top(cluster.gateway(), NAMESPACE) == 0
    _, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert rows == [
        ["shop", "bulk", "90", "-", "-", "0", "-", "8", "0m", "0Mi", "-"],
        ["shop", "mail", "5", "2", "1", "2", "-", "-", "1750m", "300Mi", "-"],
    ]


@pytest.mark.parametrize("order", ["in-flight", "busy", "pods", "cpu", "memory"])
async def test_pools_are_sorted_by_what_is_asked_for(
    order: Order, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    await top(cluster.gateway(), NAMESPACE, order=order, form="name")
    assert capsys.readouterr().out == "wp/mail\nwp/bulk\n"


async def test_without_a_metrics_api_the_rest_is_shown_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await top(Cluster(None).gateway(), NAMESPACE, form="json", order="name") == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)["pools"]
    assert [(one["name"], one["cpu"]) for one in found] == [("bulk", None), ("mail", None)]
    assert "unable to handle the request" in printed.err
