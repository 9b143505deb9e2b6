"""A Redis, or the Sentinels before one, as the operator reaches it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskfleet.brokers.capabilities import REDIS
from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy
from taskfleet.brokers.connection.redis_probe import access, probe
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.failures.failed_task import FailedTask, Handled
from taskfleet.brokers.failures.failed_task import Request as FailedTasksRequest
from taskfleet.brokers.failures.reader import Names, Page, names, newest, one
from taskfleet.brokers.failures.retry import carry_out
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.interrupted import count_interrupted
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query
from taskfleet.brokers.polling.redis_poller import RedisPoller
from taskfleet.brokers.polling.share import Share
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.probe import Probe
from taskfleet.brokers.recovery.dead_letter import DeadLetter, Request
from taskfleet.brokers.recovery.dead_letters import dead_letters, requeue
from taskfleet.brokers.recovery.purge import purge
from taskfleet.brokers.recovery.requeue_unacked import Requeued, requeue_unacked
from taskfleet.brokers.transport import LEASE_SECONDS, STOP


class RedisTransport:
    """Raises ssl.SSLError for certificates of no use."""

    capabilities = REDIS

    def __init__(
        self,
        target: Target,
        layout: Layout,
        *,
        query: Callable[[], Query],
        on_reading: Callable[[BrokerSnapshot | None], None],
        share: Share,
        policy: AddressPolicy = ANYWHERE,
    ) -> None:
        way = access(target, policy)
        self._client = way.client()
        self._layout = layout
        self._observer = RedisPoller(way.locate, query, on_reading, share=share, name=way.name)

    @property
    def redis(self) -> Redis | None:
        return self._client

    @property
    def polls_because(self) -> str | None:
        return self._observer.polls_because

    async def probe(self) -> Probe:
        return await probe(self._client)

    async def run(self) -> None:
        await self._observer.run()

    def read_by(self, at: float) -> None:
        self._observer.read_by(at)

    def drains(self, pool_uid: str) -> "RedisDrains":
        return RedisDrains(self._client, self._layout, pool_uid)

    def recovery(self) -> "RedisRecovery":
        return RedisRecovery(self._client, self._layout)

    def failed_tasks(self, pool_uid: str) -> "RedisFailedTasks":
        return RedisFailedTasks(self._client, self._layout, pool_uid)

    async def purge(self, queue: str, *, token: str, owner_uid: str) -> int:
        with _translated():
            return await purge(self._client, self._layout, queue, token=token, owner_uid=owner_uid)

    async def aclose(self) -> None:
        await self._client.aclose()


@dataclass(frozen=True)
class RedisDrains:
    """Keys that the pods watch (taskfleet_worker/broker/redis_thread.py)."""

    client: Redis
    layout: Layout
    pool_uid: str

    async def lift(self, pods: Sequence[str]) -> None:
        if pods:
            with _translated():
                await self.client.delete(*(self._key(pod) for pod in pods))

    async def renew(self, numbers: Mapping[str, int]) -> None:
        if not numbers:
            return
        with _translated():
            async with self.client.pipeline(transaction=False) as pipe:
                for pod, number in numbers.items():
                    pipe.set(self._key(pod), number, ex=LEASE_SECONDS)
                await pipe.execute()

    async def stop(self, pods: Sequence[str]) -> None:
        with _translated():
            for pod in pods:
                await self.client.set(self._key(pod), STOP, ex=LEASE_SECONDS)

    def _key(self, pod: str) -> str:
        return self.layout.key("drain", f"{self.pool_uid}/{pod}")


@dataclass(frozen=True)
class RedisRecovery:
    """The scripts of the folder recovery."""

    client: Redis
    layout: Layout

    async def dead_letters(self, queues: Sequence[str]) -> Sequence[DeadLetter]:
        with _translated():
            return await dead_letters(self.client, self.layout, queues)

    async def requeue(self, queues: Sequence[str], request: Request, *, pool_uid: str) -> int:
        with _translated():
            return await requeue(self.client, self.layout, queues, request, pool_uid=pool_uid)

    async def requeue_unacked(
        self, start: Incarnation, *, report: bytes, now: datetime, lost: bool
    ) -> Requeued:
        with _translated():
            await count_interrupted(self.client, self.layout, start, report=report)
            return await requeue_unacked(self.client, self.layout, start, report=report, now=now, lost=lost)


@dataclass(frozen=True)
class RedisFailedTasks:
    """The scripts of the folder failures."""

    client: Redis
    layout: Layout
    pool_uid: str

    async def page(self, *, before: int | None, retention: float) -> Page:
        with _translated():
            return await newest(self.client, self._keys, before=before, retention=retention)

    async def one(self, task_id: str) -> tuple[FailedTask, str] | None:
        with _translated():
            return await one(self.client, self._keys, task_id)

    async def carry_out(self, request: FailedTasksRequest, *, retention: float) -> Handled | None:
        with _translated():
            return await carry_out(self.client, self.layout, self._keys, request, retention=retention)

    @property
    def _keys(self) -> Names:
        return names(self.layout, self.pool_uid)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise BrokerError(type(error).__name__) from error
