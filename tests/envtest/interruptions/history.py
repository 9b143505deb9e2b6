"""Everything that happened to children in a namespace, and what of it must never have been."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from taskfleet.api import Object
from tests.envtest.states import CHILD_KINDS
from tests.tools.kube import Kube

_KINDS = (*CHILD_KINDS, "Pod")
_BEATS = ("appbeat", "schedules")
_COMPONENT = "taskfleet.dev/component"


class Since:
    """A moment from which on everything is read."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._versions = {kind: kube.version(kind) for kind in _KINDS}

    def read(self) -> list[Object]:
        """Every watch event since then, in all namespaces, in the order in which they happened."""

        def of(kind: str) -> list[Object]:
            events = self._kube.watch(kind, since=self._versions[kind], seconds=1)
            return [{**event, "object": {**event["object"], "kind": kind}} for event in events]

        with ThreadPoolExecutor(len(_KINDS)) as readers:
            found = list(chain.from_iterable(readers.map(of, _KINDS)))
        return sorted(found, key=lambda event: int(event["object"]["metadata"]["resourceVersion"]))


@dataclass(frozen=True)
class History:
    events: tuple[Object, ...]

    @classmethod
    def of(cls, events: Iterable[Object], namespace: str) -> "History":
        return cls(
            tuple(event for event in events if event["object"]["metadata"].get("namespace") == namespace)
        )

    def count(self, what: str) -> Counter[str]:
        """How often each child was ADDED or DELETED, by kind and name. Pods have their own controllers."""
        return Counter(
            f"{obj['kind']} {obj['metadata']['name']}"
            for event in self.events
            if event["type"] == what and (obj := event["object"])["kind"] != "Pod"
        )

    def problems(self, sizes: Mapping[str, tuple[int, int]]) -> list[str]:
        return [*self._wrong_sizes(sizes), *self._two_beats()]

    def _wrong_sizes(self, sizes: Mapping[str, tuple[int, int]]) -> Iterator[str]:
        for event in self.events:
            obj = event["object"]
            if obj["kind"] == "Deployment" and event["type"] != "DELETED":
                name, size = obj["metadata"]["name"], obj["spec"]["replicas"]
                fewest, most = sizes.get(name, (size, size))
                if not fewest <= size <= most:
                    yield f"{name} asked for {size} pods, not {fewest} to {most}"

    def _two_beats(self) -> Iterator[str]:
        """Two pods of a beat at once, or two Deployments that would make them."""
        alive: dict[tuple[str, str], set[str]] = {}
        for event in self.events:
            obj = event["object"]
            component = (obj["metadata"].get("labels") or {}).get(_COMPONENT, "")
            if obj["kind"] not in ("Pod", "Deployment") or component not in _BEATS:
                continue
            names = alive.setdefault((obj["kind"], component), set())
            if event["type"] == "DELETED":
                names.discard(obj["metadata"]["name"])
            else:
                names.add(obj["metadata"]["name"])
            if len(names) > 1:
                yield f"two of {obj['kind']} {component}: {sorted(names)}"
