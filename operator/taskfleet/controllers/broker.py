"""Broker: a managed Redis with its volume, password and connection Secret, or somebody else's by its URL."""

from dataclasses import replace

from taskfleet.api import Broker, InvalidObject, Key, Object
from taskfleet.api.reasons import BrokerReason, ConditionType, Reason
from taskfleet.brokers.observation import Layout
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_address import AddressError, address_in
from taskfleet.controllers.broker_password import ensure_password
from taskfleet.controllers.broker_redis import end_redis, ensure_redis
from taskfleet.controllers.broker_status import BrokerSeen, broker_status
from taskfleet.controllers.children import LeftOverError
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.lost_messages import return_lost_messages
from taskfleet.controllers.pod_trouble import clean, patience
from taskfleet.controllers.unreadable import write_unreadable
from taskfleet.kube.errors import ApiError, InvalidError, NameConflictError
from taskfleet.kube.events import Event, Severity
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_names import REDIS_PORT, broker_host, connection_secret_name
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.errors import SpecError

_LEFT_OVER_SECONDS = 1.0
_LOOKED = (BrokerReason.ANSWERS, BrokerReason.UNREACHABLE, BrokerReason.AUTHENTICATION_FAILED)


async def reconcile(key: Key, context: Context) -> float | None:
    """Bring the children of one Broker to its spec; seconds until it wants to be looked at again."""
    raw = context.cache.get(*key)
    if raw is None or "deletionTimestamp" in raw["metadata"]:
        context.status.forget(key)
        context.brokers.forget(key)
        return None
    try:
        broker = Broker.parse(raw)
    except InvalidObject as error:
        return await write_unreadable(raw, str(error), context)
    try:
        seen = await (_managed if broker.spec.managed else _external)(raw, broker, context)
    except LeftOverError:
        return _LEFT_OVER_SECONDS
    return await _report(raw, seen, context)


async def _managed(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Apply the Redis and look at it once its own readiness probe is content."""
    host = broker_host(broker.name, broker.namespace)
    nothing = BrokerSeen(broker, endpoint=f"{host}:{REDIS_PORT}")
    try:
        password = await ensure_password(raw, broker, context)
        for built in (
            broker_config_map(broker),
            broker_service(broker),
            # Worker pods wait for it, so that the Service's name is there before anything asks for it.
            broker_connection_secret(broker, password=password),
        ):
            await context.children.ensure(built, owner=raw)
        redis, small = await ensure_redis(raw, broker, context)
    except NameConflictError as error:
        message = f"{error}. Rename the Broker, or delete or rename the {error.kind} {error.name!r}; it is left as it is."
        return replace(nothing, stalled=(Reason.NAME_CONFLICT, message))
    except (SpecError, InvalidError) as error:
        said = error.message if isinstance(error, InvalidError) else str(error)
        return replace(nothing, stalled=(Reason.INVALID_SPEC, said[:1000]))
    except ApiError as error:
        if error.status != 403:
            raise
        return replace(
            nothing, problem=(Reason.APPLY_FAILED, f"Refused, and tried again: {clean(error.message)}")
        )
    seen = replace(nothing, binding=connection_secret_name(broker.name), too_small=small)
    if (redis.get("status") or {}).get("readyReplicas", 0) < 1:
        return replace(seen, starting=True, pods=context.cache.children("Pod", broker.key))
    url = f"redis://:{password}@{host}:{REDIS_PORT}/0"
    return replace(seen, probe=await _look(broker, url, context))


async def _external(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Read the URL by name and look at what it leads to."""
    await end_redis(raw, broker, context)
    external = broker.spec.external
    assert external is not None
    reference = external.url_secret_ref
    nothing = BrokerSeen(broker, binding=reference.name)
    try:
        for field, value in (("caSecretRef", external.ca_secret_ref), ("sentinel", external.sentinel)):
            if value is not None:
                raise AddressError(
                    Reason.NOT_IMPLEMENTED, f"spec.external.{field} is not built yet. Remove it."
                )
        secret = await context.gateway.get(Key("Secret", broker.namespace, reference.name))
        address = address_in(secret, name=reference.name, key=reference.key)
        probe = await _look(broker, address.url, context)
    except AddressError as error:
        context.brokers.forget(broker.key)
        return replace(nothing, problem=(error.reason, str(error)))
    return replace(nothing, endpoint=address.endpoint, probe=probe)


async def _look(broker: Broker, url: str, context: Context) -> Probe | None:
    """The last answer of the broker; while it answers, nothing stays in the hands of dead workers."""
    layout = _layout(broker, context)
    probe = context.brokers.look(broker.key, url, layout)
    if probe is not None and probe.verdict is Verdict.ANSWERS:
        await return_lost_messages(broker, layout, context)
    return probe


def _layout(broker: Broker, context: Context) -> Layout:
    """Where this broker's users keep their keys; worker-image/README.md names the same."""
    spec = broker.spec
    return Layout(
        prefix=spec.global_key_prefix,
        reports=f"taskfleet:{context.installation.cluster_id}:{broker.namespace}:reports",
        priority_steps=tuple(spec.priority_steps),
        separator=spec.separator,
    )


async def _report(raw: Object, seen: BrokerSeen, context: Context) -> float:
    """Write the status, then tell when its verdict is a new one."""
    if seen.unknown and reason_of(raw, ConditionType.READY) in _LOOKED:
        return (
            context.settings.recheck_interval
        )  # the look under way will tell; until then the last one holds
    now = context.now()
    status = broker_status(seen, now=now)
    verdict = status["conditions"][0]
    again = (context.settings.recheck_interval, patience(seen.pods, now=now))
    wait = await context.status.write(raw, status, now=now)
    if wait is None and reason_of(raw, ConditionType.READY) != verdict["reason"]:
        fine = verdict["status"] == "True" or verdict["reason"] == BrokerReason.STARTING
        severity = Severity.NORMAL if fine else Severity.WARNING
        await context.events.record(raw, Event(verdict["reason"], verdict["message"], severity), now=now)
    return min(each for each in (wait, *again) if each is not None)
