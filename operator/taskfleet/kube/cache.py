"""What the watches have seen: the operator's memory of the cluster, read by controllers without a call."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from taskfleet.api import Key, Object
from taskfleet.kube.resource_types import key_of

POOL_LABEL = "taskfleet.dev/pool"
BROKER_LABEL = "taskfleet.dev/broker"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Cache:
    """Objects by key, and the children of each of our own objects.

    An older version never replaces a newer one: replies to our own writes are put here too, and
    they often overtake the watch. `on_change` is told of every object that changed, came or went.
    """

    def __init__(self, on_change: Callable[[Object], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._objects: dict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._children: dict[tuple[str, Key], set[str]] = defaultdict(set)

    def put(self, obj: Object) -> bool:
        """Remember `obj`. False: what is known is as new or newer, nothing changed."""
        key = key_of(obj)
        known = self._objects[key.kind].get((key.namespace, key.name))
        if known is not None and not _newer(obj, known):
            return False
        self._objects[key.kind][key.namespace, key.name] = _slim(obj)
        for owner in owners(obj):
            self._children[key.kind, owner].add(key.name)
        self._on_change(obj)
        return True

    def remove(self, key: Key, *, uid: str | None = None) -> None:
        """Forget an object; with a `uid` only exactly that one, for its successor may be known already."""
        known = self._objects[key.kind].get((key.namespace, key.name))
        if known is None or uid not in (None, known["metadata"]["uid"]):
            return
        del self._objects[key.kind][key.namespace, key.name]
        for owner in owners(known):
            self._children[key.kind, owner].discard(key.name)
            if not self._children[key.kind, owner]:
                del self._children[key.kind, owner]
        self._on_change(known)

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


def _newer(obj: Object, known: Object) -> bool:
    """Whether `obj` is a later state than `known`.

    Another uid is another object. Versions of one object compare as numbers (guaranteed from
    Kubernetes 1.35 on, true of etcd before).
    """
    if obj["metadata"].get("uid") != known["metadata"].get("uid"):
        return True
    return int(obj["metadata"]["resourceVersion"]) > int(known["metadata"]["resourceVersion"])


def _slim(obj: Object) -> Object:
    """Without what nobody here reads; it makes up half of an object's size."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    return {**obj, "metadata": metadata}
