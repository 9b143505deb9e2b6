"""The address of a broker's master, fixed or from Sentinels; resolved again for every connection."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from redis._parsers.hiredis import _AsyncHiredisParser
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy, RefusedAddressError
from taskfleet.brokers.connection.raw_connection import AddressUnknownError, Endpoint, RawConnectionError
from taskfleet.brokers.connection.replies import ReplyGuard, UnsafeReplyError
from taskfleet.brokers.connection.target import Sentinels, Target
from taskfleet.brokers.connection.tls import tls_context

CLIENT_NAME = "taskfleet-operator"
_MOST_CONNECTIONS = 4
_PARTS_OF_AN_ADDRESS = 2
_LONGEST_HOST = 253
_PORT_DIGITS = 5


class Access:
    """To one target. Raises ssl.SSLError where its certificates are of no use."""

    def __init__(self, target: Target, *, patience: float, policy: AddressPolicy = ANYWHERE) -> None:
        self.name = target.endpoint
        self._target = target
        self._patience = patience  # seconds for one step
        self._policy = policy
        self._tls = tls_context(target.tls) if target.tls is not None else None

    async def locate(self) -> Endpoint:
        """The server to read and write at. Raises RawConnectionError."""
        target, address = self._target, self._target.hosts[0]
        if target.sentinels is not None:
            address = await self._master(target.sentinels)
        resolved = await self._resolve(*address)
        return Endpoint(*address, target.database, target.username, target.password, self._tls, resolved)

    async def _resolve(self, host: str, port: int) -> str:
        try:
            async with asyncio.timeout(self._patience):
                return await self._policy.resolve(host, port, self._target.namespace)
        except RefusedAddressError as error:
            raise RawConnectionError(f"{error}; check brokers.deniedAddresses of the chart") from error
        except (OSError, TimeoutError) as error:
            raise AddressUnknownError(f"the host name cannot be resolved ({type(error).__name__})") from error

    def client(self) -> Redis:
        """A client that gives up a command after `patience` seconds."""
        target = self._target
        return self._client(self.locate, target.database, target.username, target.password)

    def _client(
        self,
        locate: Callable[[], Awaitable[Endpoint]],
        database: int = 0,
        username: str | None = None,
        password: str | None = None,
    ) -> Redis:
        pool = ConnectionPool(
            connection_class=_Located,
            parser_class=_GuardedParser,
            locate=locate,
            tls=self._tls,
            db=database,
            username=username,
            password=password,
            socket_timeout=self._patience,
            socket_connect_timeout=self._patience,
            max_connections=_MOST_CONNECTIONS,
            client_name=CLIENT_NAME,
        )
        return Redis.from_pool(pool)

    async def _master(self, sentinels: Sentinels) -> tuple[str, int]:
        """What the first Sentinel that knows the master says."""
        trouble: RawConnectionError | None = None
        for host, port in self._target.hosts:
            try:
                resolved = await self._resolve(host, port)
                address = await self._ask(Endpoint(host, port, address=resolved), sentinels)
            except UnsafeReplyError:
                raise
            except (RedisError, OSError, RawConnectionError, ValueError) as error:
                trouble = RawConnectionError(f"Sentinel {host}:{port} does not answer")
                trouble.__cause__ = error
                continue
            if address is not None:
                return address
            trouble = RawConnectionError(f"Sentinel {host}:{port} has no master {sentinels.master_name!r}")
        assert trouble is not None
        raise trouble

    async def _ask(self, sentinel: Endpoint, sentinels: Sentinels) -> tuple[str, int] | None:
        """Not over a wire: a Sentinel does not know the command by which a wire finds the end of the replies."""

        async def there() -> Endpoint:
            return sentinel

        client = self._client(there, password=sentinels.password)
        try:
            found: Any = await client.sentinel_get_master_addr_by_name(sentinels.master_name)
        finally:
            await client.aclose()
        return _address(found) if found else None


def _address(found: Any) -> tuple[str, int]:
    """What a Sentinel says, which may be anything. Raises ValueError."""
    if not isinstance(found, tuple | list) or len(found) != _PARTS_OF_AN_ADDRESS:
        raise ValueError("not a valid address")
    host, port = (part.decode() if isinstance(part, bytes) else str(part) for part in found)
    if (
        not host.isprintable()
        or len(host) > _LONGEST_HOST
        or not (port.isdecimal() and len(port) <= _PORT_DIGITS)
    ):
        raise ValueError("not a valid address")
    return host, int(port)


class _GuardedParser(_AsyncHiredisParser):
    """redis-py's parser, which is fed no more than a server may answer to one request."""

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)
        self.guard = ReplyGuard()

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except (TypeError, ValueError) as error:  # such as a map with a list as a key
            raise UnsafeReplyError("a reply is not valid") from error

    async def read_from_socket(self) -> bool:
        stream, reader = self._stream, cast(Any, self._reader)
        data = await stream.read(self._read_size) if stream is not None else b""
        if not data:
            raise RedisConnectionError("the server closed the connection")
        self.guard.receive(len(data))
        self.guard.check(data)
        reader.feed(data)
        await asyncio.sleep(0)  # a read whose bytes are already there does not yield
        return True


class _Located(Connection):
    """A connection of redis-py that resolves its server each time."""

    def __init__(
        self, *, locate: Callable[[], Awaitable[Endpoint]], tls: ssl.SSLContext | None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._locate = locate
        self._tls = tls
        self._name = ""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """A request, or a whole pipeline of them: the answer to it is counted from its beginning."""
        cast(_GuardedParser, self._parser).guard = ReplyGuard()
        await super().send_packed_command(command, check_health)

    async def _connect(self) -> None:
        endpoint = await self._locate()
        self.host, self.port = endpoint.address or endpoint.host, endpoint.port
        self._name = endpoint.host
        await super()._connect()  # type: ignore[no-untyped-call] # of redis-py

    def _connection_arguments(self) -> Mapping[str, Any]:
        name = {"server_hostname": self._name} if self._tls is not None else {}
        return {**super()._connection_arguments(), "ssl": self._tls, **name}
