"""Controllers on an API server in memory: everything of the operator but its watches, its clock and its brokers."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from taskfleet.api import Key, Object
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.schedules.sync import ScheduleKeeper, Seen
from taskfleet.config import Settings
from taskfleet.controllers.children import Children
from taskfleet.controllers.claims import Claims
from taskfleet.controllers.context import Context
from taskfleet.controllers.nodes import Nodes
from taskfleet.kube.cache import Cache
from taskfleet.kube.event import Event
from taskfleet.kube.events import EventRecorder
from taskfleet.kube.resource_types import CHILD_TYPES, OWN_TYPES
from taskfleet.kube.status import StatusWriter
from taskfleet.resources.context import Installation
from taskfleet.scaling.actions import ScaleExecutor
from taskfleet.scaling.loop import ScalingLoop
from taskfleet.scaling.writer import ReplicaWriter
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, broker, conditions
from tests.unit.still_brokers import StillBrokers

Reconcile = Callable[[Key, Context], Awaitable[float | None]]
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class NoStores:
    """No broker keeps schedules."""

    def client(self, broker: Key) -> Redis | None: ...

    def layout(self, broker: Key) -> Layout | None: ...


class StillKeeper(ScheduleKeeper):
    """Tells of schedules what the test says, and writes none."""

    def __init__(self) -> None:
        super().__init__(NoStores(), lambda _: (), lambda _: None, now=lambda: START)
        self.told: dict[Key, Seen] = {}
        self.woken: list[Key] = []

    def wake(self, broker: Key) -> None:
        self.woken.append(broker)

    def seen(self, broker: Key) -> Seen | None:
        return self.told.get(broker)


class Scene:
    def __init__(self, *, version: str = "1.0.0", **settings: Any) -> None:
        self.server = ApiServer()
        self.cache = Cache()
        self.brokers = StillBrokers()
        self.schedules = StillKeeper()
        self.seconds = 0.0
        gateway = self.server.gateway()
        self._events = EventRecorder(gateway, source="taskfleet-operator")
        replicas = ReplicaWriter(gateway, self.cache)
        actions = ScaleExecutor(gateway, replicas)
        self.context = Context(
            cache=self.cache,
            gateway=gateway,
            children=Children(gateway, self.cache, self._tell, monotonic=lambda: self.seconds),
            replicas=replicas,
            scaling=ScalingLoop(self.cache, self.brokers, actions, told=lambda _: None),
            status=StatusWriter(gateway, self.cache, monotonic=lambda: self.seconds),
            events=self._events,
            brokers=self.brokers,
            schedules=self.schedules,
            installation=Installation(
                runtime_image=f"registry.test/taskfleet-worker:{version}",
                celery_image="registry.test/taskfleet-celery:1",
                redis_image="registry.test/redis:7",
                image_pull_policy="IfNotPresent",
                cluster_id="cluster",
                version=version,
            ),
            settings=Settings(**settings),
            nodes=Nodes(gateway, lambda: self.seconds),
            claims=Claims(gateway, lambda: self.seconds),
            now=lambda: START + timedelta(seconds=self.seconds),
            epoch=START,
        )

    async def _tell(self, owner: Object, event: Event) -> None:
        await self._events.record(owner, event, now=START + timedelta(seconds=self.seconds))

    def succeeded_by(self, *, version: str, **settings: Any) -> "Scene":
        """Another operator on the same cluster, which knows what the cluster holds and nothing else."""
        successor = Scene(version=version, **settings)
        successor.server.objects = self.server.objects
        successor.server._owned = self.server._owned
        successor.server._version = self.server._version
        successor.watch()
        return successor

    def add(self, obj: Object) -> Key:
        """An object of somebody else's making, of which the watch has told."""
        stored = self.server.put(obj)
        self.watch()
        return Key(stored["kind"], stored["metadata"].get("namespace", ""), stored["metadata"]["name"])

    def change(self, key: Key, **parts: Any) -> None:
        """Somebody else's change of an object: new values for fields of its parts."""
        live = self.server.objects[key]
        self.add({**live, **{part: {**live.get(part, {}), **values} for part, values in parts.items()}})

    def drop(self, key: Key) -> None:
        self.server.drop(key)
        self.watch()

    def forget(self, key: Key) -> None:
        """Let the cache lack an object that exists, as one that lost the label that is watched."""
        del self.cache._objects[key.kind][key.namespace, key.name]

    def watch(self) -> None:
        """Let the cache hear of everything that has happened."""
        for kind in (*OWN_TYPES, *CHILD_TYPES):
            for key in self.cache.keys(kind):
                if key not in self.server.objects:
                    gone = self.cache.get(*key)
                    assert gone is not None
                    self.cache.remove(gone)
        for key, obj in self.server.objects.items():
            if key.kind in OWN_TYPES or key.kind in CHILD_TYPES:
                self.cache.put(obj)

    async def reconcile(self, reconcile: Reconcile, key: Key) -> float | None:
        """One run, after which the watch has told of its writes."""
        again = await reconcile(key, self.context)
        await self.context.scaling.finish_actions()
        self.watch()
        return again

    async def settle(self, reconcile: Reconcile, key: Key) -> None:
        """Run until nothing is written any more."""
        for _ in range(5):
            written = len(self.server.writes)
            await self.reconcile(reconcile, key)
            if len(self.server.writes) == written:
                return
            self.seconds += 15
        raise AssertionError(f"still writes: {self.server.writes[-3:]}")

    def live(self, kind: str, name: str) -> Object:
        return self.server.objects[Key(kind, NAMESPACE, name)]

    def has(self, kind: str, name: str) -> bool:
        return Key(kind, NAMESPACE, name) in self.server.objects

    def events(self) -> list[tuple[str, str]]:
        """Type and reason of every event, in order."""
        events = [obj for key, obj in self.server.objects.items() if key.kind == "Event"]
        return [(event["type"], event["reason"]) for event in events]


def ready_broker(name: str = "default") -> Object:
    return broker(name, status=conditions(Ready="True Reachable"))
