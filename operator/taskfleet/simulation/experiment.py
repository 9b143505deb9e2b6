"""One load, three fleets: Taskfleet's decisions, KEDA with the HPA, and a fleet of fixed size."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from taskfleet.api import InvalidObject, WorkerPool
from taskfleet.scaling.load import Limits
from taskfleet.simulation.arrivals import arrivals
from taskfleet.simulation.decisions import Taskfleet
from taskfleet.simulation.fixed import Fixed
from taskfleet.simulation.fleet import Fleet, PodShape, Workload
from taskfleet.simulation.keda import Keda
from taskfleet.simulation.outcome import Outcome, Sampler
from taskfleet.simulation.scaler import Scaler
from taskfleet.simulation.service import service
from taskfleet.simulation.units import InputError

LONGEST = 24 * 3600.0
MOST_PODS = 1000


@dataclass(frozen=True)
class Experiment:
    """What is simulated. Seconds; the seed makes arrivals, running times and arbitrary victims repeatable."""

    limits: Limits
    shape: PodShape
    workload: Workload
    duration: float
    seed: int

    def run(self) -> list[Outcome]:
        limits = self.limits
        return [self._run(scaler) for scaler in (Taskfleet(limits), Keda(limits), Fixed(limits.most))]

    def least_pod_seconds(self) -> float:
        """Pod-seconds of pods that exist only while all of their slots are busy."""
        return sum(self.workload.takes) / self.limits.capacity

    def _run(self, scaler: Scaler) -> Outcome:
        fleet = Fleet(self.workload, self.shape, random=Random(self.seed))  # noqa: S311 - not for secrets
        scaler.begin(fleet)
        sampler = Sampler(self.duration)
        while (moment := min(scaler.next_look, sampler.next_look)) < self.duration:
            fleet.advance(moment)
            if sampler.next_look <= moment:
                sampler.tick(fleet)
            if scaler.next_look <= moment:
                scaler.tick(fleet)
        fleet.advance(self.duration)
        return sampler.outcome(scaler.name, fleet)


def experiment(
    pool: WorkerPool, *, arrivals_: str, service_: str, duration: float, start: float, seed: int
) -> Experiment:
    """Draw the load and check the input. Raises InputError."""
    if not 0 < duration <= LONGEST:
        raise InputError(f"--duration is {duration:g} s: use a time above 0 s, and at most 24h.")
    random = Random(seed)  # noqa: S311 - not for secrets
    arrives = arrivals(arrivals_, duration=duration, random=random)
    take = service(service_, random=random)
    shape = PodShape(pool.capacity, start, pool.spec.effective_grace_period.total_seconds())
    workload = Workload(arrives, [take() for _ in arrives])
    return Experiment(_limits(pool), shape, workload, duration, seed)


def read_pool(path: Path) -> WorkerPool:
    """The one WorkerPool in a file of manifests. Raises InputError."""
    try:
        with path.open(encoding="utf-8") as file:
            manifests = [raw for raw in yaml.safe_load_all(file) if isinstance(raw, dict)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"-f {path} cannot be read: {error}.") from None
    pools = [raw for raw in manifests if raw.get("kind") == "WorkerPool"]
    if len(pools) != 1:
        raise InputError(
            f"-f {path} contains {len(pools)} objects of kind WorkerPool: use a file with exactly one."
        )
    try:
        return WorkerPool.parse(pools[0])
    except InvalidObject as error:
        raise InputError(f"-f {path}: {error}") from None


def _limits(pool: WorkerPool) -> Limits:
    scale = pool.spec.autoscale
    if scale is None:
        raise InputError(
            f"WorkerPool {pool.name!r} has no spec.autoscale, so its size is fixed: "
            "add autoscale with maxReplicas, such as autoscale: {maxReplicas: 20}."
        )
    if pool.spec.capacity is None and pool.status.worker is None:
        raise InputError(
            f"WorkerPool {pool.name!r} has no spec.concurrency, so only its pods can tell how many tasks each runs "
            "at once: set concurrency in the file, or use the output of kubectl get -o yaml."
        )
    if not 0 <= scale.min_replicas <= scale.max_replicas:
        raise InputError(
            f"spec.autoscale.minReplicas is {scale.min_replicas} and maxReplicas is {scale.max_replicas}: "
            "set minReplicas from 0 to maxReplicas."
        )
    if scale.max_replicas > MOST_PODS:
        raise InputError(
            f"spec.autoscale.maxReplicas is {scale.max_replicas}: the simulation runs at most {MOST_PODS} pods. "
            "Divide it and the load by the same number."
        )
    return Limits.of(pool)
