"""One connection to a RabbitMQ: what waits in queues, and words to and from pods over its own exchange `amq.direct`.

The other side is worker-image/taskfleet_worker/broker/amqp_thread.py.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Self, TypeVar

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError, ChannelLockedResource, ChannelNotFoundEntity
from pamqp.commands import Basic
from yarl import URL

from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.connection.tls import tls_context
from taskfleet.brokers.errors import BrokerError

T = TypeVar("T")

EXCHANGE = "amq.direct"
_CLIENT_NAME = "taskfleet-operator"
_HEARTBEAT_SECONDS = 10
_CLOSING_SECONDS = 1.0
_TRANSIENT = 1
_LARGEST_FRAME = 256 * 1024  # twice what is agreed on: aiormq asks for 131072 bytes
_LARGEST_MESSAGE = 64 * 1024  # as of a report
_COUNTED_OVER_SECONDS = 0.1
_MOST_RECEIVED = 4 * 1024 * 1024  # meanwhile
_CONTENT_HEADER = b"\x02"
_REST_OF_A_HEADER = 6

# It logs what it raises as well, with texts of the server's.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


class Depth(NamedTuple):
    """Of a queue: messages that wait, and who consumes, of whatever kind."""

    messages: int
    consumers: int


class HungUpError(BrokerError):
    """After the TLS handshake, in which we showed no certificate. In TLS 1.3 the server refuses that afterwards only,
    and its reason is lost where we have said something meanwhile."""


class _GuardedReader(asyncio.StreamReader):
    """What aiormq reads from, frame by frame: its kind in one byte, channel and length in six, and the rest. None is
    larger than was agreed on, no message larger than a report, and there are no more than a broker needs.
    """

    def __init__(self, reader: asyncio.StreamReader, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._reader = reader
        self._clock = clock
        self._since = float("-inf")
        self._received = 0
        self._kind = b""

    async def read(self, n: int = -1) -> bytes:  # noqa: ARG002 - aiormq reads on without end where it finds no frame
        return await self._reader.read(_LARGEST_FRAME)

    async def readexactly(self, n: int) -> bytes:
        now = self._clock()
        if now - self._since > _COUNTED_OVER_SECONDS:
            self._since, self._received = now, 0
            await asyncio.sleep(0)  # a read whose bytes are already there does not yield
        self._received += n
        if n > _LARGEST_FRAME or self._received > _MOST_RECEIVED:
            raise ConnectionResetError("the server sends more data than allowed")
        data = await self._reader.readexactly(n)
        if n == 1:
            self._kind = data
        elif n > _REST_OF_A_HEADER and self._kind == _CONTENT_HEADER and _body_size(data) > _LARGEST_MESSAGE:
            raise ConnectionResetError("the server sends a message that is too large")
        return data

    def at_eof(self) -> bool:
        return self._reader.at_eof()


def _body_size(header: bytes) -> int:
    """AMQP 0-9-1, 4.2.6.1: class, weight, and the size of the body in eight bytes."""
    return int.from_bytes(header[4:12], "big")


class _Transport(TransportFactory):
    """The way to the server, which can be cut: aiormq leaves it open where its own closing does not come to an end."""

    def __init__(self, context: ssl.SSLContext | None, policy: AddressPolicy, namespace: str) -> None:
        self._context = context
        self._namespace = namespace
        self._policy = policy
        self._writer: asyncio.StreamWriter | None = None
        self._is_cut = False

    async def create(self, url: URL, **_: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            address = await self._policy.resolve(url.host or "", url.port or 0, self._namespace)
            name = url.host if self._context is not None else None
            reader, self._writer = await asyncio.open_connection(
                address, url.port, ssl=self._context, server_hostname=name
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        if self._is_cut:  # while aiormq ignored the cancellation
            self.cut()
            raise AMQPConnectionError
        return _GuardedReader(reader), self._writer

    @property
    def was_open(self) -> bool:
        """Whether the server was reached, and TLS agreed on."""
        return self._writer is not None

    def cut(self) -> None:
        self._is_cut = True
        if self._writer is not None:
            self._writer.transport.abort()


class AmqpConnection:
    """Each step ends within `patience` seconds and raises BrokerError, after which the link is of no use."""

    def __init__(
        self,
        connection: aiormq.Connection,
        transport: _Transport,
        channel: AbstractChannel,
        patience: float,
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._channel = channel
        self._patience = patience

    @classmethod
    async def open(cls, target: Target, *, patience: float, policy: AddressPolicy = ANYWHERE) -> Self:
        """Raises BrokerError, whose cause says why; ssl.SSLError for certificates of no use."""
        context = tls_context(target.tls) if target.tls is not None else None
        transport = _Transport(context, policy, target.namespace)
        host, port = target.hosts[0]
        url = URL.build(
            scheme="amqp",
            user=target.username,
            password=target.password,
            host=host,
            port=port,
            query={"heartbeat": str(_HEARTBEAT_SECONDS), "name": _CLIENT_NAME},
        )
        connection = aiormq.Connection(url, transport_factory=transport)
        connection.vhost = target.vhost or "/"
        try:
            await _bounded(_connected(connection), patience)
            channel = await _bounded(_channel_of(connection), patience)
        except BaseException as error:
            await _abandon(connection, transport)
            anonymous = target.tls is not None and target.tls.certificate is None
            if anonymous and transport.was_open and isinstance(error, BrokerError) and error.__cause__:
                raise HungUpError(str(error)) from error.__cause__
            raise
        return cls(connection, transport, channel, patience)

    async def version(self) -> Any:
        """The server's version, as it reported it; checks that it still answers."""
        asked = self._channel.exchange_declare(EXCHANGE, exchange_type="direct", passive=True)
        await _bounded(_done(asked), self._patience)
        return self._connection.server_properties.get("version")

    async def depth(self, queue: str) -> Depth | None:
        """None where there is no such queue, or it is another connection's own."""
        return await _bounded(self._depth(queue), self._patience)

    async def _depth(self, queue: str) -> Depth | None:
        try:
            found = await self._channel.queue_declare(queue, passive=True)
        except (ChannelNotFoundEntity, ChannelLockedResource):
            await self._reopen()
            return None
        return Depth(found.message_count or 0, found.consumer_count or 0)

    async def purge(self, queue: str) -> int:
        """How many messages that were."""
        return await _bounded(self._purge(queue), self._patience)

    async def _purge(self, queue: str) -> int:
        try:
            return (await self._channel.queue_purge(queue)).message_count or 0
        except ChannelNotFoundEntity:
            await self._reopen()
            return 0

    async def say(self, key: str, text: str) -> None:
        """To the queues that are bound to the key at the moment."""
        properties = Basic.Properties(delivery_mode=_TRANSIENT)
        said = self._channel.basic_publish(
            text.encode(), exchange=EXCHANGE, routing_key=key, properties=properties
        )
        await _bounded(_done(said), self._patience)

    async def hear(self, key: str, heard: Callable[[bytes, bytes], None]) -> None:
        """From now on, call `heard` for every message with this key: its id and its body."""

        async def take(message: DeliveredMessage) -> None:
            heard((message.header.properties.message_id or "").encode(), message.body)

        await _bounded(self._hear(key, take), self._patience)

    async def _hear(self, key: str, take: Callable[[DeliveredMessage], Coroutine[Any, Any, None]]) -> None:
        channel = await _channel_of(self._connection)
        queue = (await channel.queue_declare("", exclusive=True, auto_delete=True)).queue or ""
        await channel.queue_bind(queue, EXCHANGE, routing_key=key)
        await channel.basic_consume(queue, take, no_ack=True)

    async def aclose(self) -> None:
        await _abandon(self._connection, self._transport)

    async def _reopen(self) -> None:
        """A refused step has closed the channel."""
        self._channel = await _channel_of(self._connection)


