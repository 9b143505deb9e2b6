"""Who may connect to a pool's workers."""

from typing import Any

from tests.unit.objects import pool

from taskfleet.api import WorkerPool
from taskfleet.resources.worker_network_policy import worker_network_policy


def built(**spec: Any) -> Any:
    return worker_network_policy(WorkerPool.parse(pool(**spec)))


def test_without_the_field_there_is_none() -> None:
    assert built() is None


def test_an_empty_one_admits_nobody_to_workers_and_beat() -> None:
    policy = built(networkPolicy={})
    assert policy["metadata"]["name"] == "mail-worker"
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"taskfleet.dev/pool": "mail"}},
        "policyTypes": ["Ingress"],
        "ingress": [],
    }


def test_whom_the_user_names_is_admitted() -> None:
    prometheus = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert built(networkPolicy={"admit": [prometheus]})["spec"]["ingress"] == [{"from": [prometheus]}]
