"""What the watches have seen: the operator's memory of the cluster, read by controllers without a call."""

import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from taskfleet.api import Key, Object
from taskfleet.kube.resource_types import key_of

POOL_LABEL = "taskfleet.dev/pool"
BROKER_LABEL = "taskfleet.dev/broker"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORT = 32  # characters; longer texts are mostly an object's own
_ENDS_REMEMBERED = 10_000  # a reply that is still under way needs its object's end for seconds


class Cache:
    """Objects by key, and the children of each of our own objects.

    An older version never replaces a newer one, and none comes back after its end: replies to our own
    writes are put here too, and they may come before or after the watch's events. `on_change` gets
    every object that changed, came or went.

    Versions compare as numbers, also those of an object and its successor of the same name (guaranteed from
    Kubernetes 1.35 on, true of etcd before).
    """

    def __init__(self, on_change: Callable[[Object], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._objects: dict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._children: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self._ended: OrderedDict[Key, int] = OrderedDict()

    def put(self, obj: Object) -> bool:
        """Remember `obj`. False: what is known is as new or newer, nothing changed."""
        key = key_of(obj)
        known = self._objects[key.kind].get((key.namespace, key.name))
        before = self._ended.get(key, 0) - 1 if known is None else _version(known)
        if _version(obj) <= before:
            return False
        self._ended.pop(key, None)
        self._leave_owners(key, known)
        self._objects[key.kind][key.namespace, key.name] = _slim(obj)
        for owner in owners(obj):
            self._children[key.kind, owner].add(key.name)
        if known is not None and owners(known) != owners(obj):
            self._on_change(known)  # the object that lost the label must hear of it
        self._on_change(obj)
        return True

    def remove(self, gone: Object, *, deleted: bool = False) -> None:
        """Forget an object that ended in the state `gone`. A newer one stays: it is a successor.

        To a watch with a selector, an object that loses its label ends too, and it exists in that same version. So a
        reply with that version is remembered, unless the object is known to be `deleted`.
        """
        key = key_of(gone)
        known = self._objects[key.kind].get((key.namespace, key.name))
        newest = self._ended.get(key, -1) if known is None else _version(known) - 1
        if _version(gone) <= newest:
            return
        self._leave_owners(key, known)
        self._objects[key.kind].pop((key.namespace, key.name), None)
        self._ended[key] = _version(gone) + deleted
        if len(self._ended) > _ENDS_REMEMBERED:
            self._ended.popitem(last=False)
        self._on_change(gone)

    def _leave_owners(self, key: Key, known: Object | None) -> None:
        for owner in owners(known) if known is not None else ():
            self._children[key.kind, owner].discard(key.name)
            if not self._children[key.kind, owner]:
                del self._children[key.kind, owner]

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self._objects[kind].get((namespace, name))

    def children(self, kind: str, owner: Key) -> list[Object]:
        """Objects of `kind` that carry the label of `owner`, in the order of their names."""
        objects = self._objects[kind]
        return [objects[owner.namespace, name] for name in sorted(self._children.get((kind, owner), ()))]

    def keys(self, kind: str) -> list[Key]:
        return [Key(kind, namespace, name) for namespace, name in self._objects[kind]]

    def all(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        for (ns, _), obj in self._objects[kind].items():
            if namespace is None or ns == namespace:
                yield obj

    def version(self, key: Key) -> str | None:
        known = self._objects[key.kind].get((key.namespace, key.name))
        return None if known is None else str(known["metadata"]["resourceVersion"])


def owners(obj: Object) -> list[Key]:
    """The pool and the broker whose labels an object carries."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    namespace = metadata.get("namespace", "")
    pairs = (("WorkerPool", POOL_LABEL), ("Broker", BROKER_LABEL))
    return [Key(kind, namespace, labels[label]) for kind, label in pairs if label in labels]


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _slim(obj: Object) -> Object:
    """Without unused fields, and with one copy of what thousands of objects have in common."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    slim = {**obj, "metadata": metadata}
    if obj["kind"] == "Pod" and "spec" in obj:
        node = {"nodeName": obj["spec"]["nodeName"]} if "nodeName" in obj["spec"] else {}
        containers = [_slim_container(one) for one in obj["spec"].get("containers") or ()]
        slim["spec"] = {**node, "containers": containers}
    shared: Object = _shared(slim)
    return shared


def _slim_container(container: Object) -> Object:
    """A pod's template is known from its Deployment: of the pod itself, what its troubles are explained with."""
    kept: Object = {
        name: container[name] for name in ("name", "terminationMessagePolicy") if name in container
    }
    references = [one for one in container.get("env") or () if "valueFrom" in one]
    return {**kept, "env": references} if references else kept


def _shared(value: Any) -> Any:
    """The same value. A parser creates every key and every `True` again for each object: two thirds of the memory."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= _SHORT else value
    if isinstance(value, dict):
        return {sys.intern(key): _shared(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shared(each) for each in value]
    return value
