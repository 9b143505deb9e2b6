"""Evidence that a pod's node is lost, in addition to the silence of its worker. Pure.

A lost node says nothing itself. The node controller of Kubernetes says it, once the kubelet has not renewed its Lease
for 40 to 50 s: it taints the Node, and takes the condition Ready from each pod on it.
"""

from collections.abc import Set
from datetime import datetime, timedelta

from taskfleet.api import Object
from taskfleet.api.stored import condition_of

_UNREACHABLE = "node.kubernetes.io/unreachable"
# A kubelet kills what is left when the grace period is over, and says so within seconds.
_OVERDUE = timedelta(seconds=60)


def node_is_lost(node: Object | None) -> bool:
    """Whether a Node is gone, or does not answer. `node`: None where there is none of that name."""
    if node is None:
        return True
    tainted = any(taint["key"] == _UNREACHABLE for taint in node.get("spec", {}).get("taints") or ())
    return tainted or _condition(node, "Ready").get("status") == "Unknown"


def node_name(pod: Object) -> str | None:
    """The node that a pod is bound to."""
    name: str | None = (pod.get("spec") or {}).get("nodeName")
    return name


def is_cut_off(pod: Object, lost_nodes: Set[str], *, now: datetime) -> bool:
    """Whether nothing that is said of a pod comes from its node any more.

    `lost_nodes` may lack some: an operator for some namespaces reads no Nodes, and then only the pod is evidence.
    """
    return node_name(pod) in lost_nodes or was_marked_unready(pod) or _outlives_its_end(pod, now)


def was_marked_unready(pod: Object) -> bool:
    """Whether the node controller has taken the condition Ready: it leaves the rest as it was, and gives no reason.

    A kubelet names a reason, and reverts what another client has written within 10 s. See MarkPodsNotReady in
    pkg/controller/util/node/controller_utils.go and GeneratePodReadyCondition in pkg/kubelet/status/generate.go
    (Kubernetes 1.34).
    """
    ready, containers = _condition(pod, "Ready"), _condition(pod, "ContainersReady")
    return ready.get("status") == "False" and containers.get("status") == "True" and not ready.get("reason")


def _outlives_its_end(pod: Object, now: datetime) -> bool:
    """Whether a deleted pod is there although its grace period is over; `deletionTimestamp` is the end of that."""
    end = pod["metadata"].get("deletionTimestamp")
    return end is not None and now - datetime.fromisoformat(end) > _OVERDUE


def _condition(obj: Object, kind: str) -> Object:
    return condition_of(obj, kind) or {}
