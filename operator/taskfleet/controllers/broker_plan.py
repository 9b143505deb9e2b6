"""What a Broker becomes: its connection, its Redis, the end of that, and the beat of its schedules. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from taskfleet.api import Broker, Key, Object
from taskfleet.api.stored import is_terminating, status_of
from taskfleet.controllers.plan import (
    Apply,
    Child,
    DeletePod,
    GrowVolume,
    Plan,
    Remove,
    WrittenPolicy,
    children_in_order,
    invalid_spec,
)
from taskfleet.controllers.redis_image import image_of, with_image
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_names import broker_name, connection_secret_name, data_claim_name
from taskfleet.resources.broker_network_policy import broker_network_policy
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.broker_stateful_set import broker_stateful_set, written_of
from taskfleet.resources.contains import contains
from taskfleet.resources.context import Installation
from taskfleet.resources.errors import SpecError
from taskfleet.resources.schedules_deployment import schedules_deployment, schedules_name
from taskfleet.resources.schedules_deployment import written_of as written_of_schedules

_REDIS_KINDS = ("StatefulSet", "Service", "ConfigMap", "NetworkPolicy")


@dataclass(frozen=True, repr=False)
class ConnectionInputs:
    """A Broker with a managed Redis, and its password. `auth`: the Secret that has it, as it was read."""

    broker: Broker
    installation: Installation
    password: str
    auth: Object | None = None


@dataclass(frozen=True)
class RedisInputs:
    """A Broker and what memory knows of its Redis. The StatefulSet is one that is or becomes the Broker's own."""

    broker: Broker
    installation: Installation
    stateful_set: Object | None = None
    may_take_image: bool = True  # that of the operator, by default


def plan_connection(inputs: ConnectionInputs) -> Plan:
    """What must exist before anything connects."""
    return children_in_order(partial(build, inputs) for build in CONNECTION_BUILDERS)


def plan_redis(inputs: RedisInputs) -> Plan:
    """The StatefulSet, as far as it can follow the spec and may now, and the growth of its volume."""
    broker, live = inputs.broker, inputs.stateful_set
    try:
        built = broker_stateful_set(broker, inputs.installation)
    except SpecError as error:
        return Plan(problem=invalid_spec(str(error)))
    if live is None:
        return Plan((Apply(built, written_of(broker), new=True),))
    waits = None if inputs.may_take_image else _keep_image(built, live)
    grows = not contains(_claims(live), _claims(built))
    if grows:  # they are immutable; the claim that was made from them can grow
        built["spec"] |= _claims(live)
    apply = Apply(built, written_of(broker), waits=waits)
    return Plan((apply,), requests=(_growth(broker),) if grows else ())


def plan_stuck_pods(redis: Object, pods: Iterable[Object]) -> Plan:
    """Delete pods of another revision whose container does not run, so that the newest revision gets its turn.

    A StatefulSet waits for a pod to be ready before it replaces it, also for one that never can be:
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    """
    status = status_of(redis)
    if status.get("observedGeneration") != redis["metadata"].get("generation"):
        return Plan()
    newest = status.get("updateRevision")
    return Plan(requests=tuple(_delete(pod) for pod in pods if newest and _is_stuck(pod, newest)))


def plan_end_of_redis(broker: Broker, pods: Iterable[Object]) -> Plan:
    """Remove a Redis once no worker connects to it. Its password stays, its volume if the spec says so.

    `pods`: all of the namespace.
    """
    secret = connection_secret_name(broker.name)
    if any(secret in _secrets_of(pod) for pod in pods):
        return Plan()
    return Plan(tuple(map(Remove, redis_keys(broker))))


def plan_schedules(broker: Broker, installation: Installation, *, wanted: bool) -> Plan:
    """The beat of the broker's schedules."""
    if not wanted:
        return Plan((Remove(schedules_key(broker.key)),))
    return children_in_order([partial(_schedules, broker, installation)])


def redis_keys(broker: Broker) -> list[Key]:
    """What the Broker has of a Redis besides Secrets and the volume."""
    return [Key(kind, broker.namespace, broker_name(broker.name)) for kind in _REDIS_KINDS]


def schedules_key(broker: Key) -> Key:
    return Key("Deployment", broker.namespace, schedules_name(broker.name))


def _schedules(broker: Broker, installation: Installation) -> Apply:
    return Apply(schedules_deployment(broker, installation), written_of_schedules(broker))


def _auth_secret(inputs: ConnectionInputs) -> Apply:
    built = broker_auth_secret(inputs.broker, password=inputs.password)
    return Apply(built, read=True, live=inputs.auth)


def _config_map(inputs: ConnectionInputs) -> Apply:
    return Apply(broker_config_map(inputs.broker))


def _service(inputs: ConnectionInputs) -> Apply:
    return Apply(broker_service(inputs.broker))


def _connection_secret(inputs: ConnectionInputs) -> Apply:
    return Apply(broker_connection_secret(inputs.broker, password=inputs.password))


def _network_policy(inputs: ConnectionInputs) -> Child:
    broker = inputs.broker
    built = broker_network_policy(broker, inputs.installation)
    if built is None:
        return Remove(Key("NetworkPolicy", broker.namespace, broker_name(broker.name)))
    return Apply(built, WrittenPolicy(broker.spec.effective_redis.network_policy, "spec.redis.networkPolicy"))


# Worker pods wait for the connection's Secret, so it comes after the Service: that name is there before anything asks
# for it.
CONNECTION_BUILDERS: tuple[Callable[[ConnectionInputs], Child], ...] = (
    _auth_secret,
    _config_map,
    _service,
    _connection_secret,
    _network_policy,
)


def _keep_image(built: Object, live: Object) -> str | None:
    """Leave a running Redis its image; what it waits for."""
    old, new = image_of(live), image_of(built)
    if not old or new is None or old == new:
        return None
    with_image(built, old)
    return f"Redis keeps image {old!r} until another Broker is ready with {new!r}, the operator's default."


def _claims(stateful_set: Object) -> Object:
    return {"volumeClaimTemplates": stateful_set["spec"]["volumeClaimTemplates"]}


def _growth(broker: Broker) -> GrowVolume:
    claim = Key("PersistentVolumeClaim", broker.namespace, data_claim_name(broker.name))
    return GrowVolume(claim, broker.spec.effective_redis.storage.size)


def _is_stuck(pod: Object, newest: str) -> bool:
    revision = (pod["metadata"].get("labels") or {}).get("controller-revision-hash")
    return bool(revision) and revision != newest and not _runs(pod) and not is_terminating(pod)


def _runs(pod: Object) -> bool:
    statuses = status_of(pod).get("containerStatuses") or []
    return any("running" in (status.get("state") or {}) for status in statuses)


def _delete(pod: Object) -> DeletePod:
    return DeletePod(key_of({**pod, "kind": "Pod"}), pod["metadata"]["uid"])


def _secrets_of(pod: Object) -> Iterator[str]:
    """The Secrets that the environment of a pod's containers refers to."""
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or []:
            yield ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", "")
