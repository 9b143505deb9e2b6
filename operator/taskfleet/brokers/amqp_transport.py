"""A RabbitMQ as the operator reaches it: one connection that reads, one for everything else."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from aiormq.exceptions import AuthenticationError, InvalidFrameError, ProbableAuthenticationError
from redis.asyncio import Redis

from taskfleet.brokers.capabilities import RABBITMQ
from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy, RefusedAddressError
from taskfleet.brokers.connection.amqp_connection import AmqpConnection, HungUpError
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.connection.tls import chain, tls_context, tls_failure
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.amqp_poller import AmqpPoller
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.probe import NO_BROKER, Probe, Verdict
from taskfleet.brokers.recovery.dead_letter import DeadLetter, Request
from taskfleet.brokers.recovery.requeue_unacked import Requeued
from taskfleet.brokers.transport import STOP

T = TypeVar("T")

TIMEOUT_SECONDS = 5.0
# What aiormq raises when the server disconnects an authenticated user: it has no reason then.
_REFUSED = "Connection.Close"


class AmqpTransport:
    """Raises ssl.SSLError for certificates of no use."""

    capabilities = RABBITMQ
    redis: Redis | None = None
    polls_because: str | None = None  # it has no other way

    def __init__(
        self,
        target: Target,
        layout: Layout,
        *,
        query: Callable[[], Query],
        on_reading: Callable[[BrokerSnapshot | None], None],
        policy: AddressPolicy = ANYWHERE,
    ) -> None:
        self._policy = policy
        if target.tls is not None:
            tls_context(target.tls)
        self._target = target
        self._layout = layout = replace(layout, prefix="")  # which is of keys
        self._link: AmqpConnection | None = None
        self._one_at_a_time = asyncio.Lock()
        self._observer = AmqpPoller(
            self._connect, layout, query=query, on_reading=on_reading, name=target.endpoint
        )

    async def probe(self) -> Probe:
        try:
            version = await self._use(AmqpConnection.version)
        except BrokerError as error:
            return _failed(error)
        return Probe(Verdict.REACHABLE, product=RABBITMQ.name, version=_number(version))

    async def run(self) -> None:
        await self._observer.run()

    def read_by(self, at: float) -> None:
        """It announces nothing, so it is read all the time anyway."""

    def drains(self, pool_uid: str) -> "AmqpDrains":
        return AmqpDrains(self._say, self._layout, pool_uid)

    def recovery(self) -> "AmqpRecovery":
        return AmqpRecovery()

    def failed_tasks(self, pool_uid: str) -> None:  # noqa: ARG002 - it keeps none
        return None

    async def purge(self, queue: str, *, token: str, owner_uid: str) -> int:  # noqa: ARG002 - it remembers no token
        return await self._use(lambda link: link.purge(queue))

    async def aclose(self) -> None:
        if self._link is not None:
            await self._link.aclose()

    async def _say(self, words: Mapping[str, str]) -> None:
        """Text by key."""

        async def say(link: AmqpConnection) -> None:
            for key, text in words.items():
                await link.say(key, text)

        if words:
            await self._use(say)

    async def _use(self, step: Callable[[AmqpConnection], Awaitable[T]]) -> T:
        """On the connection that does not read; a new one after an error. Raises BrokerError."""
        async with self._one_at_a_time:
            if self._link is None:
                self._link = await self._connect()
            try:
                return await step(self._link)
            except BrokerError:
                broken, self._link = self._link, None
                await broken.aclose()
                raise

    async def _connect(self) -> AmqpConnection:
        return await AmqpConnection.open(self._target, patience=TIMEOUT_SECONDS, policy=self._policy)


@dataclass(frozen=True)
class AmqpDrains:
    """Words to pods, which forget them after 30 s (taskfleet_worker/broker/amqp_thread.py). `say` takes texts by key."""

    say: Callable[[Mapping[str, str]], Awaitable[None]]
    layout: Layout
    pool_uid: str

    async def lift(self, pods: Sequence[str]) -> None:
        await self.say({self._key(pod): "" for pod in pods})

    async def renew(self, numbers: Mapping[str, int]) -> None:
        await self.say({self._key(pod): str(number) for pod, number in numbers.items()})

    async def stop(self, pods: Sequence[str]) -> None:
        await self.say({self._key(pod): STOP for pod in pods})

    def _key(self, pod: str) -> str:
        return self.layout.key("drain", f"{self.pool_uid}/{pod}")


class AmqpRecovery:
    """Nothing is left to do: the server itself requeues messages, and there are no dead letters."""

    async def dead_letters(self, queues: Sequence[str]) -> Sequence[DeadLetter]:  # noqa: ARG002 - it keeps none
        return ()

    async def requeue(self, queues: Sequence[str], request: Request, *, pool_uid: str) -> int:  # noqa: ARG002
        return 0

    async def requeue_unacked(  # the server itself requeues them
        self,
        start: Incarnation,  # noqa: ARG002
        *,
        report: bytes,  # noqa: ARG002
        now: datetime,  # noqa: ARG002
        lost: bool,  # noqa: ARG002
    ) -> Requeued:
        return Requeued()


def _failed(error: BrokerError) -> Probe:
    if (refused := tls_failure(error)) is not None:
        return Probe(Verdict.TLS_FAILED, refused)
    for each in chain(error):
        if isinstance(each, AuthenticationError | ProbableAuthenticationError):
            detail = "The server rejects the user name or password of the URL."
            return Probe(Verdict.AUTHENTICATION_FAILED, detail)
        if isinstance(each, InvalidFrameError) and _REFUSED in str(each):
            detail = "The virtual host of the URL does not exist, or this user has no access to it."
            return Probe(Verdict.AUTHENTICATION_FAILED, detail)
    if isinstance(error, HungUpError):
        detail = (
            "The server closed the connection after the TLS handshake. It may require a client certificate."
        )
        return Probe(Verdict.TLS_FAILED, detail)
    ours = next((str(each) for each in chain(error) if isinstance(each, RefusedAddressError)), None)
    return Probe(Verdict.UNREACHABLE, NO_BROKER if ours is None else f"{ours[0].upper()}{ours[1:]}.")


def _number(told: Any) -> str | None:
    """Digits and dots only, because a status shows it."""
    text = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
    return text if re.fullmatch(r"\d{1,4}(\.\d{1,4}){0,3}", text) else None
