"""The starts of Celery in the containers of a workload."""

import re
from collections.abc import Iterator
from dataclasses import replace

from taskfleet.api import Object
from taskfleet.convert.command_line import Invocation, Opaque, Started, find_celery
from taskfleet.convert.environment import Known, container_variables, plain_values
from taskfleet.convert.multi import multi_nodes
from taskfleet.convert.notes import Note, Verdict
from taskfleet.convert.workload import Start, Workload, entries, part, words

# Images of other programs that deployments of workers contain.
_OTHER_IMAGES = re.compile(
    r"redis|valkey|rabbitmq|postgres|mysql|mariadb|memcached|nginx|flower|celery.?exporter"
)


def starts_of(workload: Workload, known: Known) -> list[Start]:
    """Each start of Celery in a workload.

    A command that does not show what it starts counts only where there is no other start.
    """
    found: list[tuple[Object, Started]] = []
    silent: list[tuple[Object, Started]] = []
    for container in workload.containers:
        variables = plain_values(container_variables(container, known, workload.namespace))
        argv = _with_mounted_script(workload, container, known)
        starts = find_celery(argv, variables) if argv else []
        if _OTHER_IMAGES.search(str(container.get("image")).rpartition("/")[2]):
            found += [(container, one) for one in starts if isinstance(one, Invocation)]
            continue
        found += [(container, one) for one in starts]
        if not starts and _sounds_like_celery(workload, container):
            silent.append((container, Opaque(tuple(argv), "its command does not show what it starts")))
    found = found or silent
    apart = frozenset(str(container.get("name")) for container, _ in found)
    workers = sum(1 for _, one in found if isinstance(one, Invocation) and one.command == "worker")
    return [
        replace(start, apart=apart, alone=workers <= 1)
        for container, one in found
        for start in _nodes(workload, container, one)
    ]


def _with_mounted_script(workload: Workload, container: Object, known: Known) -> list[str]:
    """A container's words; a script of a ConfigMap that they start stands there as `sh -c TEXT`."""
    argv = [*words(container.get("command")), *words(container.get("args"))]
    scripts = dict(_mounted_files(workload, container, known))
    for index, word in enumerate(argv[:2]):
        if word in scripts and (index == 0 or argv[0].rpartition("/")[2] in ("sh", "bash")):
            return ["sh", "-c", scripts[word], *argv[index:]]
    return argv


def _mounted_files(workload: Workload, container: Object, known: Known) -> Iterator[tuple[str, str]]:
    """Path and text of each file that a ConfigMap of the input puts into a container."""
    maps = {
        str(one.get("name")): str(part(one, "configMap").get("name"))
        for one in entries(workload.pod, "volumes")
    }
    for mount in entries(container, "volumeMounts"):
        path, only = str(mount.get("mountPath")), mount.get("subPath")
        data = known.config_maps.get((workload.namespace, maps.get(str(mount.get("name")), "")), {})
        for key, text in data.items():
            if only in (None, key):
                yield (path if only else f"{path.rstrip('/')}/{key}"), text


def _nodes(workload: Workload, container: Object, started: Started) -> Iterator[Start]:
    """The start itself; of `celery multi` one start for each group of equal nodes."""
    groups = multi_nodes(started) if isinstance(started, Invocation) and started.command == "multi" else []
    if not groups:
        yield Start(workload, container, started)
    for group in groups:
        names = " ".join(group.names)
        source = f"{workload.source}, {names}"
        notes = tuple(replace(one, source=source) for one in workload.notes)
        if len(group.names) > 1:
            said = f"{names}: one pool with a pod for each node, because their options are equal."
            notes = (*notes, Note(Verdict.CHANGED, source, "nodes", said))
        name = workload.name if len(groups) == 1 else f"{workload.name}-{group.names[0]}"
        count = len(group.names) * (1 if workload.replicas is None else workload.replicas)
        own = replace(workload, source=source, name=name, replicas=count, notes=notes)
        yield Start(own, container, group.invocation)


def _sounds_like_celery(workload: Workload, container: Object) -> bool:
    """Whether the names of a container say that its image starts Celery by itself."""
    said = f"{workload.name} {container.get('name')} {' '.join(_roles(container))}".lower()
    return any(word in said for word in ("celery", "worker", "beat"))


def _roles(container: Object) -> Iterator[str]:
    """Values of variables by which images of several roles choose theirs."""
    for entry in entries(container, "env"):
        if any(word in str(entry.get("name")) for word in ("ROLE", "MODE", "PROCESS")):
            yield str(entry.get("value"))
