"""`kubectl taskfleet ui` as a process, with a real kubectl, before a fleet in memory."""

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from taskfleet.commands.flags import ClusterFlags
from taskfleet.ui.kubectl_proxy import KubectlError, context_of, kubectl_proxy
from tests.tools.fleet_server import FleetServer
from tests.unit.objects import pool

SECONDS = 30.0


@asynccontextmanager
async def cluster(fleet: FleetServer, folder: Path) -> AsyncIterator[Path]:
    """A kubeconfig for the fleet on a port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fleet.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server = f"http://127.0.0.1:{runner.addresses[0][1]}"
        context = {"cluster": "one", "user": "ann", "namespace": "billing"}
        kubeconfig = {
            **{"apiVersion": "v1", "kind": "Config", "current-context": "one"},
            "clusters": [{"name": "one", "cluster": {"server": server}}],
            "users": [{"name": "ann", "user": {"token": "of-ann"}}],
            "contexts": [{"name": "one", "context": context}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(kubeconfig))
        yield path
    finally:
        await runner.cleanup()


@asynccontextmanager
async def started(*arguments: str, environment: Mapping[str, str] = os.environ) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "taskfleet", "ui", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), SECONDS)


needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl on the PATH")


@needs_kubectl
async def test_the_printed_link_shows_what_the_kubeconfig_may_read(tmp_path: Path) -> None:
    fleet = FleetServer()
    fleet.put(pool())
    async with cluster(fleet, tmp_path) as kubeconfig, started("--kubeconfig", str(kubeconfig)) as process:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode().strip()
        origin, _, token = line.partition("/#token=")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": origin}) as browser:
            async with browser.post(f"{origin}/api/session", json={"token": token}) as response:
                key = (await response.json())["key"]
            async with browser.get(f"{origin}/api/live", headers={"Taskfleet-Key": key}) as response:
                first = json.loads(await response.content.readline())
                assert (first["scope"], first["namespace"]) == ("", "billing")
                async with asyncio.timeout(SECONDS):
                    told = [json.loads(await response.content.readline()) for _ in range(3)]
                assert any("sync" in one for one in told)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), SECONDS) == 0
    assert [one["verb"] for one in fleet.reviews] == ["list"]


@needs_kubectl
async def test_kubectl_passes_on_nothing_that_the_page_does_not_need(tmp_path: Path) -> None:
    fleet = FleetServer()
    async with (
        cluster(fleet, tmp_path) as kubeconfig,
        kubectl_proxy(ClusterFlags(kubeconfig=str(kubeconfig))) as socket,
    ):
        assert socket.parent.stat().st_mode & 0o077 == 0
        connector = aiohttp.UnixConnector(str(socket))
        async with aiohttp.ClientSession("http://localhost", connector=connector) as http:
            for path, status in (
                ("/apis/taskfleet.dev/v1alpha1/workerpools", 200),
                ("/apis/taskfleet.dev/v1alpha1/namespaces/shop/taskqueues", 200),
                ("/api/v1/events", 200),
                ("/api/v1/namespaces/shop/secrets", 403),
                ("/api/v1/namespaces/shop/pods/mail-1/exec", 403),
                ("/apis/apps/v1/deployments", 403),
                ("/version", 403),
                ("/api/v1/namespaces/taskfleet-system/services/taskfleet-operator:http/proxy/metrics", 403),
                ("/api/v1/namespaces/shop/serviceaccounts/admin/token", 403),
            ):
                async with http.get(path) as response:
                    assert response.status == status, path
    assert not socket.parent.exists()


@needs_kubectl
async def test_a_context_that_does_not_exist_is_told_in_kubectls_words(tmp_path: Path) -> None:
    async with cluster(FleetServer(), tmp_path) as kubeconfig:
        flags = ClusterFlags(kubeconfig=str(kubeconfig), context="two")
        with pytest.raises(KubectlError, match="two"):
            await context_of(flags)
        async with started("--kubeconfig", str(kubeconfig), "--context", "two", "-n", "shop") as process:
            printed, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    assert (process.returncode, printed) == (1, b"")
    assert b"two" in errors
    assert b"Traceback" not in errors


async def test_without_kubectl_the_command_says_what_to_install(tmp_path: Path) -> None:
    async with started("-n", "shop", environment={**os.environ, "PATH": str(tmp_path)}) as process:
        _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 1
    assert (
        errors.decode() == "kubectl is not on the PATH: install it, because the page connects through it.\n"
    )


@needs_kubectl
async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        cluster(FleetServer(), tmp_path) as kubeconfig,
        started("--kubeconfig", str(kubeconfig), "--port", str(port)) as process,
    ):
        _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 1
    assert f"cannot listen on port {port}" in errors.decode()
