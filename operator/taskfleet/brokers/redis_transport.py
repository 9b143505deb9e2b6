"""A Redis, or the Sentinels before one, as the operator reaches it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskfleet.brokers.addresses import ANYWHERE, AddressPolicy
from taskfleet.brokers.observation import Layout, Observation, Query
from taskfleet.brokers.observer import Observer
from taskfleet.brokers.probe import Probe
from taskfleet.brokers.purge import purge
from taskfleet.brokers.redis import access, probe
from taskfleet.brokers.share import Share
from taskfleet.brokers.target import Target
from taskfleet.brokers.transport import LEASE_SECONDS, REDIS, STOP, BrokerError


class RedisTransport:
    """Raises ssl.SSLError for certificates of no use."""

    offers = REDIS

    def __init__(
        self,
        target: Target,
        layout: Layout,
        *,
        query: Callable[[], Query],
        on_reading: Callable[[Observation | None], None],
        share: Share,
        policy: AddressPolicy = ANYWHERE,
    ) -> None:
        way = access(target, policy)
        self._client = way.client()
        self._layout = layout
        self._observer = Observer(way.locate, query, on_reading, share=share, name=way.name)

    @property
    def redis(self) -> Redis | None:
        return self._client

    async def probe(self) -> Probe:
        return await probe(self._client)

    async def run(self) -> None:
        await self._observer.run()

    def drains(self, pool_uid: str) -> "RedisDrains":
        return RedisDrains(self._client, self._layout, pool_uid)

    async def purge(self, queue: str, *, token: str, owner_uid: str) -> int:
        with _told():
            return await purge(self._client, self._layout, queue, token=token, owner_uid=owner_uid)

    async def aclose(self) -> None:
        await self._client.aclose()


@dataclass(frozen=True)
class RedisDrains:
    """Keys that the pods watch (taskfleet_worker/redis_thread.py)."""

    client: Redis
    layout: Layout
    pool_uid: str

    async def lift(self, pods: Sequence[str]) -> None:
        if pods:
            with _told():
                await self.client.delete(*(self._key(pod) for pod in pods))

    async def renew(self, numbers: Mapping[str, int]) -> None:
        if not numbers:
            return
        with _told():
            async with self.client.pipeline(transaction=False) as pipe:
                for pod, number in numbers.items():
                    pipe.set(self._key(pod), number, ex=LEASE_SECONDS)
                await pipe.execute()

    async def stop(self, pods: Sequence[str]) -> None:
        with _told():
            for pod in pods:
                await self.client.set(self._key(pod), STOP, ex=LEASE_SECONDS)

    def _key(self, pod: str) -> str:
        return self.layout.key("drain", f"{self.pool_uid}/{pod}")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise BrokerError(type(error).__name__) from error
