"""An API server of a fleet that is only shown, on a Unix socket as `kubectl proxy` has it: lists, watches, reviews, merge
patches. It answers the requests of operators as well as it takes to show an act's end."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from taskfleet.api import Object
from taskfleet.api.questions import TOKEN_HEADER
from taskfleet.kube.resource_types import OWN_TYPES

_PLURALS = {**{resource.plural: kind for kind, resource in OWN_TYPES.items()}, "events": "Event"}
Place = tuple[str, str, str]
_STOP = "stop"
_PAGE = 2  # failed tasks of an answer


@dataclass
class FleetServer:
    """`allowed` decides on reviews; `denied` are plurals whose lists are refused; `patches` are those that came.

    `histories` and `failures` are what the operator tells, by namespace and pool, whoever has one of `tokens`."""

    allowed: Callable[[Object], bool] = lambda _: True
    denied: frozenset[str] = frozenset()
    patches: list[tuple[str, Object]] = field(default_factory=list)
    tokens: frozenset[str] = frozenset()
    histories: dict[tuple[str, str], Object] = field(default_factory=dict)
    failures: dict[tuple[str, str], list[Object]] = field(default_factory=dict)
    reviews: list[Object] = field(default_factory=list)
    objects: dict[Place, Object] = field(default_factory=dict)
    _watchers: list[tuple[str, str, asyncio.Queue[Object | str]]] = field(default_factory=list)
    _version: int = 100

    def put(self, *objects: Object) -> None:
        for obj in objects:
            self._version += 1
            metadata = {
                "uid": f"uid-{self._version}",
                **obj["metadata"],
                "resourceVersion": str(self._version),
            }
            stored = {**obj, "metadata": metadata}
            place = _place(stored)
            kind = "MODIFIED" if place in self.objects else "ADDED"
            self.objects[place] = stored
            self._tell(kind, stored)

    def drop(self, kind: str, namespace: str, name: str) -> None:
        self._tell("DELETED", self.objects.pop((kind, namespace, name)))

    def end_watches(self, *, gone: bool = False) -> None:
        """As the API server does every few minutes; `gone`: the versions that they know are too old."""
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        for _, _, queue in self._watchers:
            if gone:
                queue.put_nowait({"type": "ERROR", "object": status})
            queue.put_nowait(_STOP)

    @property
    def watches(self) -> int:
        return len(self._watchers)

    def _tell(self, kind: str, obj: Object) -> None:
        for plural, namespace, queue in self._watchers:
            if _PLURALS[plural] == obj["kind"] and namespace in ("", obj["metadata"]["namespace"]):
                queue.put_nowait({"type": kind, "object": copy.deepcopy(obj)})

    def selected(self, plural: str, namespace: str) -> Iterable[Object]:
        for (kind, place, _), obj in self.objects.items():
            if kind == _PLURALS[plural] and namespace in ("", place):
                yield obj

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/selfsubjectaccessreviews"):
            attributes = (await request.json())["spec"]["resourceAttributes"]
            self.reviews.append(attributes)
            return web.json_response({"status": {"allowed": self.allowed(attributes)}}, status=201)
        if request.path.endswith(("/proxy/history", "/proxy/failed", "/token", "/selfsubjectreviews")):
            return self._told(request)
        plural, namespace, name = _parsed(request.path)
        if plural in self.denied:
            message = f"{plural} is forbidden: User cannot list them"
            return _refusal(403, "Forbidden", message)
        if request.method == "PATCH":
            return await self._patch(request, plural, namespace, name)
        if request.query.get("watch") == "true":
            return await self._watch(request, plural, namespace)
        items = list(self.selected(plural, namespace))
        return web.json_response({"metadata": {"resourceVersion": str(self._version)}, "items": items})

    def _told(self, request: web.Request) -> web.Response:
        """Who asks; tokens, which are made for the operator's own account; what the operator answers to those it knows."""
        if request.path.endswith("/selfsubjectreviews"):
            return web.json_response({"status": {"userInfo": {"username": "ann"}}}, status=201)
        if request.path.endswith("/token"):
            return web.json_response({"status": {"token": f"of-{request.path.split('/')[-2]}"}}, status=201)
        pool = request.query["namespace"], request.query["pool"]
        if request.headers.get(TOKEN_HEADER) not in self.tokens or pool not in self.histories:
            return web.json_response({"message": "You cannot get this WorkerPool."}, status=403)
        if request.path.endswith("/failed"):
            at = int(request.query.get("before", "0"))
            tasks = self.failures.get(pool, [])
            more = at + _PAGE if len(tasks) > at + _PAGE else None
            return web.json_response({"tasks": tasks[at : at + _PAGE], "next": more})
        return web.json_response(self.histories[pool])

    async def _patch(self, request: web.Request, plural: str, namespace: str, name: str) -> web.Response:
        patch = await request.json()
        self.patches.append((request.path, patch))
        place = (_PLURALS[plural], namespace, name)
        if place not in self.objects:
            return _refusal(404, "NotFound", f'{plural} "{name}" not found')
        if not self.allowed({"verb": "patch", "resource": plural, "namespace": namespace, "name": name}):
            return _refusal(403, "Forbidden", f'User cannot patch resource "{plural}"')
        self.put(_merged(self.objects[place], patch))
        return web.json_response(self.objects[place])

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        queue: asyncio.Queue[Object | str] = asyncio.Queue()
        since = int(request.query["resourceVersion"])
        for obj in self.selected(plural, namespace):
            if int(obj["metadata"]["resourceVersion"]) > since:
                queue.put_nowait({"type": "MODIFIED", "object": copy.deepcopy(obj)})
        watcher = (plural, namespace, queue)
        self._watchers.append(watcher)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
            while isinstance(event := await queue.get(), dict):
                await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watchers.remove(watcher)
        return response


@asynccontextmanager
async def serving(fleet: FleetServer, socket: Path) -> AsyncIterator[Path]:
    """Until the end of the block, on this socket."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fleet.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield socket
    finally:
        fleet.end_watches()
        await runner.cleanup()


def _parsed(path: str) -> tuple[str, str, str]:
    """Plural, namespace, name; empty where the path has none."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    return parts[0], namespace, parts[1] if len(parts) > 1 else ""


def _place(obj: Object) -> Place:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


def _refusal(status: int, reason: str, message: str) -> web.Response:
    answer = {"kind": "Status", "code": status, "reason": reason, "message": message}
    return web.json_response(answer, status=status)


def _merged(live: Object, patch: Object) -> Object:
    result = dict(live)
    for name, value in patch.items():
        result[name] = _merged(live.get(name) or {}, value) if isinstance(value, dict) else value
    return result
