"""The way to a broker's master, by its address or through Sentinels; asked for anew at every connection."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection

from taskfleet.brokers.target import Sentinels, Target
from taskfleet.brokers.tls import tls_context
from taskfleet.brokers.wire import Endpoint, Question, Wire, WireError

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
        pool: ConnectionPool[Any] = ConnectionPool(
            connection_class=_Located,
            locate=self.locate,
            tls=self._tls,
            db=target.database,
            username=target.username,
            password=target.password,
            socket_timeout=self._patience,
            socket_connect_timeout=self._patience,
            max_connections=_MOST_CONNECTIONS,
            client_name=CLIENT_NAME,
        )
        return Redis.from_pool(pool)

    async def _master(self, sentinels: Sentinels) -> tuple[str, int]:
        """What the first Sentinel that knows the master says."""
        silent: WireError | None = None
        for host, port in self._target.hosts:
            asked = Endpoint(host, port, None, None, sentinels.password, self._tls)
            try:
                address = await self._ask(asked, sentinels.master_name)
            except WireError as error:
                silent = error
                continue
            if address is not None:
                return address
            silent = silent or WireError(f"the Sentinels know no master {sentinels.master_name!r}")
        assert silent is not None
        raise silent

    async def _ask(self, sentinel: Endpoint, master: str) -> tuple[str, int] | None:
        wire = await Wire.connect(sentinel, patience=self._patience)
        try:
            replies = await wire.ask(Question.of([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)]))
        finally:
            await wire.aclose()
        match replies:
            case [[bytes() as host, bytes() as port]]:
                return host.decode(errors="replace"), int(port)
        return None


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
        await super()._connect()

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._tls}
