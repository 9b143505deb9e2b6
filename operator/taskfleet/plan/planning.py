"""The children of the objects in a set of manifests, by the plans of the operator's controllers. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from taskfleet.api import Broker, Key, Object, PeriodicSchedule, Resource, WorkerPool
from taskfleet.api.references import BrokerRef
from taskfleet.controllers.broker_plan import (
    ConnectionInputs,
    RedisInputs,
    plan_connection,
    plan_redis,
    plan_schedules,
)
from taskfleet.controllers.broker_ready import broker_of
from taskfleet.controllers.plan import Apply, Plan
from taskfleet.controllers.pool_plan import PoolInputs, plan_pool
from taskfleet.controllers.pool_scaling import first_size
from taskfleet.resources.context import Installation
from taskfleet.resources.errors import SpecError

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Planned:
    """One object and its children. `note`: what a reader should also know; may be empty."""

    owner: Key
    children: tuple[Object, ...]
    note: str = ""


def plan(manifests: Iterable[Object], installation: Installation, *, namespace: str) -> Iterator[Planned]:
    """What each WorkerPool and Broker becomes; `namespace` holds for manifests that name none.

    A Broker that is used and not among the manifests is planned as a managed one. Raises InvalidObject and SpecError.
    """
    found = [_in_namespace(raw, namespace) for raw in manifests]
    pools, schedules = list(_parsed(WorkerPool, found)), list(_parsed(PeriodicSchedule, found))
    given = {Broker.parse(raw).key: raw for raw in found if raw.get("kind") == "Broker"}
    used = dict.fromkeys([*map(broker_of, pools), *map(broker_of, schedules)])
    brokers = {key: _managed_broker(key) for key in used} | given
    scheduled = {broker_of(one) for one in schedules}
    for key, raw in brokers.items():
        note = "" if key in given else _missing_note(key)
        yield _broker_plan(Broker.parse(raw), installation, has_schedules=key in scheduled, note=note)
    for pool in pools:
        inputs = PoolInputs(pool, brokers[broker_of(pool)], installation)
        yield Planned(pool.key, _children(plan_pool(inputs)), _size_note(pool))


def _broker_plan(broker: Broker, installation: Installation, *, has_schedules: bool, note: str) -> Planned:
    plans: list[Plan] = []
    if broker.spec.managed:
        plans.append(plan_connection(ConnectionInputs(broker, installation, password="")))
        plans.append(plan_redis(RedisInputs(broker, installation)))
    if has_schedules:
        plans.append(plan_schedules(broker, installation, wanted=True))
    if not plans:
        note = "An external broker without PeriodicSchedules needs no objects."
    return Planned(broker.key, tuple(child for each in plans for child in _children(each)), note)


def _children(plan: Plan) -> tuple[Object, ...]:
    """What a new cluster gets. Raises SpecError for a spec that cannot be built."""
    if plan.problem is not None:
        raise SpecError(plan.problem.why[1])
    applied = [child for child in plan.children if isinstance(child, Apply)]
    built = [one for child in applied for one in (child.claim, child.built) if one is not None]
    return tuple(map(_without_secrets, built))


def _size_note(pool: WorkerPool) -> str:
    scale = pool.spec.autoscale
    if scale is None or pool.spec.suspend:
        return f"Replicas of the workers: {first_size(pool.spec)}."
    return (
        f"Replicas of the workers: {first_size(pool.spec)} at creation, then {scale.min_replicas} to"
        f" {scale.max_replicas} by autoscale."
    )


def _missing_note(broker: Key) -> str:
    """As controllers/missing_broker.py, which makes only the Broker with the default's name."""
    if broker.name == BrokerRef().name:
        return "No manifest defines this Broker: the operator creates it, with a managed Redis."
    return "No manifest defines this Broker: it is planned with a managed Redis. Add its manifest, or create it first."


def _parsed(kind: type[R], manifests: Iterable[Object]) -> Iterator[R]:
    return (kind.parse(raw) for raw in manifests if raw.get("kind") == kind.__name__)


def _managed_broker(key: Key) -> Object:
    return {"kind": "Broker", "metadata": {"name": key.name, "namespace": key.namespace}}


def _in_namespace(raw: Object, namespace: str) -> Object:
    metadata: Mapping[str, Any] = raw.get("metadata") or {}
    return {**raw, "metadata": {**metadata, "namespace": metadata.get("namespace") or namespace}}


def _without_secrets(child: Object) -> Object:
    """Without what only the cluster gives: generated values, and the owner's uid."""
    metadata = {name: value for name, value in child["metadata"].items() if name != "ownerReferences"}
    shown = {**child, "metadata": metadata}
    if child["kind"] != "Secret":
        return shown
    del shown["data"]
    return {**shown, "stringData": dict.fromkeys(child["data"], "(generated)")}
