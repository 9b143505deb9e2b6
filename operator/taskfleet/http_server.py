"""/healthz, /readyz and /metrics of the operator. It runs on the operator's own loop, so a hung loop answers nothing."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest

from taskfleet.metrics import REGISTRY


async def serve(
    port: int, *, unhealthy: Callable[[], str | None], unready: Callable[[], str | None]
) -> web.AppRunner:
    """Serve until the returned runner is cleaned up. `unhealthy` and `unready` say why not, or None."""

    def verdict(problem: str | None) -> web.Response:
        return web.Response(text=(problem or "ok") + "\n", status=200 if problem is None else 503)

    async def healthz(_: web.Request) -> web.Response:
        return verdict(unhealthy())

    async def readyz(_: web.Request) -> web.Response:
        return verdict(unhealthy() or unready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
