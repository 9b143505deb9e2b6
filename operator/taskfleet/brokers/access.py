"""The way to a broker's master, by its address or through Sentinels; asked for anew at every connection."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from taskfleet.brokers.target import Sentinels, Target
from taskfleet.brokers.tls import tls_context
from taskfleet.brokers.wire import Endpoint, WireError

CLIENT_NAME = "taskfleet-operator"
_MOST_CONNECTIONS = 4


class Access:
    """To one target. Raises ssl.SSLError where its certificates are of no use."""

    def __init__(self, target: Target, *, patience: float) -> None:
        self.name = target.endpoint
        self._target = target
        self._patience = patience  # seconds for one step
        self._tls = tls_context(target.tls) if target.tls is not None else None

    async def locate(self) -> Endpoint:
        """The server to read and write at. Raises WireError."""
        target, address = self._target, self._target.hosts[0]
        if target.sentinels is not None:
            address = await self._master(target.sentinels)
        return Endpoint(*address, target.database, target.username, target.password, self._tls)

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
        trouble: WireError | None = None
        for host, port in self._target.hosts:
            try:
                address = await self._ask(Endpoint(host, port), sentinels)
            except (RedisError, OSError) as error:
                trouble = WireError(f"no answer of the Sentinel {host}:{port} ({type(error).__name__})")
                trouble.__cause__ = error
                continue
            if address is not None:
                return address
            trouble = WireError(f"the Sentinel {host}:{port} knows no master {sentinels.master_name!r}")
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
        return (_text(found[0]), int(found[1])) if found else None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


class _Located(Connection):
    """A connection of redis-py that looks for its server each time."""

    def __init__(
        self, *, locate: Callable[[], Awaitable[Endpoint]], tls: ssl.SSLContext | None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._locate = locate
        self._tls = tls

    async def _connect(self) -> None:
        endpoint = await self._locate()
        self.host, self.port = endpoint.host, endpoint.port
        await super()._connect()  # type: ignore[no-untyped-call] # of redis-py

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._tls}
