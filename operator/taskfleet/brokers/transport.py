"""A kind of broker, as the rest of the operator knows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from redis.asyncio import Redis

from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.failures.failed_task import FailedTask, Handled
from taskfleet.brokers.failures.failed_task import Request as FailedTasksRequest
from taskfleet.brokers.failures.reader import Page
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.probe import Probe
from taskfleet.brokers.recovery.dead_letter import DeadLetter, Request
from taskfleet.brokers.recovery.requeue_unacked import Requeued

LEASE_SECONDS = 30  # a pod whose drain lease is not renewed for so long consumes again
STOP = "stop"  # in place of a lease's number


class Drains(Protocol):
    """The drain leases of one pool's pods. Each call raises BrokerError."""

    async def lift(self, pods: Sequence[str]) -> None: ...

    async def renew(self, numbers: Mapping[str, int]) -> None:
        """Ask each pod to drain for another 30 s, under the number of its lease."""

    async def stop(self, pods: Sequence[str]) -> None:
        """Tell each pod to stop that got the kubelet's TERM too early."""


class Recovery(Protocol):
    """What becomes of messages whose workers are gone. Each call raises BrokerError."""

    async def dead_letters(self, queues: Sequence[str]) -> Sequence[DeadLetter]:
        """Of these queues, the oldest first."""

    async def requeue(self, queues: Sequence[str], request: Request, *, pool_uid: str) -> int:
        """Move dead letters back to their queues; how many the request has moved in all."""

    async def requeue_unacked(
        self, start: Incarnation, *, report: bytes, now: datetime, lost: bool
    ) -> Requeued:
        """Return what a dead worker process held. `report`: its last one; `lost`: it may come back."""


class FailedTasks(Protocol):
    """The failed tasks of one pool. `retention`: seconds that they are kept. Each call raises BrokerError."""

    async def page(self, *, before: int | None, retention: float) -> Page:
        """The newest, or the newest before one."""

    async def one(self, task_id: str) -> tuple[FailedTask, str] | None:
        """With its traceback; None where there is no record of it."""

    async def carry_out(self, request: FailedTasksRequest, *, retention: float) -> Handled | None:
        """What the request has done in all; None where a newer one has replaced it."""


class Transport(Protocol):
    """One broker as this process reaches it."""

    capabilities: Capabilities

    @property
    def redis(self) -> Redis | None:
        """Where Taskfleet keeps its own state; None for brokers that cannot."""

    @property
    def polls_because(self) -> str | None:
        """Why it is polled although brokers of its kind announce changes; None where they do, or it is not known yet."""

    async def probe(self) -> Probe:
        """Probe it, with its password."""

    async def run(self) -> None:
        """Read it again and again, until cancelled."""

    def read_by(self, at: float) -> None:
        """Read it at this time of the monotonic clock at the latest. Replaces what was said before."""

    def drains(self, pool_uid: str) -> Drains: ...

    def recovery(self) -> Recovery: ...

    def failed_tasks(self, pool_uid: str) -> FailedTasks | None:
        """None for brokers that keep none."""

    async def purge(self, queue: str, *, token: str, owner_uid: str) -> int:
        """Remove the waiting messages; how many there were. Raises BrokerError."""

    async def aclose(self) -> None: ...
