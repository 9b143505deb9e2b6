"""The Gateway over HTTP, before an API server in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from taskfleet.api import Key, Object
from taskfleet.kube import gateway as module
from taskfleet.kube.errors import ApiError, ConflictError, DeniedError, InvalidError, LeaseLostError
from taskfleet.kube.field_managers import SCALE_MANAGER
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import RESOURCE_TYPES
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def gateway_to(handler: Handler, *, may_write: bool = True) -> AsyncIterator[Gateway]:
    async with listening(handler) as url:
        api = client.ApiClient(configuration=client.Configuration(host=url))
        try:
            yield Gateway(api, may_write=lambda: may_write)
        finally:
            await api.close()


def serving(server: ApiServer) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        body = json.loads(await request.text() or "null")
        status, answer = server.answer(request.method, str(request.rel_url), request.headers, body)
        return web.json_response(answer, status=status)

    return handle


def answering(status: int, text: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return handle


def built(**spec: Any) -> Object:
    """A pool as a builder makes it, which knows no uid and no version."""
    return {**pool(**spec), "metadata": {"name": "mail", "namespace": NAMESPACE}}


async def test_object_is_read_by_name_and_none_is_no_error() -> None:
    server = ApiServer()
    server.put(pool())
    async with gateway_to(serving(server)) as gateway:
        found = await gateway.get(MAIL)
        assert found is not None
        assert found["spec"]["app"] == "proj"
        assert await gateway.get(MAIL._replace(name="other")) is None


async def test_apply_takes_back_what_it_names_and_drops_what_it_names_no_more() -> None:
    server = ApiServer()
    async with gateway_to(serving(server)) as gateway:
        await gateway.apply(built(image="a", python="x"))
        server.put({**server.objects[MAIL], "spec": {**server.objects[MAIL]["spec"], "image": "foreign"}})
        applied = await gateway.apply(built(image="a"))
        assert applied["spec"] == pool(image="a")["spec"]


async def test_apply_names_its_manager_and_takes_fields_by_force() -> None:
    urls: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        urls.append(request)
        return web.json_response({})

    async with gateway_to(handle) as gateway:
        await gateway.apply(pool(), manager=SCALE_MANAGER, dry_run=True)
    assert urls[0].headers["Content-Type"] == "application/apply-patch+yaml; charset=utf-8"
    assert dict(urls[0].query) == {
        "fieldManager": "taskfleet-scale",
        "force": "true",
        "fieldValidation": "Strict",
        "dryRun": "All",
    }


async def test_apply_to_another_object_of_the_name_is_a_conflict() -> None:
    server = ApiServer()
    live = server.put(pool())
    server.drop(MAIL)
    server.put(pool())
    async with gateway_to(serving(server)) as gateway:
        with pytest.raises(ConflictError):
            await gateway.apply(live)


async def test_status_is_merged_and_nothing_else_touched() -> None:
    server = ApiServer()
    server.put(pool(status={"waiting": 1, "replicas": 2}))
    async with gateway_to(serving(server)) as gateway:
        live = await gateway.patch_status(MAIL, {"waiting": None, "inFlight": 3})
    assert live["status"] == {"replicas": 2, "inFlight": 3}
    assert live["metadata"]["generation"] == 1


async def test_delete_spares_a_successor_and_forgives_that_it_is_gone() -> None:
    server = ApiServer()
    first = server.put(pool())
    server.drop(MAIL)
    server.put(pool())
    async with gateway_to(serving(server)) as gateway:
        with pytest.raises(ConflictError):
            await gateway.delete(MAIL, uid=first["metadata"]["uid"])
        await gateway.delete(MAIL, uid=server.objects[MAIL]["metadata"]["uid"])
        await gateway.delete(MAIL, uid="whatever")
    assert MAIL not in server.objects


@pytest.mark.parametrize("count", [pytest.param(0, id="none"), pytest.param(1203, id="three-pages")])
async def test_list_of_metadata_is_complete(count: int) -> None:
    server = ApiServer()
    for number in range(count):
        server.put(pod(f"pod-{number}", labels={"managed": "yes"}))
    server.put(pod("other", labels={}))
    async with gateway_to(serving(server)) as gateway:
        listed = [item async for item in gateway.list_metadata("Pod", None, selector="managed=yes")]
    assert len(listed) == count
    assert all(item["kind"] == "Pod" and "status" not in item for item in listed)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda gateway: gateway.apply(pool()), id="apply"),
        pytest.param(lambda gateway: gateway.create(pool()), id="create"),
        pytest.param(lambda gateway: gateway.patch(MAIL, {}), id="patch"),
        pytest.param(lambda gateway: gateway.patch_status(MAIL, {}), id="status"),
        pytest.param(lambda gateway: gateway.delete(MAIL, uid="u"), id="delete"),
    ],
)
async def test_who_does_not_lead_reads_and_writes_nothing(
    write: Callable[[Gateway], Awaitable[object]],
) -> None:
    server = ApiServer()
    server.put(pool())
    async with gateway_to(serving(server), may_write=False) as gateway:
        assert await gateway.get(MAIL) is not None
        with pytest.raises(LeaseLostError):
            await write(gateway)
    assert server.writes == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(409, ConflictError, id="conflict"),
        pytest.param(400, InvalidError, id="not-understood"),
        pytest.param(422, InvalidError, id="not-valid"),
        pytest.param(403, DeniedError, id="forbidden"),
        pytest.param(500, ApiError, id="broken"),
    ],
)
async def test_refusal_is_told_in_the_servers_words(status: int, kind: type[ApiError]) -> None:
    text = json.dumps({"reason": "Because", "message": "spec.app: too long"})
    async with gateway_to(answering(status, text)) as gateway:
        with pytest.raises(ApiError) as refusal:
            await gateway.apply(pool())
    assert type(refusal.value) is kind
    assert (refusal.value.status, refusal.value.reason) == (status, "Because")
    assert refusal.value.message == "spec.app: too long"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<html>Bad gateway</html>", id="html"),
        pytest.param('"Bad gateway"', id="json-but-no-object"),
        pytest.param("", id="nothing"),
    ],
)
async def test_refusal_that_is_not_the_api_servers_is_told_too(text: str) -> None:
    async with gateway_to(answering(502, text)) as gateway:
        with pytest.raises(ApiError) as refusal:
            await gateway.get(MAIL)
    assert (refusal.value.status, refusal.value.reason) == (502, "Unknown")
    assert refusal.value.message == text


async def test_api_server_that_is_away_is_an_error_of_its_own() -> None:
    async with listening(answering(200, "{}")) as url:
        pass
    api = client.ApiClient(configuration=client.Configuration(host=url))
    with pytest.raises(ApiError) as refusal:
        await Gateway(api, may_write=lambda: True).get(MAIL)
    await api.close()
    assert (refusal.value.status, refusal.value.reason) == (0, "Unreachable")


@pytest.mark.parametrize(
    "at", [pytest.param("head", id="before-it-answers"), pytest.param("body", id="within")]
)
async def test_write_that_hangs_is_given_up(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.05)
    over = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        if at == "body":
            await answer.prepare(request)
            await answer.write(b"{")
        await over.wait()
        return answer

    async with gateway_to(handle) as gateway:
        try:
            with pytest.raises(ApiError, match="does not answer"):
                await asyncio.wait_for(gateway.apply(pool()), 5)
        finally:
            over.set()


@pytest.mark.parametrize(
    ("status", "served"), [pytest.param(200, True, id="it-is"), pytest.param(404, False, id="it-is-not")]
)
async def test_kind_that_the_server_does_not_know_is_told(status: int, served: bool) -> None:
    async with gateway_to(answering(status, '{"items": [], "metadata": {}}')) as gateway:
        assert await gateway.is_served("WorkerPool", None) is served


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        pytest.param("Pod", ("shop", "a"), "/api/v1/namespaces/shop/pods/a", id="core-group"),
        pytest.param(
            "Deployment", ("shop", None), "/apis/apps/v1/namespaces/shop/deployments", id="a-namespace"
        ),
        pytest.param(
            "WorkerPool", (None, None), "/apis/taskfleet.dev/v1alpha1/workerpools", id="the-cluster"
        ),
        pytest.param(
            "WorkerPool",
            ("shop", "a", "status"),
            "/apis/taskfleet.dev/v1alpha1/namespaces/shop/workerpools/a/status",
            id="subresource",
        ),
        pytest.param("Namespace", (None, "shop"), "/api/v1/namespaces/shop", id="cluster-scoped"),
    ],
)
def test_path(kind: str, arguments: Any, expected: str) -> None:
    assert RESOURCE_TYPES[kind].path(*arguments) == expected
