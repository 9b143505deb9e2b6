"""A reverse proxy before the real API server: counts what is asked, and can stand in the way.

It listens in plain HTTP on the loopback address and adds the credentials of the kubeconfig it was given, so
its own kubeconfig holds none. It runs in a thread of its own, so that ordinary tests drive it.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from tests.envtest.api_calls import ApiCall, parse
from tests.envtest.faults import Fault, Injection, Injections, status_object
from tests.envtest.watch_stream import pass_events
from tests.tools import kubeconfig

T = TypeVar("T")

# Of one connection only (RFC 9110, 7.6.1), or made anew for the next one.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"}
_FAREWELL_SECONDS = 0.2  # for the API server to answer the end of TLS connections, before the loop goes
_LONGEST_EVENT = 2**23  # bytes; aiohttp's default is shorter than a large object


class Witness:
    """Sees each request before and after the API server does, and says what becomes of it. Called by the proxy's thread."""

    def asked(self, call: ApiCall) -> bool:  # noqa: ARG002 - for those who look
        """Whether it is passed on."""
        return True

    def asks_for(self, call: ApiCall) -> dict[str, str]:  # noqa: ARG002
        """What is put into its query."""
        return {}

    def answered(self, call: ApiCall) -> bool:  # noqa: ARG002
        """Whether the answer, which has begun to arrive, is passed on."""
        return True


class Proxy:
    """Runs within `with`. `calls` grows by every request, in the order of their arrival."""

    def __init__(self, kubeconfig_path: Path, folder: Path) -> None:
        self.calls: list[ApiCall] = []
        self.witness = Witness()
        self.kubeconfig = folder / "kubeconfig-proxy"
        self._access = kubeconfig.load(kubeconfig_path)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        port = self._do(self._open())
        kubeconfig.write_plain(self.kubeconfig, f"http://127.0.0.1:{port}")
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def writes(self, since: int = 0) -> list[ApiCall]:
        """What was asked to change, the Lease aside; `since` is an earlier length of `calls`."""
        return [call for call in self.calls[since:] if call.is_write and not call.is_lease]

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[Injection]:
        injection = Injection(fault)
        self._loop.call_soon_threadsafe(self._injections.add, injection)
        try:
            yield injection
        finally:
            self._loop.call_soon_threadsafe(self._injections.remove, injection)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _open(self) -> int:
        self._injections = Injections()
        self._upstream = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._access.tls or True),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            read_bufsize=_LONGEST_EVENT,
        )
        server = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._upstream.close()
        await asyncio.sleep(_FAREWELL_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = parse(request.method, request.path, request.query)
        self.calls.append(call)
        body = await request.read()
        if not self.witness.asked(call):
            return _cut(request)
        status = await self._obstruct(call)
        if status is not None:
            return web.json_response(status_object(status), status=status)
        try:
            async with self._upstream.request(
                request.method,
                _with_query(self._access.server + request.raw_path, self.witness.asks_for(call)),
                data=body or None,
                headers=_passed_on(request.headers) | self._access.headers,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            ) as upstream:
                if not self.witness.answered(call):
                    return _cut(request)
                return await self._answer(request, call, upstream)
        except aiohttp.ClientConnectorError:
            return web.json_response(status_object(503), status=503)

    async def _obstruct(self, call: ApiCall) -> int | None:
        """Hold a request back for as long as faults say so; the status to answer with, if one says that."""
        while True:
            changed = self._injections.changed
            injection = self._injections.first(call, lambda fault: _hinders(fault, call))
            if injection is None:
                return None
            injection.hits += 1
            if injection.fault.status is not None:
                return injection.fault.status
            if injection.fault.delay:
                await asyncio.sleep(injection.fault.delay)
                return None
            await changed.wait()

    async def _answer(
        self, request: web.BaseRequest, call: ApiCall, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=_passed_on(upstream.headers))
        await response.prepare(request)
        try:
            if call.verb == "watch" and upstream.status == 200:
                await pass_events(call, self._injections, upstream.content, response)
            else:
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
        except (ConnectionResetError, aiohttp.ClientError):  # one side has gone: so has the other
            return _cut(request)
        with suppress(ConnectionResetError):
            await response.write_eof()
        return response


def _with_query(url: str, more: dict[str, str]) -> URL:
    plain = URL(url, encoded=True)
    return plain.update_query(more) if more else plain


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection without an answer; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _hinders(fault: Fault, call: ApiCall) -> bool:
    """Whether a request is not passed on at once. A watch is accepted even in silence; see pass_events."""
    return fault.status is not None or fault.delay > 0 or (fault.silence and call.verb != "watch")


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
