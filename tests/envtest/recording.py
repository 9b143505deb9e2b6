"""Everything that happened to the objects of a kind, for assertions about what never happened in between."""

from collections.abc import Iterator
from contextlib import contextmanager

from taskfleet.api import Object
from tests.tools.kube import Kube


class Recording:
    """States of the objects of one kind, in the order in which the API server had them."""

    def __init__(self) -> None:
        self.objects: list[Object] = []

    def replicas(self, name: str) -> list[int]:
        """The values that `spec.replicas` of one object has had, without repetitions."""
        values: list[int] = []
        for obj in self.objects:
            if obj["metadata"]["name"] == name and values[-1:] != [obj["spec"]["replicas"]]:
                values.append(obj["spec"]["replicas"])
        return values


@contextmanager
def recorded(kube: Kube, kind: str, namespace: str) -> Iterator[Recording]:
    """What happens within the block; it is there after the block, for it is read from the past."""
    recording = Recording()
    since = kube.version(kind, namespace)
    yield recording
    recording.objects += [event["object"] for event in kube.watch(kind, namespace, since=since, seconds=1)]
