"""What keeps a pod from working, in the words of the kubelet, the scheduler or our own entry. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object
from taskfleet.api.reasons import PoolReason
from taskfleet.api.stored import condition_of, is_ready, is_terminating, status_of
from taskfleet.resources.schedules_deployment import CONTAINER as BEAT
from taskfleet.resources.worker_container import CONTAINER as WORKER

_LONGEST = 300
_PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
_MISSING_REFERENCE = "CreateContainerConfigError"
_REFUSED_REASONS = frozenset({_MISSING_REFERENCE, "CreateContainerError", "RunContainerError"})
# A volume that is being bound leaves its pod without a node for a moment: that is not a problem yet.
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Trouble:
    """Why pods do not become ready. `stalls`: only another spec cures it."""

    reason: PoolReason
    message: str
    stalls: bool = False


def trouble(pods: Iterable[Object], *, now: datetime) -> Trouble | None:
    """The trouble of the newest pod that has one."""
    newest_first = sorted(
        filter(alive, pods), key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True
    )
    return next((found for pod in newest_first if (found := _trouble_of(pod, now)) is not None), None)


def patience(pods: Iterable[Object], *, now: datetime) -> float | None:
    """Seconds until a pod that waits for a node counts as trouble; None when there is none."""
    return min(
        (
            left
            for pod in pods
            if (since := _without_node_since(pod)) and (left := _patience_left(since, now)) > 0
        ),
        default=None,
    )


def alive(pod: Object) -> bool:
    """Whether a pod counts for its ReplicaSet: neither being deleted nor ended for good, as an evicted one."""
    ended = status_of(pod).get("phase") in ("Failed", "Succeeded")
    return not ended and not is_terminating(pod)


def clean(said: str) -> str:
    """One line of at most 300 characters without anything that could be a URL, which may hold a password, and without
    what a terminal would obey.
    """
    shown = "".join(char if char.isprintable() else " " for char in said)
    words = [word for word in re.split(r"\s+", shown.strip()) if "://" not in word]
    line = " ".join(words)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _trouble_of(pod: Object, now: datetime) -> Trouble | None:
    if is_ready(pod):
        return None
    name, status = pod["metadata"]["name"], status_of(pod)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        found = _waiting_trouble(name, container, waiting) or _ended_trouble(pod, container, waiting)
        if found is not None:
            return found
    since = _without_node_since(pod)
    if since is None or _patience_left(since, now) > 0:
        return None
    return Trouble(PoolReason.UNSCHEDULABLE, f"Pod {name} cannot be scheduled: {_words_of_scheduler(pod)}")


def _waiting_trouble(pod: str, container: Object, waiting: Object) -> Trouble | None:
    reason, said = waiting.get("reason", ""), clean(waiting.get("message", ""))
    if reason in _PULL_REASONS:
        message = (
            f"Pod {pod} cannot pull image {container['image']!r}: {said or reason}. Check the "
            "image name, the registry and the pull secrets."
        )
        return Trouble(PoolReason.IMAGE_PULL_FAILED, message)
    if reason not in _REFUSED_REASONS:
        return None
    # The other refusals are of the command, and say "not found" of an interpreter.
    if reason == _MISSING_REFERENCE and ("not found" in said or "couldn't find key" in said):
        message = f"Pod {pod} cannot start: {said}. Create the object or the key, or correct the reference."
        return Trouble(PoolReason.SECRET_MISSING, message)
    if "runAsNonRoot" in said or "non-root" in said:
        message = (
            f"The image of container {container['name']!r} runs as root: {said}. Set a numeric "
            "USER in the image, or securityContext.runAsUser in spec.template.spec. To allow "
            "root, set runAsNonRoot: false there."
        )
        return Trouble(PoolReason.IMAGE_RUNS_AS_ROOT, message, stalls=True)
    message = f"Pod {pod} cannot start container {container['name']!r}: {said or reason}."
    return Trouble(PoolReason.APP_FAILED, message)


def _ended_trouble(pod: Object, container: Object, waiting: Object) -> Trouble | None:
    """A container that ended and is not ready again. One clean end is a stop; again and again it is trouble."""
    ended = _end_of(container)
    loops = waiting.get("reason") == "CrashLoopBackOff"
    if not ended or container.get("ready") or (ended.get("exitCode") == 0 and not loops):
        return None
    name = pod["metadata"]["name"]
    said = _last_words(pod, container, ended)
    times = container.get("restartCount", 0)
    restarts = f", restarted {times} times" if times > 1 else ""
    command = f"`kubectl logs {name} -c {container['name']} --previous`"
    message = f"Container {container['name']!r} of pod {name} ended{restarts}: {said}. See {command}."
    return Trouble(PoolReason.APP_FAILED, message)


def _end_of(container: Object) -> Object:
    now, before = container.get("state") or {}, container.get("lastState") or {}
    ended: Object = now.get("terminated") or before.get("terminated") or {}
    return ended


def _last_words(pod: Object, container: Object, ended: Object) -> str:
    """What our entry wrote at its end. What others write there, such as the tail of a log, may hold anything."""
    ours = container["name"] in (WORKER, BEAT) and any(
        one["name"] == container["name"] and one.get("terminationMessagePolicy", "File") == "File"
        for one in (pod.get("spec") or {}).get("containers") or []
    )
    said = clean(ended.get("message", "")) if ours else ""
    return said or f"exit code {ended.get('exitCode')} ({ended.get('reason', 'Error')})"


def _without_node_since(pod: Object) -> datetime | None:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is None or scheduled["status"] != "False":
        return None
    return datetime.fromisoformat(scheduled.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])


def _patience_left(since: datetime, now: datetime) -> float:
    return _PATIENCE_SECONDS - (now - since).total_seconds()


def _words_of_scheduler(pod: Object) -> str:
    return clean((condition_of(pod, "PodScheduled") or {}).get("message", ""))
