"""HorizontalPodAutoscaler, ScaledObject, budget and Services, joined with the workload that they are about."""

from collections.abc import Iterable, Iterator, Mapping

from taskfleet.api import Object
from taskfleet.api.reasons import PoolReason
from taskfleet.convert.behavior import duration, unknown_settings
from taskfleet.convert.draft import Draft
from taskfleet.convert.kubernetes import Cluster, namespace_of, source_of
from taskfleet.convert.notes import Notes
from taskfleet.convert.settings import SETTINGS
from taskfleet.convert.workload import Workload, entries, part, texts, whole

# What each form does when nothing is said.
_HPA_WINDOW, _KEDA_COOLDOWN, _KEDA_MAXIMUM = 300, 300, 100
_PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")
_QUEUE_TRIGGERS = frozenset({"redis", "redis-sentinel", "redis-cluster", "rabbitmq"})


def place_scaling(draft: Draft, workload: Workload, cluster: Cluster) -> None:
    """Put the size into the spec: from a ScaledObject, else from an HPA, else a fixed number."""
    scalers = [one for one in cluster.scalers if _is_about(one, workload)]
    keda = next((one for one in scalers if one["kind"] == "ScaledObject"), None)
    hpas = [one for one in scalers if one["kind"] == "HorizontalPodAutoscaler"]
    for other in scalers:
        if other["kind"] == "VerticalPodAutoscaler":
            draft.notes.by_hand(source_of(other), "set its target to Deployment <pool>-worker, or delete it.")
    if keda is not None:
        _place_keda(draft, keda)
        for hpa in hpas:
            draft.notes.kept(source_of(hpa), "created by KEDA; it is deleted with its ScaledObject.")
    elif hpas:
        _place_hpa(draft, hpas[0])
    elif workload.kind in ("DaemonSet", "Job"):
        draft.notes.lost(
            workload.kind,
            "a pool has a fixed number of pods, and runs until it is deleted: set spec.replicas.",
        )
    else:
        draft.spec["replicas"] = 1 if workload.replicas is None else workload.replicas
        draft.notes.kept("replicas", f"replicas: {draft.spec['replicas']}")


def _is_about(scaler: Object, workload: Workload) -> bool:
    spec = part(scaler, "spec")
    target = part(spec, "scaleTargetRef") or part(spec, "targetRef")
    kind, name = target.get("kind") or "Deployment", target.get("name") or target.get("deploymentName")
    return (namespace_of(scaler), kind, name) == (workload.namespace, workload.kind, workload.name)


def _place_keda(draft: Draft, scaled: Object) -> None:
    spec, source = part(scaled, "spec"), source_of(scaled)
    draft.spec["autoscale"] = _autoscale(
        _number(spec, "minReplicaCount", 0), _number(spec, "maxReplicaCount", _KEDA_MAXIMUM)
    )
    draft.notes.kept(source, "autoscale: minReplicas, maxReplicas")
    draft.notes.changed(
        f"{source} pollingInterval",
        "a pool reads its queues several times a second, and also counts running tasks.",
    )
    for trigger in entries(spec, "triggers"):
        _trigger_note(draft, source, trigger)
    behavior = part(part(part(spec, "advanced"), "horizontalPodAutoscalerConfig"), "behavior")
    cooldown = _number(spec, "cooldownPeriod", _KEDA_COOLDOWN)
    window = _place_behavior(draft, source, behavior, window=cooldown, named="from cooldownPeriod")
    if window != duration(cooldown):
        draft.notes.changed(
            f"{source} cooldownPeriod", f"the last pod also goes after stabilizationWindow, {window}."
        )
    if any(name in texts(part(part(scaled, "metadata"), "annotations")) for name in _PAUSED):
        draft.spec["autoscale"]["mode"] = "Hold"
        draft.notes.kept(f"{source} paused", "autoscale.mode: Hold keeps the size as it is.")
    for name in ("idleReplicaCount", "fallback"):
        if name in spec:
            draft.notes.lost(f"{source} {name}", "a pool keeps its size while the broker is unreachable.")
    draft.notes.by_hand(source, "delete it before the pool starts; otherwise both scale on the same queue.")


def _trigger_note(draft: Draft, source: str, trigger: Object) -> None:
    kind, metadata = str(trigger.get("type")), part(trigger, "metadata")
    subject = f"{source} trigger {kind}"
    queue = metadata.get("listName") or metadata.get("queueName")
    if kind not in _QUEUE_TRIGGERS or not queue:
        draft.notes.lost(subject, "a pool scales only on its queues.")
        return
    length = metadata.get("listLength") or metadata.get("value")
    if queue not in draft.spec.get("queues", ["celery"]):
        draft.notes.changed(subject, f"the pool scales on its own queues, and {queue} is not one of them.")
    draft.notes.changed(
        f"{subject} {queue}",
        f"one pod per {length} waiting tasks becomes one slot per waiting or running task; "
        "set autoscale.targetWait for fewer pods.",
    )


