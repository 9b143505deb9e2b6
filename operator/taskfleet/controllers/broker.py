"""Broker: a managed Redis with its volume, password and connection Secret, or an external broker by its URL."""

from dataclasses import replace

from taskfleet import metrics
from taskfleet.api import Broker, Credentials, Key, Object
from taskfleet.api.reasons import Reason
from taskfleet.api.stored import status_of
from taskfleet.brokers.connection.target import Target, target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_address import AddressError, secret_names, target_in
from taskfleet.controllers.broker_beat import ensure_beat
from taskfleet.controllers.broker_credentials import follow, versions_of
from taskfleet.controllers.broker_password import ensure_password
from taskfleet.controllers.broker_redis import end_redis, ensure_redis, replace_stuck_pods
from taskfleet.controllers.broker_report import broker_report
from taskfleet.controllers.broker_status import BrokerSeen
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import NOT_APPLIED, not_applied
from taskfleet.controllers.lost_messages import return_lost_messages
from taskfleet.controllers.plan import WrittenPolicy
from taskfleet.controllers.refused import in_words_of
from taskfleet.controllers.shell import reconcile_parsed, write_report
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import REDIS_PORT, broker_host, broker_name, connection_secret_name
from taskfleet.resources.broker_network_policy import broker_network_policy
from taskfleet.resources.children import connection_children
from taskfleet.resources.errors import SpecError
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL


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
    await ensure_beat(raw, broker, context)
    return await _report(raw, seen, context)


async def _managed(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Apply the Redis, and probe it once its own readiness probe succeeds."""
    host = broker_host(broker.name, broker.namespace)
    nothing = BrokerSeen(broker, endpoint=f"{host}:{REDIS_PORT}")
    try:
        password = await ensure_password(raw, broker, context)
        for built in connection_children(broker, password=password):
            await context.children.ensure(built, owner=raw)
        await _ensure_network_policy(raw, broker, context)
        live = await ensure_redis(raw, broker, context)
        await replace_stuck_pods(live.stateful_set, _redis_pods(broker, context), context)
    except NOT_APPLIED as error:
        found = not_applied(error, "Broker")
        return replace(nothing, stalled=found.why) if found.final else replace(nothing, problem=found.why)
    seen = replace(nothing, binding=connection_secret_name(broker.name), too_small=live.too_small)
    seen = replace(seen, waits=live.waits)
    if status_of(live.stateful_set).get("readyReplicas", 0) < 1:
        return replace(seen, starting=True, pods=_redis_pods(broker, context))
    url = f"redis://:{password}@{host}:{REDIS_PORT}/0"
    return replace(seen, probe=await _watch(broker, target_of(url), context))


async def _ensure_network_policy(raw: Object, broker: Broker, context: Context) -> None:
    built = broker_network_policy(broker, context.installation)
    key = Key("NetworkPolicy", broker.namespace, broker_name(broker.name))
    written = WrittenPolicy(broker.spec.effective_redis.network_policy, "spec.redis.networkPolicy")
    with in_words_of(built or {}, written):
        await context.children.ensure_or_remove(built, key, owner=raw)


def _redis_pods(broker: Broker, context: Context) -> list[Object]:
    pods = context.cache.children("Pod", broker.key)
    return [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == COMPONENT]


async def _external(raw: Object, broker: Broker, context: Context) -> BrokerSeen:
    """Read the Secrets by name and probe the broker that they lead to."""
    await end_redis(raw, broker, context)
    external = broker.spec.external
    assert external is not None
    nothing = BrokerSeen(broker, binding=external.url_secret_ref.name, credentials=broker.status.credentials)
    try:
        names = secret_names(external)
    except SpecError as error:
        context.brokers.forget(broker.key)
        return replace(nothing, binding=None, stalled=(Reason.INVALID_SPEC, str(error)))
    secrets = {name: await context.gateway.get(Key("Secret", broker.namespace, name)) for name in names}
    try:
        target = target_in(secrets, external)
    except AddressError as error:
        context.brokers.forget(broker.key)
        return replace(nothing, problem=(error.reason, str(error)))
    probe = await _watch(broker, target, context)
    credentials = _follow(broker, versions_of(secrets), target, probe, context)
    return replace(
        nothing,
        endpoint=target.endpoint,
        probe=probe,
        credentials=credentials,
        unchecked=target.tls is not None and not target.tls.verify,
    )


def _follow(
    broker: Broker, versions: dict[str, str], target: Target, probe: Probe | None, context: Context
) -> Credentials | None:
    """The status's account of the Secrets."""
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
