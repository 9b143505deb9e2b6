"""The page's HTTP server: its files, one stream of all objects, questions about rights, and acts."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from taskfleet import __version__
from taskfleet.api import GROUP, Key, Object
from taskfleet.commands.tokens import signed_by
from taskfleet.kube.errors import ApiError
from taskfleet.kube.resource_types import OWN_TYPES
from taskfleet.ui import guards
from taskfleet.ui.acts import InvalidActError, change
from taskfleet.ui.api_server import ApiServer
from taskfleet.ui.assets import Asset, assets
from taskfleet.ui.live import live
from taskfleet.ui.operator_queries import OperatorQueries

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MAX_BODY = 256 * 2**10
_MANAGER = "kubectl-taskfleet-ui"
# Addresses of the page itself: what it shows there it reads from the address.
_FOLDERS = ("pools", "queues", "schedules", "brokers")
_LISTS = ("/", "/queues", "/schedules", "/brokers", "/events")
_PAGES = (*_LISTS, *(f"/{folder}/{{namespace}}/{{name}}" for folder in _FOLDERS))


@dataclass(frozen=True)
class Page:
    """What the handlers need. `namespace` is the kubeconfig's; `whole`: the page starts with all namespaces."""

    server: ApiServer
    operator: OperatorQueries
    session: guards.Session
    namespace: str
    whole: bool


@asynccontextmanager
async def serving(page: Page, *, port: int) -> AsyncIterator[int]:
    """The port that it listens on, of 127.0.0.1 only; with `port` 0 a free one. Raises OSError."""
    bound: list[int] = []
    app = web.Application(middlewares=[_guarding(page.session, bound)], client_max_size=_MAX_BODY)
    app.add_routes(_routes(page))
    app.on_response_prepare.append(_add_headers)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        bound.append(runner.addresses[0][1])
        yield bound[0]
    finally:
        await runner.cleanup()


def _routes(page: Page) -> list[web.RouteDef]:
    found = assets()
    files = {f"/{name}": asset for name, asset in found.items() if name != "index.html"}
    files |= dict.fromkeys(_PAGES, found["index.html"])
    return [
        *(web.get(path, _file(asset)) for path, asset in files.items()),
        web.post("/api/session", _open(page)),
        web.get("/api/live", _live(page)),
        web.get("/api/history", _about_pool(page.operator.history)),
        web.get("/api/failed", _about_pool(page.operator.failed)),
        web.post("/api/access", _access(page)),
        web.post("/api/act", _act(page)),
    ]


def _guarding(session: guards.Session, bound: list[int]) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        data = request.path.startswith("/api/")
        if why := guards.foreign(request.method, request.headers, port=bound[0], data=data):
            return _refused(403, why)
        cookie, key = request.cookies.get(_cookie(request)), request.headers.get(guards.KEY_HEADER)
        if data and request.path != "/api/session" and not session.admits(cookie, key):
            return _refused(401, "This browser has no session: open the link that the command printed.")
        try:
            return await handler(request)
        except ApiError as error:
            return _refused(error.status or 502, error.message)
        except InvalidActError as error:
            return _refused(400, str(error))

    return guard


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(guards.HEADERS)
    response.headers.pop("Server", None)


def _file(asset: Asset) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {"Content-Type": asset.content_type, "Vary": "Accept-Encoding"}
        headers |= {"Content-Encoding": "gzip"} if packed else {}
        return web.Response(body=asset.packed if packed else asset.plain, headers=headers)

    return handler


def _open(page: Page) -> Handler:
    """The token of the link for a cookie, which no script can read, and a key, which no other origin can."""

    async def handler(request: web.Request) -> web.Response:
        if not page.session.open((await _body(request)).get("token")):
            return _refused(401, "This link was used before: start the command again for a new one.")
        response = web.json_response({"key": page.session.key})
        response.set_cookie(
            _cookie(request), page.session.cookie, path="/api", httponly=True, samesite="Strict"
        )
        return response

    return handler


def _live(page: Page) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        namespace = request.query.get("namespace", "" if page.whole else page.namespace)
        _path("WorkerPool", namespace or None)  # a name that is none is refused before the answer begins
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)

        async def send(value: Object) -> None:
            await response.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")

        try:
            await send({"scope": namespace, "namespace": page.namespace, "version": __version__})
            await live(page.server, namespace or None, send)
        except* ConnectionError:
            pass  # the page was closed
        return response

    return handler


def _about_pool(tell: Callable[[Key], Awaitable[Object]]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        pool = Key("WorkerPool", request.query.get("namespace", ""), request.query.get("name", ""))
        _path(*pool)
        return web.json_response(await tell(pool))

    return handler


def _access(page: Page) -> Handler:
    """Whether the user may patch, which all acts do. Without a name: any object of the namespace."""

    async def handler(request: web.Request) -> web.Response:
        asked = await _body(request)
        kind, namespace = _text(asked, "kind"), _text(asked, "namespace")
        _path(kind, namespace)
        attributes = {
            "group": GROUP,
            "resource": OWN_TYPES[kind].plural,
            "namespace": namespace,
            "verb": "patch",
        }
        if asked.get("name") is not None:
            attributes["name"] = _text(asked, "name")
        return web.json_response({"allowed": await page.server.allows(attributes)})

    return handler


def _act(page: Page) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        asked = await _body(request)
        kind, arguments = _text(asked, "kind"), asked.get("arguments", {})
        if not isinstance(arguments, dict):
            raise InvalidActError("arguments must be an object.")
        wanted = change(kind, _text(asked, "act"), arguments)
        path = _path(kind, _text(asked, "namespace"), _text(asked, "name"))
        patch = wanted.patch
        if wanted.signed:
            patch = signed_by(await page.server.username(), patch)
        await page.server.patch(path, patch, manager=_MANAGER)
        request_ = wanted.request
        told = {} if request_ is None else {"token": request_.token, "answer": request_.answer}
        return web.json_response(told)

    return handler


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    """Raises InvalidActError and InvalidNameError."""
    if kind not in OWN_TYPES:
        raise InvalidActError(f"{kind!r} is none of {', '.join(OWN_TYPES)}.")
    return OWN_TYPES[kind].path(namespace, name)


async def _body(request: web.Request) -> Mapping[str, object]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise InvalidActError("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise InvalidActError("The body must be an object.")
    return body


def _text(asked: Mapping[str, object], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise InvalidActError(f"{name} must be a text.")
    return value


def _cookie(request: web.Request) -> str:
    """All ports of a host share cookies, and two pages may be open: each has its own name."""
    return f"taskfleet-{request.host.rpartition(':')[2]}"


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
