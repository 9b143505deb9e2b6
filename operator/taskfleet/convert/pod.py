"""The pod template of a pool: settings of the workload's pod for which the WorkerPool has no field."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from taskfleet.api import Object
from taskfleet.convert.draft import Draft, Dropped, Missing, Table
from taskfleet.convert.notes import Notes
from taskfleet.convert.workload import Workload, entries, part, texts

WORKER = "worker"
# What the API server fills in; it says nothing about the workload.
_POD_DEFAULTS: Object = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
}
_CONTAINER_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "securityContext": {},
    "resources": {},
}
_HANDLED = frozenset(
    {"name", "image", "command", "args", "env", "envFrom", "resources", "livenessProbe", "readinessProbe",
     "startupProbe", "lifecycle"}
)  # fmt: skip

_RESTRICTED = "its securityContext is completed to the Restricted profile."

CONTAINER: Table = {
    "livenessProbe": Dropped("replaced with the operator's probe, which checks the consumer loop over HTTP."),
    "readinessProbe": Dropped("replaced with the operator's probe: ready as soon as the worker consumes."),
    "startupProbe": Dropped("not needed: the worker answers probes from its start."),
    "preStop": Dropped("not needed: on TERM the worker stops fetching and finishes its tasks."),
}
_OTHER_PRE_STOP: Table = {
    "preStop": Missing(
        "it stays in the template and runs before the worker receives TERM: check that it ends."
    )
}


def place_pod(draft: Draft, workload: Workload, container: Object, *, leave_out: Iterable[str] = ()) -> None:
    """Put the pod's own settings into `template`. `leave_out` names containers that become pools of their own."""
    metadata, spec = _metadata(draft.notes, workload), _pod_spec(workload)
    worker = _worker_container(draft, container)
    apart = {str(container.get("name")), *leave_out}
    sidecars = [
        _renamed(draft.notes, one) for one in workload.containers if str(one.get("name")) not in apart
    ]
    containers = ([{"name": WORKER, **worker}] if worker else []) + sidecars
    if containers:
        spec["containers"] = containers
    for one in sidecars:
        draft.notes.kept(
            f"container {one.get('name')}", f"template: a sidecar of every worker; {_RESTRICTED}"
        )
    for one in entries(workload.pod, "initContainers"):
        draft.notes.kept(f"initContainer {one.get('name')}", f"template; {_RESTRICTED}")
    template = {name: value for name, value in (("metadata", metadata), ("spec", spec)) if value}
    if template:
        draft.spec["template"] = template
        parts = sorted({*metadata, *spec} - {"containers"} | set(worker))
        draft.notes.kept("template", ", ".join(parts) or "sidecars")
    _security_notes(draft, workload, container)
    _folder_notes(draft.notes, workload, container)


def _metadata(notes: Notes, workload: Workload) -> Object:
    labels, annotations = workload.labels, texts(part(part(workload.template, "metadata"), "annotations"))
    others = {
        name: value for name, value in annotations.items() if not name.startswith("kubectl.kubernetes.io/")
    }
    for name in sorted(set(annotations) - set(others)):
        notes.kept(f"annotation {name}", "omitted: kubectl sets it.")
    return {name: value for name, value in (("labels", labels), ("annotations", others)) if value}


def _pod_spec(workload: Workload) -> Object:
    spec = {
        name: value
        for name, value in workload.pod.items()
        if value not in (None, [], _POD_DEFAULTS.get(name))
    }
    for name in ("containers", "terminationGracePeriodSeconds"):
        spec.pop(name, None)
    if spec.get("serviceAccount") == spec.get("serviceAccountName"):
        spec.pop("serviceAccount", None)
    return spec


