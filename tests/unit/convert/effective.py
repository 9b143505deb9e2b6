"""What a worker runs with, read off its pod: the same of the pod that was and of the one that the operator builds."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import Object

_SPELLINGS = {
    "-A": "--app", "-P": "--pool", "-c": "--concurrency", "-Q": "--queues", "-X": "--exclude-queues",
    "-l": "--loglevel", "-n": "--hostname", "-E": "--task-events", "-O": "--optimization", "-B": "--beat",
}  # fmt: skip
_SWITCHES = frozenset(
    {
        "--beat",
        "--task-events",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "--disable-prefetch",
    }
)
_UNORDERED = frozenset({"--loglevel"})


# What the operator adds to every pod, as docs/explanation/concepts.md says: its runtime, its own variables, labels and port.
ADDED = frozenset(
    {
        "env POD_NAME", "env TASKFLEET_SETTINGS", "mount /taskfleet", "volume taskfleet", "initContainer taskfleet",
        "label taskfleet.dev/pool", "label taskfleet.dev/component", "label taskfleet.dev/managed", "port 9817",
        "annotation cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes",
        "annotation taskfleet.dev/template-hash", "volume taskfleet-broker", "mount /taskfleet-broker",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Effective:
    """Each thing that tasks, neighbors or the cluster can notice of a worker, by a name, with its value."""

    settings: Mapping[str, Any] = field(default_factory=dict)

    def differences(self, other: "Effective") -> list[str]:
        """The names that are on one side only, or have another value."""
        names = {*self.settings, *other.settings}
        return sorted(name for name in names - ADDED if self.settings.get(name) != other.settings.get(name))


def effective(template: Object, container: Object, words: list[str]) -> Effective:
    """The settings of a worker in a pod, whose command line is `words` behind shells and wrappers."""
    return Effective(dict(_settings(template, container, words)))


def _settings(template: Object, container: Object, words: list[str]) -> Iterator[tuple[str, Any]]:
    metadata, pod = template.get("metadata") or {}, template["spec"]
    # Without -l Celery logs warnings, and without -n a worker is called after its host.
    yield from {"--loglevel": "WARNING", "--hostname": "celery@%h", **flags(words)}.items()
    for name, value in environment(container).items():
        yield name, value
    for kind in ("label", "annotation"):
        for name, value in (metadata.get(f"{kind}s") or {}).items():
            yield f"{kind} {name}", value
    for field_, key, said in (
        (container.get("volumeMounts"), "mountPath", "mount"),
        (container.get("ports"), "containerPort", "port"),
        (pod.get("volumes"), "name", "volume"),
        (pod.get("initContainers"), "name", "initContainer"),
    ):
        for one in field_ or []:
            yield f"{said} {one[key]}", one
    for one in pod["containers"]:
        if one["name"] != container["name"]:
            yield f"container {one['name']}", one
    known = ("name", "command", "args", "env", "envFrom", "volumeMounts", "ports", "securityContext")
    latest = ":" not in container["image"].rpartition("/")[2] or container["image"].endswith(":latest")
    yield "imagePullPolicy", container.get("imagePullPolicy", "Always" if latest else "IfNotPresent")
    yield from others(container, *known, "imagePullPolicy").items()
    yield from (
        (f"container {name}", value) for name, value in others(container.get("securityContext") or {}).items()
    )
    yield from others(pod, "containers", "volumes", "initContainers", "securityContext").items()
    yield from ((f"pod {name}", value) for name, value in others(pod.get("securityContext") or {}).items())


def flags(words: list[str]) -> dict[str, str]:
    """The options of a worker's command line, by their long names."""
    found: dict[str, str] = {}
    rest = [word for word in words if word != "worker"]
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        if name.startswith("-") and not name.startswith("--") and len(name) > 2:
            name, has_value, value = name[:2], "=", name[2:]
        name = _SPELLINGS.get(name, name)
        if not has_value and name not in _SWITCHES and rest:
            value = rest.pop(0)
        found[name] = value.upper() if name in _UNORDERED else value
    return found


def worker_words(argv: list[str]) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Celery's words behind shells; the words before it; the commands before it. Independent of convert's own reading."""
    text = argv[2] if argv[0].rpartition("/")[2] in ("sh", "bash") else shlex.join(argv)
    commands = [one.strip() for line in text.split("\n") for one in line.split("&&") if one.strip()]
    at = next(index for index, one in enumerate(commands) if " worker" in one and "celery" in one)
    words = shlex.split(commands[at])
    start = next(index for index, word in enumerate(words) if word.rpartition("/")[2] == "celery")
    program = tuple(word for word in words[:start] if word != "exec")
    return words[start + 1 :], program, tuple(commands[:at])


def environment(container: Object) -> dict[str, Any]:
    """Variables with their values or sources, and the sources of many."""
    found = {
        f"env {one['name']}": one.get("value", one.get("valueFrom")) for one in container.get("env") or []
    }
    for source in container.get("envFrom") or []:
        kind = "configMapRef" if "configMapRef" in source else "secretRef"
        found[f"envFrom {source[kind]['name']}"] = kind
    return found


def others(holder: Object, *names: str) -> dict[str, Any]:
    """The fields that say something, without `names`: neither empty nor what the API server fills in."""
    return {
        name: value
        for name, value in holder.items()
        if name not in names and value not in (None, {}, []) and _FILLED_IN.get(name) != value
    }


_FILLED_IN = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
