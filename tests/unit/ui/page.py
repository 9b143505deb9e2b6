"""The page's server before a fleet in memory, and a client of it as its own page is one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from taskfleet.api import Key, Object
from taskfleet.ui.api_server import connected
from taskfleet.ui.guards import KEY_HEADER, Session
from taskfleet.ui.operator_queries import OperatorQueries
from taskfleet.ui.server import Page, serving
from tests.tools import fleet_server
from tests.tools.fleet_server import FleetServer

SECONDS = 10.0
LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")


@dataclass
class Browser:
    """Sends what the page's own scripts send; `headers` win over that, and None leaves one out."""

    port: int
    session: Session
    http: aiohttp.ClientSession

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def own_headers(self) -> dict[str, str]:
        return {
            "Origin": self.origin,
            "Cookie": f"taskfleet-{self.port}={self.session.cookie}",
            KEY_HEADER: self.session.key,
        }

    async def ask(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str | None] | None = None
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        merged = {**self.own_headers, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        url = URL(self.origin + path, encoded=True)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.request(method, url, headers=sent, data=data, allow_redirects=False) as response:
            return response.status, await response.text(), response

    async def act(self, kind: str, name: str, act: str, **arguments: Any) -> tuple[int, Object]:
        body = {"kind": kind, "namespace": "shop", "name": name, "act": act, "arguments": arguments}
        status, text, _ = await self.ask("POST", "/api/act", body=body)
        return status, json.loads(text)

    @asynccontextmanager
    async def lines(self, path: str = "/api/live") -> AsyncIterator[AsyncIterator[Object]]:
        """The stream's lines but its heartbeats."""
        async with self.http.get(self.origin + path, headers=self.own_headers) as response:
            assert response.status == 200
            yield self._lines(response)

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncIterator[Object]:
        async for line in response.content:
            if "now" not in (value := json.loads(line)):
                yield value


@asynccontextmanager
async def opened(
    folder: Path, fleet: FleetServer, *, namespace: str = "shop", token: str | None = "of-ann"
) -> AsyncIterator[Browser]:
    session = Session()
    jar = aiohttp.DummyCookieJar()
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with (
        fleet_server.serving(fleet, folder / "kubectl") as socket,
        connected(socket) as server,
        serving(
            Page(server, OperatorQueries(server, LEASE, token), session, namespace, whole=True), port=0
        ) as port,
        aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, read_bufsize=2**22) as http,
    ):
        yield Browser(port, session, http)
