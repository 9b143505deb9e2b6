"""What the rest of the operator knows of a kind of broker: this interface, and which of its services it offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis

from taskfleet.brokers.probe import Probe

LEASE_SECONDS = 30  # a pod that is not told again for so long consumes by itself
STOP = "stop"  # in place of a lease's number


class BrokerError(Exception):
    """A broker has not done what it was asked to, or nobody knows whether it has."""


@dataclass(frozen=True)
class Offers:
    """What a kind of broker can do beside keeping queues.

    `order`: several queues strictly one after the other; `renewal`: a task may take as long as it likes; `state`: it
    keeps what is Taskfleet's own: schedules, dead letters, the locks of beats; `databases`: results beside queues.
    """

    name: str
    order: bool
    renewal: bool
    state: bool
    databases: bool


REDIS = Offers("Redis", order=True, renewal=True, state=True, databases=True)
RABBITMQ = Offers("RabbitMQ", order=False, renewal=False, state=False, databases=False)


class Drains(Protocol):
    """The drain leases of one pool's pods. Each call raises BrokerError."""

    async def lift(self, pods: Sequence[str]) -> None: ...

    async def renew(self, numbers: Mapping[str, int]) -> None:
        """Ask each pod to drain for another 30 s, under the number of its lease."""

    async def stop(self, pods: Sequence[str]) -> None:
        """Tell each pod what the kubelet has told it too early."""


class Transport(Protocol):
    """One broker as this process reaches it."""

    offers: Offers

    @property
    def redis(self) -> Redis | None:
        """To what offers state; None for the others."""

    async def probe(self) -> Probe:
        """Look at it, with its password."""

    async def run(self) -> None:
        """Read it again and again, until cancelled."""

    def drains(self, pool_uid: str) -> Drains: ...

    async def purge(self, queue: str, *, token: str, owner_uid: str) -> int:
        """Remove what waits; how many messages that were. Raises BrokerError."""

    async def aclose(self) -> None: ...
