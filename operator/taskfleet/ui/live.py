"""All that a page shows, as lines of JSON: each kind's list once, then its changes as watches tell them.

One connection for all kinds, because a browser opens no more than six to a server, for all tabs together.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from taskfleet.api import GROUP, VERSION, Object
from taskfleet.api.base import rfc3339
from taskfleet.kube.errors import ApiError
from taskfleet.kube.resource_types import RESOURCE_TYPES
from taskfleet.ui.api_server import ApiServer
from taskfleet.ui.shapes import SHOWN, event, shape

Send = Callable[[Object], Awaitable[None]]
MAX_EVENTS = 2000
_HEARTBEAT_SECONDS = 10.0
_RETRY_SECONDS = 2.0
_MAX_RETRY_SECONDS = 30.0
# A watch that ends at once is not asked for again at once.
_BETWEEN_SECONDS = 0.2
_WATCH_SECONDS = 600
# A page that does not read its lines stops the watches; the API server then ends them.
_UNREAD_LINES = 256


async def live(server: ApiServer, namespace: str | None, send: Send) -> None:
    """Endless, until `send` raises: then an ExceptionGroup of that.

    `sync` has all objects of a kind, `put` and `drop` one, `error` says why a kind is not there.
    """
    lines: asyncio.Queue[Object] = asyncio.Queue(_UNREAD_LINES)
    async with asyncio.TaskGroup() as tasks:
        for kind in (*SHOWN, "Event"):
            tasks.create_task(_follow(server, kind, namespace, lines.put))
        tasks.create_task(_heartbeat(lines.put))
        while True:
            await send(await lines.get())


async def _follow(server: ApiServer, kind: str, namespace: str | None, send: Send) -> None:
    """A list, and watches from there on; again from the list where one fails."""
    path = RESOURCE_TYPES[kind].path(namespace)
    query = {"fieldSelector": f"involvedObject.apiVersion={GROUP}/{VERSION}"} if kind == "Event" else {}
    shaped = event if kind == "Event" else partial(shape, kind)
    wait = _RETRY_SECONDS
    while True:
        try:
            answer = await server.get(path, query)
            items = [shaped(raw) for raw in answer.get("items") or ()]
            await send({"sync": kind, "items": _newest(items) if kind == "Event" else items})
            wait = _RETRY_SECONDS
            version = str(answer["metadata"]["resourceVersion"])
            while True:
                version = await _changes(server, path, {**query, "resourceVersion": version}, shaped, send)
                await asyncio.sleep(_BETWEEN_SECONDS)
        except ApiError as error:
            # 410: only the watch is too old, and nothing is wrong.
            if error.status != 410:
                await send({"error": kind, "status": error.status, "message": error.message})
        except (KeyError, TypeError, AttributeError):
            await send(
                {"error": kind, "status": 0, "message": "The API server's answer has no such objects."}
            )
        await asyncio.sleep(wait)
        wait = min(2 * wait, _MAX_RETRY_SECONDS)


async def _changes(
    server: ApiServer, path: str, query: dict[str, str], shaped: Callable[[Object], Object], send: Send
) -> str:
    """One watch until the API server ends it; the version to go on from. Raises ApiError."""
    version = query["resourceVersion"]
    query = {**query, "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)}
    async for change in server.watch(path, query):
        about: Object = change["object"]
        if change["type"] == "ERROR":
            raise ApiError(int(about.get("code", 0)), str(about.get("reason")), str(about.get("message")))
        version = str(about["metadata"]["resourceVersion"])
        if change["type"] == "DELETED":
            one = shaped(about)
            await send({"drop": {name: one[name] for name in ("kind", "namespace", "name")}})
        elif change["type"] != "BOOKMARK":
            await send({"put": shaped(about)})
    return version


def _newest(events: list[Object]) -> list[Object]:
    return sorted(events, key=lambda one: str(one["last"]))[-MAX_EVENTS:]


async def _heartbeat(send: Send) -> None:
    """Tells the page that the connection lives, and this server that the page does."""
    while True:
        await send({"now": rfc3339(datetime.now(UTC))})
        await asyncio.sleep(_HEARTBEAT_SECONDS)
