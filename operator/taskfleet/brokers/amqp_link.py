"""One connection to a RabbitMQ: what waits in queues, and words to and from pods over its own exchange `amq.direct`.

The other side is worker-image/taskfleet_worker/amqp_thread.py.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelClosed, ChannelLockedResource, ChannelNotFoundEntity
from pamqp.commands import Basic
from yarl import URL

from taskfleet.brokers.target import Target
from taskfleet.brokers.tls import tls_context
from taskfleet.brokers.transport import BrokerError

EXCHANGE = "amq.direct"
_CLIENT_NAME = "taskfleet-operator"
_HEARTBEAT_SECONDS = 10
_TRANSIENT = 1

# It logs what it raises as well, with texts of the server's.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


class Depth(NamedTuple):
    """Of a queue: messages that wait, and who consumes, of whatever kind."""

    messages: int
    consumers: int


class AmqpLink:
    """Each step ends within `patience` seconds and raises BrokerError, after which the link is of no use."""

    def __init__(self, connection: aiormq.Connection, channel: AbstractChannel, patience: float) -> None:
        self._connection = connection
        self._channel = channel
        self._patience = patience

    @classmethod
    async def open(cls, target: Target, *, patience: float) -> Self:
        """Raises BrokerError, whose cause says why; ssl.SSLError for certificates of no use."""
        context = tls_context(target.tls) if target.tls is not None else None
        host, port = target.hosts[0]
        url = URL.build(
            scheme="amqp" if context is None else "amqps",
            user=target.username,
            password=target.password,
            host=host,
            port=port,
            query={"heartbeat": str(_HEARTBEAT_SECONDS), "name": _CLIENT_NAME},
        )
        connection = aiormq.Connection(url, context=context)
        connection.vhost = target.vhost or "/"
        async with _bounded(patience):
            try:
                await connection.connect()
                return cls(connection, await connection.channel(publisher_confirms=False), patience)
            except BaseException:
                await _abandon(connection)
                raise

    async def version(self) -> Any:
        """The server's, as it told it; asks whether it still answers."""
        async with _bounded(self._patience):
            await self._channel.exchange_declare(EXCHANGE, exchange_type="direct", passive=True)
        return self._connection.server_properties.get("version")

    async def depth(self, queue: str) -> Depth | None:
        """None where there is no such queue, or it is another connection's own."""
        async with _bounded(self._patience):
            try:
                found = await self._channel.queue_declare(queue, passive=True)
            except (ChannelNotFoundEntity, ChannelLockedResource):
                await self._reopen()
                return None
        return Depth(found.message_count or 0, found.consumer_count or 0)

    async def purge(self, queue: str) -> int:
        """How many messages that were."""
        async with _bounded(self._patience):
            try:
                return (await self._channel.queue_purge(queue)).message_count or 0
            except ChannelNotFoundEntity:
                await self._reopen()
                return 0
            except ChannelClosed:
                await self._reopen()
                raise

    async def say(self, key: str, text: str) -> None:
        """To whoever listens to the key at the moment."""
        async with _bounded(self._patience):
            properties = Basic.Properties(delivery_mode=_TRANSIENT)
            await self._channel.basic_publish(
                text.encode(), exchange=EXCHANGE, routing_key=key, properties=properties
            )

    async def hear(self, key: str, heard: Callable[[bytes, bytes], None]) -> None:
        """Give every message with this key to `heard`, from now on: its id, and what it says."""

        async def take(message: DeliveredMessage) -> None:
            heard((message.header.properties.message_id or "").encode(), message.body)

        async with _bounded(self._patience):
            channel = await self._connection.channel(publisher_confirms=False)
            queue = (await channel.queue_declare("", exclusive=True, auto_delete=True)).queue or ""
            await channel.queue_bind(queue, EXCHANGE, routing_key=key)
            await channel.basic_consume(queue, take, no_ack=True)

    async def aclose(self) -> None:
        await _abandon(self._connection)

    async def _reopen(self) -> None:
        """A refused step has closed the channel."""
        self._channel = await self._connection.channel(publisher_confirms=False)


@asynccontextmanager
async def _bounded(seconds: float) -> AsyncIterator[None]:
    """Whatever goes wrong is a BrokerError. aiormq cancels who waits for a connection that ends: that is one too."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(seconds):
            yield
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling():
            raise
        raise BrokerError("the connection has ended") from error
    except Exception as error:
        raise BrokerError(type(error).__name__) from error


async def _abandon(connection: aiormq.Connection) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1.0):
            await connection.close()
