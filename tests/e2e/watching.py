"""What happens to one pool's Deployment and pods, as a watch tells it while a block runs."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from taskfleet.api import Object
from tests.tools.kube import Kube

_WATCH_SECONDS = 2  # then it is begun anew where it ended, so that leaving the block takes no longer


class Watching:
    """`sizes`: spec.replicas with the Unix time since when. Pods by name: when they came, began to go, and were gone."""

    def __init__(self, kubeconfig: Path, namespace: str, pool: str) -> None:
        self.sizes: list[tuple[float, int]] = []
        self.came: dict[str, float] = {}
        self.going: dict[str, float] = {}
        self.gone: dict[str, float] = {}
        self._kube = Kube(kubeconfig)
        self._namespace = namespace
        self._pool = pool
        self._stop = threading.Event()
        self._failed: list[Exception] = []

    def __enter__(self) -> "Watching":
        found = self._kube.get("Deployment", f"{self._pool}-worker", self._namespace)
        if found is not None:
            self._on_deployment("ADDED", found, time.time())
        for pod in self._kube.list("Pod", self._namespace):
            self._on_pod("ADDED", pod, time.time())
        self._threads = [self._follow("Deployment", self._on_deployment), self._follow("Pod", self._on_pod)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._kube.close()
        if self._failed:
            raise self._failed[0]

    @property
    def steps(self) -> list[int]:
        """The sizes alone."""
        return [size for _, size in self.sizes]

    def pod_seconds(self) -> float:
        """Of all pods, from when they came until they were gone or now."""
        return sum(self.gone.get(pod, time.time()) - came for pod, came in self.came.items())

    def _follow(self, kind: str, on_event: Callable[[str, Object, float], None]) -> threading.Thread:
        since = self._kube.version(kind, self._namespace)
        thread = threading.Thread(target=self._run, args=(kind, on_event, since))
        thread.start()
        return thread

    def _run(self, kind: str, on_event: Callable[[str, Object, float], None], since: str) -> None:
        try:
            while not self._stop.is_set():
                for event in self._kube.watch(kind, self._namespace, since=since, seconds=_WATCH_SECONDS):
                    since = event["object"]["metadata"]["resourceVersion"]
                    on_event(event["type"], event["object"], time.time())
        except Exception as error:
            self._failed.append(error)

    def _on_deployment(self, _: str, deployment: Object, at: float) -> None:
        size = deployment["spec"].get("replicas", 0)
        ours = deployment["metadata"]["name"] == f"{self._pool}-worker"
        if ours and (not self.sizes or self.sizes[-1][1] != size):
            self.sizes.append((at, size))

    def _on_pod(self, event: str, pod: Object, at: float) -> None:
        metadata = pod["metadata"]
        if metadata.get("labels", {}).get("taskfleet.dev/pool") != self._pool:
            return
        self.came.setdefault(metadata["name"], at)
        if "deletionTimestamp" in metadata:
            self.going.setdefault(metadata["name"], at)
        if event == "DELETED":
            self.gone[metadata["name"]] = at
