"""The operator's HTTP port. It is served by the operator's own loop, so a hung loop answers nothing.

/healthz, /readyz and /metrics are for everyone; questions about a pool are for whom the API server lets read or write it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping

from aiohttp import web
from prometheus_client import generate_latest

from taskfleet.api import Key, Object
from taskfleet.api.questions import TOKEN_HEADER
from taskfleet.controllers.questions import RefusedError
from taskfleet.metrics import REGISTRY

Answer = Callable[[Key, str, Mapping[str, str]], Awaitable[Object]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(
    port: int,
    *,
    unhealthy: Callable[[], str | None],
    unready: Callable[[], str | None],
    slow: Callable[[], str | None] = lambda: None,
    answers: Mapping[str, Answer],
    more_metrics: Callable[[], Iterator[bytes]] = lambda: iter(()),
) -> web.AppRunner:
    """Serve until the returned runner is cleaned up.

    `unhealthy` and `unready` say why not, or None. `slow` names what has held up the loop lately. `answers` are the
    questions about a pool, by path: each is given the pool, the token that was shown and all parameters. `more_metrics`
    gives parts of the text of metrics that are in no registry.
    """

    def verdict(problem: str | None) -> web.Response:
        lines = [problem or "ok", *filter(None, [slow()])]
        return web.Response(text="\n".join(lines) + "\n", status=200 if problem is None else 503)

    async def healthz(_: web.Request) -> web.Response:
        return verdict(unhealthy())

    async def readyz(_: web.Request) -> web.Response:
        return verdict(unhealthy() or unready())

    app = web.Application()
    routes: dict[str, Handler] = {"/healthz": healthz, "/readyz": readyz, "/metrics": _metrics(more_metrics)}
    routes |= {path: _question(answer) for path, answer in answers.items()}
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


def _metrics(more: Callable[[], Iterator[bytes]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        # Thousands of pools take it a while, and nothing may hold up the loop; nor is all of it in memory at once.
        response = web.StreamResponse()
        response.content_type, response.charset = "text/plain", "utf-8"
        told = await asyncio.to_thread(generate_latest, REGISTRY)
        await response.prepare(request)
        parts = more()
        while told:
            await response.write(told)
            told = await asyncio.to_thread(next, parts, b"")
        await response.write_eof()
        return response

    return handler


def _question(answer: Answer) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        pool = Key("WorkerPool", request.query.get("namespace", ""), request.query.get("pool", ""))
        try:
            token = request.headers.get(TOKEN_HEADER, "")
            return web.json_response(await answer(pool, token, request.query))
        except RefusedError as refusal:
            return web.json_response({"message": str(refusal)}, status=refusal.status)

    return handler
