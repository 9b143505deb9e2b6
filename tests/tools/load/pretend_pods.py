"""Pods that a control plane has made and no node runs: what their kubelets and runtimes would write."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import redis

from taskfleet.api import Object
from tests.envtest.pods import ready, set_status
from tests.tools.kube import Kube

_WRITERS = 8
_BEAT_SECONDS = 2.0  # an idle pod reports so often
_SLICES = 20  # of a beat, so that pods do not all speak at once


class ReportingPod(NamedTuple):
    """Where a pod's runtime reports (worker-image/README.md)."""

    key: str
    field: str


def report(seq: int) -> str:
    """What an idle pod of one process says, in the form of worker-image/taskfleet_worker/report.py."""
    state = {"v": 1, "state": "ready", "drain": None}
    counts = {"active": 0, "prefetched": 0, "eta": 0, "limited": 0, "capacity": 1}
    times = {"startedAt": 1767225600.123, "readyAfter": 1.234}
    said = {"seq": seq, **state, **counts, **times, "notes": [], "queues": {}}
    return json.dumps(said, separators=(",", ":"))


def make_ready(kube: Kube, pods: Sequence[Object]) -> None:
    """As the kubelet does once their probes answer."""
    with ThreadPoolExecutor(_WRITERS) as writers:
        for _ in writers.map(lambda pod: set_status(kube, pod, ready(pod)), pods):
            pass


class Reporters:
    """Idle pods, by the broker on which they report: each every 2 s, from entry to exit."""

    def __init__(self, pods: Mapping[redis.Redis, Sequence[ReportingPod]]) -> None:
        self._pods = pods
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failed: Exception | None = None

    def __enter__(self) -> "Reporters":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        turns, began = 0, time.monotonic()
        try:
            while not self._stop.wait(began + turns * _BEAT_SECONDS / _SLICES - time.monotonic()):
                for client, pods in self._pods.items():
                    self._write(client, pods[turns % _SLICES :: _SLICES], report(turns // _SLICES))
                turns += 1
        except Exception as error:
            self._failed = error

    def _write(self, client: redis.Redis, pods: Sequence[ReportingPod], said: str) -> None:
        if not pods:
            return
        with client.pipeline(transaction=False) as pipe:
            for pod in pods:
                pipe.hset(pod.key, pod.field, said)
            pipe.execute()
