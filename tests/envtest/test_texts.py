"""Texts of any language and kind reach the children as they were written."""

import pytest

from tests.envtest.pools import wait_until_settled, worker_pool
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

TEXTS = {
    "above-the-first-plane": "a \U0001f600 b \U0001d11e",
    "of-the-last-plane": "\U0010fffd",
    "escapes": "\\ud83d\\ude00 \\U0001f600 \\\\",
    "line-separators": "a\u2028b\u2029c\x85d",
    "controls": "a\tb\nc\x7fd\x9fe",
    "byte-order-mark": "\ufeffa\ufffe\uffff",
    "yaml": "- a: {b} # c\n--- &x *y !z %w @v `u`",
    "right-to-left": "\u05d0\u202e\u0627",
}


@pytest.mark.usefixtures("shared_operator")
def test_any_text_reaches_the_pods(kube: Kube, namespace: str) -> None:
    env = [{"name": name, "value": text} for name, text in TEXTS.items()]
    pool = {**kube.create(worker_pool(namespace, replicas=0, env=env)), "kind": "WorkerPool"}
    wait_for(lambda: TEXTS.items() <= _environment(kube, namespace).items(), 30, what="the texts")
    wait_until_settled(kube, pool)
    generation = _generation(kube, namespace)
    stays(lambda: _generation(kube, namespace) == generation, 3, what="what was applied once")


def _environment(kube: Kube, namespace: str) -> dict[str, str | None]:
    live = kube.get("Deployment", "shop-worker", namespace) or {"spec": {"template": {"spec": {}}}}
    containers = live["spec"]["template"]["spec"].get("containers") or [{}]
    return {one["name"]: one.get("value") for one in containers[0].get("env") or ()}


def _generation(kube: Kube, namespace: str) -> int:
    live = kube.get("Deployment", "shop-worker", namespace) or {}
    return int(live["metadata"]["generation"])
