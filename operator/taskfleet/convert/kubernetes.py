"""Kubernetes objects, sorted by their role for workers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from taskfleet.api import Object
from taskfleet.convert.environment import Known
from taskfleet.convert.notes import Note, Verdict
from taskfleet.convert.workload import Workload, part, texts, whole

GRACE_SECONDS = 30  # of a pod that says nothing
_SCALERS = frozenset({"HorizontalPodAutoscaler", "ScaledObject", "VerticalPodAutoscaler"})
# What finds pods by their labels.
_SELECTING = frozenset({"Service", "ServiceMonitor", "PodMonitor", "NetworkPolicy", "PodDisruptionBudget"})
# Fields of a workload's spec that are handled separately.
_HANDLED = frozenset({"template", "replicas", "selector"})
_READ = "read for the variables of workers; keep it as it is."
# What the API server and controllers fill in where nothing is said.
_DEFAULTS: Object = {
    "progressDeadlineSeconds": 600,
    "revisionHistoryLimit": 10,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    "podManagementPolicy": "OrderedReady",
}


@dataclass
class Cluster:
    """The objects of an input."""

    workloads: list[Workload] = field(default_factory=list)
    scalers: list[Object] = field(default_factory=list)
    selecting: list[Object] = field(default_factory=list)
    cron_jobs: list[Object] = field(default_factory=list)
    scaled_jobs: list[Object] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    names: set[tuple[str | None, str]] = field(default_factory=set)  # of all Deployments
    notes: list[Note] = field(default_factory=list)


def source_of(raw: Object) -> str:
    """An object as the report calls it."""
    namespace, name = namespace_of(raw), part(raw, "metadata").get("name")
    return f"{raw.get('kind')} {f'{namespace}/' if namespace else ''}{name}"


def namespace_of(raw: Object) -> str | None:
    """An object's namespace; None where `kubectl apply` decides."""
    namespace = part(raw, "metadata").get("namespace")
    return str(namespace) if namespace else None


def flattened(raw: Object) -> Iterator[Object]:
    """The objects of a List, or the object itself."""
    if str(raw.get("kind", "")).endswith("List") and isinstance(raw.get("items"), list):
        for item in raw["items"]:
            if isinstance(item, dict):
                yield from flattened(item)
    else:
        yield raw


def sort_objects(objects: Iterable[Object]) -> Cluster:
    """Sort objects by their role; an object that is not about Celery gets a note."""
    cluster = Cluster()
    configs: dict[tuple[str | None, str], dict[str, str]] = {}
    secrets: dict[tuple[str | None, str], frozenset[str]] = {}
    for raw in _in_one_namespace(list(objects)):
        kind, key = str(raw.get("kind")), (namespace_of(raw), str(part(raw, "metadata").get("name")))
        if kind == "ConfigMap":
            configs[key] = texts(part(raw, "data"))
            cluster.notes.append(_left_alone(raw, _READ))
        elif kind == "Secret":
            secrets[key] = frozenset({*part(raw, "data"), *part(raw, "stringData")})
            cluster.notes.append(_left_alone(raw, _READ))
        elif part(raw, "metadata").get("ownerReferences") and kind != "HorizontalPodAutoscaler":
            cluster.notes.append(_left_alone(raw, "owned by another object, and deleted with it."))
        elif _has_pods(raw):
            cluster.workloads.append(_workload(raw))
            cluster.names.add(key)
        elif kind in _SCALERS:
            cluster.scalers.append(raw)
        elif kind in _SELECTING:
            cluster.selecting.append(raw)
        elif kind == "CronJob":
            cluster.cron_jobs.append(raw)
        elif kind == "ScaledJob":
            cluster.scaled_jobs.append(raw)
        else:
            cluster.notes.append(_left_alone(raw, "not about Celery workers; keep it as it is."))
    cluster.known = Known(configs, secrets)
    return cluster


def _in_one_namespace(objects: list[Object]) -> list[Object]:
    """Objects without a namespace are in that of the others, where these have only one: charts mix both."""
    named = {namespace for raw in objects if (namespace := namespace_of(raw))}
    if len(named) != 1:
        return objects
    (namespace,) = named
    return [{**raw, "metadata": {"namespace": namespace, **part(raw, "metadata")}} for raw in objects]


def _has_pods(raw: Object) -> bool:
    """Whether an object runs pods, whatever its kind: Argo's Rollout and OpenShift's DeploymentConfig have a template too."""
    spec = part(raw, "spec")
    return bool(part(part(spec, "template"), "spec").get("containers")) or raw.get("kind") == "Pod"


def _left_alone(raw: Object, text: str) -> Note:
    return Note(Verdict.KEPT, source_of(raw), "object", text)


def _workload(raw: Object) -> Workload:
    spec, kind = part(raw, "spec"), str(raw.get("kind"))
    template = {"metadata": part(raw, "metadata"), "spec": spec} if kind == "Pod" else part(spec, "template")
    settings = {} if kind == "Pod" else {
        name: value
        for name, value in spec.items()
        if name not in _HANDLED and value not in (None, {}, [], _DEFAULTS.get(name))
    }  # fmt: skip
    return Workload(
        source=source_of(raw),
        kind=kind,
        name=str(part(raw, "metadata").get("name")),
        namespace=namespace_of(raw),
        template=template,
        replicas=None if spec.get("replicas") is None else whole(spec["replicas"], 1),
        grace_default=GRACE_SECONDS,
        settings=settings,
    )
