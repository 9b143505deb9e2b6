"""The operator as one process: put together, started, and stopped in the right order."""

import asyncio
import gc
import signal
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog

from taskfleet import __version__, metrics
from taskfleet.api import Key, Object
from taskfleet.brokers.connection.addresses import AddressPolicy
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.schedules.sync import ScheduleKeeper
from taskfleet.config import Settings
from taskfleet.controllers import broker, periodic_schedule, task_queue, worker_pool
from taskfleet.controllers.broker_beat import schedules_of
from taskfleet.controllers.children import Children
from taskfleet.controllers.claims import Claims
from taskfleet.controllers.condition_metrics import ConditionMetrics
from taskfleet.controllers.context import Context
from taskfleet.controllers.dead_letters import tell_dead_letters
from taskfleet.controllers.explanation import tell_decisions
from taskfleet.controllers.failed_tasks import tell_failed_tasks
from taskfleet.controllers.nodes import Nodes
from taskfleet.controllers.questions import Authorizer, Question, RefusedError, answer
from taskfleet.controllers.unreadable import write_failure
from taskfleet.http_server import Answer, serve
from taskfleet.installation import installation_of
from taskfleet.kube.cache import Cache
from taskfleet.kube.events import EventRecorder
from taskfleet.kube.gateway import Gateway, connect
from taskfleet.kube.lease import Election, KubernetesLease
from taskfleet.kube.resource_types import OWN_TYPES, key_of
from taskfleet.kube.status import StatusWriter
from taskfleet.scaling.actions import ScaleExecutor
from taskfleet.scaling.loop import ScalingLoop
from taskfleet.scaling.pool_history import PoolHistory
from taskfleet.scaling.pool_metrics import PoolMetrics
from taskfleet.scaling.writer import ReplicaWriter
from taskfleet.start import cluster_id, exit_when_refused, require_crds
from taskfleet.steps import STEPS, watched
from taskfleet.tracing.exporter import SpanExporter, headers_of
from taskfleet.watch.informer import Informer
from taskfleet.watch.processor import Processor, Reconcile
from taskfleet.watch.resync import Resync, WatchHealth
from taskfleet.watch.routing import Router
from taskfleet.watch.work_queue import WorkQueue

log = structlog.get_logger(__name__)

# The initial sync starts with the kinds that others depend on.
RECONCILERS: dict[str, Callable[[Key, Context], Awaitable[float | None]]] = {
    "Broker": broker.reconcile,
    "WorkerPool": worker_pool.reconcile,
    "TaskQueue": task_queue.reconcile,
    "PeriodicSchedule": periodic_schedule.reconcile,
}


