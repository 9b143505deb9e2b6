"""Carrying out moves: drain leases in Redis, marks on pods, the size of the Deployment. In an order that is safe to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from taskfleet.api import Key, Object
from taskfleet.brokers.observation import Layout
from taskfleet.kube.gateway import Gateway
from taskfleet.scaling.moves import Moves
from taskfleet.scaling.pods import DELETION_COST, FIRST_TO_GO
from taskfleet.scaling.writer import ReplicaWriter

LEASE_SECONDS = 30  # a pod that is not told again for so long consumes by itself
RENEW_SECONDS = 8.0
STOP = "stop"  # in place of a lease's number


@dataclass(frozen=True)
class Drains:
    """The drain leases of one pool's pods: keys that the pods watch (taskfleet_worker/broker_thread.py)."""

    client: Redis
    layout: Layout
    pool_uid: str

    async def lift(self, pods: Sequence[str]) -> None:
        if pods:
            await self.client.delete(*(self._key(pod) for pod in pods))

    async def renew(self, numbers: Mapping[str, int]) -> None:
        """Ask each pod to drain for another 30 s, under the number of its lease."""
        if not numbers:
            return
        async with self.client.pipeline(transaction=False) as pipe:
            for pod, number in numbers.items():
                pipe.set(self._key(pod), number, ex=LEASE_SECONDS)
            await pipe.execute()

    async def stop(self, pods: Sequence[str]) -> None:
        """Tell each pod what the kubelet has told it too early."""
        for pod in pods:
            await self.client.set(self._key(pod), STOP, ex=LEASE_SECONDS)

    def _key(self, pod: str) -> str:
        return self.layout.key("drain", f"{self.pool_uid}/{pod}")


class Actions:
    def __init__(self, gateway: Gateway, replicas: ReplicaWriter) -> None:
        self._gateway = gateway
        self._replicas = replicas

    async def carry_out(
        self, step: Moves, deployment: Object, *, drains: Drains | None, numbers: Mapping[str, int]
    ) -> None:
        """Marks are taken back before pods are woken, and set before anything shrinks.

        Without `drains` the broker is away: no pod is asked to drain or woken.
        """
        namespace = deployment["metadata"]["namespace"]
        for pod in step.unmark:
            await self._mark(Key("Pod", namespace, pod), None)
        if drains is not None:
            await drains.lift(step.resume)
            await drains.renew(numbers)
            await drains.stop(step.stop)
        for pod in step.mark:
            await self._mark(Key("Pod", namespace, pod), FIRST_TO_GO)
        if step.replicas != deployment["spec"].get("replicas"):
            await self._replicas.write(deployment, step.replicas)

    async def _mark(self, pod: Key, cost: str | None) -> None:
        await self._gateway.patch(pod, {"metadata": {"annotations": {DELETION_COST: cost}}})