async def _connected(connection: aiormq.Connection) -> None:
    await connection.connect()


async def _channel_of(connection: aiormq.Connection) -> AbstractChannel:
    return await connection.channel(publisher_confirms=False)


async def _closed(connection: aiormq.Connection) -> None:
    await connection.close()


async def _done(step: Any) -> None:
    await step


_left_behind: set[asyncio.Task[Any]] = set()


async def _bounded(step: Coroutine[Any, Any, T], seconds: float) -> T:
    """What comes of a step; whatever goes wrong is a BrokerError.

    aiormq heeds no cancellation while it closes a connection, and cancels who waits for one that ends. So each step is
    a task of its own, which is not waited for any longer than this.
    """
    task = asyncio.ensure_future(step)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            _leave_behind(task)
    if not task.done():
        raise BrokerError("TimeoutError")
    if task.cancelled():
        raise BrokerError("the connection is closed")
    if (error := task.exception()) is not None:
        raise BrokerError(type(error).__name__) from error
    return task.result()


def _leave_behind(task: asyncio.Task[Any]) -> None:
    """Let it end in its own time; whether it fails is of no interest."""
    task.cancel()
    _left_behind.add(task)
    task.add_done_callback(_left_behind.discard)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


async def _abandon(connection: aiormq.Connection, transport: _Transport) -> None:
    try:
        with contextlib.suppress(BrokerError):
            await _bounded(_closed(connection), _CLOSING_SECONDS)
    finally:
        transport.cut()