class Operator:
    """Watches always; reconciles while it holds the lease."""

    def __init__(self, settings: Settings, gateway: Gateway, election: Election, *, cluster_id: str) -> None:
        self._settings = settings
        self._election = election
        self._cache = Cache(self._on_change)
        self._queue = WorkQueue()
        self._router = Router(self._cache)
        self._health = WatchHealth()
        self._resync = Resync(
            gateway, self._cache, self._health, namespaces=settings.namespaces, clock=time.monotonic
        )
        self._informer = Informer(self._cache, heard=self._health.heard, relisted=self._resync.relisted)
        policy = AddressPolicy(tuple(settings.broker_addresses), tuple(settings.denied_broker_addresses))
        self._brokers = BrokerMonitor(self._queue.add, self._on_reading, policy)
        self._schedules = self._schedule_keeper()
        self._spans = _span_exporter(settings)
        self._context = context = self._new_context(gateway, cluster_id)
        self._scaling = context.scaling
        self._history = PoolHistory(context.scaling, self._brokers)
        self._authorizer = Authorizer(gateway, time.monotonic)
        self._processor = Processor(
            self._queue,
            {kind: _bound(reconcile, context) for kind, reconcile in RECONCILERS.items()},
            failed=lambda key, error: write_failure(key, error, context),
        )
        metrics.LEASE_UNHELD.set_function(lambda: float(election.unattended() is not None))
        self._synced = False
        self._stop = asyncio.Event()
        self._stop_watching = threading.Event()

    def _schedule_keeper(self) -> ScheduleKeeper:
        return ScheduleKeeper(
            self._brokers,
            lambda broker: schedules_of(broker, self._cache),
            self._queue.add,
            now=_now,
            on_sooner=lambda broker, queues: self._scaling.look_at(broker, queues),  # noqa: PLW0108 - made later
        )

    def _new_context(self, gateway: Gateway, cluster_id: str) -> Context:
        """What the reconcilers share, on the parts that watch and read."""
        events = EventRecorder(gateway, source="taskfleet-operator")
        replicas = ReplicaWriter(gateway, self._cache)
        return Context(
            cache=self._cache,
            gateway=gateway,
            children=Children(
                gateway,
                self._cache,
                lambda owner, event: events.record(owner, event, now=_now()),
                monotonic=time.monotonic,
            ),
            replicas=replicas,
            scaling=ScalingLoop(
                self._cache,
                self._brokers,
                ScaleExecutor(gateway, replicas),
                told=self._queue.add,
                next_runs=self._schedules.next_runs,
                traced=self._spans.add if self._spans is not None else None,
            ),
            status=StatusWriter(gateway, self._cache, monotonic=time.monotonic),
            events=events,
            brokers=self._brokers,
            schedules=self._schedules,
            installation=installation_of(self._settings, cluster_id),
            settings=self._settings,
            nodes=Nodes(gateway, time.monotonic),
            claims=Claims(gateway, time.monotonic),
            now=_now,
            epoch=_now() - timedelta(seconds=time.monotonic()),
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; the Lease is released before this returns."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        runner = await serve(
            self._settings.http_port,
            unhealthy=self._unhealthy,
            unready=self._unready,
            answers={
                "/dead": self._answering(Question("patch", tell_dead_letters)),
                "/failed": self._answering(Question("patch", tell_failed_tasks, ("before", "id"))),
                "/explain": self._answering(Question("get", tell_decisions)),
                "/history": self._answering(Question("get", self._tell_history)),
            },
            slow=_slow_step,
            more_metrics=self._brokers.outcomes.text,
        )
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(
                    self._informer.run(self._settings.namespaces, stop=self._stop_watching)
                )
                working = group.create_task(self._work())
                await self._stop.wait()
                log.info("stopping")
                working.cancel()
                await asyncio.wait([working])
                self._stop_watching.set()
                await watching
        finally:
            self._stop_watching.set()
            await self._schedules.close()
            await self._brokers.close()
            await runner.cleanup()

    async def _work(self) -> None:
        with _many_objects_that_stay():
            await self._resync.wait_until_synced()
        self._synced = True
        log.info("watching", objects={kind: len(self._cache.keys(kind)) for kind in OWN_TYPES})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resync.run(self._settings.resync_interval))
            group.create_task(self._resync.sweep())
            group.create_task(self._election.run(self._lead))

    async def _lead(self) -> None:
        metrics.LEADER.set(1)
        figures = PoolMetrics(self._scaling, self._brokers)
        conditions = ConditionMetrics(self._cache)
        metrics.REGISTRY.register(figures)
        metrics.REGISTRY.register(conditions)
        sampling = asyncio.create_task(self._history.run())
        exporting = [asyncio.create_task(self._spans.run())] if self._spans is not None else []
        try:
            await self._processor.lead([key for kind in RECONCILERS for key in self._cache.keys(kind)])
        finally:
            sampling.cancel()
            self._history.forget_all()
            metrics.LEADER.set(0)
            metrics.REGISTRY.unregister(figures)
            metrics.REGISTRY.unregister(conditions)
            self._scaling.forget_all()
            metrics.forget_all_pools()  # the next leader exports them
            metrics.forget_servers()
            await self._schedules.close()
            await self._brokers.close()
            for task in exporting:
                task.cancel()
                await asyncio.wait([task])

    async def _tell_history(self, raw: Object, context: Context) -> Object:
        return self._history.of(key_of(raw), context.now())

    def _on_reading(self, broker_key: Key, seen: BrokerSnapshot | None) -> None:
        self._scaling.on_reading(broker_key, seen)

    def _on_change(self, obj: Object) -> None:
        for key in self._router.concerned(obj):
            self._queue.add(key)

    def _unhealthy(self) -> str | None:
        if stuck := self._election.stuck():
            return stuck
        dead = self._health.dead(now=time.monotonic())
        return f"the watches of {', '.join(dead)} have stopped" if dead else None

    def _unready(self) -> str | None:
        if not self._synced:
            return "the initial sync has not finished"
        return self._election.unattended()

    def _answering(self, question: Question) -> Answer:
        async def respond(pool: Key, token: str, query: Mapping[str, str]) -> Object:
            if not self._election.held():
                raise RefusedError(
                    503,
                    "This operator is not the leader, so it does not read brokers. Send the request "
                    "to the leader.",
                )
            return await answer(question, pool, token, self._authorizer, self._context, query=query)

        return respond


def _span_exporter(settings: Settings) -> SpanExporter | None:
    """None: the settings name no collector."""
    if not settings.otlp_endpoint:
        return None
    resource = {
        "service.name": "taskfleet-operator",
        "service.version": __version__,
        "service.instance.id": settings.pod_name or socket.gethostname(),
        "k8s.namespace.name": settings.pod_namespace,
    }
    headers = headers_of(settings.otlp_headers)
    return SpanExporter(settings.otlp_endpoint, headers, resource, sampling=settings.otlp_sampling)


def _now() -> datetime:
    return datetime.now(UTC)


def _slow_step() -> str | None:
    slow = STEPS.slowest()
    if slow is None:
        return None
    return f"slowest step in the last minute: {slow.name}, {slow.seconds * 1000:.0f} ms"


@contextmanager
def _many_objects_that_stay() -> Iterator[None]:
    """Spare the garbage collector what the cache is filled with, and rarely disturb it later.

    It would go through all of it again and again while it grows, which takes as long as the reading itself.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def _bound(reconcile: Callable[[Key, Context], Awaitable[float | None]], context: Context) -> Reconcile:
    return lambda key: reconcile(key, context)


async def run(settings: Settings) -> None:
    """Connect, then run until stopped."""
    api = await connect()
    try:
        namespace = settings.lease_namespace or settings.pod_namespace or "default"
        identity = f"{settings.pod_name or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        election = Election(
            KubernetesLease(api, namespace=namespace, name=settings.lease_name), identity=identity
        )
        gateway = Gateway(api, may_write=election.held)
        with exit_when_refused():
            await require_crds(gateway, settings.namespaces)
            cluster = await cluster_id(gateway, settings, namespace)
        operator = Operator(settings, gateway, election, cluster_id=cluster)
        with watched():
            await operator.run()
    finally:
        await api.close()