def _place_hpa(draft: Draft, hpa: Object) -> None:
    spec, source = part(hpa, "spec"), source_of(hpa)
    draft.spec["autoscale"] = _autoscale(_number(spec, "minReplicas", 1), _number(spec, "maxReplicas", 1))
    draft.notes.kept(source, "autoscale: minReplicas, maxReplicas")
    draft.notes.changed(
        f"{source} metrics", f"{_metrics(spec)}: a pool scales on its queues and running tasks instead."
    )
    _place_behavior(draft, source, part(spec, "behavior"), window=_HPA_WINDOW, named="the default of an HPA")
    draft.notes.by_hand(source, f"delete it; otherwise the pool reports {PoolReason.REPLICAS_OVERWRITTEN}.")


def _metrics(spec: Object) -> str:
    named = [str(part(one, "resource").get("name") or one.get("type")) for one in entries(spec, "metrics")]
    return ", ".join(named) or "CPU"


def _place_behavior(draft: Draft, source: str, behavior: Object, *, window: int, named: str) -> str:
    """Put the behavior into the spec; `window` is that of scaleDown where it has none. The one that it has then."""
    subject = f"{source} behavior"
    if behavior:
        draft.place(SETTINGS, "behavior", behavior, subject=subject)
    for name in unknown_settings(behavior):
        draft.notes.lost(f"{subject}.{name}", "a pool counts tasks, and follows each change of the number.")
    up = part(behavior, "scaleUp")
    if not up.get("policies") and up.get("selectPolicy") != "Disabled":
        draft.notes.changed(
            f"{subject}.scaleUp",
            "without policies an HPA adds 4 pods or doubles in 15 s, whichever is more; a pool grows in one step.",
        )
    written: Object = draft.spec["autoscale"].setdefault("behavior", {}).setdefault("scaleDown", {})
    if "stabilizationWindow" not in written:
        written["stabilizationWindow"] = duration(window)
        draft.notes.kept(f"{subject}.scaleDown", f"stabilizationWindow: {duration(window)}, {named}")
    return str(written["stabilizationWindow"])


def _autoscale(least: int, most: int) -> Object:
    return {"minReplicas": min(least, most), "maxReplicas": most}


def _number(spec: Object, name: str, default: int) -> int:
    value = spec.get(name)
    return whole(value, default)


def place_selecting(draft: Draft, workload: Workload, cluster: Cluster) -> None:
    """Note what happens to objects that select the workload's pods by labels."""
    budget = False
    for raw in cluster.selecting:
        selector = _selector(raw)
        if not selector or namespace_of(raw) != workload.namespace or not _matches(selector, workload.labels):
            continue
        source = source_of(raw)
        if raw["kind"] == "PodDisruptionBudget":
            budget, spec = True, part(raw, "spec")
            value = {name: spec[name] for name in ("maxUnavailable", "minAvailable") if name in spec}
            draft.place(SETTINGS, "disruptionBudget", value, subject=source)
        else:
            draft.notes.kept(source, "matches the pool's pods by their labels.")
    if not budget and draft.spec.get("replicas", 2) > 1:
        draft.notes.changed(
            "disruption budget", "one is created: at most 25% of the pool's pods may be evicted at once."
        )


def unmatched(cluster: Cluster, workloads: Iterable[Workload]) -> Iterator[tuple[str, str]]:
    """Scalers, budgets and Services that select no converted workload, with their notes."""
    converted = list(workloads)
    for raw in (*cluster.scalers, *cluster.selecting):
        about = (
            any(_is_about(raw, one) for one in converted)
            if raw in cluster.scalers
            else any(
                namespace_of(raw) == one.namespace and _matches(_selector(raw), one.labels)
                for one in converted
            )
        )
        if not about:
            yield source_of(raw), "does not select a Celery worker of this input; keep it as it is."


def _selector(raw: Object) -> dict[str, str]:
    spec = part(raw, "spec")
    selector = part(spec, "podSelector") if raw["kind"] == "NetworkPolicy" else part(spec, "selector")
    return texts(
        part(selector, "matchLabels") or {k: v for k, v in selector.items() if not isinstance(v, dict | list)}
    )


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def notes_of(cluster: Cluster, workloads: Iterable[Workload]) -> Iterator[Notes]:
    """Notes about what `unmatched` finds."""
    for source, text in unmatched(cluster, workloads):
        notes = Notes(source)
        notes.kept("object", text)
        yield notes
