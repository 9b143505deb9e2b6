"""Which Nodes count as lost."""

from typing import Any

import pytest

from taskfleet.brokers.recovery.lost_nodes import node_is_lost


def node(*taints: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": "n"},
        "spec": {"taints": [{"key": key, "effect": "NoSchedule"} for key in taints]} if taints else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("found", "lost"),
    [
        pytest.param(None, True, id="gone"),
        pytest.param(node(), False, id="well"),
        pytest.param(node("node.kubernetes.io/unreachable"), True, id="unreachable"),
        pytest.param(node(ready="Unknown"), True, id="not-heard-of"),
        pytest.param(node("node.kubernetes.io/not-ready", ready="False"), False, id="its-kubelet-speaks"),
        pytest.param(node("node.kubernetes.io/unschedulable"), False, id="cordoned"),
        pytest.param({"metadata": {"name": "n"}}, False, id="new"),
    ],
)
def test_a_node_is_lost_where_its_kubelet_is_not_heard(found: dict[str, Any] | None, lost: bool) -> None:
    assert node_is_lost(found) == lost
