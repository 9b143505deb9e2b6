"""A proxy before Redis that changes what is announced."""

import asyncio
import contextlib
from collections.abc import Callable

Filter = Callable[[bytes], bytes]


class Between:
    """A proxy that passes what the server sends on the connection for announcements through `altered`."""

    def __init__(self, port: int) -> None:
        self.altered: Filter = lambda data: data
        self.writers: list[asyncio.StreamWriter] = []  # of those connections, to the client
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Between":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._forward(reader, writer)))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._port)
        chosen = False

        async def there() -> None:
            nonlocal chosen
            while data := await reader.read(65536):
                if b"HELLO" in data:
                    chosen = True
                    self.writers.append(writer)
                other_writer.write(data)
            other_writer.write_eof()

        async def back() -> None:
            while data := await other_reader.read(65536):
                writer.write(self.altered(data) if chosen else data)

        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(there(), back())
        finally:
            writer.close()
            other_writer.close()


def without_announcements(data: bytes) -> bytes:
    return b"" if data.startswith(b">") else data
