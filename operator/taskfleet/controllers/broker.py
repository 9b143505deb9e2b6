"""Broker: a managed Redis with its volume, password and connection Secret, or an external broker by its URL or its parts."""

from dataclasses import replace

from taskfleet import metrics
from taskfleet.api import Broker, Credentials, External, Key, Object
from taskfleet.api.reasons import Reason
from taskfleet.api.stored import status_of
from taskfleet.brokers.connection.target import Target, target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_address import target_in
from taskfleet.controllers.broker_beat import carry_out_schedules
from taskfleet.controllers.broker_credentials import follow, followed_target, versions_of
from taskfleet.controllers.broker_keys import AddressError, Sources, config_map_names, secret_names
from taskfleet.controllers.broker_password import read_password
from taskfleet.controllers.broker_plan import (
    ConnectionInputs,
    plan_connection,
    plan_end_of_redis,
    plan_redis,
    plan_stuck_pods,
    redis_keys,
)
from taskfleet.controllers.broker_redis import redis_pods, see_redis
from taskfleet.controllers.broker_report import broker_report, redis_seen, schedules_seen, with_problem
from taskfleet.controllers.broker_status import BrokerSeen
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import NOT_APPLIED, attempt, execute, not_applied
from taskfleet.controllers.lost_messages import return_lost_messages
from taskfleet.controllers.shell import reconcile_parsed, write_report
from taskfleet.resources.broker_names import REDIS_PORT, broker_host
from taskfleet.resources.errors import SpecError


async def reconcile(key: Key, context: Context) -> float | None:
    """Bring the children of one Broker to its spec; seconds until the next reconciliation."""
    return await reconcile_parsed(key, context, Broker, _reconcile, forget=_forget)


def _forget(key: Key, context: Context) -> None:
    context.brokers.forget(key)
    metrics.forget_broker(key.namespace, key.name)
    context.schedules.forget(key)
    context.followed.pop(key, None)


async def _reconcile(raw: Object, broker: Broker, context: Context) -> float | None:
    seen = await (_managed if broker.spec.managed else _external)(raw, broker, context)
    problem = await carry_out_schedules(raw, broker, context)
    return await _report(raw, schedules_seen(seen, problem), context)


