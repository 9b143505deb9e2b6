"""What keeps a pod from working, in the words of the kubelet, the scheduler or the container itself."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from taskfleet.api import Object
from taskfleet.api.reasons import PoolReason

_LONGEST = 300
_PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)


@dataclass(frozen=True)
class Trouble:
    """Why pods do not become ready. `stalls`: only another spec cures it."""

    reason: PoolReason
    message: str
    stalls: bool = False


def trouble(pods: Iterable[Object]) -> Trouble | None:
    """The first trouble of the newest pod that has one; older pods may belong to a template that is gone."""
    newest_first = sorted(
        pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True
    )
    for pod in newest_first:
        if pod["metadata"].get("deletionTimestamp") is None and (found := _trouble_of(pod)) is not None:
            return found
    return None


def _trouble_of(pod: Object) -> Trouble | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in _containers(status):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and (found := _waiting_trouble(name, container, waiting)) is not None:
            return found
        if (found := _ended_trouble(name, container)) is not None:
            return found
    return _unschedulable(name, status)


def _waiting_trouble(pod: str, container: Object, waiting: Object) -> Trouble | None:
    reason, said = waiting.get("reason", ""), clean(waiting.get("message", ""))
    if reason in _PULL_REASONS:
        message = f"Pod {pod} cannot get image {container['image']!r}: {said or reason}. Check spec.image and the pull secrets."
        return Trouble(PoolReason.IMAGE_PULL_FAILED, message)
    if reason not in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return None
    if "root" in said.lower() or "non-numeric user" in said:
        message = (
            f"The image of container {container['name']!r} runs as root: {said}. Set USER to a number in the image, or"
            " spec.template.spec.securityContext.runAsUser; runAsNonRoot: false there allows root."
        )
        return Trouble(PoolReason.IMAGE_RUNS_AS_ROOT, message, stalls=True)
    if "not found" in said or "couldn't find key" in said:
        return Trouble(
            PoolReason.SECRET_MISSING, f"Pod {pod} cannot start: {said}. Create it, or correct the reference."
        )
    return Trouble(
        PoolReason.APP_FAILED, f"Pod {pod} cannot start container {container['name']!r}: {said or reason}."
    )


def _ended_trouble(pod: str, container: Object) -> Trouble | None:
    """A container that ended with an error and is not ready again. A clean end is a stop, not trouble."""
    ended = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get(
        "terminated"
    )
    if not ended or container.get("ready") or ended.get("exitCode") == 0:
        return None
    said = (
        clean(ended.get("message", ""))
        or f"exit code {ended.get('exitCode')} ({ended.get('reason', 'Error')})"
    )
    times = container.get("restartCount", 0)
    restarts = f", restarted {times} times" if times > 1 else ""
    message = f"Container {container['name']!r} of pod {pod} ended{restarts}: {said}. See `kubectl logs {pod} --previous`."
    return Trouble(PoolReason.APP_FAILED, message)


def _unschedulable(pod: str, status: Object) -> Trouble | None:
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            said = clean(condition.get("message", ""))
            return Trouble(PoolReason.UNSCHEDULABLE, f"Pod {pod} finds no node: {said}")
    return None


def _containers(status: Object) -> Iterator[Object]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def clean(said: str) -> str:
    """One line of at most 300 characters without anything that could be a URL, which may hold a password."""
    words = [word for word in re.split(r"\s+", said.strip()) if "://" not in word]
    line = " ".join(words)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