def _worker_container(draft: Draft, container: Object) -> Object:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name):
            draft.place(CONTAINER, name, container[name])
    if not any(container.get(name) for name in ("livenessProbe", "readinessProbe")):
        draft.notes.changed("probes", "the operator adds its own: readiness and liveness of the consumer.")
    worker = {
        name: value
        for name, value in container.items()
        if name not in _HANDLED and value not in (None, [], _CONTAINER_DEFAULTS.get(name))
    }
    if worker.get("imagePullPolicy") == _default_pull_policy(str(container.get("image"))):
        del worker["imagePullPolicy"]
    lifecycle = dict(part(container, "lifecycle"))
    if lifecycle.get("preStop"):
        only_celery = _stops_celery(lifecycle["preStop"])
        draft.place(CONTAINER if only_celery else _OTHER_PRE_STOP, "preStop", lifecycle["preStop"])
        if only_celery:
            lifecycle.pop("preStop")
    return {**worker, "lifecycle": lifecycle} if lifecycle else worker


def _default_pull_policy(image: str) -> str:
    """https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting."""
    _, _, tag = image.rpartition("/")[2].partition(":")
    return "Always" if tag in ("", "latest") and "@" not in image else "IfNotPresent"


def _stops_celery(hook: Any) -> bool:
    """Whether a hook only waits or tells Celery to stop."""
    text = json.dumps(hook)
    telling = any(word in text for word in ("celery", "kill", '"sleep', "sleep "))
    return telling and "httpGet" not in text


def _renamed(notes: Notes, sidecar: Object) -> Object:
    if sidecar.get("name") != WORKER:
        return sidecar
    notes.changed("container worker", "renamed to worker-sidecar: the worker's container is named worker.")
    return {**sidecar, "name": "worker-sidecar"}


def _security_notes(draft: Draft, workload: Workload, container: Object) -> None:
    """Pods pass the Restricted profile by default, which an image that needs root does not."""
    pod, own = part(workload.pod, "securityContext"), part(container, "securityContext")
    user = own.get("runAsUser", pod.get("runAsUser"))
    names = {str(entry.get("name")): str(entry.get("value")) for entry in entries(container, "env")}
    forced = names.get("C_FORCE_ROOT", "").lower() in ("1", "true", "yes")
    if user == 0 or (user is None and forced):
        template = draft.spec.setdefault("template", {}).setdefault("spec", {})
        template["securityContext"] = {**part(template, "securityContext"), "runAsNonRoot": False}
        draft.notes.changed(
            "securityContext", "runAsNonRoot: false is added, because the worker runs as root."
        )
    elif user is not None:
        draft.notes.kept("securityContext", "its user; runAsNonRoot: true is added if not set.")
    else:
        draft.notes.changed(
            "securityContext",
            "pods must run as a numeric user other than root: if the image has none, set "
            "template.spec.securityContext.runAsUser, or runAsNonRoot: false for root.",
        )
    added = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    if missing := [name for name in added if name not in own]:
        draft.notes.changed(
            "container securityContext", f"{', '.join(missing)} of the Restricted profile are added."
        )
    if part(pod, "seccompProfile") == {}:
        draft.notes.changed("seccompProfile", "RuntimeDefault of the Restricted profile is added.")
    if "enableServiceLinks" not in workload.pod:
        draft.notes.changed("enableServiceLinks", "false: the app does not get the variables of Services.")


def _folder_notes(notes: Notes, workload: Workload, container: Object) -> None:
    mounts = entries(container, "volumeMounts")
    read_only = part(container, "securityContext").get("readOnlyRootFilesystem") is True
    if read_only and not any(str(mount.get("mountPath", "")).rstrip("/") == "/tmp" for mount in mounts):  # noqa: S108 - a path in a pod
        notes.changed("/tmp", "an empty volume is mounted there, because the root file system is read-only.")  # noqa: S108 - as above
    if any(claim := _claims(workload.pod)):
        notes.changed(
            "volumes",
            f"claims {', '.join(claim)}: if a claim can be mounted on one node only, pods on other nodes do not start.",
        )


def _claims(pod: Mapping[str, Any]) -> list[str]:
    volumes = entries(pod, "volumes")
    return [
        str(part(one, "persistentVolumeClaim")["claimName"])
        for one in volumes
        if part(one, "persistentVolumeClaim")
    ]