async def _managed(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Apply the Redis, and probe it once its own readiness probe succeeds."""
    host = broker_host(broker.name, broker.namespace)
    seen = BrokerSeen(broker, endpoint=f"{host}:{REDIS_PORT}")
    try:
        password = await read_password(raw, broker, context)
    except NOT_APPLIED as error:
        return with_problem(seen, not_applied(error, "Broker"))
    inputs = ConnectionInputs(broker, context.installation, password.text, password.secret)
    connected = await attempt(plan_connection(inputs), raw, context)
    if connected.problem is not None:
        return with_problem(seen, connected.problem)
    plan = plan_redis(see_redis(raw, broker, context))
    applied = await attempt(plan, raw, context)
    if applied.problem is None:
        (redis,) = applied.live
        stuck = await attempt(plan_stuck_pods(redis, redis_pods(broker, context)), raw, context)
        applied = replace(applied, problem=stuck.problem)
    seen = redis_seen(seen, plan, applied, redis_pods(broker, context))
    if applied.problem is not None or seen.starting:
        return seen
    url = f"redis://:{password.text}@{host}:{REDIS_PORT}/0"
    return replace(seen, probe=await _watch(broker, target_of(url), context))


async def _external(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Read the Secrets by name and probe the broker that they lead to."""
    await _end_redis(raw, broker, context)
    external = broker.spec.external
    assert external is not None
    reference = external.url_secret_ref
    binding = reference.name if reference is not None else None
    seen = BrokerSeen(broker, binding=binding, credentials=broker.status.credentials)
    try:
        sources = await _read(external, broker.namespace, context)
    except SpecError as error:
        context.brokers.forget(broker.key)
        return replace(seen, binding=None, stalled=(Reason.INVALID_SPEC, str(error)))
    try:
        target = target_in(sources, external, broker.namespace)
    except AddressError as error:
        context.brokers.forget(broker.key)
        return replace(seen, problem=(error.reason, str(error)))
    probe = await _watch(broker, target, context)
    versions = versions_of(external, sources.secrets, target)
    credentials = _follow(broker, versions, followed_target(external, target), probe, context)
    return replace(
        seen,
        endpoint=target.endpoint,
        probe=probe,
        credentials=credentials,
        unchecked=target.tls is not None and not target.tls.verify,
    )


async def _end_redis(raw: Object, broker: Broker, context: Context) -> None:
    if any(context.cache.get(*child) for child in redis_keys(broker)):
        pods = context.cache.all("Pod", broker.namespace)
        await execute(plan_end_of_redis(broker, pods), raw, context)


async def _read(external: External, namespace: str, context: Context) -> Sources:
    """What the Broker refers to. Raises SpecError before anything is read for what can be no name."""
    names = {"Secret": secret_names(external), "ConfigMap": config_map_names(external)}
    found = {
        kind: {name: await context.gateway.get(Key(kind, namespace, name)) for name in of_kind}
        for kind, of_kind in names.items()
    }
    return Sources(found["Secret"], found["ConfigMap"])


def _follow(
    broker: Broker, versions: dict[str, str], target: Target, probe: Probe | None, context: Context
) -> Credentials | None:
    """Remember the Secrets, and return the status's account of them."""
    credentials, known = follow(
        broker.status.credentials,
        context.followed.get(broker.key),
        versions,
        target,
        answers=probe is not None and probe.verdict is Verdict.REACHABLE,
    )
    if known is not None:
        context.followed[broker.key] = known
    return credentials


async def _watch(broker: Broker, target: Target, context: Context) -> Probe | None:
    """Watch the broker, and requeue what dead workers held while it answers; its last answer."""
    probe = context.brokers.watch(broker.key, target, _layout(broker, context))
    if probe is not None and probe.verdict is Verdict.REACHABLE:
        await return_lost_messages(broker, context)
    return probe


def _layout(broker: Broker, context: Context) -> Layout:
    """Where this broker's users keep their keys; worker-image/README.md names the same."""
    spec = broker.spec
    return Layout(
        prefix=spec.global_key_prefix,
        reports=f"taskfleet:{context.installation.cluster_id}:{broker.namespace}:reports",
        priority_steps=tuple(spec.priority_steps),
        separator=spec.separator,
        visibility_timeout=spec.visibility_timeout.total_seconds(),
    )


async def _report(raw: Object, seen: BrokerSeen, context: Context) -> float | None:
    """Write the status and what is new in it; seconds until the next reconciliation."""
    key = seen.broker.key
    seen = replace(
        seen,
        reading_problem=context.brokers.reading_problem(key),
        polls_because=context.brokers.polls_because(key),
        sharers=_sharers(seen, context),
        findings=context.brokers.findings(key),
        capabilities=context.brokers.capabilities(key),
        expired=context.brokers.expired.get(key, 0),
    )
    report = broker_report(raw, seen, recheck=context.settings.recheck_interval, now=context.now())
    if report.status is not None:
        _measure(key, seen.probe or Probe(Verdict.UNREACHABLE))
    return await write_report(
        report, raw, context, reported=lambda: context.brokers.expired_reported(key, seen.expired)
    )


def _sharers(seen: BrokerSeen, context: Context) -> int:
    """How many Brokers lead to the same server."""
    statuses = (status_of(other) for other in context.cache.all("Broker"))
    return max(1, sum(1 for status in statuses if status.get("endpoint") == seen.endpoint))


def _measure(key: Key, probe: Probe) -> None:
    metrics.tell_of_server(
        key.namespace,
        key.name,
        up=probe.verdict is Verdict.REACHABLE,
        memory=probe.used_memory,
        limit=probe.max_memory,
        clients=probe.clients,
    )
