"""The children of the objects in a set of manifests, by the operator's own builders. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from taskfleet.api import Broker, Key, Object, PeriodicSchedule, Resource, WorkerPool
from taskfleet.api.references import BrokerRef
from taskfleet.controllers.pool_scaling import first_size
from taskfleet.resources.children import pool_children, redis_children, schedule_children
from taskfleet.resources.context import BrokerBinding, Installation

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
    given = {broker.key: broker for broker in _parsed(Broker, found)}
    used = dict.fromkeys([*map(_broker_of, pools), *map(_broker_of, schedules)])
    brokers = {key: _managed_broker(key) for key in used} | given
    scheduled = {_broker_of(one) for one in schedules}
    for key, broker in brokers.items():
        note = "" if key in given else _missing_note(key)
        yield _broker_plan(broker, installation, has_schedules=key in scheduled, note=note)
    for pool in pools:
        children = pool_children(pool, BrokerBinding.of(brokers[_broker_of(pool)]), installation)
        yield Planned(pool.key, tuple(map(_without_secrets, children)), _size_note(pool))


def _broker_plan(broker: Broker, installation: Installation, *, has_schedules: bool, note: str) -> Planned:
    children = redis_children(broker, installation, password="") if broker.spec.managed else []
    if has_schedules:
        children += schedule_children(broker, installation)
    if not children:
        note = "An external broker without PeriodicSchedules needs no objects."
    return Planned(broker.key, tuple(map(_without_secrets, children)), note)


def _size_note(pool: WorkerPool) -> str:
    scale = pool.spec.autoscale
    if scale is None or pool.spec.suspend:
        return f"Replicas of the workers: {first_size(pool.spec)}."
    return (
        f"Replicas of the workers: {first_size(pool.spec)} at creation, then {scale.min_replicas} to"
        f" {scale.max_replicas} by autoscale."
    )


def _missing_note(broker: Key) -> str:
    """As controllers/auto_broker.py, which makes only the Broker with the default's name."""
    if broker.name == BrokerRef().name:
        return "No manifest defines this Broker: the operator creates it, with a managed Redis."
    return "No manifest defines this Broker: it is planned with a managed Redis. Add its manifest, or create it first."


def _parsed(kind: type[R], manifests: Iterable[Object]) -> Iterator[R]:
    return (kind.parse(raw) for raw in manifests if raw.get("kind") == kind.__name__)


def _broker_of(user: WorkerPool | PeriodicSchedule) -> Key:
    return Key("Broker", user.namespace, user.spec.broker_ref.name)


def _managed_broker(key: Key) -> Broker:
    return Broker.parse({"kind": "Broker", "metadata": {"name": key.name, "namespace": key.namespace}})


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
